//! A shortage that is over: whoever fills a slot again is not told of it for a day.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::error::{ErrorKind, Failure};
use ecs_warmstart::fleet::{Fleet, RunOutcome, UpOptions};
use ecs_warmstart::machine::{Effect, Input, Next, State, step};
use ecs_warmstart::memory::{Action, InMemory, Refusal, Settings};
use ecs_warmstart::policy::Policy;
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::Gate;
use ecs_warmstart::time::Timestamp;

use crate::failures::spec_behind;
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

/// A call whose answer is lost, at the end of a window: after the next one has opened others ask with its tokens, so that one of
/// the old ones would be a second task.
#[test]
fn a_launch_in_doubt_is_not_asked_for_again_after_its_window() {
    let policy = Policy::default();
    let window = 180_000 * 9_444_444;
    let at = |seconds: u64| Timestamp::from_millis(window + seconds * 1000);
    let token = |next: &Next| match next {
        Next::Perform(Effect::Launch { token }) => token.as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    let shortage = || Input::Failed(Failure::new(ErrorKind::Capacity, "none"));
    let lost = || Input::Failed(Failure::new(ErrorKind::Timeout, "no answer"));
    let spec = spec_behind(Gate::Running, Duration::from_secs(900), Duration::from_secs(120));
    let run = step(State::launch(spec, at(100)), Input::Tick, at(100), &policy);
    let run = step(run.state, shortage(), at(100), &policy);
    let run = step(run.state, Input::Tick, at(110), &policy);
    assert_eq!(run.next, Next::Perform(Effect::FindTask));
    let run = step(run.state, Input::Found(Vec::new()), at(110), &policy);
    assert_eq!(token(&run.next), "auth/0#944444400");
    let asking = run.state.clone();
    for saved in [asking, step(run.state, lost(), at(120), &policy).state] {
        // Just after its window it is asked once more, since an answer is the best proof.
        let soon = step(saved.clone(), Input::Tick, at(185), &policy);
        assert_eq!(token(&soon.next), "auth/0#944444400");
        for (late, looks_at) in [(190, 210), (200, 210), (250, 250)] {
            let waits = step(saved.clone(), Input::Tick, at(late), &policy);
            let looks = if late < looks_at {
                assert_eq!(waits.next, Next::WakeAt(at(looks_at)), "{late}");
                step(waits.state, Input::Tick, at(looks_at), &policy)
            } else {
                waits
            };
            assert_eq!(looks.next, Next::Perform(Effect::FindTask), "{late}");
            let run = step(looks.state, Input::Found(Vec::new()), at(looks_at), &policy);
            assert_eq!(token(&run.next), "auth/0#944444500", "{late}");
        }
    }
}
