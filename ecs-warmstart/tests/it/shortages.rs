//! Fifty runs that share their calls, the quotas and what they know of capacity, while it runs out and calls fail.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{Fleet, RunOutcome, Service};
use ecs_warmstart::memory::{Action, Behaviour, Call, InMemory, Shortage, Stop};
use ecs_warmstart::observation::TaskStatus;
use ecs_warmstart::ports::Ports;
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault};

use crate::capacity::{SPOT, SPOT_FIRST, assert_no_conflict, service};
use crate::crowds::{Chance, claimed, cloud, throttles, up};
use crate::failures::{FAULTS, Left};
use crate::worlds::{assert_outcomes, clock};

/// Fifty tasks of one size: what one run finds concerns them all.
fn fifty(pools: &[(&str, &str)]) -> [Service; 4] {
    [("auth", 13), ("pdf", 13), ("fa", 12), ("users", 12)].map(|(name, count)| service(name, count, pools))
}

/// What `RunTask` refused for want of capacity.
fn refusals(cloud: &InMemory) -> usize {
    let calls = cloud.calls();
    let refused = |call: &&Call| call.action == Action::RunTask && call.failed == Some(ErrorKind::Capacity);
    calls.iter().filter(refused).count()
}

/// Capacity runs out in the first place, the second or both; after some tasks, at once, or for a while.
fn run_out(cloud: &InMemory, chance: &mut Chance, clock: &Arc<dyn Clock>) {
    let everywhere = Shortage::of(SPOT);
    let shortage = match chance.below(3) {
        0 => everywhere.in_subnet("subnet-a"),
        1 => everywhere.in_subnet("subnet-b"),
        _ => everywhere,
    };
    match chance.below(3) {
        0 => cloud.exhaust(shortage),
        1 => cloud.exhaust_after(shortage, chance.below(40) as u32),
        _ => cloud.exhaust_until(shortage, clock.now() + Duration::from_secs(5 + chance.below(60))),
    }
    // Some that were placed are not started for want of it.
    for _ in 0..chance.below(3) {
        let stop = Stop::before_start(TaskStatus::Pending, "TaskFailedToStart: RESOURCE:MEMORY");
        cloud.behave_next("authapi-task-def", 1, &Behaviour::stops(stop));
    }
}

fn any_two(chance: &mut Chance, faults: &[Fault], calls: u64) -> ChaosPlan {
    (0..2).fold(ChaosPlan::none(), |plan, _| {
        let fault = faults[chance.below(faults.len() as u64) as usize];
        plan.at(chance.below(calls) as usize, fault)
    })
}

#[tokio::test(start_paused = true)]
async fn fifty_runs_whose_capacity_runs_out_under_any_two_failures_leave_nothing_behind() {
    let mut refused = 0;
    for seed in 0..40 {
        let mut chance = Chance(seed);
        let clock = clock();
        let cloud = cloud(&clock, seed);
        run_out(&cloud, &mut chance, &clock);
        let plan = any_two(&mut chance, &FAULTS, 220);
        let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan.clone());
        let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock));
        let services = fifty(&SPOT_FIRST);
        let what = format!("seed {seed}, {plan:?}");

        let report = up(&fleet, &services).await;
        let left = Left::in_(&cloud).await;
        let tasks = || report.services.iter().flat_map(|service| &service.tasks);
        for task in tasks() {
            let ended = matches!(task.outcome, RunOutcome::Ready | RunOutcome::Undone);
            assert!(ended, "{what}: {task:#?}");
        }
        let ready = tasks().filter(|task| task.outcome == RunOutcome::Ready).count();
        assert_eq!(left.tasks, claimed(&report), "{what}: {report:#?}");
        assert_eq!((left.tasks.len(), left.targets.len()), (ready, ready), "{what}");
        assert_no_conflict(&cloud, &what);
        assert_eq!(throttles(&cloud), 0, "{what}");
        // Two places, fifty runs: found out one by one it would be a hundred.
        let found_out = refusals(&cloud);
        assert!(found_out <= 20, "{what}: {found_out} refusals");
        refused += found_out;

        chaos.follow(ChaosPlan::none());
        cloud.replenish();
        assert_outcomes(&up(&fleet, &services).await, RunOutcome::Ready);
        let left = Left::in_(&cloud).await;
        assert_eq!((left.tasks.len(), left.targets.len()), (50, 50), "{what}");
    }
    assert!((40..160).contains(&refused), "{refused} refusals of 2,000 launches");
}

/// Spot, and nothing else: a partial result.
#[tokio::test(start_paused = true)]
async fn what_there_is_capacity_for_is_kept_and_the_rest_ends_undone() {
    for seed in 0..15 {
        let mut chance = Chance(seed);
        let clock = clock();
        let cloud = cloud(&clock, seed);
        let enough_for = 5 + chance.below(40) as u32;
        cloud.exhaust_after(Shortage::of(SPOT), enough_for);
        // Denied too would be a reason of its own to end undone.
        let faults = FAULTS.map(|fault| match fault {
            Fault::Before(ErrorKind::Denied) => Fault::After(ErrorKind::Timeout),
            other => other,
        });
        let plan = any_two(&mut chance, &faults, 150);
        let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan.clone());
        let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock));
        let report = up(&fleet, &fifty(&SPOT_FIRST[..2])).await;
        let what = format!("seed {seed}, {plan:?}");
        let left = Left::in_(&cloud).await;
        assert_eq!(left.tasks, claimed(&report), "{what}: {report:#?}");
        let tasks = report.services.iter().flat_map(|service| &service.tasks);
        let (ready, others): (Vec<_>, Vec<_>) = tasks.partition(|task| task.outcome == RunOutcome::Ready);
        assert_eq!((ready.len(), left.targets.len()), (enough_for as usize, enough_for as usize), "{what}");
        for task in others {
            assert_eq!(task.outcome, RunOutcome::Undone, "{what}: {task:#?}");
            assert_eq!(task.cause.as_ref().unwrap().code, "capacity", "{what}: {task:#?}");
        }
        assert_no_conflict(&cloud, &what);
        // Where no place is left each goes on trying for its five minutes, with longer and longer pauses.
        let (tried, runs) = (refusals(&cloud), 50 - enough_for as usize);
        assert!(tried <= 30 * runs, "{what}: {tried} refusals of {runs} runs");
    }
}
