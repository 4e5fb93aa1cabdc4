//! Slots under pressure: lost answers, shortages, crashes and other callers, several at once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{Fleet, Report, RunOutcome, Service, UpOptions, sample_services};
use ecs_warmstart::ids::ServiceName;
use ecs_warmstart::memory::{Behaviour, InMemory, Refusal, Settings, Stop};
use ecs_warmstart::ports::Ports;
use ecs_warmstart::quota::Quotas;
use ecs_warmstart::spec::LaunchRequest;
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault, PortMethod};

use crate::failures::Left;
use crate::worlds::{assert_outcomes, auth, clock, sample};

async fn up(fleet: &Fleet, service: &Service) -> Report {
    fleet.up(std::slice::from_ref(service), &UpOptions::default(), &Cancel::new()).await
}

fn tasks(report: &Report) -> BTreeSet<String> {
    report.services[0].tasks.iter().filter_map(|task| task.task.clone()).collect()
}

/// A cloud, and a fleet that reaches it through faults.
fn chaotic(clock: &Arc<dyn Clock>, seed: u64, plan: ChaosPlan) -> (InMemory, Chaos, Fleet) {
    let cloud = InMemory::sample_with(Arc::clone(clock), Settings::with_seed(seed));
    let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan);
    let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(clock));
    (cloud, chaos, fleet)
}

#[tokio::test(start_paused = true)]
async fn a_call_right_after_a_task_was_stopped_starts_the_next_one() {
    for millis in (0..30_000).step_by(500) {
        let (cloud, fleet) = sample(Settings::default());
        up(&fleet, &auth(1)).await;
        cloud.stop_by_hand(&cloud.running_tasks()[0], "maintenance");
        tokio::time::sleep(Duration::from_millis(millis)).await;
        assert_outcomes(&up(&fleet, &auth(1)).await, RunOutcome::Ready);
        assert_eq!(cloud.tasks().len(), 2, "{millis} ms later");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_of_five_launches_at_once_end_with_five_tasks() {
    // Call 0 to 2 read; then come the five launches, and what is repeated of them.
    for lost in 1_u32..(1 << 6) {
        let clock = clock();
        let plan = (0..8)
            .filter(|bit| lost & (1 << bit) != 0)
            .fold(ChaosPlan::none(), |plan, bit| plan.at(3 + bit as usize, Fault::After(ErrorKind::Timeout)));
        let (cloud, _, fleet) = chaotic(&clock, u64::from(lost), plan);
        let report = up(&fleet, &auth(5)).await;
        assert_outcomes(&report, RunOutcome::Ready);
        let left = Left::in_(&cloud).await;
        assert_eq!((left.tasks.len(), left.targets.len(), cloud.tasks().len()), (5, 5, 5), "{lost:#b}");
        assert_eq!(tasks(&report), left.tasks, "{lost:#b}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_shortage_for_some_of_ten_ends_with_those_that_were_placed() {
    for (seed, refusals) in [(1, 3), (2, 10), (3, 25)] {
        let clock = clock();
        let (cloud, _, fleet) = chaotic(&clock, seed, ChaosPlan::none());
        cloud.refuse_next("authapi-task-def", refusals, &Refusal::no_fargate_capacity());
        let report = up(&fleet, &auth(10)).await;
        assert_outcomes(&report, RunOutcome::Ready);
        assert_eq!((tasks(&report).len(), cloud.tasks().len()), (10, 10), "{refusals} refusals");
    }
    // It does not end, but for the first six.
    let clock = clock();
    let (cloud, _, fleet) = chaotic(&clock, 4, ChaosPlan::none());
    let service = auth(10);
    up(&fleet, &auth(6)).await;
    cloud.refuse_next("authapi-task-def", u32::MAX, &Refusal::no_fargate_capacity());
    let report = up(&fleet, &service).await;
    let left = Left::in_(&cloud).await;
    let ready = report.services[0].tasks.iter().filter(|task| task.outcome == RunOutcome::Ready).count();
    let undone = report.services[0].tasks.iter().filter(|task| task.outcome == RunOutcome::Undone).count();
    assert_eq!((ready, undone, left.tasks.len()), (6, 4, 6), "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn one_of_two_callers_dies_in_the_middle_of_a_launch() {
    for seed in 0..2 {
        for call in 0..12 {
            for fault in [Fault::HangBefore, Fault::HangAfter] {
                let clock = clock();
                let (cloud, _, dying) = chaotic(&clock, seed, ChaosPlan::none().at(call, fault));
                let living = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
                let service = auth(2);
                let killed = tokio::time::timeout(Duration::from_secs(8), up(&dying, &service));
                let (_, report) = tokio::join!(killed, up(&living, &service));
                assert_outcomes(&report, RunOutcome::Ready);
                let left = Left::in_(&cloud).await;
                assert_eq!(left.tasks, tasks(&report), "{fault:?} at {call}, seed {seed}");
                assert_eq!(cloud.tasks().len(), 2, "{fault:?} at {call}, seed {seed}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_adopted_task_that_dies_is_replaced_and_what_is_left_of_it_is_named() {
    let clock = clock();
    let denied = ChaosPlan::none().every(PortMethod::Deregister, Fault::Before(ErrorKind::Denied));
    let (cloud, _, fleet) = chaotic(&clock, 0, denied);
    // It is adopted, is registered, never serves, and exits.
    let exits = Stop::essential_exit(Duration::from_secs(60), 1);
    let behaviour = Behaviour { stops: Some(exits), ..Behaviour::never_serves() };
    cloud.behave_next("batch-engine-task-def", 1, &behaviour);
    let services = sample_services();
    let batch = services.iter().find(|service| service.name.as_str() == "batch").unwrap();
    cloud.run_by_hand(&batch.request).unwrap();
    tokio::time::sleep(Duration::from_secs(50)).await;
    let report = up(&fleet, batch).await;
    let left = Left::in_(&cloud).await;
    assert_eq!((left.tasks.len(), left.targets.len()), (1, 2), "{report:#?}");
    let leftovers: Vec<&str> = report.leftovers().collect();
    assert_eq!(leftovers.len(), 1, "the target of the dead task is named: {report:#?}");
    assert!(report.services[0].tasks.iter().any(|task| task.outcome == RunOutcome::Ready));
}

#[tokio::test(start_paused = true)]
async fn fifty_services_come_up_within_the_published_quotas() {
    let clock = clock();
    let settings = Settings { quotas: Some(Quotas::published()), ..Settings::default() };
    let cloud = InMemory::sample_with(Arc::clone(&clock), settings);
    let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
    let one = auth(1);
    let services: Vec<Service> = (0..50)
        .map(|number| {
            let name: ServiceName = format!("auth-{number}").parse().unwrap();
            let request = LaunchRequest { started_by: name.started_by(), ..one.request.clone() };
            Service { name, request, ..one.clone() }
        })
        .collect();
    let report = fleet.up(&services, &UpOptions::default(), &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert_eq!(cloud.tasks().len(), 50);
    assert!(report.elapsed_ms < 120_000, "{}", report.elapsed_ms);
}

#[tokio::test(start_paused = true)]
async fn a_higher_count_adds_what_is_missing_and_no_more() {
    let (cloud, fleet) = sample(Settings::default());
    let first = up(&fleet, &auth(2)).await;
    let second = up(&fleet, &auth(5)).await;
    // The first two slots' tokens are answered with tasks that are adopted already.
    assert_outcomes(&second, RunOutcome::Ready);
    assert_eq!((tasks(&second).len(), cloud.tasks().len()), (5, 5));
    assert!(tasks(&second).is_superset(&tasks(&first)));
}
