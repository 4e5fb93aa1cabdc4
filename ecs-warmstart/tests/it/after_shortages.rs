//! A shortage that is over: whoever fills a slot again is not told of it for a day.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{Fleet, RunOutcome, UpOptions};
use ecs_warmstart::memory::{Action, InMemory, Refusal, Settings};
use ecs_warmstart::ports::Ports;

use crate::worlds::{assert_outcomes, auth, clock};

const FAMILY: &str = "authapi-task-def";

/// A command: a fleet of its own, which knows nothing of others.
async fn up(cloud: &InMemory, clock: &Arc<dyn Clock>) -> RunOutcome {
    let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(clock));
    fleet.up(&[auth(1)], &UpOptions::default(), &Cancel::new()).await.services[0].outcome
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn who_calls_again_finds_the_capacity_that_has_come() {
    // Wherever in a window of time the first call comes.
    for offset in (0..180).step_by(20) {
        let clock = clock();
        pass(offset).await;
        let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
        let over = clock.now() + Duration::from_secs(310);
        cloud.refuse_until(FAMILY, over, &Refusal::no_fargate_capacity());
        assert_eq!(up(&cloud, &clock).await, RunOutcome::Undone, "{offset}");
        pass(30).await;
        let began = clock.now();
        assert_eq!(up(&cloud, &clock).await, RunOutcome::Ready, "{offset}");
        let took = clock.now().since(began);
        assert!(took < Duration::from_secs(290), "{offset}: {took:?}");
        assert_eq!(cloud.running_tasks().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn callers_that_come_at_different_times_end_with_one_task() {
    let mut calls = 0;
    for offset in (0..180).step_by(30) {
        for (later, lasts) in
            [(0, 40), (1, 90), (7, 61), (35, 120), (64, 100), (110, 150), (170, 200), (200, 230)]
        {
            let clock = clock();
            pass(offset).await;
            // Lists and looks lag behind.
            let settings =
                Settings { invisible: Duration::ZERO..=Duration::from_secs(4), ..Settings::default() };
            let cloud = InMemory::sample_with(Arc::clone(&clock), settings);
            let over = clock.now() + Duration::from_secs(lasts);
            cloud.refuse_until(FAMILY, over, &Refusal::no_fargate_capacity());
            let caller = |after: u64| {
                let (cloud, clock) = (cloud.clone(), Arc::clone(&clock));
                async move {
                    pass(after).await;
                    up(&cloud, &clock).await
                }
            };
            let (one, other, third) = tokio::join!(caller(0), caller(later), caller(later + 13));
            let what = format!("{offset} {later} {lasts}: {one:?} {other:?} {third:?}");
            assert_eq!(cloud.tasks().len(), 1, "{what}");
            assert!([one, other, third].contains(&RunOutcome::Ready), "{what}");
            calls += cloud.count(Action::RunTask);
        }
    }
    assert!(calls > 48 * 3, "{calls}");
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_by_a_name_has_its_own_tokens() {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    let over = clock.now() + Duration::from_secs(200);
    cloud.refuse_until(FAMILY, over, &Refusal::no_fargate_capacity());
    let options = UpOptions { fresh: true, run_id: Some("order".parse().unwrap()), ..UpOptions::default() };
    let call = |after: u64| {
        let (cloud, clock, options) = (cloud.clone(), Arc::clone(&clock), options.clone());
        async move {
            pass(after).await;
            let fleet = Fleet::new(Ports::from_one(cloud)).with_clock(clock);
            fleet.up(&[auth(1)], &options, &Cancel::new()).await
        }
    };
    let (one, other) = tokio::join!(call(0), call(50));
    for report in [one, other] {
        assert_outcomes(&report, RunOutcome::Ready);
    }
    assert_eq!(cloud.tasks().len(), 1, "one name, one task");
}
