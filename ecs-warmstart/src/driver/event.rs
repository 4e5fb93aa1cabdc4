//! What happens while runs are driven, as one stream: the terminal, JSON lines, tracing and reports all read it.

use std::fmt::Debug;
use std::sync::Arc;

use serde::Serialize;

use crate::error::Failure;
use crate::ids::{RunId, ServiceName, TaskArn};
use crate::machine::{Operation, PhaseName};
use crate::time::Timestamp;

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// When, in milliseconds since the Unix epoch.
    pub at: Timestamp,
    /// The service it is about.
    pub service: ServiceName,
    /// The run it is about.
    pub run: RunId,
    /// The run's task, as soon as there is one.
    pub task: Option<TaskArn>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The run began to be driven, or was taken up again.
    Started {
        /// Where it stands.
        phase: PhaseName,
    },
    /// The run went on to another phase; the same phase when an attempt begins anew.
    Entered {
        /// From where.
        from: PhaseName,
        /// To where.
        to: PhaseName,
        /// Why, as a fragment: "the task is RUNNING at 10.0.1.5".
        because: String,
    },
    /// Something changed within a phase.
    Observed {
        /// In which phase.
        phase: PhaseName,
        /// What, as a fragment: "the task is PENDING".
        what: String,
    },
    /// The launch goes to another place, since there is no capacity where it would have gone.
    Switched {
        /// From where: "FARGATE_SPOT in subnet-a".
        from: String,
        /// To where.
        to: String,
        /// Why, as a fragment: what AWS said there.
        because: String,
    },
    /// A call failed and will be repeated.
    Retrying {
        /// Which call.
        call: Operation,
        /// How it failed.
        failure: Failure,
        /// When it is repeated, in milliseconds since the Unix epoch.
        next_at: Timestamp,
    },
    /// Something a person should know, although the run goes on.
    Warning {
        /// What, in one sentence.
        message: String,
    },
}

/// Listens to events. Called in their order, on the task that drives the run: return soon.
pub trait Observer: Debug + Send + Sync + 'static {
    /// Takes note of an event.
    fn event(&self, event: &Event);
}

impl<T: Observer + ?Sized> Observer for Arc<T> {
    fn event(&self, event: &Event) {
        (**self).event(event);
    }
}

/// Writes events as `tracing` events: warnings and retries at WARN, phases at INFO.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingObserver;

impl Observer for TracingObserver {
    fn event(&self, event: &Event) {
        let (service, run) = (event.service.as_str(), event.run.as_str());
        let task = event.task.as_ref().map(TaskArn::as_str);
        match &event.kind {
            EventKind::Started { phase } => tracing::info!(service, run, task, %phase, "run started"),
            EventKind::Entered { from, to, because } => {
                tracing::info!(service, run, task, %from, %to, because, "phase entered");
            }
            EventKind::Observed { phase, what } => {
                tracing::debug!(service, run, task, %phase, what, "observed")
            }
            EventKind::Switched { from, to, because } => {
                tracing::warn!(service, run, task, from, to, because, "launch goes elsewhere");
            }
            EventKind::Retrying { call, failure, next_at } => {
                tracing::warn!(service, run, task, %call, kind = %failure.kind, %failure, %next_at, "retrying");
            }
            EventKind::Warning { message } => tracing::warn!(service, run, task, message, "warning"),
        }
    }
}
