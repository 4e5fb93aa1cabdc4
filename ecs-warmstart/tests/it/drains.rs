//! The machine of a drain: its table, what holds for it whatever happens, and the form of its state.

use std::fmt::Write as _;
use std::time::Duration;

use ecs_warmstart::error::{ErrorKind, Failure};
use ecs_warmstart::machine::{Drain, DrainPlace, DrainSpec, Effect, Input, Next, PhaseName, drain_step};
use ecs_warmstart::observation::{
    Target, TargetObservation, TargetReason, TargetState, TaskObservation, TaskStatus,
};
use ecs_warmstart::policy::Policy;
use ecs_warmstart::time::Timestamp;
use proptest::prelude::*;

use crate::golden;
use crate::specs::{arn, at, binding, stopped, task};

fn spec(task: bool, drain_wait: Option<Duration>) -> DrainSpec {
    let place = |name: &str, drains_already| DrainPlace {
        target_group: binding(name, 8080).target_group,
        target: Target::new("10.0.1.5", 8080),
        deregistration_delay: Duration::from_secs(60),
        drains_already,
    };
    DrainSpec {
        service: "auth".parse().unwrap(),
        run: "auth/down/1".parse().unwrap(),
        cluster: "authapi-cluster".parse().unwrap(),
        task: task.then(|| arn("own")),
        places: vec![place("auth", false), place("nlb", true)],
        neighbours: Vec::new(),
        drain_wait,
    }
}

fn failed(kind: ErrorKind) -> Input {
    Input::Failed(Failure::new(kind, kind.as_str()))
}

fn target(place: usize, state: TargetState, reason: Option<TargetReason>) -> Input {
    Input::Target { binding: place, observation: TargetObservation::new(state, reason) }
}

fn gone(place: usize) -> Input {
    target(place, TargetState::Unused, Some(TargetReason::NotRegistered))
}

fn inputs() -> Vec<(&'static str, Input)> {
    vec![
        ("Tick", Input::Tick),
        ("Cancel", Input::Cancel),
        ("Abandon", Input::Abandon),
        ("Launched", Input::Launched(task("own", TaskStatus::Pending, 1))),
        ("Found", Input::Found(Vec::new())),
        ("Running", Input::Running(Vec::new())),
        ("TimeIsUp", Input::TimeIsUp),
        ("Taken", Input::Taken),
        ("Registered", Input::Registered),
        ("Deregistered", Input::Deregistered),
        ("Target, draining", target(0, TargetState::Draining, Some(TargetReason::DeregistrationInProgress))),
        ("Target, gone", gone(0)),
        ("Target, another place", gone(1)),
        ("StopAccepted", Input::StopAccepted),
        ("Task, RUNNING", Input::Task(task("own", TaskStatus::Running, 9))),
        ("Task, STOPPING", Input::Task(task("own", TaskStatus::Stopping, 9))),
        ("Task, STOPPED", Input::Task(stopped("own", 9, "UserInitiated", "ecs-warmstart: drained"))),
        ("Task, MISSING", Input::Task(TaskObservation::missing(arn("own")))),
        ("Task, another task", Input::Task(stopped("another", 9, "UserInitiated", ""))),
        ("TaskEvent, STOPPED", Input::TaskEvent(stopped("own", 9, "UserInitiated", ""))),
        ("Failed, throttled", failed(ErrorKind::Throttled)),
        ("Failed, timeout", failed(ErrorKind::Timeout)),
        ("Failed, denied", failed(ErrorKind::Denied)),
        ("Failed, invalid", failed(ErrorKind::Invalid)),
        ("Failed, not found", failed(ErrorKind::NotFound)),
    ]
}

/// The drain after these answers, each put in when something is asked for.
fn after(spec: DrainSpec, answers: Vec<Input>) -> (Drain, Timestamp) {
    let policy = Policy::default();
    let mut now = at(0);
    let mut stepped = drain_step(Drain::new(spec, now), Input::Tick, now, &policy);
    let mut answers = answers.into_iter();
    loop {
        let input = match &stepped.next {
            Next::WakeAt(at) => {
                now = *at;
                Input::Tick
            }
            Next::Perform(_) => match answers.next() {
                Some(answer) => answer,
                None => return (stepped.drain, now),
            },
            Next::Finished => return (stepped.drain, now),
        };
        stepped = drain_step(stepped.drain, input, now, &policy);
    }
}

fn ways() -> Vec<(&'static str, Drain, Timestamp)> {
    let whole = || spec(true, None);
    let gone_first = || vec![Input::Deregistered, gone(0), gone(1)];
    let stop = || [gone_first(), vec![Input::StopAccepted]].concat();
    let way = |name, (drain, now)| (name, drain, now);
    vec![
        way("deregistering", after(whole(), vec![])),
        way("draining", after(whole(), vec![Input::Deregistered])),
        way("draining, only addresses", after(spec(false, None), vec![Input::Deregistered])),
        way("stopping", after(whole(), gone_first())),
        way("awaiting_stopped", after(whole(), stop())),
        way(
            "drained",
            after(whole(), [stop(), vec![Input::Task(stopped("own", 9, "UserInitiated", ""))]].concat()),
        ),
        way("halted", after(whole(), vec![failed(ErrorKind::Denied)])),
    ]
}

#[test]
fn every_phase_of_a_drain_against_every_input() {
    let policy = Policy::default();
    let mut table = String::new();
    for (name, drain, now) in ways() {
        writeln!(table, "## {name}").unwrap();
        let now = now + Duration::from_secs(1);
        let answer = |input| {
            let stepped = drain_step(drain.clone(), input, now, &policy);
            let drain = stepped.drain;
            let cause = drain.cause().map(|cause| format!(" ({})", cause.code())).unwrap_or_default();
            let left = match drain.leftovers().len() {
                0 => String::new(),
                left => format!(", {left} left"),
            };
            let next = match stepped.next {
                Next::Finished => "finished".to_owned(),
                Next::WakeAt(at) => format!("wake in {} ms", at.since(now).as_millis()),
                Next::Perform(effect) => effect.operation().to_string(),
            };
            format!("{}{cause}{left}, {next}", drain.phase())
        };
        let tick = answer(Input::Tick);
        for (name, input) in inputs() {
            let answer = answer(input);
            if answer != tick {
                writeln!(table, "{name:<24} -> {answer}").unwrap();
            }
        }
        writeln!(table, "{:<24} -> {tick}\n", "everything else").unwrap();
    }
    golden::check("drain-transitions.txt", &table);
}

#[test]
fn the_form_of_version_1_is_read_and_written() {
    for (name, drain, _) in ways() {
        if name.contains(',') {
            continue;
        }
        assert_eq!(drain.phase().as_str(), name);
        let written = serde_json::to_string_pretty(&drain).unwrap() + "\n";
        golden::check(&format!("drain-v1-{name}.json"), &written);
        assert_eq!(serde_json::from_str::<Drain>(&written).unwrap(), drain);
    }
    let newer = serde_json::from_str::<Drain>(r#"{"version":2,"run":{}}"#).unwrap_err().to_string();
    assert!(newer.contains("the state has version 2"), "{newer}");
}

fn answers() -> impl Strategy<Value = Input> {
    let states = prop::sample::select(vec![TargetState::Draining, TargetState::Unused, TargetState::Healthy]);
    let kinds = prop::sample::select(vec![
        ErrorKind::Throttled,
        ErrorKind::Timeout,
        ErrorKind::Other,
        ErrorKind::Denied,
        ErrorKind::NotFound,
    ]);
    let statuses = prop::sample::select(vec![TaskStatus::Running, TaskStatus::Stopping, TaskStatus::Stopped]);
    prop_oneof![
        4 => Just(Input::Deregistered),
        2 => (0..3_usize, states).prop_map(|(place, state)| target(place, state, None)),
        3 => (0..2_usize).prop_map(gone),
        3 => Just(Input::StopAccepted),
        3 => (statuses, 0..9_u64).prop_map(|(status, version)| Input::Task(task("own", status, version))),
        1 => Just(Input::TaskEvent(stopped("own", 9, "UserInitiated", ""))),
        3 => kinds.prop_map(failed),
        2 => Just(Input::Tick),
        1 => Just(Input::Cancel),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn a_task_is_never_stopped_in_traffic(
        wait in prop::option::of(0..200_u64),
        moves in prop::collection::vec((answers(), 0..30_000_u64), 1..60),
    ) {
        let policy = Policy::default();
        let mut now = at(0);
        let mut drain = Drain::new(spec(true, wait.map(Duration::from_secs)), now);
        let mut deregistered = 0;
        let mut asked = None;
        for (input, millis) in moves {
            now = now + Duration::from_millis(millis);
            if asked == Some(Effect::Deregister { binding: 0 }) {
                let missing = matches!(&input, Input::Failed(failure) if failure.kind == ErrorKind::NotFound);
                deregistered += usize::from(input == Input::Deregistered || missing);
            }
            let before = drain.clone();
            let stepped = drain_step(drain, input, now, &policy);
            drain = stepped.drain;
            if before.phase().is_final() {
                prop_assert_eq!(&drain, &before, "an end is an end");
            }
            prop_assert_eq!(drain.phase().is_final(), stepped.next == Next::Finished);
            prop_assert_eq!(drain.phase() == PhaseName::Halted, drain.cause().is_some());
            match &stepped.next {
                Next::WakeAt(at) => prop_assert!(*at > now, "wakes in the future"),
                Next::Perform(Effect::StopTask) => prop_assert!(deregistered > 0, "stops a task in traffic"),
                Next::Perform(Effect::Deregister { binding }) => prop_assert_eq!(*binding, 0, "the other drains already"),
                Next::Perform(_) | Next::Finished => {}
            }
            asked = match stepped.next {
                Next::Perform(effect) => Some(effect),
                Next::WakeAt(_) | Next::Finished => None,
            };
        }
        let written = serde_json::to_string(&drain).unwrap();
        prop_assert_eq!(serde_json::from_str::<Drain>(&written).unwrap(), drain);
    }
}

/// It was handed on after a failure, and delivered when its patience was long over.
#[test]
fn a_drain_that_failed_once_is_tried_again_before_it_halts() {
    let policy = Policy::default();
    let asked = drain_step(Drain::new(spec(true, None), at(0)), Input::Tick, at(0), &policy);
    let waits = drain_step(asked.drain, failed(ErrorKind::Throttled), at(0), &policy);
    assert!(matches!(waits.next, Next::WakeAt(_)), "{:?}", waits.next);
    let late = drain_step(waits.drain, Input::Tick, at(7200), &policy);
    assert_eq!(late.next, Next::Perform(Effect::Deregister { binding: 0 }));
    let over = drain_step(late.drain, failed(ErrorKind::Throttled), at(7200), &policy);
    assert_eq!((over.next, over.drain.phase()), (Next::Finished, PhaseName::Halted));
}
