//! Tells observers what changed from one state to the next.

use std::sync::Arc;

use super::event::{Event, EventKind, Observer};
use crate::error::Failure;
use crate::machine::{Operation, PhaseName, State};
use crate::observation::{TargetState, TaskStatus};
use crate::time::Timestamp;

/// What was told last.
#[derive(Debug)]
pub(super) struct Narrator<'a> {
    observers: &'a [Arc<dyn Observer>],
    phase: PhaseName,
    attempt: u32,
    status: Option<TaskStatus>,
    targets: Vec<Option<TargetState>>,
}

impl<'a> Narrator<'a> {
    pub(super) fn begin(observers: &'a [Arc<dyn Observer>], state: &State, now: Timestamp) -> Self {
        let narrator = Self {
            observers,
            phase: state.phase(),
            attempt: state.attempt(),
            status: None,
            targets: vec![None; state.spec().bindings().len()],
        };
        narrator.tell(state, now, EventKind::Started { phase: state.phase() });
        narrator
    }

    /// Tells what changed.
    pub(super) fn follow(&mut self, state: &State, now: Timestamp) {
        let (phase, attempt) = (state.phase(), state.attempt());
        if (phase, attempt) != (self.phase, self.attempt) {
            let from = std::mem::replace(&mut self.phase, phase);
            self.attempt = attempt;
            self.tell(state, now, EventKind::Entered { from, to: phase, because: state.because() });
        }
        let status = state.observation().map(|seen| seen.status);
        if status != self.status {
            self.status = status;
            if let Some(status) = status {
                self.tell(state, now, EventKind::Observed { phase, what: format!("the task is {status}") });
            }
        }
        for binding in 0..self.targets.len() {
            self.follow_target(state, binding, now);
        }
    }

    fn follow_target(&mut self, state: &State, binding: usize, now: Timestamp) {
        let seen = state.target_observation(binding);
        let target_state = seen.map(|seen| seen.state);
        if target_state == self.targets[binding] {
            return;
        }
        self.targets[binding] = target_state;
        if let (Some(seen), Some(target)) = (seen, state.target(binding)) {
            let group = state.spec().bindings()[binding].target_group.name();
            let what = format!("target {target} in {group} is {seen}");
            self.tell(state, now, EventKind::Observed { phase: state.phase(), what });
        }
    }

    pub(super) fn retrying(
        &self,
        state: &State,
        now: Timestamp,
        call: Operation,
        failure: Failure,
        next_at: Timestamp,
    ) {
        self.tell(state, now, EventKind::Retrying { call, failure, next_at });
    }

    fn tell(&self, state: &State, at: Timestamp, kind: EventKind) {
        let spec = state.spec();
        let event = Event {
            at,
            service: spec.service().clone(),
            run: spec.run().clone(),
            task: state.task().cloned(),
            kind,
        };
        for observer in self.observers {
            observer.event(&event);
        }
    }
}
