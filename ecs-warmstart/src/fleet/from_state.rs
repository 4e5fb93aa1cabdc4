//! From the state a run ended in to its line in the report.

use super::evidence;
use super::report::{CauseReport, PhaseReport, RunOutcome, TargetReport, TaskReport};
use crate::ids::TaskArn;
use crate::machine::{Cause, Drain, DrainPlace, Leftover, PhaseName, PhaseTime, State};
use crate::spec::Readiness;

impl TaskReport {
    /// What came of a run.
    pub(super) fn of(state: &State) -> Self {
        let bindings = 0..state.spec().bindings().len();
        let targets: Vec<TargetReport> = bindings.filter_map(|binding| target(state, binding)).collect();
        let address = || state.observation()?.addresses.first().map(ToString::to_string);
        Self {
            task: state.task().map(TaskArn::to_string),
            outcome: outcome(state),
            adopted: state.is_adopted(),
            id: state.target(0).map(|target| target.id.clone()).or_else(address),
            targets,
            cause: state.cause().map(CauseReport::from),
            phases: phases(state.times()),
            leftovers: state.leftovers().iter().map(Leftover::to_string).collect(),
            evidence: evidence::of_run(state).map(Box::new),
        }
    }

    /// What came of a drain.
    pub(super) fn of_drain(drain: &Drain) -> Self {
        let spec = drain.spec();
        let target = |(place, its): (usize, &DrainPlace)| TargetReport {
            target_group: its.target_group.to_string(),
            id: its.target.id.clone(),
            port: its.target.port,
            state: match drain.target_observation(place) {
                _ if drain.is_deregistered(place) => "deregistered".to_owned(),
                Some(seen) => seen.state.as_str().to_owned(),
                None => "registered".to_owned(),
            },
        };
        Self {
            task: spec.task.as_ref().map(TaskArn::to_string),
            outcome: if drain.phase() == PhaseName::Drained {
                RunOutcome::Drained
            } else {
                RunOutcome::Leaked
            },
            adopted: false,
            id: spec.places.first().map(|place| place.target.id.clone()),
            targets: spec.places.iter().enumerate().map(target).collect(),
            cause: drain.cause().map(CauseReport::from),
            phases: phases(drain.times()),
            leftovers: drain.leftovers().iter().map(Leftover::to_string).collect(),
            evidence: None,
        }
    }

    /// A run that ended before it began.
    pub(super) fn never_began(cause: &Cause) -> Self {
        Self {
            task: None,
            outcome: RunOutcome::Undone,
            adopted: false,
            id: None,
            targets: Vec::new(),
            cause: Some(cause.into()),
            phases: Vec::new(),
            leftovers: Vec::new(),
            evidence: None,
        }
    }
}

fn phases(times: Vec<PhaseTime>) -> Vec<PhaseReport> {
    times.into_iter().map(|time| PhaseReport { phase: time.phase, ms: time.ms }).collect()
}

fn outcome(state: &State) -> RunOutcome {
    match (state.phase(), state.spec().readiness()) {
        (PhaseName::Ready, Readiness::Healthy) => RunOutcome::Ready,
        (PhaseName::Ready, Readiness::Registered) => RunOutcome::Registered,
        (PhaseName::Undone, _) => RunOutcome::Undone,
        (PhaseName::Kept, _) => RunOutcome::Kept,
        // A run is only reported at its end. One that is not there yet may have left anything.
        _ => RunOutcome::Leaked,
    }
}

fn target(state: &State, binding: usize) -> Option<TargetReport> {
    let target = state.target(binding)?;
    let seen = state.target_observation(binding).map(|seen| seen.state.as_str());
    let word = if state.is_registered(binding) {
        seen.unwrap_or("registered")
    } else if state.is_deregistered(binding) {
        "deregistered"
    } else {
        return None;
    };
    Some(TargetReport {
        target_group: state.spec().bindings().get(binding)?.target_group.to_string(),
        id: target.id.clone(),
        port: target.port,
        state: word.to_owned(),
    })
}
