//! The form in which states are kept. A golden file of an older version is never rewritten: it has to be read for ever.

use ecs_warmstart::error::{ErrorKind, Failure};
use ecs_warmstart::machine::{Input, PhaseName, State, step};
use ecs_warmstart::observation::{TargetObservation, TargetReason, TargetState, TaskStatus};
use ecs_warmstart::policy::Policy;
use ecs_warmstart::spec::{Compute, LaunchType, Spec};

use crate::golden;
use crate::specs::{at, healthy, in_two_places, spec, task};

fn after(inputs: Vec<Input>) -> State {
    after_with(spec(), inputs)
}

fn after_with(spec: Spec, inputs: Vec<Input>) -> State {
    let mut state = State::launch(spec, at(0));
    for (seconds, input) in inputs.into_iter().enumerate() {
        state = step(state, input, at(5 * seconds as u64), &Policy::default()).state;
    }
    state
}

/// One state of each kind that has a form of its own.
fn states() -> Vec<(&'static str, State)> {
    let unhealthy = TargetObservation {
        description: Some("Request timed out".into()),
        ..TargetObservation::new(TargetState::Unhealthy, Some(TargetReason::Timeout))
    };
    let way = vec![
        Input::Tick,
        Input::Launched(task("own", TaskStatus::Provisioning, 1)),
        Input::Tick,
        Input::Task(healthy("own", 3)),
        Input::Target { binding: 0, observation: TargetObservation::not_registered() },
        Input::Registered,
        Input::Tick,
        Input::Target { binding: 0, observation: unhealthy },
    ];
    let lost = vec![Input::Tick, Input::Failed(Failure::new(ErrorKind::Timeout, "no answer")), Input::Cancel];
    let cancelled = [way.clone(), vec![Input::Cancel]].concat();
    let leaked = [cancelled.clone(), vec![Input::Abandon]].concat();
    vec![
        ("launching", after(vec![Input::Tick])),
        ("awaiting_healthy", after(way)),
        ("undo_launch", after(lost)),
        ("undo_register", after(cancelled)),
        ("leaked", after(leaked)),
    ]
}

#[test]
fn the_form_of_version_1_is_read_and_written() {
    for (name, state) in states() {
        assert_eq!(state.phase().as_str(), name);
        let written = serde_json::to_string_pretty(&state).unwrap() + "\n";
        golden::check(&format!("state-v1-{name}.json"), &written);
        let read: State = serde_json::from_str(&written).unwrap();
        assert_eq!(read, state);
    }
}

/// In a place of its own, and on to the next since there was no capacity.
#[test]
fn the_form_of_version_2_is_read_and_written() {
    let state = after_with(
        in_two_places(),
        vec![
            Input::Tick,
            Input::Failed(Failure::new(ErrorKind::Capacity, "Capacity is unavailable at this time.")),
            Input::Tick,
            Input::Found(Vec::new()),
        ],
    );
    assert_eq!((state.phase(), state.pool(), state.attempt()), (PhaseName::Launching, 1, 1));
    let written = serde_json::to_string_pretty(&state).unwrap() + "\n";
    golden::check("state-v2-launching.json", &written);
    let read: State = serde_json::from_str(&written).unwrap();
    assert_eq!(read, state);
    assert_eq!(read.request().compute, Compute::LaunchType(LaunchType::Fargate));

    let mut elsewhere = serde_json::to_value(&state).unwrap();
    elsewhere["run"]["pool"] = serde_json::json!(2);
    let error = serde_json::from_value::<State>(elsewhere).unwrap_err().to_string();
    assert!(error.contains("in a place that it has not"), "{error}");
}

#[test]
fn an_unknown_form_is_refused_and_says_so() {
    let newer = r#"{"version":3,"run":{"whatever":1}}"#;
    let error = serde_json::from_str::<State>(newer).unwrap_err().to_string();
    assert!(error.contains("the state has version 3; this program reads versions 1 to 2"), "{error}");
    let mut broken = serde_json::to_value(after(vec![Input::Tick])).unwrap();
    broken["run"]["places"] = serde_json::json!([]);
    let error = serde_json::from_value::<State>(broken).unwrap_err().to_string();
    assert!(error.contains("another number of bindings"), "{error}");
    let mut unknown = serde_json::to_value(after(vec![Input::Tick])).unwrap();
    unknown["run"]["later"] = serde_json::json!(1);
    let error = serde_json::from_value::<State>(unknown).unwrap_err().to_string();
    assert!(error.contains("unknown field `later`"), "{error}");
}
