//! Cancelled at any moment, and then once more: nothing is launched for it, and what is left is what is named.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::{Cancel, Error, Ready, WarmStart};
use ecs_warmstart::error::{ErrorKind, Failure};
use ecs_warmstart::fleet::{Fleet, RunOutcome, UpOptions};
use ecs_warmstart::memory::{Action, InMemory, Refusal, Settings};
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::Gate;

use crate::failures::{Left, spec_behind};
use crate::worlds::{auth, clock};

/// A cloud whose calls take a tenth of a second, so that a cancel can come while one is under way.
fn slow_cloud(clock: &Arc<dyn Clock>) -> InMemory {
    let latency = Duration::from_millis(50);
    let settings = Settings { latency: latency..=latency, ..Settings::default() };
    InMemory::sample_with(Arc::clone(clock), settings)
}

async fn cancel_after(cancel: &Cancel, delays: [Option<u64>; 2]) {
    for delay in delays.into_iter().flatten() {
        tokio::time::sleep(Duration::from_millis(delay)).await;
        cancel.cancel();
    }
}

async fn run_cancelled(
    cloud: &InMemory,
    clock: &Arc<dyn Clock>,
    delays: [Option<u64>; 2],
) -> Result<Ready, Error> {
    let ports = Ports::from_one(cloud.clone());
    let cancel = Cancel::new();
    let warm_start = WarmStart::new(ports.launcher, ports.registrar, ports.waiter)
        .with_clock(Arc::clone(clock))
        .with_cancel(cancel.clone());
    let spec = spec_behind(Gate::Running, Duration::from_secs(300), Duration::from_secs(120));
    tokio::join!(warm_start.run(spec), cancel_after(&cancel, delays)).0
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cancelled_launches_nothing_any_more_and_leaves_nothing() {
    let mut undone = 0;
    for millis in (0..1_000).chain(5_000..6_500).step_by(10).chain((7_000..60_000).step_by(433)) {
        let clock = clock();
        let cloud = slow_cloud(&clock);
        let cancelled_at = clock.now() + Duration::from_millis(millis);
        // A passing shortage, so that there are several attempts to cancel between.
        cloud.refuse_next("authapi-task-def", 2, &Refusal::no_fargate_capacity());
        let ended = run_cancelled(&cloud, &clock, [Some(millis), None]).await;
        let late = cloud.calls().into_iter().filter(|call| call.action == Action::RunTask);
        // One that is on its way arrives a little later.
        let late = late.filter(|call| call.at > cancelled_at + Duration::from_millis(50)).count();
        assert_eq!(late, 0, "launched after the cancel at {millis} ms");
        let left = Left::in_(&cloud).await;
        match ended {
            Ok(_) => assert_eq!(left.tasks.len(), 1),
            Err(Error::Undone { .. }) => {
                undone += 1;
                assert_eq!(left, Left::nothing(), "cancelled at {millis} ms");
            }
            Err(error) => panic!("cancelled at {millis} ms: {error}"),
        }
    }
    assert!(undone > 100, "{undone}");
}

#[tokio::test(start_paused = true)]
async fn a_second_cancel_names_what_is_left() {
    let mut leaked = 0;
    for first in (0..40_000).step_by(1_777).chain([70, 170, 250, 330]) {
        for second in [0, 10, 30, 60, 80, 110, 160, 210, 260] {
            let clock = clock();
            let cloud = slow_cloud(&clock);
            cloud.refuse_next("authapi-task-def", 1, &Refusal::no_fargate_capacity());
            let began = clock.now();
            let ended = run_cancelled(&cloud, &clock, [Some(first), Some(second)]).await;
            let waited = clock.now().since(began).as_millis();
            let left = Left::in_(&cloud).await;
            let what = format!("cancelled at {first} ms, {second} ms later");
            match ended {
                Ok(_) => assert_eq!(left.tasks.len(), 1, "{what}"),
                Err(Error::Undone { .. }) => assert_eq!(left, Left::nothing(), "{what}"),
                Err(Error::Leaked { leftovers, state, .. }) => {
                    leaked += 1;
                    assert!(left.is_named_in(&leftovers, &state), "{what}: {left:?} {leftovers:?}");
                    assert!(waited <= u128::from(first + second), "{what}: at once");
                }
                Err(error) => panic!("{what}: {error}"),
            }
        }
    }
    assert!(leaked > 20, "{leaked}");
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_is_cancelled_launches_nothing_any_more() {
    let mut untouched = 0;
    for millis in (0..1_500).step_by(10) {
        let clock = clock();
        let cloud = slow_cloud(&clock);
        let cancelled_at = clock.now() + Duration::from_millis(millis);
        let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
        let cancel = Cancel::new();
        let (services, options) = ([auth(3)], UpOptions::default());
        let (report, ()) =
            tokio::join!(fleet.up(&services, &options, &cancel), cancel_after(&cancel, [Some(millis), None]));
        let launches = cloud.calls().into_iter().filter(|call| call.action == Action::RunTask);
        let late = launches.filter(|call| call.at > cancelled_at + Duration::from_millis(50)).count();
        assert_eq!(late, 0, "launched after the cancel at {millis} ms");
        assert_eq!(report.services[0].outcome, RunOutcome::Undone, "{report:#?}");
        assert_eq!(Left::in_(&cloud).await, Left::nothing(), "{millis} ms");
        untouched += usize::from(cloud.tasks().is_empty());
    }
    assert!(untouched > 10, "{untouched}");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_does_not_wait_for_a_call_to_be_repeated() {
    let clock = clock();
    let cloud = slow_cloud(&clock);
    let throttled = Failure::new(ErrorKind::Throttled, "Rate exceeded");
    cloud.fail_next(Action::ListTasks, 1_000, &throttled);
    let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
    let cancel = Cancel::new();
    let (services, options) = ([auth(1)], UpOptions::default());
    let (report, ()) =
        tokio::join!(fleet.up(&services, &options, &cancel), cancel_after(&cancel, [Some(30_000), None]));
    assert!(report.elapsed_ms <= 30_200, "{}", report.elapsed_ms);
    assert!(cloud.tasks().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_of_the_same_name_never_stops_what_the_first_one_brought_up() {
    for millis in (0..2_000).step_by(50) {
        let clock = clock();
        let cloud = slow_cloud(&clock);
        let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
        let options =
            UpOptions { fresh: true, run_id: Some("ci-7".parse().unwrap()), ..UpOptions::default() };
        let services = [auth(1)];
        fleet.up(&services, &options, &Cancel::new()).await;
        let before = Left::in_(&cloud).await;
        // It still runs and no longer serves, so that the same call again waits for it.
        cloud.stop_serving(&cloud.running_tasks()[0]).unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let cancel = Cancel::new();
        tokio::join!(fleet.up(&services, &options, &cancel), cancel_after(&cancel, [Some(millis), None])).0;
        assert_eq!(Left::in_(&cloud).await, before, "cancelled at {millis} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn who_shares_a_slot_takes_the_others_target_out_before_it_stops_the_task() {
    for millis in (0..4_000).step_by(100) {
        let clock = clock();
        let cloud = slow_cloud(&clock);
        let (one, other) = (Cancel::new(), Cancel::new());
        let run = |cancel: &Cancel| {
            let ports = Ports::from_one(cloud.clone());
            let warm_start = WarmStart::new(ports.launcher, ports.registrar, ports.waiter)
                .with_clock(Arc::clone(&clock))
                .with_cancel(cancel.clone());
            let spec = spec_behind(Gate::Running, Duration::from_secs(300), Duration::from_secs(120));
            async move { warm_start.run(spec).await }
        };
        // The second one comes to its end a little after the first one is ready, and not there yet.
        let (first, second) = tokio::join!(run(&one), async {
            tokio::time::sleep(Duration::from_millis(900)).await;
            tokio::join!(run(&other), async {
                while cloud.count(Action::RegisterTargets) == 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                cancel_after(&other, [Some(millis), None]).await;
            })
            .0
        });
        let left = Left::in_(&cloud).await;
        assert_eq!(left.tasks.len(), left.targets.len(), "{millis} ms: {left:?} {first:?} {second:?}");
        assert_eq!(cloud.lost_traffic_in_all(), Duration::ZERO, "{millis} ms");
    }
}
