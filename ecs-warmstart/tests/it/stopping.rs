//! The stop of a task: not believed where ECS may not know the task yet.

use std::time::Duration;

use ecs_warmstart::driver::Cancel;
use ecs_warmstart::error::{ErrorKind, Failure};
use ecs_warmstart::fleet::{DownOptions, RunOutcome, UpOptions};
use ecs_warmstart::machine::{Drain, DrainSpec, Effect, Input, Next, PhaseName, State, drain_step, step};
use ecs_warmstart::memory::{Action, Settings};
use ecs_warmstart::observation::TaskStatus;
use ecs_warmstart::policy::Policy;

use crate::failures::Left;
use crate::specs::{arn, at, spec, task};
use crate::worlds::{assert_outcomes, auth, sample};

fn not_found() -> Input {
    Input::Failed(Failure::new(ErrorKind::NotFound, "The referenced task was not found."))
}

/// Launched, cancelled a second later, and told that there is no such task.
fn unknown_after(seconds: u64) -> (State, Next) {
    let policy = Policy::default();
    let mut state = State::launch(spec(), at(0));
    let launched = Input::Launched(task("own", TaskStatus::Provisioning, 1));
    for (seconds, input) in [(0, Input::Tick), (0, launched), (1, Input::Cancel)] {
        state = step(state, input, at(seconds), &policy).state;
    }
    let stepped = step(state, not_found(), at(seconds), &policy);
    (stepped.state, stepped.next)
}

#[test]
fn a_task_that_is_not_found_just_after_its_launch_is_stopped_again() {
    let policy = Policy::default();
    for seconds in [1, 59] {
        let (state, next) = unknown_after(seconds);
        let Next::WakeAt(again) = next else { panic!("{seconds}: {next:?}") };
        assert!(again.since(at(seconds)) < Duration::from_secs(5));
        let stepped = step(state, Input::Tick, again, &policy);
        assert_eq!(stepped.next, Next::Perform(Effect::StopTask));
        let stepped = step(stepped.state, Input::StopAccepted, again, &policy);
        assert_eq!(stepped.state.phase(), PhaseName::Undone);
    }
    let (state, next) = unknown_after(60);
    assert_eq!((state.phase(), next), (PhaseName::Undone, Next::Finished), "it is gone for certain");
}

#[test]
fn so_it_is_by_a_drain_that_has_just_begun() {
    let policy = Policy::default();
    let spec = DrainSpec {
        service: "auth".parse().unwrap(),
        run: "auth/down/1".parse().unwrap(),
        cluster: "authapi-cluster".parse().unwrap(),
        task: Some(arn("own")),
        places: Vec::new(),
        neighbours: Vec::new(),
        drain_wait: None,
    };
    let asked = drain_step(Drain::new(spec, at(0)), Input::Tick, at(0), &policy).drain;
    let unknown = drain_step(asked.clone(), not_found(), at(59), &policy);
    let Next::WakeAt(again) = unknown.next else { panic!("{:?}", unknown.next) };
    let stepped = drain_step(unknown.drain, Input::Tick, again, &policy);
    assert_eq!(stepped.next, Next::Perform(Effect::StopTask));
    let gone = drain_step(asked, not_found(), at(60), &policy);
    assert_eq!(gone.next, Next::Perform(Effect::ObserveTask));
}

fn slow_to_know() -> Settings {
    let lag = Duration::from_secs(25);
    Settings { unstoppable: lag..=lag, ..Settings::default() }
}

#[tokio::test(start_paused = true)]
async fn what_ecs_does_not_know_yet_is_not_left_running() {
    let (cloud, fleet) = sample(slow_to_know());
    let (services, cancel) = ([auth(1)], Cancel::new());
    let cancelled = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        cancel.cancel();
    };
    let options = UpOptions::default();
    let (report, ()) = tokio::join!(fleet.up(&services, &options, &cancel), cancelled);
    assert_outcomes(&report, RunOutcome::Undone);
    assert_eq!(Left::in_(&cloud).await, Left::nothing());
    assert!(cloud.count(Action::StopTask) > 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_launched_a_moment_ago_is_taken_down() {
    let (cloud, fleet) = sample(slow_to_know());
    let services = [auth(1)];
    cloud.run_by_hand(&services[0].request).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let down = DownOptions { allow_empty: true, ..DownOptions::default() };
    let report = fleet.down(&services, &down, &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Drained);
    assert_eq!(cloud.running_tasks(), []);
}
