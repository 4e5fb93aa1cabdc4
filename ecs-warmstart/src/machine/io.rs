//! What goes into the machine and what comes out of it.

use super::{Operation, State};
use crate::error::Failure;
use crate::ids::ClientToken;
use crate::observation::{TargetObservation, TaskObservation};
use crate::time::Timestamp;

/// What happened since the last step. Whatever does not fit the phase changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Time has passed, or the run is taken up again.
    Tick,
    /// End, and take back what was done.
    Cancel,
    /// End at once, and name what was done.
    Abandon,
    /// The launch was answered with a task.
    Launched(TaskObservation),
    /// Tasks of this service that run and that no other run holds.
    Found(Vec<TaskObservation>),
    /// What runs where an address of this run may have gone.
    Running(Vec<TaskObservation>),
    /// The task that the run took up last is held by another run of the same fleet.
    Taken,
    /// A look at the task.
    Task(TaskObservation),
    /// A change of the task that was pushed: ordered by its version, and without health.
    TaskEvent(TaskObservation),
    /// The registration was answered.
    Registered,
    /// A look at the target of a binding.
    Target {
        /// Which binding, by its place in the spec.
        binding: usize,
        /// What was seen.
        observation: TargetObservation,
    },
    /// The deregistration was answered.
    Deregistered,
    /// `StopTask` was answered.
    StopAccepted,
    /// There is no time to wait for requests under way: the task of an undo is stopped at once.
    TimeIsUp,
    /// The launch that was asked for was not made, and nothing of it was sent. It is asked for again, elsewhere where there is
    /// no capacity any more.
    NotMade,
    /// The effect that was asked for failed.
    Failed(Failure),
}

/// One call to the cloud. Each may be performed twice without harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Launch [`State::request`] with this token. Answered by [`Input::Launched`].
    Launch {
        /// The token of this attempt.
        token: ClientToken,
    },
    /// Look for tasks of this service that run. Answered by [`Input::Found`].
    FindTask,
    /// Look at everything that runs in the cluster, and in [those](crate::spec::Spec::neighbours) to whose tasks an address of
    /// this run may have been given. Answered by [`Input::Running`].
    FindRunning,
    /// Look at [`State::task`]. Answered by [`Input::Task`].
    ObserveTask,
    /// Look at the target of a binding, [`State::target`]. Answered by [`Input::Target`].
    ObserveTarget {
        /// Which binding.
        binding: usize,
    },
    /// Register the target of a binding. Answered by [`Input::Registered`].
    Register {
        /// Which binding.
        binding: usize,
    },
    /// Deregister the target of a binding. Answered by [`Input::Deregistered`].
    Deregister {
        /// Which binding.
        binding: usize,
    },
    /// Stop [`State::task`]. Answered by [`Input::StopAccepted`].
    StopTask,
}

impl Effect {
    /// The call it makes.
    pub fn operation(&self) -> Operation {
        match self {
            Self::Launch { .. } => Operation::RunTask,
            Self::FindTask | Self::FindRunning => Operation::ListTasks,
            Self::ObserveTask => Operation::DescribeTasks,
            Self::ObserveTarget { .. } => Operation::DescribeTargetHealth,
            Self::Register { .. } => Operation::RegisterTargets,
            Self::Deregister { .. } => Operation::DeregisterTargets,
            Self::StopTask => Operation::StopTask,
        }
    }
}

/// What the machine wants: exactly one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Save the state, then perform this and put in its answer.
    Perform(Effect),
    /// Put in [`Input::Tick`] then; earlier does no harm.
    WakeAt(Timestamp),
    /// The run is over.
    Finished,
}

/// The outcome of one step.
#[derive(Debug)]
#[must_use = "the state is lost with it"]
pub struct Step {
    /// The state from now on.
    pub state: State,
    /// What to do next.
    pub next: Next,
}
