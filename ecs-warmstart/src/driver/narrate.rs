//! Tells observers what changed from one state to the next.

use std::sync::Arc;

use super::event::{Event, EventKind, Observer};
use super::story::Story;
use crate::error::Failure;
use crate::machine::{Operation, PhaseName};
use crate::observation::{TargetState, TaskStatus};
use crate::time::Timestamp;

/// What was told last.
#[derive(Debug)]
pub(super) struct Narrator<'a> {
    observers: &'a [Arc<dyn Observer>],
    phase: PhaseName,
    attempt: u32,
    pool: usize,
    status: Option<TaskStatus>,
    targets: Vec<Option<TargetState>>,
}

impl<'a> Narrator<'a> {
    pub(super) fn begin(observers: &'a [Arc<dyn Observer>], story: &impl Story, now: Timestamp) -> Self {
        let narrator = Self {
            observers,
            phase: story.phase(),
            attempt: story.attempt(),
            pool: story.pool(),
            status: None,
            targets: vec![None; story.places()],
        };
        narrator.tell(story, now, EventKind::Started { phase: story.phase() });
        narrator
    }

    /// Tells what changed.
    pub(super) fn follow(&mut self, story: &impl Story, now: Timestamp) {
        if story.pool() != self.pool {
            let from = std::mem::replace(&mut self.pool, story.pool());
            if let Some((from, to, because)) = story.switched_from(from) {
                self.tell(story, now, EventKind::Switched { from, to, because });
            }
        }
        let (phase, attempt) = (story.phase(), story.attempt());
        if (phase, attempt) != (self.phase, self.attempt) {
            let from = std::mem::replace(&mut self.phase, phase);
            self.attempt = attempt;
            self.tell(story, now, EventKind::Entered { from, to: phase, because: story.because() });
        }
        let status = story.observation().map(|seen| seen.status);
        if status != self.status {
            self.status = status;
            if let Some(status) = status {
                self.tell(story, now, EventKind::Observed { phase, what: format!("the task is {status}") });
            }
        }
        for place in 0..self.targets.len() {
            self.follow_target(story, place, now);
        }
    }

    fn follow_target(&mut self, story: &impl Story, place: usize, now: Timestamp) {
        let seen = story.target_observation(place);
        let state = seen.map(|seen| seen.state);
        if state == self.targets[place] {
            return;
        }
        self.targets[place] = state;
        if let (Some(seen), Some((group, target))) = (seen, story.place(place)) {
            let what = format!("target {target} in {} is {seen}", group.name());
            self.tell(story, now, EventKind::Observed { phase: story.phase(), what });
        }
    }

    pub(super) fn retrying(
        &self,
        story: &impl Story,
        now: Timestamp,
        call: Operation,
        failure: Failure,
        next_at: Timestamp,
    ) {
        self.tell(story, now, EventKind::Retrying { call, failure, next_at });
    }

    fn tell(&self, story: &impl Story, at: Timestamp, kind: EventKind) {
        let event = Event {
            at,
            service: story.service().clone(),
            run: story.run().clone(),
            task: story.task().cloned(),
            kind,
        };
        for observer in self.observers {
            observer.event(&event);
        }
    }
}
