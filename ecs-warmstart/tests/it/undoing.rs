//! The way back in particular: what ends it, what it goes on to, and what it leaves to others.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::{Cancel, Driven, WarmStart};
use ecs_warmstart::error::{ErrorKind, Failure};
use ecs_warmstart::fleet::{RunOutcome, UpOptions};
use ecs_warmstart::ids::RunId;
use ecs_warmstart::machine::{Effect, Input, Leftover, Next, PhaseName, State, step};
use ecs_warmstart::memory::{Action, GroupSettings, InMemory, Refusal, Settings};
use ecs_warmstart::observation::{TargetObservation, TargetReason, TargetState, TaskObservation, TaskStatus};
use ecs_warmstart::policy::Policy;
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::{Gate, Spec};
use ecs_warmstart::time::Timestamp;

use crate::failures::{Left, spec_behind};
use crate::specs::{at, healthy, spec, stopped, task};
use crate::worlds::{assert_outcomes, auth, clock, sample};

/// Puts in the inputs one after the other, each at its second.
fn after(inputs: impl IntoIterator<Item = (u64, Input)>) -> (State, Next) {
    let policy = Policy::default();
    let (mut state, mut next) = (State::launch(spec(), at(0)), Next::WakeAt(at(0)));
    for (seconds, input) in inputs {
        let stepped = step(state, input, at(seconds), &policy);
        (state, next) = (stepped.state, stepped.next);
    }
    (state, next)
}

fn failed(kind: ErrorKind) -> Input {
    Input::Failed(Failure::new(kind, "no"))
}

/// To a registered target that is awaited.
fn registered() -> Vec<(u64, Input)> {
    let absent = Input::Target { binding: 0, observation: TargetObservation::not_registered() };
    vec![
        (0, Input::Tick),
        (0, Input::Launched(task("own", TaskStatus::Provisioning, 1))),
        (6, Input::Tick),
        (6, Input::Task(healthy("own", 5))),
        (6, absent),
        (6, Input::Registered),
        (12, Input::Tick),
    ]
}

fn with(inputs: Vec<(u64, Input)>, more: impl IntoIterator<Item = (u64, Input)>) -> (State, Next) {
    after(inputs.into_iter().chain(more))
}

#[test]
fn a_task_that_stops_under_traffic_is_taken_out_at_once() {
    let (state, next) = with(registered(), [(12, Input::Task(task("own", TaskStatus::Stopping, 6)))]);
    assert_eq!(next, Next::Perform(Effect::Deregister { binding: 0 }));
    assert_eq!(state.cause().unwrap().code(), "task_stopped");
}

#[test]
fn an_older_look_is_no_news() {
    let (state, _) = with(registered(), [(12, Input::Task(task("own", TaskStatus::Stopping, 4)))]);
    assert_eq!(state.phase(), PhaseName::AwaitingHealthy);
    assert_eq!(state.observation().unwrap().status, TaskStatus::Running);
}

#[test]
fn a_cancel_ends_an_undo_that_would_have_launched_again() {
    let spot = || (12, Input::Task(stopped("own", 6, "SpotInterruption", "Your Spot Task was interrupted.")));
    let (state, next) = with(registered(), [spot(), (13, Input::Deregistered)]);
    assert_eq!((state.phase(), next), (PhaseName::Launching, Next::Perform(Effect::FindTask)));
    let (state, next) = with(registered(), [spot(), (13, Input::Cancel), (13, Input::Deregistered)]);
    assert_eq!((state.phase(), next), (PhaseName::Undone, Next::Finished));
}

#[test]
fn nothing_is_launched_again_over_something_that_is_left() {
    let spot = (12, Input::Task(stopped("own", 6, "SpotInterruption", "Your Spot Task was interrupted.")));
    let (state, next) = with(registered(), [spot, (13, failed(ErrorKind::Denied))]);
    assert_eq!((state.phase(), next), (PhaseName::Leaked, Next::Finished));
    assert_eq!(state.leftovers().len(), 1);
}

#[test]
fn an_undo_whose_looks_fail_now_and_then_ends() {
    let policy = Policy::default();
    let lost = [(0, Input::Tick), (0, failed(ErrorKind::Timeout)), (0, Input::Cancel)];
    let (mut state, mut next) = after(lost.into_iter().chain([(0, failed(ErrorKind::Denied))]));
    assert_eq!(next, Next::Perform(Effect::FindTask));
    let (mut now, mut looks) = (at(0), 0);
    while next != Next::Finished {
        let input = match next {
            Next::WakeAt(at) => {
                now = at;
                Input::Tick
            }
            // Every other look is throttled.
            Next::Perform(_) | Next::Finished => {
                looks += 1;
                if looks % 2 == 0 { failed(ErrorKind::Throttled) } else { Input::Found(Vec::new()) }
            }
        };
        let stepped = step(state, input, now, &policy);
        (state, next) = (stepped.state, stepped.next);
        assert!(now.since(at(0)) < Duration::from_secs(150), "it goes on after {looks} looks");
    }
    assert_eq!(state.phase(), PhaseName::Undone);
}

#[test]
fn an_undo_that_is_taken_up_late_is_tried_more_than_once() {
    let policy = Policy::default();
    let (state, _) = with(registered(), [(12, Input::Cancel)]);
    let late: Timestamp = at(7200);
    let stepped = step(state, Input::Tick, late, &policy);
    assert_eq!(stepped.next, Next::Perform(Effect::FindRunning));
    let stepped = step(stepped.state, Input::Running(Vec::new()), late, &policy);
    assert_eq!(stepped.next, Next::Perform(Effect::Deregister { binding: 0 }));
    let stepped = step(stepped.state, failed(ErrorKind::Throttled), late, &policy);
    let Next::WakeAt(again) = stepped.next else { panic!("{:?}", stepped.next) };
    let stepped = step(stepped.state, Input::Tick, again, &policy);
    assert_eq!(stepped.next, Next::Perform(Effect::Deregister { binding: 0 }));
}

/// Cancelled, and gone on with so long after that its task may have stopped meanwhile, and its address be another's.
fn undone_late() -> State {
    let (state, _) = with(registered(), [(12, Input::Cancel)]);
    let stepped = step(state, Input::Tick, at(60), &Policy::default());
    assert_eq!(stepped.next, Next::Perform(Effect::FindRunning));
    stepped.state
}

#[test]
fn a_late_undo_takes_out_what_is_nobody_elses() {
    let policy = Policy::default();
    // Its own, one at another address, one that ends, and one of which nothing is known yet.
    let elsewhere = TaskObservation { addresses: vec!["10.0.1.6".parse().unwrap()], ..healthy("other", 3) };
    let ends = TaskObservation { stop_requested: true, ..healthy("other", 3) };
    let unknown = TaskObservation::missing(crate::specs::arn("other"));
    for (tasks, is_taken_out) in [
        (vec![], true),
        (vec![healthy("own", 6)], true),
        (vec![healthy("own", 6), healthy("other", 3)], true),
        (vec![elsewhere, ends, unknown], true),
        (vec![healthy("other", 3)], false),
    ] {
        let stepped = step(undone_late(), Input::Running(tasks.clone()), at(60), &policy);
        let expected = if is_taken_out { Effect::Deregister { binding: 0 } } else { Effect::StopTask };
        assert_eq!(stepped.next, Next::Perform(expected), "{tasks:?}");
        if !is_taken_out {
            assert!(!stepped.state.is_registered(0), "it is no longer this run's");
            let stepped = step(stepped.state, Input::StopAccepted, at(60), &policy);
            assert_eq!((stepped.state.phase(), stepped.next), (PhaseName::Undone, Next::Finished));
        }
    }
}

#[test]
fn a_late_undo_that_cannot_know_whose_an_address_is_names_it() {
    let policy = Policy::default();
    let denied = step(undone_late(), failed(ErrorKind::Denied), at(60), &policy);
    let first = step(undone_late(), failed(ErrorKind::Throttled), at(60), &policy);
    assert!(matches!(first.next, Next::WakeAt(_)), "{:?}", first.next);
    let again = step(first.state, Input::Tick, at(121), &policy);
    assert_eq!(again.next, Next::Perform(Effect::FindRunning));
    let throttled = step(again.state, failed(ErrorKind::Throttled), at(121), &policy);
    for given_up in [denied, throttled] {
        assert_eq!(given_up.next, Next::Perform(Effect::StopTask));
        let stepped = step(given_up.state, Input::StopAccepted, at(121), &policy);
        assert_eq!(stepped.state.phase(), PhaseName::Leaked);
        assert!(matches!(stepped.state.leftovers(), [Leftover::Target { .. }]), "{stepped:?}");
    }
}

#[test]
fn an_undo_that_may_look_and_not_deregister_ends() {
    let policy = Policy::default();
    let (mut state, mut now, mut input) = (undone_late(), at(60), Input::Running(Vec::new()));
    loop {
        let stepped = step(state, input, now, &policy);
        state = stepped.state;
        input = match stepped.next {
            Next::WakeAt(at) => {
                now = at;
                Input::Tick
            }
            Next::Perform(Effect::FindRunning) => Input::Running(Vec::new()),
            Next::Perform(Effect::Deregister { .. }) => failed(ErrorKind::Throttled),
            Next::Perform(Effect::StopTask) => break,
            other => panic!("{other:?}"),
        };
        assert!(now.since(at(60)) < Duration::from_secs(100), "it goes on");
    }
}

#[test]
fn whose_an_address_is_is_looked_at_again_when_the_answer_is_old() {
    let policy = Policy::default();
    let stepped = step(undone_late(), Input::Running(Vec::new()), at(60), &policy);
    let again = |seconds| step(stepped.state.clone(), Input::Tick, at(seconds), &policy).next;
    assert_eq!(again(79), Next::Perform(Effect::Deregister { binding: 0 }));
    assert_eq!(again(80), Next::Perform(Effect::FindRunning));
}

#[test]
fn a_run_that_is_taken_up_late_looks_at_its_task_before_it_registers_it() {
    let policy = Policy::default();
    // Asked for before it was left alone, or about to be.
    for known in [4, 5] {
        let (state, next) = after(registered().into_iter().take(known));
        assert!(
            matches!(next, Next::Perform(Effect::ObserveTarget { .. } | Effect::Register { .. })),
            "{next:?}"
        );
        let stepped = step(state, Input::Tick, at(60), &policy);
        assert_eq!(stepped.next, Next::Perform(Effect::ObserveTask));
        let alive = step(stepped.state.clone(), Input::Task(healthy("own", 6)), at(60), &policy);
        assert_eq!(alive.next, next, "it goes on");
        let exited = stopped("own", 6, "EssentialContainerExited", "Essential container in task exited");
        let gone = step(stepped.state, Input::Task(exited), at(60), &policy);
        // What was asked for may have been done, and whose it is by now is another question.
        let expected = if known == 4 { Next::Finished } else { Next::Perform(Effect::FindRunning) };
        assert_eq!(gone.next, expected);
    }
}

#[test]
fn a_task_that_was_missing_for_long_may_have_left_its_address_to_another() {
    let policy = Policy::default();
    let missing = || Input::Task(TaskObservation::missing(crate::specs::arn("own")));
    let (mut state, mut next) = with(registered(), []);
    let mut now = at(12);
    while next != Next::Perform(Effect::FindRunning) {
        let input = match next {
            Next::WakeAt(at) => {
                now = at;
                Input::Tick
            }
            Next::Perform(Effect::ObserveTask) => missing(),
            Next::Perform(Effect::ObserveTarget { binding }) => {
                Input::Target { binding, observation: TargetObservation::new(TargetState::Initial, None) }
            }
            other => panic!("{other:?}"),
        };
        let stepped = step(state, input, now, &policy);
        (state, next) = (stepped.state, stepped.next);
    }
    assert_eq!(state.cause().unwrap().code(), "task_lost");
}

/// The state was handed on after a failure, and delivered when its patience was long over.
#[test]
fn an_undo_that_failed_once_is_tried_again_before_it_is_given_up() {
    let policy = Policy::default();
    let (state, _) = with(registered(), [(12, Input::Cancel), (13, failed(ErrorKind::Throttled))]);
    let late: Timestamp = at(7200);
    let stepped = step(state, Input::Tick, late, &policy);
    assert_eq!(stepped.next, Next::Perform(Effect::FindRunning));
    let stepped = step(stepped.state, Input::Running(Vec::new()), late, &policy);
    assert_eq!(stepped.next, Next::Perform(Effect::Deregister { binding: 0 }));
    // A second failure, so late, is one too many for this part; the next one is tried all the same.
    let stepped = step(stepped.state, failed(ErrorKind::Throttled), late, &policy);
    assert_eq!(stepped.next, Next::Perform(Effect::StopTask));
    let stepped = step(stepped.state, Input::StopAccepted, late, &policy);
    assert_eq!(stepped.state.phase(), PhaseName::Leaked);
    assert_eq!(stepped.state.leftovers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_somebody_takes_out_is_registered_again() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(1);
    let group = &service.bindings[0].target_group;
    let interval = Duration::from_secs(40);
    let no_delay = GroupSettings {
        deregistration_delay: Duration::ZERO,
        health_check_interval: interval,
        registration: interval..=interval,
        ..GroupSettings::default()
    };
    cloud.add_target_group(group, no_delay);
    let somebody = async {
        while cloud.registered().is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let (_, target) = cloud.registered().into_iter().next().unwrap();
        cloud.deregister_by_hand(group, &[target]).unwrap();
    };
    let services = [service.clone()];
    let (options, cancel) = (UpOptions::default(), Cancel::new());
    let (report, ()) = tokio::join!(fleet.up(&services, &options, &cancel), somebody);
    assert_outcomes(&report, RunOutcome::Ready);
    assert_eq!(cloud.count(Action::RegisterTargets), 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_a_conflict_named_and_that_dies_is_replaced() {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    let run = |owner: &str| {
        let ports = Ports::from_one(cloud.clone());
        let mut service = auth(1);
        service.request.tags.insert("owner".into(), owner.into());
        let warm_start = WarmStart::new(ports.launcher, ports.registrar, ports.waiter);
        let spec = Spec::builder(service.name, "auth/0".parse().unwrap(), service.request);
        let warm_start = warm_start.with_clock(Arc::clone(&clock));
        async move { warm_start.run(spec.build().unwrap()).await }
    };
    let dies = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        cloud.stop_by_hand(&cloud.running_tasks()[0], "somebody's mistake");
    };
    let other = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        run("ci").await
    };
    let (one, other, ()) = tokio::join!(run("me"), other, dies);
    one.unwrap_err();
    let ready = other.unwrap();
    assert_eq!(cloud.running_tasks(), [ready.task]);
}

#[tokio::test(start_paused = true)]
async fn a_task_of_a_run_that_was_taken_up_again_is_not_taken_by_another_run() {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    let driver = || {
        let ports = Ports::from_one(cloud.clone());
        WarmStart::new(ports.launcher, ports.registrar, ports.waiter).with_clock(Arc::clone(&clock))
    };
    let spec = spec_behind(Gate::Running, Duration::from_secs(300), Duration::from_secs(120));
    // Begun by a process that is gone.
    let begun = driver().drive(State::launch(spec.clone(), clock.now()), Duration::ZERO).await.unwrap();
    let Driven::Suspended { state, .. } = begun else { panic!("{begun:?}") };
    // Another one drives it on beside a second run, whose first launch is refused, so that it looks for a task.
    cloud.refuse_next("authapi-task-def", 1, &Refusal::no_fargate_capacity());
    let both = driver();
    let second = spec.with_run(RunId::new("auth/1").unwrap());
    let (first, second) = tokio::join!(both.drive(state, Duration::MAX), both.run(second));
    let Driven::Finished(first) = first.unwrap() else { panic!() };
    assert_ne!(first.task(), Some(&second.unwrap().task));
    assert_eq!(Left::in_(&cloud).await.tasks.len(), 2);
}

/// Registered by somebody else before this run looked.
fn stood_before() -> (u64, Input) {
    let initial = TargetObservation::new(TargetState::Initial, Some(TargetReason::InitialHealthChecking));
    (6, Input::Target { binding: 0, observation: initial })
}

#[test]
fn a_target_that_stood_before_goes_with_its_task_and_only_then() {
    let own = registered().into_iter().take(4).chain([stood_before(), (7, Input::Cancel)]);
    let (state, next) = after(own);
    assert_eq!(next, Next::Perform(Effect::Deregister { binding: 0 }));
    let stepped = step(state, Input::Deregistered, at(7), &Policy::default());
    assert_eq!(stepped.next, Next::Perform(Effect::StopTask));

    // It has stopped by itself: its address may be another's by now.
    let exited = stopped("own", 6, "EssentialContainerExited", "Essential container in task exited");
    let own = registered().into_iter().take(4).chain([stood_before(), (7, Input::TaskEvent(exited))]);
    let (state, next) = after(own);
    assert_eq!((state.phase(), next), (PhaseName::Undone, Next::Finished));

    // An adopted task stays, and so does what stands for it.
    let mut state = State::adopt(spec(), healthy("own", 5), at(0));
    for input in [Input::Tick, stood_before().1, Input::Cancel] {
        state = step(state, input, at(7), &Policy::default()).state;
    }
    assert_eq!(state.phase(), PhaseName::Kept);
}

#[test]
fn a_refused_launch_is_looked_for_until_it_would_be_listed() {
    let policy = Policy::default();
    let refused = [(0, Input::Tick), (0, failed(ErrorKind::Capacity)), (10, Input::Cancel)];
    let (state, next) = after(refused.clone().into_iter().chain([(10, Input::Found(Vec::new()))]));
    let Next::WakeAt(again) = next else { panic!("{next:?}") };
    let stepped = step(state, Input::Tick, again, &policy);
    assert_eq!(stepped.next, Next::Perform(Effect::FindTask));
    let stepped = step(stepped.state, Input::Found(Vec::new()), at(15), &policy);
    assert_eq!(stepped.state.phase(), PhaseName::Undone);

    // With an answer that names no task, what appears is more likely somebody else's.
    let found = TaskObservation { created_at: Some(at(1)), ..task("new", TaskStatus::Pending, 1) };
    let (state, next) = after(refused.into_iter().chain([(10, Input::Found(vec![found]))]));
    assert_eq!((state.phase(), next), (PhaseName::Kept, Next::Finished));
}

#[test]
fn a_task_that_is_launched_again_has_the_whole_time_again() {
    let spot = stopped("own", 6, "SpotInterruption", "Your Spot Task was interrupted.");
    let (state, next) = after([
        (0, Input::Tick),
        (0, Input::Launched(task("own", TaskStatus::Provisioning, 1))),
        (290, Input::Tick),
        (290, Input::Task(spot)),
        (310, Input::Found(Vec::new())),
    ]);
    assert_eq!(state.phase(), PhaseName::Launching);
    assert!(matches!(next, Next::Perform(Effect::Launch { .. })), "{next:?}");
}
