//! What an invocation fails with: a Lambda error whose type is stable, so that retries, queues and `Catch` can tell one from
//! another.

use std::fmt;

use lambda_runtime::Diagnostic;

/// Why an invocation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// AWS did not answer, or throttled. Nothing is left over.
    Unavailable,
    /// No capacity in the time given. Nothing is left over.
    Capacity,
    /// The function's time was over, and the work could not be handed on.
    OutOfTime,
    /// The task did not get ready, and everything was undone.
    Undone,
    /// The task did not get ready, and was left in place on purpose.
    Kept,
    /// The last healthy target of a group is guarded. Nothing was done.
    Refused,
    /// Definition, target group and configuration do not fit, or AWS refuses the request. Nothing is left over.
    Misconfigured,
    /// Not allowed, by this function or by AWS. Nothing is left over.
    Denied,
    /// The event cannot be understood. Nothing was done.
    InvalidEvent,
    /// The function's environment is wrong. Nothing was done.
    InvalidConfiguration,
    /// Something is left over, and the message names it.
    Leaked,
}

impl FailureKind {
    /// Every kind, the one that matters least first.
    pub const ALL: [Self; 11] = [
        Self::Unavailable,
        Self::Capacity,
        Self::OutOfTime,
        Self::Undone,
        Self::Kept,
        Self::Refused,
        Self::Misconfigured,
        Self::Denied,
        Self::InvalidEvent,
        Self::InvalidConfiguration,
        Self::Leaked,
    ];

    /// The `errorType` of the Lambda error. Never changes.
    pub fn error_type(self) -> &'static str {
        match self {
            Self::Unavailable => "WarmStart.Unavailable",
            Self::Capacity => "WarmStart.Capacity",
            Self::OutOfTime => "WarmStart.OutOfTime",
            Self::Undone => "WarmStart.Undone",
            Self::Kept => "WarmStart.Kept",
            Self::Refused => "WarmStart.Refused",
            Self::Misconfigured => "WarmStart.Misconfigured",
            Self::Denied => "WarmStart.Denied",
            Self::InvalidEvent => "WarmStart.InvalidEvent",
            Self::InvalidConfiguration => "WarmStart.InvalidConfiguration",
            Self::Leaked => "WarmStart.Leaked",
        }
    }
}

/// An invocation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    kind: FailureKind,
    message: String,
    attempts: Vec<u32>,
}

impl Failure {
    /// A failure of that kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), attempts: Vec::new() }
    }

    /// The same with where its launches had got to.
    pub(crate) fn after(self, attempts: Vec<u32>) -> Self {
        Self { attempts, ..self }
    }

    /// Where the launches had got to, each as its client tokens count.
    pub(crate) fn attempts(&self) -> &[u32] {
        &self.attempts
    }

    /// An event that cannot be understood.
    pub(crate) fn invalid_event(why: impl fmt::Display) -> Self {
        Self::new(FailureKind::InvalidEvent, format!("the event cannot be understood: {why}"))
    }

    /// What it comes to.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.kind.error_type().to_owned(), error_message: failure.message }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn error_types_are_distinct_and_named_alike() {
        let types: BTreeSet<&str> = FailureKind::ALL.map(FailureKind::error_type).into();
        assert_eq!(types.len(), FailureKind::ALL.len());
        for kind in FailureKind::ALL {
            assert_eq!(kind.error_type(), format!("WarmStart.{kind:?}"));
        }
    }
}
