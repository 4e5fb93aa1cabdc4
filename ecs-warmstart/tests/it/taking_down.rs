//! `down`: no request is lost on the way, nothing of others is touched, and whoever is interrupted finishes by calling again.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{
    DownOptions, Fleet, Outcome, Report, RunOutcome, Service, UpOptions, sample_services,
};
use ecs_warmstart::memory::{Action, InMemory, Settings};
use ecs_warmstart::ports::{Ports, TargetRegistrar, TaskLauncher};
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault};

use crate::worlds::{assert_outcomes, auth, clock, sample};

fn allowed() -> DownOptions {
    DownOptions { allow_empty: true, ..DownOptions::default() }
}

async fn up(fleet: &Fleet, services: &[Service]) {
    assert_outcomes(&fleet.up(services, &UpOptions::default(), &Cancel::new()).await, RunOutcome::Ready);
}

async fn down(fleet: &Fleet, services: &[Service], options: &DownOptions) -> Report {
    fleet.down(services, options, &Cancel::new()).await
}

fn assert_nothing_is_left(cloud: &InMemory) {
    assert!(cloud.running_tasks().is_empty());
    assert!(cloud.registered().is_empty());
}

#[tokio::test(start_paused = true)]
async fn five_services_go_down_without_a_lost_request() {
    let (cloud, fleet) = sample(Settings::default());
    let services = sample_services();
    up(&fleet, &services).await;
    let report = down(&fleet, &services, &allowed()).await;
    assert_eq!(report.outcome, Outcome::Succeeded);
    assert_outcomes(&report, RunOutcome::Drained);
    assert_nothing_is_left(&cloud);
    assert_eq!(cloud.lost_traffic_in_all(), Duration::ZERO);
    // The drain takes the groups' own 300 s, and the services go down all at once.
    assert!((300_000..400_000).contains(&report.elapsed_ms), "{}", report.elapsed_ms);

    let writes = cloud.count_writes();
    let again = down(&fleet, &services, &allowed()).await;
    assert_outcomes(&again, RunOutcome::Drained);
    assert_eq!(cloud.count_writes(), writes, "a fleet that is down is left alone");
}

#[tokio::test(start_paused = true)]
async fn to_stop_first_and_deregister_then_loses_requests() {
    let (cloud, fleet) = sample(Settings::default());
    up(&fleet, &[auth(1)]).await;
    let task = cloud.running_tasks().remove(0);
    cloud.stop(&auth(1).request.cluster, &task, "the naive order").await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (group, target) = cloud.registered().remove(0);
    cloud.deregister(&group, &[target]).await.unwrap();
    assert!(cloud.lost_traffic_in_all() > Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_requests_can_be_cut_short() {
    let (cloud, fleet) = sample(Settings::default());
    up(&fleet, &[auth(2)]).await;
    let options = DownOptions { drain_wait: Some(Duration::from_secs(15)), ..allowed() };
    let report = down(&fleet, &[auth(2)], &options).await;
    assert_outcomes(&report, RunOutcome::Drained);
    assert!((15_000..60_000).contains(&report.elapsed_ms), "{}", report.elapsed_ms);
    assert_nothing_is_left(&cloud);
}

#[tokio::test(start_paused = true)]
async fn the_last_healthy_target_is_guarded() {
    let (cloud, fleet) = sample(Settings::default());
    let services = sample_services();
    up(&fleet, &services).await;
    let writes = cloud.count_writes();
    let report = down(&fleet, &services, &DownOptions::default()).await;
    assert_outcomes(&report, RunOutcome::Refused);
    assert_eq!(cloud.count_writes(), writes);
    let cause = report.services[0].tasks[0].cause.as_ref().unwrap();
    assert_eq!(cause.code, "last_healthy_target");

    // With another healthy target in the group it may go.
    let (cloud, fleet) = sample(Settings::default());
    up(&fleet, &[auth(1)]).await;
    let other = Service { name: "canary".parse().unwrap(), ..auth(1) };
    let mut canary = other.clone();
    canary.request.started_by = canary.name.started_by();
    up(&fleet, &[canary]).await;
    let report = down(&fleet, &[auth(1)], &DownOptions::default()).await;
    assert_outcomes(&report, RunOutcome::Drained);
    assert_eq!(cloud.running_tasks().len(), 1);
    assert_eq!(cloud.registered().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_addresses_of_tasks_that_died_go_too_and_those_of_others_stay() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(2);
    up(&fleet, std::slice::from_ref(&service)).await;
    let dead = cloud.running_tasks().remove(0);
    cloud.stop_by_hand(&dead, "by hand");
    let mut foreign = service.request.clone();
    foreign.started_by = "ecs-svc/1234567890".into();
    let foreign = cloud.run_by_hand(&foreign).unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let group = &service.bindings[0].target_group;
    let strange = ecs_warmstart::observation::Target::new("10.9.9.9", 8080);
    cloud.register_by_hand(group, std::slice::from_ref(&strange)).unwrap();
    assert_eq!(cloud.registered().len(), 3);

    let report = down(&fleet, &[service], &allowed()).await;
    assert_outcomes(&report, RunOutcome::Drained);
    assert_eq!(cloud.running_tasks(), [foreign]);
    assert_eq!(cloud.registered().into_iter().map(|it| it.1).collect::<Vec<_>>(), [strange]);
}

#[tokio::test(start_paused = true)]
async fn one_named_task_goes_whoever_started_it() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(2);
    up(&fleet, std::slice::from_ref(&service)).await;
    let task = cloud.running_tasks().remove(0);
    let options = DownOptions { task: Some(task.clone()), ..DownOptions::default() };
    let report = down(&fleet, &[service], &options).await;
    assert_outcomes(&report, RunOutcome::Drained);
    assert_eq!(report.services[0].tasks[0].task.as_deref(), Some(task.as_str()));
    assert_eq!(cloud.running_tasks().len(), 1);
    assert!(!cloud.running_tasks().contains(&task));
}

#[tokio::test(start_paused = true)]
async fn whoever_is_interrupted_finishes_by_calling_again() {
    for millis in (0..400_000).step_by(7_919) {
        let (cloud, fleet) = sample(Settings::with_seed(millis));
        let services = [auth(2)];
        up(&fleet, &services).await;
        let killed =
            tokio::time::timeout(Duration::from_millis(millis), down(&fleet, &services, &allowed())).await;
        let report = down(&fleet, &services, &allowed()).await;
        assert_outcomes(&report, RunOutcome::Drained);
        assert_nothing_is_left(&cloud);
        assert_eq!(
            cloud.lost_traffic_in_all(),
            Duration::ZERO,
            "killed after {millis} ms: {}",
            killed.is_err()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_names_what_is_left() {
    let (cloud, fleet) = sample(Settings::default());
    let services = [auth(1)];
    up(&fleet, &services).await;
    let cancel = Cancel::new();
    let later = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        cancel.cancel();
    };
    let options = allowed();
    let (report, ()) = tokio::join!(fleet.down(&services, &options, &cancel), later);
    assert_outcomes(&report, RunOutcome::Leaked);
    assert_eq!(report.leftovers().count(), 1, "the task; its target is on its way out");
    assert_eq!(cloud.count(Action::StopTask), 0);
}

#[tokio::test(start_paused = true)]
async fn every_pair_of_failures_ends_with_nothing_or_names_it_and_a_second_call_mends_it() {
    let faults = [
        Fault::Before(ErrorKind::Throttled),
        Fault::Before(ErrorKind::Timeout),
        Fault::After(ErrorKind::Timeout),
        Fault::Before(ErrorKind::Denied),
    ];
    let options = DownOptions { drain_wait: Some(Duration::from_secs(10)), ..allowed() };
    let mut runs = 0;
    for first in 0..24 {
        for second in first + 1..24 {
            for one in faults {
                for other in faults {
                    let clock = clock();
                    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
                    let quiet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
                    up(&quiet, &[auth(1)]).await;
                    let plan = ChaosPlan::none().at(first, one).at(second, other);
                    let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan);
                    let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock) as Arc<dyn Clock>);
                    let report = down(&fleet, &[auth(1)], &options).await;
                    let what = format!("{first}: {one:?}, {second}: {other:?}\n{report:#?}");
                    if report.outcome == Outcome::Succeeded {
                        assert!(cloud.running_tasks().is_empty() && cloud.registered().is_empty(), "{what}");
                    } else {
                        let denied = [one, other].contains(&Fault::Before(ErrorKind::Denied));
                        assert!(denied, "only what is denied is given up: {what}");
                    }
                    assert_eq!(cloud.lost_traffic_in_all(), Duration::ZERO, "{what}");
                    assert_outcomes(&down(&quiet, &[auth(1)], &options).await, RunOutcome::Drained);
                    assert_nothing_is_left(&cloud);
                    runs += 1;
                }
            }
        }
    }
    assert!(runs > 4_000, "{runs} runs");
}

#[tokio::test(start_paused = true)]
async fn an_address_that_a_task_in_a_neighbouring_cluster_has_by_now_stays() {
    let in_cluster = |name: &str| {
        let mut twin = auth(1);
        twin.request.cluster = name.parse().unwrap();
        twin
    };
    for (neighbours, stays, warned) in [
        (vec![in_cluster("pdfcreator-cluster")], true, false),
        // Nobody knows what runs there.
        (vec![in_cluster("nowhere")], true, true),
        (vec![in_cluster("batch-engine")], false, false),
        // Who is told of no neighbour cannot know.
        (Vec::new(), false, false),
    ] {
        let (cloud, fleet) = sample(Settings { addresses: 1, ..Settings::default() });
        up(&fleet, &[auth(1)]).await;
        cloud.stop_by_hand(&cloud.running_tasks()[0], "gone");
        tokio::time::sleep(Duration::from_secs(60)).await;
        up(&fleet, &[in_cluster("pdfcreator-cluster")]).await;
        assert_eq!((cloud.tasks().len(), cloud.registered().len()), (2, 1), "one address for both");
        let report = down(&fleet, &[auth(1)], &DownOptions { neighbours, ..allowed() }).await;
        assert_eq!(cloud.registered().len(), usize::from(stays), "{report:#?}");
        let warnings = &report.services[0].warnings;
        let says = |text: &String| text.contains("nobody knows whether a task in cluster nowhere has them");
        assert_eq!(warnings.iter().any(says), warned, "{report:#?}");
        assert_eq!(cloud.running_tasks().len(), 1);
    }
}
