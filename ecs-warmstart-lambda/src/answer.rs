//! What comes out, and what becomes of a report that is none of success.

use std::fmt;

use ecs_warmstart::fleet::{Report, RunOutcome, Runs, ServiceReport, TaskReport};
use ecs_warmstart::time::Timestamp;
use serde_json::{Value, json};

use crate::failure::{Failure, FailureKind};

/// What comes out of a call that did not fail.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// Not over yet: call again with the state.
    Waiting {
        /// Everything that is known.
        state: Box<Runs>,
        /// When there is something to do again.
        resume_at: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// Over.
    Finished {
        /// What came of it.
        report: Box<Report>,
    },
    /// Not over yet, and handed on through the queue.
    Continued {
        /// When there is something to do again.
        resume_at: Timestamp,
    },
    /// Nothing was to be done.
    Ignored {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Answer {
    /// In a line, for logs: without the state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { resume_at, .. } => write!(f, "waiting until {resume_at}"),
            Self::Finished { report } => {
                let summary = &report.summary;
                write!(f, "finished, {} of {} services", summary.succeeded, summary.services)
            }
            Self::Continued { resume_at } => write!(f, "continued at {resume_at}"),
            Self::Ignored { reason } => write!(f, "ignored: {reason}"),
        }
    }
}

impl Answer {
    /// As JSON.
    ///
    /// # Errors
    ///
    /// Where it cannot be written, which no answer is known to do.
    pub(crate) fn into_value(self) -> Result<Value, serde_json::Error> {
        Ok(match self {
            Self::Waiting { state, resume_at, now } => json!({
                "status": "waiting",
                "state": serde_json::to_value(state)?,
                "resume_at": resume_at.to_string(),
                // What the Wait state of Step Functions takes.
                "resume_in_seconds": resume_at.since(now).as_millis().div_ceil(1000),
            }),
            Self::Finished { report } => {
                json!({ "status": "finished", "report": serde_json::to_value(report)? })
            }
            Self::Continued { resume_at } => {
                json!({ "status": "continued", "resume_at": resume_at.to_string() })
            }
            Self::Ignored { reason } => json!({ "status": "ignored", "reason": reason }),
        })
    }
}

/// The failure that a report comes to, where it is none of success throughout. The kind is that of the worst of its tasks.
pub(crate) fn failure_of(report: &Report) -> Option<Failure> {
    let failed = report.services.iter().filter(|service| !service.outcome.is_success());
    let tasks = failed.flat_map(|service| service.tasks.iter().map(move |task| (service, task)));
    let failed: Vec<_> = tasks.filter(|(_, task)| !task.outcome.is_success()).collect();
    let kind = failed.iter().map(|(_, task)| kind_of(&report.command, task)).max()?;
    let lines: Vec<String> = failed.iter().map(|(service, task)| sentence(service, task)).collect();
    Some(Failure::new(kind, lines.join("\n")))
}

fn kind_of(command: &str, task: &TaskReport) -> FailureKind {
    let code = task.cause.as_ref().map_or("", |cause| cause.code.as_str());
    match task.outcome {
        // What a drain has begun stays begun, and the same again goes on with it.
        RunOutcome::Leaked if command == "down" && code == "cancelled" => FailureKind::OutOfTime,
        RunOutcome::Leaked => FailureKind::Leaked,
        RunOutcome::Kept => FailureKind::Kept,
        RunOutcome::Undone
        | RunOutcome::Refused
        | RunOutcome::Ready
        | RunOutcome::Registered
        | RunOutcome::Drained => match code {
            "last_healthy_target" => FailureKind::Refused,
            "capacity" => FailureKind::Capacity,
            "denied" => FailureKind::Denied,
            "throttled" | "timeout" | "unavailable" | "call_failed" => FailureKind::Unavailable,
            "cancelled" => FailureKind::OutOfTime,
            "invalid" | "not_found" | "conflict" | "misconfigured" | "no_target" | "target_unusable" => {
                FailureKind::Misconfigured
            }
            _ => FailureKind::Undone,
        },
    }
}

fn sentence(service: &ServiceReport, task: &TaskReport) -> String {
    let cause = match &task.cause {
        Some(cause) if cause.code == "cancelled" => {
            "the function's time was over, and the work could not be handed on".to_owned()
        }
        Some(cause) => cause.summary.clone(),
        None => "it is not over yet".to_owned(),
    };
    let end = match task.outcome {
        RunOutcome::Undone => "; nothing of it is left",
        RunOutcome::Kept => "; the task was kept",
        RunOutcome::Refused => "; nothing was done",
        RunOutcome::Leaked => "; left over:",
        RunOutcome::Ready | RunOutcome::Registered | RunOutcome::Drained => "",
    };
    let mut text = format!("{}: {cause}{end}", service.service);
    for leftover in &task.leftovers {
        text.push_str("\n  ");
        text.push_str(leftover);
    }
    text
}
