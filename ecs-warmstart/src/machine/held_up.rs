//! Time that a call waited on this side before it was made counts for no deadline.

use std::time::Duration;

use super::state::{Phase, Run};
use super::{Drain, State};
use crate::time::Timestamp;

impl State {
    /// Gives back the time that the last call waited for its turn: a limiter of the caller's own calls must not use up what
    /// the task was given. Deadlines move by as much; so does the patience of an undo.
    #[must_use]
    pub fn held_up(mut self, waited: Duration) -> Self {
        self.give_back(waited);
        self
    }

    pub(crate) fn give_back(&mut self, waited: Duration) {
        if !waited.is_zero() {
            held_up(&mut self.run, waited);
        }
    }
}

impl Drain {
    /// Gives back the time that the last call waited for its turn, as [`State::held_up`] does: the patience with failing
    /// calls and with a task that stops moves by as much.
    #[must_use]
    pub fn held_up(mut self, waited: Duration) -> Self {
        self.give_back(waited);
        self
    }

    pub(crate) fn give_back(&mut self, waited: Duration) {
        self.run.held_up(waited);
    }
}

fn held_up(run: &mut Run, waited: Duration) {
    match &mut run.phase {
        Phase::Launching { .. } | Phase::AwaitingRunning => move_by(&mut run.running_since, waited),
        Phase::AwaitingGate | Phase::Registering { .. } | Phase::AwaitingHealthy => {
            if let Some(since) = &mut run.healthy_since {
                move_by(since, waited);
            }
            // What was healthy when it was looked at is as fresh as its successor can be had.
            for place in run.places.iter_mut().filter(|place| place.is_healthy()) {
                move_by(&mut place.look_at, waited);
            }
        }
        Phase::UndoLaunch { undo, .. } | Phase::UndoRegister { undo } | Phase::UndoTask { undo } => {
            move_by(&mut undo.part_since, waited);
        }
        Phase::Ready | Phase::Undone { .. } | Phase::Kept { .. } | Phase::Leaked { .. } => {}
    }
}

fn move_by(at: &mut Timestamp, waited: Duration) {
    *at = *at + waited;
}
