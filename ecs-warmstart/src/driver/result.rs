//! How a run ended, for those who ran just one.

use super::checkpoint::CheckpointError;
use crate::ids::{TargetGroupArn, TaskArn};
use crate::machine::{Cause, Leftover, PhaseName, State};
use crate::observation::Target;

/// A task that is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ready {
    /// The task.
    pub task: TaskArn,
    /// Where it is registered, in the order of the spec's bindings.
    pub targets: Vec<(TargetGroupArn, Target)>,
    /// The state it ended in, with everything that is known of it.
    pub state: State,
}

/// Why a task is not ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It did not get ready, and nothing of it is left.
    #[error("{cause}; everything was undone")]
    Undone {
        /// Why.
        cause: Box<Cause>,
    },
    /// It did not get ready, and was left in place on purpose.
    #[error("{cause}; the task was kept")]
    Kept {
        /// Why.
        cause: Box<Cause>,
        /// What was left in place.
        state: Box<State>,
    },
    /// It did not get ready, and something is left over.
    #[error("{cause}; left over: {}", names(leftovers))]
    Leaked {
        /// Why.
        cause: Box<Cause>,
        /// What has to be looked after by hand.
        leftovers: Vec<Leftover>,
        /// The state it ended in. A task that it had adopted still runs.
        state: Box<State>,
    },
    /// The state could not be saved; the run stands where it was saved last.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

fn names(leftovers: &[Leftover]) -> String {
    let names: Vec<String> = leftovers.iter().map(ToString::to_string).collect();
    names.join("; ")
}

impl Ready {
    /// What a run came to that was driven without a budget.
    pub(super) fn of(state: State) -> Result<Self, Error> {
        let cause = state.cause().cloned().unwrap_or(Cause::Cancelled);
        let cause = Box::new(cause);
        match (state.phase(), state.task().cloned()) {
            (PhaseName::Ready, Some(task)) => {
                let bindings = state.spec().bindings().iter().enumerate();
                let targets = bindings
                    .filter_map(|(binding, its)| {
                        Some((its.target_group.clone(), state.target(binding)?.clone()))
                    })
                    .collect();
                Ok(Self { task, targets, state })
            }
            (PhaseName::Leaked, _) => {
                Err(Error::Leaked { cause, leftovers: state.leftovers().to_vec(), state: Box::new(state) })
            }
            (PhaseName::Kept, _) => Err(Error::Kept { cause, state: Box::new(state) }),
            _ => Err(Error::Undone { cause }),
        }
    }
}
