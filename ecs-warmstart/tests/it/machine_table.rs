//! Every phase of the machine against every input: the whole table, held against a file that people read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::specs::{arn, at, binding, builder, healthy, spec, stopped, task};
use ecs_warmstart::error::{ErrorKind, Failure};
use ecs_warmstart::machine::{Effect, Input, Next, Operation, PhaseName, State, step};
use ecs_warmstart::observation::{TargetObservation, TargetReason, TargetState, TaskObservation, TaskStatus};
use ecs_warmstart::policy::Policy;
use ecs_warmstart::spec::{OnFailure, Spec};
use ecs_warmstart::time::Timestamp;

/// A way to a phase: the inputs, one every second.
struct Way {
    name: &'static str,
    state: State,
    then: Vec<Input>,
}

/// A minute later than the others, as where another process goes on.
const LATE: &str = "taken up late, ";

fn in_two_groups() -> Spec {
    let gate = spec().gate().clone();
    builder().binding(binding("auth", 8080)).binding(binding("nlb", 8081)).gate(gate).build().unwrap()
}

fn failed(kind: ErrorKind) -> Input {
    Input::Failed(Failure::new(kind, kind.as_str()))
}

fn target(state: TargetState, reason: Option<TargetReason>) -> Input {
    Input::Target { binding: 0, observation: TargetObservation::new(state, reason) }
}

fn launch(spec: Spec) -> State {
    State::launch(spec, at(0))
}

fn ways() -> Vec<Way> {
    let launched = || Input::Launched(task("own", TaskStatus::Provisioning, 1));
    let running = || Input::Task(task("own", TaskStatus::Running, 2));
    let gate_open = || Input::Task(healthy("own", 3));
    let absent = || target(TargetState::Unused, Some(TargetReason::NotRegistered));
    let registering = || vec![Input::Tick, launched(), running(), gate_open(), absent()];
    let awaiting_healthy = || [registering(), vec![Input::Registered]].concat();
    let absent_too = Input::Target { binding: 1, observation: TargetObservation::not_registered() };
    let registered_twice = || {
        let both = vec![Input::Registered, absent_too.clone(), Input::Registered];
        [registering(), both, vec![target(TargetState::Healthy, None)]].concat()
    };
    let way = |name, then| Way { name, state: launch(spec()), then };
    let keep = || {
        let gate = spec().gate().clone();
        builder().binding(binding("auth", 8080)).gate(gate).on_failure(OnFailure::Keep).build().unwrap()
    };
    vec![
        way("launching, asked RunTask", vec![Input::Tick]),
        way("launching, asked RunTask again", vec![Input::Tick, failed(ErrorKind::Timeout)]),
        way("launching, asked ListTasks", vec![Input::Tick, failed(ErrorKind::Capacity)]),
        way("awaiting_running", vec![Input::Tick, launched()]),
        Way {
            name: "awaiting_running, adopted",
            state: State::adopt(spec(), task("own", TaskStatus::Pending, 1), at(0)),
            then: vec![Input::Tick],
        },
        way("awaiting_gate", vec![Input::Tick, launched(), running()]),
        way("registering, asked DescribeTargetHealth", vec![Input::Tick, launched(), running(), gate_open()]),
        way("registering, asked RegisterTargets", registering()),
        way("awaiting_healthy, asked DescribeTasks", awaiting_healthy()),
        way("awaiting_healthy, asked DescribeTargetHealth", awaiting_healthy()),
        Way { name: "awaiting_healthy, on_failure keep", state: launch(keep()), then: awaiting_healthy() },
        way("undo_launch, asked RunTask", vec![Input::Tick, failed(ErrorKind::Timeout), Input::Cancel]),
        way(
            "undo_launch, asked ListTasks",
            vec![Input::Tick, failed(ErrorKind::Timeout), Input::Cancel, failed(ErrorKind::Denied)],
        ),
        way("undo_register", [awaiting_healthy(), vec![Input::Cancel]].concat()),
        way("taken up late, registering", registering()),
        way("taken up late, undo_register", [awaiting_healthy(), vec![Input::Cancel]].concat()),
        way("undo_task", [awaiting_healthy(), vec![Input::Cancel, Input::Deregistered]].concat()),
        Way {
            name: "undo_task, asked DescribeTargetHealth",
            state: launch(in_two_groups()),
            then: [registered_twice(), vec![Input::Cancel, Input::Deregistered, Input::Deregistered]]
                .concat(),
        },
        way("ready", [awaiting_healthy(), vec![target(TargetState::Healthy, None)]].concat()),
        way("undone", vec![Input::Tick, failed(ErrorKind::Denied)]),
        Way {
            name: "kept",
            state: launch(keep()),
            then: [awaiting_healthy(), vec![target(TargetState::Unused, Some(TargetReason::NotInUse))]]
                .concat(),
        },
        way("leaked", [awaiting_healthy(), vec![Input::Abandon]].concat()),
    ]
}

/// Every input, in every form that leads somewhere else.
fn inputs() -> Vec<(&'static str, Input)> {
    let new = |id: &str| TaskObservation { created_at: Some(at(2)), ..task(id, TaskStatus::Pending, 1) };
    let old = TaskObservation {
        created_at: Some(Timestamp::from_millis(1)),
        ..task("old", TaskStatus::Running, 9)
    };
    let conflict = Input::Failed(Failure {
        tasks: vec![arn("named")],
        ..Failure::new(ErrorKind::Conflict, "the token was used")
    });
    let exited = || stopped("own", 9, "EssentialContainerExited", "Essential container in task exited");
    vec![
        ("Tick", Input::Tick),
        ("Cancel", Input::Cancel),
        ("Abandon", Input::Abandon),
        ("Launched, PENDING", Input::Launched(task("own", TaskStatus::Pending, 1))),
        ("Launched, STOPPED", Input::Launched(exited())),
        ("Found, none", Input::Found(Vec::new())),
        ("Found, an old one", Input::Found(vec![old])),
        ("Found, a new one", Input::Found(vec![new("new")])),
        ("Found, two new ones", Input::Found(vec![new("new"), new("other")])),
        ("Running, none", Input::Running(Vec::new())),
        ("Running, its own", Input::Running(vec![healthy("own", 9)])),
        ("Running, at its address", Input::Running(vec![healthy("another", 9)])),
        ("Taken", Input::Taken),
        ("Task, MISSING", Input::Task(TaskObservation::missing(arn("own")))),
        ("Task, PENDING", Input::Task(task("own", TaskStatus::Pending, 9))),
        ("Task, RUNNING", Input::Task(task("own", TaskStatus::Running, 9))),
        ("Task, HEALTHY", Input::Task(healthy("own", 9))),
        ("Task, exited", Input::Task(exited())),
        ("Task, Spot interruption", Input::Task(stopped("own", 9, "SpotInterruption", "Your Spot Task was"))),
        ("Task, taken back", Input::Task(stopped("own", 9, "UserInitiated", "ecs-warmstart: cancelled"))),
        ("Task, an older look", Input::Task(task("own", TaskStatus::Provisioning, 0))),
        ("Task, another task", Input::Task(healthy("another", 9))),
        ("TaskEvent, RUNNING", Input::TaskEvent(task("own", TaskStatus::Running, 9))),
        ("TaskEvent, exited", Input::TaskEvent(exited())),
        ("TaskEvent, an older one", Input::TaskEvent(stopped("own", 0, "UserInitiated", ""))),
        ("TimeIsUp", Input::TimeIsUp),
        ("NotMade", Input::NotMade),
        ("Registered", Input::Registered),
        ("Target, not registered", target(TargetState::Unused, Some(TargetReason::NotRegistered))),
        ("Target, initial", target(TargetState::Initial, Some(TargetReason::InitialHealthChecking))),
        ("Target, healthy", target(TargetState::Healthy, None)),
        ("Target, unhealthy", target(TargetState::Unhealthy, Some(TargetReason::Timeout))),
        ("Target, draining", target(TargetState::Draining, Some(TargetReason::DeregistrationInProgress))),
        ("Target, not in use", target(TargetState::Unused, Some(TargetReason::NotInUse))),
        (
            "Target, no such binding",
            Input::Target { binding: 7, observation: TargetObservation::new(TargetState::Healthy, None) },
        ),
        ("Deregistered", Input::Deregistered),
        ("StopAccepted", Input::StopAccepted),
        ("Failed, throttled", failed(ErrorKind::Throttled)),
        ("Failed, timeout", failed(ErrorKind::Timeout)),
        ("Failed, unavailable", failed(ErrorKind::Unavailable)),
        ("Failed, other", failed(ErrorKind::Other)),
        ("Failed, capacity", failed(ErrorKind::Capacity)),
        ("Failed, denied", failed(ErrorKind::Denied)),
        ("Failed, invalid", failed(ErrorKind::Invalid)),
        ("Failed, not found", failed(ErrorKind::NotFound)),
        ("Failed, conflict", conflict),
    ]
}

fn told(next: &Next, now: Timestamp) -> String {
    match next {
        Next::Finished => "finished".to_owned(),
        Next::WakeAt(at) => format!("wake in {} ms", at.since(now).as_millis()),
        Next::Perform(Effect::Launch { token }) => format!("RunTask with {token}"),
        Next::Perform(effect) => effect.operation().to_string(),
    }
}

/// Puts in the inputs; one that is an answer is put in when it is asked for, a look at the task in between sees it HEALTHY.
fn walk(
    mut state: State,
    inputs: Vec<Input>,
    until: Option<Operation>,
    policy: &Policy,
) -> (State, Timestamp) {
    let mut now = at(0);
    let mut next = Next::WakeAt(now);
    for input in inputs {
        while !fits(&input, &next) {
            let answer = match &next {
                Next::WakeAt(at) => {
                    now = *at;
                    Input::Tick
                }
                next => news_to_nobody(next),
            };
            let stepped = step(state, answer, now, policy);
            (state, next) = (stepped.state, stepped.next);
        }
        let stepped = step(state, input, now, policy);
        (state, next) = (stepped.state, stepped.next);
    }
    // Ends where a call is under way (the one that is asked for, where one is), or at the end.
    loop {
        let answer = match &next {
            Next::WakeAt(at) => {
                now = *at;
                Input::Tick
            }
            Next::Perform(effect) if until.is_some_and(|until| until != effect.operation()) => {
                news_to_nobody(&next)
            }
            Next::Perform(_) | Next::Finished => return (state, now),
        };
        let stepped = step(state, answer, now, policy);
        (state, next) = (stepped.state, stepped.next);
    }
}

/// A look that sees what was known before.
fn news_to_nobody(next: &Next) -> Input {
    match next {
        Next::Perform(Effect::ObserveTask) => Input::Task(healthy("own", 3)),
        Next::Perform(Effect::ObserveTarget { .. }) => {
            target(TargetState::Initial, Some(TargetReason::InitialHealthChecking))
        }
        other => panic!("{other:?} is not a look"),
    }
}

fn asked_in(name: &str) -> Option<Operation> {
    let looks = [Operation::DescribeTasks, Operation::DescribeTargetHealth];
    looks.into_iter().find(|look| name.ends_with(&format!("awaiting_healthy, asked {look}")))
}

fn fits(input: &Input, next: &Next) -> bool {
    match (input, next) {
        (Input::Launched(_), Next::Perform(effect)) => matches!(effect, Effect::Launch { .. }),
        (Input::Task(_), Next::Perform(effect)) => matches!(effect, Effect::ObserveTask),
        (Input::Target { .. }, Next::Perform(effect)) => matches!(effect, Effect::ObserveTarget { .. }),
        (Input::Registered, Next::Perform(effect)) => matches!(effect, Effect::Register { .. }),
        (Input::Failed(_) | Input::Deregistered, Next::Perform(_)) => true,
        (Input::Cancel | Input::Abandon | Input::Tick, _) => true,
        _ => false,
    }
}

#[test]
fn every_phase_against_every_input() {
    let policy = Policy::default();
    let names: Vec<&str> = inputs().into_iter().map(|(name, _)| name).collect();
    let mut table =
        format!("Every phase of the machine against each of these inputs:\n{}\n\n", names.join("\n"));
    let mut phases = BTreeSet::new();
    for way in ways() {
        let (mut state, mut now) = walk(way.state, way.then, asked_in(way.name), &policy);
        if way.name.starts_with(LATE) {
            now = now + std::time::Duration::from_secs(60);
            state = step(state, Input::Tick, now, &policy).state;
        }
        phases.insert(state.phase());
        writeln!(table, "## {}", way.name).unwrap();
        let now = now + std::time::Duration::from_secs(1);
        let answer = |input| {
            let stepped = step(state.clone(), input, now, &policy);
            let cause = stepped.state.cause().map(|cause| format!(" ({})", cause.code())).unwrap_or_default();
            format!("{}{cause}, {}", stepped.state.phase(), told(&stepped.next, now))
        };
        let tick = answer(Input::Tick);
        for (name, input) in inputs() {
            let answer = answer(input);
            if answer != tick {
                writeln!(table, "{name:<24} -> {answer}").unwrap();
            }
        }
        writeln!(table, "{:<24} -> {tick}", "everything else").unwrap();
        table.push('\n');
    }
    let drains = [
        PhaseName::Deregistering,
        PhaseName::Draining,
        PhaseName::Stopping,
        PhaseName::AwaitingStopped,
        PhaseName::Drained,
        PhaseName::Halted,
    ];
    let starts: BTreeSet<_> = PhaseName::ALL.into_iter().filter(|phase| !drains.contains(phase)).collect();
    assert_eq!(phases, starts, "the table has every phase");
    crate::golden::check("transitions.txt", &table);
}
