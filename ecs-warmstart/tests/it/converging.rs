//! Whoever calls, how often and when: a fleet ends with the tasks it should have, and no more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{DownOptions, Fleet, Report, RunOutcome, Service, UpOptions};
use ecs_warmstart::ids::TaskDefinitionId;
use ecs_warmstart::memory::{Action, Behaviour, InMemory, Refusal, Settings, Stop};
use ecs_warmstart::observation::TaskStatus;
use ecs_warmstart::ports::Ports;

use crate::worlds::{assert_outcomes, auth, clock, sample};

fn fleet(cloud: &InMemory, clock: &Arc<dyn Clock>) -> Fleet {
    Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(clock))
}

async fn up(fleet: &Fleet, service: &Service) -> Report {
    fleet.up(std::slice::from_ref(service), &UpOptions::default(), &Cancel::new()).await
}

fn tasks(report: &Report) -> BTreeSet<String> {
    report.services[0].tasks.iter().filter_map(|task| task.task.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn two_callers_at_once_end_with_the_same_tasks() {
    for seed in 0..100 {
        for count in [1, 3] {
            let clock = clock();
            let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::with_seed(seed));
            let (one, other) = (fleet(&cloud, &clock), fleet(&cloud, &clock));
            let service = auth(count);
            let apart = Duration::from_millis(seed * 137 % 5_000);
            let later = async {
                tokio::time::sleep(apart).await;
                up(&other, &service).await
            };
            let (one, other) = tokio::join!(up(&one, &service), later);
            assert_outcomes(&one, RunOutcome::Ready);
            assert_outcomes(&other, RunOutcome::Ready);
            assert_eq!(tasks(&one), tasks(&other), "seed {seed}, {apart:?} apart");
            assert_eq!(cloud.tasks().len(), count as usize, "seed {seed}, {apart:?} apart");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_after_one_that_was_killed_goes_on_with_its_tasks() {
    for millis in (0..60_000).step_by(311) {
        let clock = clock();
        let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::with_seed(millis));
        let fleet = fleet(&cloud, &clock);
        let service = auth(2);
        // Dropped in the middle, as by kill -9.
        let killed = tokio::time::timeout(Duration::from_millis(millis), up(&fleet, &service)).await;
        let report = up(&fleet, &service).await;
        assert_outcomes(&report, RunOutcome::Ready);
        assert_eq!(cloud.tasks().len(), 2, "killed after {millis} ms: {}", killed.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_died_is_replaced_by_the_next_generation() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(2);
    let first = up(&fleet, &service).await;
    let dead = cloud.tasks()[0].clone();
    cloud.stop_by_hand(&dead, "maintenance");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let second = up(&fleet, &service).await;
    assert_outcomes(&second, RunOutcome::Ready);
    assert_eq!(cloud.running_tasks().len(), 2);
    assert_eq!(tasks(&first).intersection(&tasks(&second)).count(), 1, "the one that lives is adopted");
    assert!(!tasks(&second).contains(dead.as_str()));
}

#[tokio::test(start_paused = true)]
async fn an_old_token_does_not_keep_a_new_day_from_starting() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(1);
    for days in 1..4 {
        assert_outcomes(&up(&fleet, &service).await, RunOutcome::Ready);
        for task in cloud.running_tasks() {
            cloud.stop_by_hand(&task, "evening");
        }
        tokio::time::sleep(Duration::from_secs(14 * 3600)).await;
        assert_eq!(cloud.tasks().len(), days);
        assert!(cloud.running_tasks().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn another_configuration_adopts_what_the_token_started() {
    let (cloud, fleet) = sample(Settings {
        invisible: Duration::from_secs(30)..=Duration::from_secs(30),
        ..Settings::default()
    });
    let service = auth(1);
    let running = up(&fleet, &service);
    let other_definition: TaskDefinitionId = "pdfcreator-task-def".parse().unwrap();
    let mut changed = service.clone();
    changed.bindings[0].container = None;
    changed.request.tags.insert("owner".into(), "ci".into());
    assert_ne!(changed.request.task_definition, other_definition);
    let later = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        up(&fleet, &changed).await
    };
    let (one, other) = tokio::join!(running, later);
    assert_outcomes(&one, RunOutcome::Ready);
    assert_outcomes(&other, RunOutcome::Ready);
    assert!(other.services[0].tasks[0].adopted);
    assert_eq!(cloud.tasks().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn fresh_launches_more_and_the_same_name_is_the_same_call() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(1);
    up(&fleet, &service).await;
    let named = UpOptions { fresh: true, run_id: Some("ci-7".parse().unwrap()), ..UpOptions::default() };
    let services = [service];
    let once = fleet.up(&services, &named, &Cancel::new()).await;
    let again = fleet.up(&services, &named, &Cancel::new()).await;
    assert_outcomes(&again, RunOutcome::Ready);
    assert_eq!(tasks(&once), tasks(&again));
    assert_eq!(cloud.running_tasks().len(), 2);
    let nameless = UpOptions { fresh: true, ..UpOptions::default() };
    fleet.up(&services, &nameless, &Cancel::new()).await;
    fleet.up(&services, &nameless, &Cancel::new()).await;
    assert_eq!(cloud.running_tasks().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn fresh_never_takes_an_old_task_for_its_own() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(1);
    up(&fleet, &service).await;
    let old = cloud.running_tasks();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    cloud.refuse_next("authapi-task-def", 1, &Refusal::no_fargate_capacity());
    let fresh = UpOptions { fresh: true, ..UpOptions::default() };
    let report = fleet.up(&[service], &fresh, &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert!(!report.services[0].tasks[0].adopted);
    assert_eq!(cloud.running_tasks().len(), 2);
    assert!(cloud.running_tasks().contains(&old[0]));
}

/// Two events are two tasks: who finds no capacity waits for some, or goes elsewhere, and does not answer with the other's.
#[tokio::test(start_paused = true)]
async fn fresh_never_takes_the_task_of_another_call_for_its_own() {
    let (cloud, fleet) = sample(Settings::default());
    let services = [auth(1)];
    let named =
        |name: &str| UpOptions { fresh: true, run_id: Some(name.parse().unwrap()), ..UpOptions::default() };
    let first = async { fleet.up(&services, &named("first"), &Cancel::new()).await };
    let second = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        cloud.refuse_next("authapi-task-def", 2, &Refusal::no_fargate_capacity());
        fleet.up(&services, &named("second"), &Cancel::new()).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_outcomes(&first, RunOutcome::Ready);
    assert_outcomes(&second, RunOutcome::Ready);
    assert_ne!(tasks(&first), tasks(&second));
    assert_eq!(cloud.running_tasks().len(), 2);

    // An event whose start was undone is delivered again, after another one's start.
    cloud.behave_next("authapi-task-def", 1, &Behaviour::never_serves());
    let third = fleet.up(&services, &named("third"), &Cancel::new()).await;
    assert_outcomes(&third, RunOutcome::Undone);
    let fourth = fleet.up(&services, &named("fourth"), &Cancel::new()).await;
    let third = fleet.up(&services, &named("third"), &Cancel::new()).await;
    assert_outcomes(&third, RunOutcome::Ready);
    assert_ne!(tasks(&third), tasks(&fourth));
    assert_eq!(cloud.running_tasks().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_down_meanwhile_stays_down() {
    let (cloud, fleet) = sample(Settings::default());
    let services = [auth(1)];
    up(&fleet, &services[0]).await;
    let (group, target) = cloud.registered().remove(0);
    cloud.deregister_by_hand(&group, &[target]).unwrap();
    // Its address drains for 300 s, so that the second one waits for it while somebody takes the service down.
    let second = async { fleet.up(&services, &UpOptions::default(), &Cancel::new()).await };
    let down = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let allowed = DownOptions { allow_empty: true, ..DownOptions::default() };
        fleet.down(&services, &allowed, &Cancel::new()).await
    };
    let (second, down) = tokio::join!(second, down);
    assert_outcomes(&down, RunOutcome::Drained);
    assert_ne!(second.services[0].outcome, RunOutcome::Ready);
    assert!(cloud.running_tasks().is_empty(), "{second:#?}");
}

#[tokio::test(start_paused = true)]
async fn who_shares_a_slot_survives_the_other_taking_it_back() {
    for millis in (100..70_000).step_by(701) {
        let clock = clock();
        let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::with_seed(millis));
        let (one, other) = (fleet(&cloud, &clock), fleet(&cloud, &clock));
        let service = auth(1);
        let cancel = Cancel::new();
        let services = std::slice::from_ref(&service);
        let options = UpOptions::default();
        let cancelled = async {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            cancel.cancel();
        };
        let (one, other, ()) =
            tokio::join!(one.up(services, &options, &cancel), up(&other, &service), cancelled);
        assert_outcomes(&other, RunOutcome::Ready);
        let ready = &other.services[0].tasks.last().unwrap().task;
        let running: Vec<String> = cloud.running_tasks().iter().map(ToString::to_string).collect();
        assert_eq!(
            running,
            ready.iter().cloned().collect::<Vec<_>>(),
            "cancelled after {millis} ms: {one:#?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_adopted_task_that_never_serves_is_kept() {
    let (cloud, fleet) = sample(Settings::default());
    cloud.behave("authapi-task-def", &Behaviour::never_serves());
    let service = auth(1);
    let task = cloud.run_by_hand(&service.request).unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let report = up(&fleet, &service).await;
    assert_outcomes(&report, RunOutcome::Kept);
    assert_eq!(cloud.running_tasks(), [task]);
    assert!(cloud.registered().is_empty(), "what it registered it took out again");
    assert_eq!(cloud.count(Action::StopTask), 0);
}

#[tokio::test(start_paused = true)]
async fn tasks_of_others_are_neither_adopted_nor_touched() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(1);
    let mut foreign = service.request.clone();
    foreign.started_by = "ecs-svc/1234567890".into();
    let foreign = cloud.run_by_hand(&foreign).unwrap();
    tokio::time::sleep(Duration::from_secs(90)).await;
    let report = up(&fleet, &service).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert!(!report.services[0].tasks[0].adopted);
    assert!(cloud.running_tasks().contains(&foreign));
    assert_eq!(cloud.registered().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn capacity_is_waited_for_until_it_is_there_or_the_time_is_over() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(2);
    cloud.refuse_next("authapi-task-def", 6, &Refusal::no_fargate_capacity());
    let report = up(&fleet, &service).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert_eq!(cloud.tasks().len(), 2);

    let (cloud, fleet) = sample(Settings::default());
    cloud.refuse_next("authapi-task-def", u32::MAX, &Refusal::no_fargate_capacity());
    let report = up(&fleet, &service).await;
    assert_outcomes(&report, RunOutcome::Undone);
    let cause = report.services[0].tasks[0].cause.as_ref().unwrap();
    assert_eq!(cause.code, "capacity");
    assert!(cause.evidence[0].contains("Capacity is unavailable at this time"), "{cause:?}");
    assert!(cloud.tasks().is_empty());
    assert!(report.elapsed_ms >= 300_000 && report.elapsed_ms < 310_000, "{}", report.elapsed_ms);
}

#[tokio::test(start_paused = true)]
async fn a_passing_fault_is_worth_another_task_and_a_lasting_one_is_not() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(1);
    cloud.behave_next("authapi-task-def", 2, &Behaviour::stops(Stop::interface_timeout()));
    let report = up(&fleet, &service).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert_eq!(cloud.tasks().len(), 3);

    let (cloud, fleet) = sample(Settings::default());
    cloud.behave_next("authapi-task-def", 3, &Behaviour::stops(Stop::interface_timeout()));
    assert_outcomes(&up(&fleet, &service).await, RunOutcome::Undone);
    assert_eq!(cloud.tasks().len(), 3);

    let (cloud, fleet) = sample(Settings::default());
    cloud.behave("authapi-task-def", &Behaviour::stops(Stop::wrong_platform()));
    let report = up(&fleet, &service).await;
    assert_outcomes(&report, RunOutcome::Undone);
    assert_eq!(cloud.tasks().len(), 1);
    let cause = report.services[0].tasks[0].cause.as_ref().unwrap();
    assert_eq!(cause.code, "image_platform_mismatch");
    assert!(cause.evidence.iter().any(|it| it.contains("descriptor matching platform")), "{cause:?}");
    let chain: Vec<&str> = cause.chain.iter().map(|link| link.code.as_str()).collect();
    assert_eq!(chain, ["task_failed_to_start", "task_stopped"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_dies_while_its_target_is_awaited_is_undone_at_once() {
    let (cloud, fleet) = sample(Settings::default());
    // It runs, never serves, and exits after a while.
    let stop = Stop::essential_exit(Duration::from_secs(25), 1);
    cloud.behave("batch-engine-task-def", &Behaviour { stops: Some(stop), ..Behaviour::never_serves() });
    let services = ecs_warmstart::fleet::sample_services();
    let batch = services.iter().find(|service| service.name.as_str() == "batch").unwrap();
    let report = up(&fleet, batch).await;
    assert_outcomes(&report, RunOutcome::Undone);
    let task = &report.services[0].tasks[0];
    assert_eq!(task.cause.as_ref().unwrap().code, "application_failed");
    assert_eq!(task.targets[0].state, "deregistered");
    let phase =
        |name| task.phases.iter().find(|phase| phase.phase.as_str() == name).map_or(0, |phase| phase.ms);
    assert!(phase("awaiting_healthy") < 35_000, "{:?}", task.phases);
    assert!(cloud.registered().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_task_is_waited_for_a_minute_and_not_longer() {
    let (cloud, fleet) = sample(Settings::default());
    cloud.behave("authapi-task-def", &Behaviour::lost());
    let report = up(&fleet, &auth(1)).await;
    let cause = report.services[0].tasks[0].cause.as_ref().unwrap();
    assert_eq!(cause.code, "task_lost");
    assert!((60_000..70_000).contains(&report.elapsed_ms), "{}", report.elapsed_ms);
}

#[tokio::test(start_paused = true)]
async fn stuck_tasks_end_at_their_deadlines() {
    for (behaviour, code, deadline) in [
        (Behaviour::stuck_in(TaskStatus::Provisioning), "not_running_in_time", 300_000),
        (Behaviour::without_address(), "not_running_in_time", 300_000),
        (Behaviour::never_serves(), "container_unhealthy", 120_000),
    ] {
        let (cloud, fleet) = sample(Settings::default());
        cloud.behave("authapi-task-def", &behaviour);
        let report = up(&fleet, &auth(1)).await;
        assert_outcomes(&report, RunOutcome::Undone);
        let cause = report.services[0].tasks[0].cause.as_ref().unwrap();
        assert_eq!(cause.code, code, "{cause:?}");
        assert!(
            report.elapsed_ms >= deadline && report.elapsed_ms < deadline + 60_000,
            "{}",
            report.elapsed_ms
        );
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert!(cloud.running_tasks().is_empty());
        assert!(cloud.registered().is_empty());
    }
}
