//! `verify`: a group says what serves, whatever somebody did to it; what is right is left alone, and nothing goes without proof.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{
    ChangeKind, Fleet, Outcome, Service, ServiceVerified, UpOptions, VerifyOptions, VerifyOutcome,
    VerifyReport, sample_services,
};
use ecs_warmstart::ids::TaskArn;
use ecs_warmstart::memory::{InMemory, Settings};
use ecs_warmstart::observation::Target;
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::{Binding, Readiness};
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault};

use crate::worlds::{auth, clock, sample};

async fn up(fleet: &Fleet, services: &[Service]) {
    let report = fleet.up(services, &UpOptions::default(), &Cancel::new()).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{report:#?}");
}

async fn verify(fleet: &Fleet, services: &[Service], options: &VerifyOptions) -> VerifyReport {
    fleet.verify(services, options, &Cancel::new()).await
}

async fn verify_one(fleet: &Fleet, service: &Service, options: &VerifyOptions) -> ServiceVerified {
    verify(fleet, std::slice::from_ref(service), options).await.services.remove(0)
}

fn prune() -> VerifyOptions {
    VerifyOptions { prune: true, ..VerifyOptions::default() }
}

/// A task that somebody launched for the service and did not register, long enough ago to be through its gate.
async fn unregistered(cloud: &InMemory, service: &Service) -> (TaskArn, Target) {
    let task = cloud.run_by_hand(&service.request).unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let address = cloud.addresses(&task)[0].to_string();
    (task, Target::new(address, 8080))
}

fn codes(service: &ServiceVerified) -> Vec<&str> {
    service.findings.iter().map(|finding| finding.code.as_str()).collect()
}

fn targets(cloud: &InMemory) -> Vec<Target> {
    cloud.registered().into_iter().map(|(_, target)| target).collect()
}

#[tokio::test(start_paused = true)]
async fn a_healthy_fleet_is_left_alone() {
    let (cloud, fleet) = sample(Settings::default());
    let services = sample_services();
    up(&fleet, &services).await;
    let writes = cloud.count_writes();
    let report = verify(&fleet, &services, &prune()).await;
    assert_eq!(report.outcome, Outcome::Succeeded);
    for service in &report.services {
        assert_eq!(service.outcome, VerifyOutcome::AlreadyHealthy, "{service:#?}");
        assert_eq!((service.changes.len(), service.findings.len()), (0, 0), "{service:#?}");
        assert_eq!(service.tasks[0].targets[0].state, "healthy");
    }
    assert_eq!(cloud.count_writes(), writes);
    assert!(report.elapsed_ms < 1_000, "nothing is waited for: {} ms", report.elapsed_ms);
}

#[tokio::test(start_paused = true)]
async fn every_task_that_runs_is_registered_and_waited_for() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(3);
    for _ in 0..3 {
        cloud.run_by_hand(&service.request).unwrap();
    }
    // They are starting: the wait for RUNNING and the gate is part of it.
    let found = verify_one(&fleet, &service, &VerifyOptions::default()).await;
    assert_eq!(found.outcome, VerifyOutcome::Registered, "{found:#?}");
    assert_eq!(found.changes.iter().filter(|it| it.change == ChangeKind::Register && it.made).count(), 3);
    assert_eq!(targets(&cloud).len(), 3);
    assert_eq!(cloud.lost_traffic_in_all(), Duration::ZERO, "registered before its gate");
    let again = verify_one(&fleet, &service, &VerifyOptions::default()).await;
    assert_eq!(again.outcome, VerifyOutcome::AlreadyHealthy);
}

#[tokio::test(start_paused = true)]
async fn a_dead_address_is_named_and_taken_out_where_that_is_asked_for() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(2);
    up(&fleet, std::slice::from_ref(&service)).await;
    cloud.stop_by_hand(&cloud.running_tasks()[0], "died");
    tokio::time::sleep(Duration::from_secs(90)).await;

    let found = verify_one(&fleet, &service, &VerifyOptions::default()).await;
    assert_eq!((found.outcome, codes(&found)), (VerifyOutcome::AlreadyHealthy, vec!["stale_target"]));
    assert_eq!(found.findings[0].remedy, "remove it with verify --prune");
    assert!(found.warnings[0].contains("1 of 2 tasks run"), "{found:#?}");
    assert_eq!(targets(&cloud).len(), 2);

    let mended = verify_one(&fleet, &service, &prune()).await;
    assert_eq!((mended.outcome, codes(&mended)), (VerifyOutcome::Repaired, vec![]), "{mended:#?}");
    assert_eq!(mended.changes[0].change, ChangeKind::Deregister);
    assert!(mended.changes[0].why.ends_with("has stopped"), "{mended:#?}");
    assert_eq!(targets(&cloud).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_drains_is_registered_again_once_its_drain_has_ended() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(1);
    up(&fleet, std::slice::from_ref(&service)).await;
    let target = targets(&cloud).remove(0);
    cloud.deregister_by_hand(&service.bindings[0].target_group, std::slice::from_ref(&target)).unwrap();
    let writes = cloud.count_writes();

    let late = verify_one(&fleet, &service, &VerifyOptions::default()).await;
    assert_eq!(late.outcome, VerifyOutcome::TimedOut, "{late:#?}");
    assert_eq!(late.tasks[0].cause.as_ref().unwrap().code, "target_draining", "{late:#?}");
    assert_eq!(cloud.count_writes(), writes, "AWS refuses it until its delay has passed");

    let options = VerifyOptions { health_wait: Some(Duration::from_secs(600)), ..VerifyOptions::default() };
    let back = verify_one(&fleet, &service, &options).await;
    assert_eq!(back.outcome, VerifyOutcome::Registered, "{back:#?}");
    assert_eq!(targets(&cloud), [target]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_fails_its_checks_is_said_and_stays() {
    let (cloud, fleet) = sample(Settings::default());
    // One with a health check of its container, and one without.
    let services = &sample_services()[..2];
    up(&fleet, services).await;
    for task in cloud.running_tasks() {
        cloud.stop_serving(&task).unwrap();
    }
    tokio::time::sleep(Duration::from_secs(120)).await;
    let report = verify(&fleet, services, &prune()).await;
    for (found, code) in report.services.iter().zip(["gate_not_open_in_time", "target_refuses"]) {
        assert_eq!(found.outcome, VerifyOutcome::Unhealthy, "{found:#?}");
        assert_eq!(found.tasks[0].cause.as_ref().unwrap().code, code);
        assert_eq!(found.tasks[0].targets[0].state, "unhealthy");
    }
    assert_eq!(targets(&cloud).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_registered_for_a_task_that_then_stops_is_out_again() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(1);
    let (task, target) = unregistered(&cloud, &service).await;
    cloud.stop_serving(&task).unwrap();
    let dies = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert_eq!(targets(&cloud), [target]);
        cloud.stop_by_hand(&task, "died");
    };
    let options = VerifyOptions::default();
    let (found, ()) = tokio::join!(verify_one(&fleet, &service, &options), dies);
    assert_eq!(found.outcome, VerifyOutcome::Stopped, "{found:#?}");
    assert!(targets(&cloud).is_empty(), "a dead address");
}

#[tokio::test(start_paused = true)]
async fn where_no_task_runs_it_is_said_whether_one_did() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(1);
    let none = verify_one(&fleet, &service, &VerifyOptions::default()).await;
    assert_eq!((none.outcome, none.cause), (VerifyOutcome::NoTasks, None));

    let (task, _) = unregistered(&cloud, &service).await;
    cloud.stop_by_hand(&task, "by mistake");
    tokio::time::sleep(Duration::from_secs(90)).await;
    let stopped = verify_one(&fleet, &service, &VerifyOptions::default()).await;
    assert_eq!(stopped.outcome, VerifyOutcome::Stopped);
    assert!(stopped.cause.unwrap().summary.contains("by mistake"));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_not_listed_yet_is_looked_for_once_more() {
    let lag = Duration::from_secs(3);
    let (cloud, fleet) = sample(Settings { invisible: lag..=lag, ..Settings::default() });
    let service = auth(1);
    cloud.run_by_hand(&service.request).unwrap();
    let found = verify_one(&fleet, &service, &VerifyOptions::default()).await;
    assert_eq!(found.outcome, VerifyOutcome::Registered, "{found:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_not_there_or_not_ours_to_see_is_a_finding_of_its_service_alone() {
    let (cloud, fleet) = sample(Settings::default());
    let mut services = sample_services();
    up(&fleet, &services).await;
    let there = services[0].bindings[0].clone();
    let gone = there.target_group.as_str().replace("targetgroup/auth", "targetgroup/gone");
    services[0].bindings.push(Binding { target_group: gone.parse().unwrap(), ..there });
    cloud.deny_group(&services[1].bindings[0].target_group);

    let report = verify(&fleet, &services, &VerifyOptions::default()).await;
    let [auth, pdf, others @ ..] = report.services.as_slice() else { panic!("{report:#?}") };
    assert_eq!((auth.outcome, codes(auth)), (VerifyOutcome::Failed, vec!["group_not_found"]));
    assert_eq!(auth.tasks[0].targets[0].state, "healthy", "its other group was looked at");
    assert_eq!((pdf.outcome, codes(pdf)), (VerifyOutcome::Failed, vec!["group_unreadable"]));
    assert!(others.iter().all(|other| other.outcome == VerifyOutcome::AlreadyHealthy), "{others:#?}");
}

#[tokio::test(start_paused = true)]
async fn health_need_not_be_waited_for() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(1);
    unregistered(&cloud, &service).await;
    let options = VerifyOptions { readiness: Readiness::Registered, ..VerifyOptions::default() };
    let report = verify(&fleet, std::slice::from_ref(&service), &options).await;
    assert_eq!(report.services[0].outcome, VerifyOutcome::Registered);
    assert!(report.elapsed_ms < 2_000, "{} ms", report.elapsed_ms);
}

#[tokio::test(start_paused = true)]
async fn a_plan_says_what_would_be_done_and_does_nothing() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(2);
    up(&fleet, std::slice::from_ref(&service)).await;
    cloud.stop_by_hand(&cloud.running_tasks()[0], "died");
    let (_, missing) = unregistered(&cloud, &service).await;
    let writes = cloud.count_writes();

    let one = std::slice::from_ref(&service);
    let plan = fleet.plan(one, &VerifyOptions::default(), &Cancel::new()).await;
    assert_eq!((plan.changes_needed, plan.is_nothing_to_do()), (1, false), "{plan:#?}");
    assert_eq!(plan.services[0].changes[0].id, missing.id);
    assert_eq!((plan.services[0].findings.len(), plan.services[0].kept), (1, 1));
    let plan = fleet.plan(one, &prune(), &Cancel::new()).await;
    let changes: Vec<ChangeKind> = plan.services[0].changes.iter().map(|change| change.change).collect();
    assert_eq!(changes, [ChangeKind::Deregister, ChangeKind::Register]);
    assert!(plan.services[0].changes.iter().all(|change| !change.made));
    assert_eq!(cloud.count_writes(), writes);

    let mended = verify_one(&fleet, &service, &prune()).await;
    let made: Vec<ChangeKind> = mended.changes.iter().filter(|it| it.made).map(|it| it.change).collect();
    assert_eq!(made, changes);
    let plan = fleet.plan(one, &prune(), &Cancel::new()).await;
    assert!(plan.is_nothing_to_do(), "{plan:#?}");
}

#[tokio::test(start_paused = true)]
async fn the_tasks_of_a_neighbour_are_no_strangers() {
    let (cloud, fleet) = sample(Settings::default());
    let mut canary = Service { name: "canary".parse().unwrap(), ..auth(1) };
    canary.request.started_by = canary.name.started_by();
    let services = [auth(1), canary];
    up(&fleet, &services).await;
    let alone = verify_one(&fleet, &services[0], &prune()).await;
    assert_eq!(codes(&alone), ["other_task"]);
    let options = VerifyOptions { neighbours: vec![services[1].clone()], ..prune() };
    let known = verify_one(&fleet, &services[0], &options).await;
    assert_eq!((known.outcome, codes(&known)), (VerifyOutcome::AlreadyHealthy, vec![]));
    assert_eq!(targets(&cloud).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_watch_takes_out_what_was_a_tasks_while_it_watched_and_nothing_else() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(2);
    up(&fleet, std::slice::from_ref(&service)).await;
    let [first, second] = <[TaskArn; 2]>::try_from(cloud.running_tasks()).unwrap();
    cloud.stop_by_hand(&first, "died before anybody watched");
    tokio::time::sleep(Duration::from_secs(90)).await;
    let stale = Target::new(cloud.addresses(&first)[0].to_string(), 8080);

    let (cancel, mut rounds) = (Cancel::new(), Vec::new());
    let happens = async {
        tokio::time::sleep(Duration::from_secs(40)).await;
        cloud.stop_by_hand(&second, "died under our eyes");
        cloud.run_by_hand(&service.request).unwrap();
        tokio::time::sleep(Duration::from_secs(300)).await;
        cancel.cancel();
    };
    let (options, every) = (VerifyOptions::default(), Duration::from_secs(15));
    let one = std::slice::from_ref(&service);
    let watch = fleet.watch(one, &options, every, &cancel, |report| rounds.push(report.services[0].outcome));
    let (last, ()) = tokio::join!(watch, happens);
    assert_eq!(rounds[0], VerifyOutcome::AlreadyHealthy);
    assert!(rounds.contains(&VerifyOutcome::Repaired), "{rounds:?}");
    assert!((12..30).contains(&rounds.len()), "{} rounds", rounds.len());
    assert_eq!(codes(&last.services[0]), ["stale_target"]);
    let left = targets(&cloud);
    assert!(left.len() == 2 && left.contains(&stale), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_killed_or_asked_to_end_goes_on_by_calling_again() {
    for millis in (0..60_000).step_by(1_913) {
        let (cloud, fleet) = sample(Settings::with_seed(millis));
        let service = auth(2);
        up(&fleet, std::slice::from_ref(&service)).await;
        cloud.stop_by_hand(&cloud.running_tasks()[0], "died");
        cloud.run_by_hand(&service.request).unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (cancel, after) = (Cancel::new(), Duration::from_millis(millis));
        if millis % 2 == 0 {
            let options = prune();
            let killed = fleet.verify(std::slice::from_ref(&service), &options, &cancel);
            let _ = tokio::time::timeout(after, killed).await;
        } else {
            let asked = async {
                tokio::time::sleep(after).await;
                cancel.cancel();
            };
            let options = prune();
            let (report, ()) =
                tokio::join!(fleet.verify(std::slice::from_ref(&service), &options, &cancel), asked);
            assert!(report.elapsed_ms <= millis + 100, "asked after {millis}: {}", report.elapsed_ms);
        }
        tokio::time::sleep(Duration::from_secs(90)).await;
        let mended = verify_one(&fleet, &service, &prune()).await;
        assert!(mended.outcome.is_success(), "after {millis} ms: {mended:#?}");
        let plan = fleet.plan(&[service], &prune(), &Cancel::new()).await;
        assert!(plan.is_nothing_to_do(), "after {millis} ms: {plan:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_pair_of_failures_ends_right_or_says_so_and_a_second_call_mends_it() {
    let faults = [
        Fault::Before(ErrorKind::Throttled),
        Fault::Before(ErrorKind::Timeout),
        Fault::After(ErrorKind::Timeout),
        Fault::Before(ErrorKind::Denied),
    ];
    let mut runs = 0;
    for first in 0..20 {
        for second in first + 1..20 {
            for one in faults {
                for other in faults {
                    let clock = clock();
                    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
                    let quiet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
                    let service = auth(2);
                    up(&quiet, std::slice::from_ref(&service)).await;
                    cloud.stop_by_hand(&cloud.running_tasks()[0], "died");
                    let (_, missing) = unregistered(&cloud, &service).await;

                    let plan = ChaosPlan::none().at(first, one).at(second, other);
                    let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan);
                    let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
                    let found = verify_one(&fleet, &service, &prune()).await;
                    let what = format!("{first}: {one:?}, {second}: {other:?}\n{found:#?}");
                    let denied = [one, other].contains(&Fault::Before(ErrorKind::Denied));
                    assert!(found.outcome.is_success() || denied, "only what is denied is given up: {what}");
                    assert_eq!(cloud.running_tasks().len(), 2, "{what}");

                    let mended = verify_one(&quiet, &service, &prune()).await;
                    assert!(mended.outcome.is_success() && mended.findings.is_empty(), "{what}{mended:#?}");
                    let left = targets(&cloud);
                    assert!(left.len() == 2 && left.contains(&missing), "{what}{left:?}");
                    runs += 1;
                }
            }
        }
    }
    assert!(runs > 3_000, "{runs} runs");
}
