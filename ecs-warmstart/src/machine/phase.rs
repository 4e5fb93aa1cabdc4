//! The names of the phases, as events and reports have them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a run stands, without the particulars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseName {
    /// It asks ECS for its task.
    Launching,
    /// It waits until the task is RUNNING with an address.
    AwaitingRunning,
    /// It waits until the containers with a health check are HEALTHY.
    AwaitingGate,
    /// It puts the task into its target groups.
    Registering,
    /// It waits until every target is healthy.
    AwaitingHealthy,
    /// It finds out what became of a launch without an answer.
    UndoLaunch,
    /// It takes out the targets it registered.
    UndoRegister,
    /// It stops the task it launched.
    UndoTask,
    /// It takes targets out of their groups.
    Deregistering,
    /// It waits until requests under way have ended.
    Draining,
    /// It stops the task.
    Stopping,
    /// It waits until the task is STOPPED.
    AwaitingStopped,
    /// Ended: registered and, where that was waited for, healthy.
    Ready,
    /// Ended: not ready, and nothing of it is left.
    Undone,
    /// Ended: not ready, and left in place on purpose.
    Kept,
    /// Ended: not ready, and something is left over, by name.
    Leaked,
    /// Ended: out of its groups, and the task STOPPED.
    Drained,
    /// Ended: not drained, and what is left is named.
    Halted,
}

impl PhaseName {
    /// Every phase, of starts and of drains, in the order in which one can come through them.
    pub const ALL: [Self; 18] = [
        Self::Launching,
        Self::AwaitingRunning,
        Self::AwaitingGate,
        Self::Registering,
        Self::AwaitingHealthy,
        Self::UndoLaunch,
        Self::UndoRegister,
        Self::UndoTask,
        Self::Deregistering,
        Self::Draining,
        Self::Stopping,
        Self::AwaitingStopped,
        Self::Ready,
        Self::Undone,
        Self::Kept,
        Self::Leaked,
        Self::Drained,
        Self::Halted,
    ];

    /// The word in events and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Launching => "launching",
            Self::AwaitingRunning => "awaiting_running",
            Self::AwaitingGate => "awaiting_gate",
            Self::Registering => "registering",
            Self::AwaitingHealthy => "awaiting_healthy",
            Self::UndoLaunch => "undo_launch",
            Self::UndoRegister => "undo_register",
            Self::UndoTask => "undo_task",
            Self::Ready => "ready",
            Self::Undone => "undone",
            Self::Kept => "kept",
            Self::Leaked => "leaked",
            Self::Deregistering => "deregistering",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::AwaitingStopped => "awaiting_stopped",
            Self::Drained => "drained",
            Self::Halted => "halted",
        }
    }

    /// Whether the run is over.
    pub fn is_final(self) -> bool {
        match self {
            Self::Ready | Self::Undone | Self::Kept | Self::Leaked | Self::Drained | Self::Halted => true,
            Self::Launching
            | Self::AwaitingRunning
            | Self::AwaitingGate
            | Self::Registering
            | Self::AwaitingHealthy
            | Self::UndoLaunch
            | Self::UndoRegister
            | Self::UndoTask
            | Self::Deregistering
            | Self::Draining
            | Self::Stopping
            | Self::AwaitingStopped => false,
        }
    }
}

impl fmt::Display for PhaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
