//! Errors by remedy: the kind says what to do, the text says what happened.

use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalogue::read_placement;
use crate::ids::TaskArn;

/// What a failed call asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// ECS answered that nothing could be placed (`failures[]`): later, elsewhere, and with a new token.
    Capacity,
    /// Not allowed, or no valid credentials: no retry helps.
    Denied,
    /// The request is wrong: no retry helps.
    Invalid,
    /// What the request names does not exist.
    NotFound,
    /// The token was used with another request; the failure names the tasks it started.
    Conflict,
    /// Too many calls: the same again, later. It took no effect.
    Throttled,
    /// No answer in time: it may have taken effect.
    Timeout,
    /// The other side failed, or the connection broke: it may have taken effect.
    Unavailable,
    /// Not understood: it may have taken effect.
    Other,
}

impl ErrorKind {
    /// Whether the same call may succeed later.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Capacity | Self::Throttled | Self::Timeout | Self::Unavailable | Self::Other => true,
            Self::Denied | Self::Invalid | Self::NotFound | Self::Conflict => false,
        }
    }

    /// Whether the call may have taken effect although it failed.
    pub fn is_ambiguous(self) -> bool {
        match self {
            Self::Timeout | Self::Unavailable | Self::Other => true,
            Self::Capacity
            | Self::Denied
            | Self::Invalid
            | Self::NotFound
            | Self::Conflict
            | Self::Throttled => false,
        }
    }

    /// What a reason in `failures[]` of `RunTask` asks for.
    ///
    /// AWS documents the reasons that no waiting mends, and they are few (the catalogue has them); what has to do with capacity grows new words. So
    /// an unknown reason counts as capacity: it is tried again, by a new token and after a look for tasks, until the time
    /// given is over, and then reported in ECS's words. To give up at once on a passing shortage would be the worse
    /// mistake.
    pub(crate) fn of_failed_placement(reason: &str) -> Self {
        let permanent = read_placement(reason).is_some_and(|said| !said.code.is_transient());
        if permanent { Self::Invalid } else { Self::Capacity }
    }

    /// The kind in one word, as in state and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failed call as data: what a state can keep and a report can print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What to do about it.
    pub kind: ErrorKind,
    /// AWS's own code (`ThrottlingException`, `TargetGroupNotFound`), where there is one.
    pub code: Option<String>,
    /// What happened, in one sentence.
    pub message: String,
    /// The tasks that a [`Conflict`](ErrorKind::Conflict) names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskArn>,
}

impl Failure {
    /// A failure of that kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into(), tasks: Vec::new() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{code}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// The error of every port: a [`Failure`], and what caused it.
#[derive(Debug)]
pub struct PortError {
    failure: Failure,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl PortError {
    /// An error of that kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Failure::new(kind, message).into()
    }

    /// Adds AWS's own code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.failure.code = Some(code.into());
        self
    }

    /// Adds the tasks that a conflict names.
    #[must_use]
    pub fn with_tasks(mut self, tasks: Vec<TaskArn>) -> Self {
        self.failure.tasks = tasks;
        self
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What to do about it.
    pub fn kind(&self) -> ErrorKind {
        self.failure.kind
    }

    /// The error as data.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// The error as data, without what caused it.
    pub fn into_failure(self) -> Failure {
        self.failure
    }
}

impl From<Failure> for PortError {
    fn from(failure: Failure) -> Self {
        Self { failure, source: None }
    }
}

impl fmt::Display for PortError {
    /// Without the source: whoever prints chains walks [`source`](StdError::source).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.failure.fmt(f)
    }
}

impl StdError for PortError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_leaves_the_source_to_source() {
        let error = PortError::new(ErrorKind::Timeout, "no answer in 5 s")
            .with_code("Timeout")
            .with_source(std::io::Error::other("broken pipe"));
        assert_eq!(error.to_string(), "Timeout: no answer in 5 s");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("broken pipe"));
    }

    #[test]
    fn only_what_no_waiting_mends_is_invalid() {
        for reason in [
            "AGENT",
            "RESOURCE:CPU",
            "RESOURCE:MEMORY",
            "RESOURCE:ENI",
            "RESOURCE:PORTS",
            "RESOURCE:GPU",
            "RESOURCE:FARGATE",
            "Capacity is unavailable at this time. Please try again later or in a different availability zone",
            "SOMETHING:NEW",
            "",
        ] {
            assert_eq!(ErrorKind::of_failed_placement(reason), ErrorKind::Capacity, "{reason}");
        }
        for reason in ["ATTRIBUTE", "LOCATION", "MISSING", "INACTIVE", "TaskDefinition is inactive"] {
            assert_eq!(ErrorKind::of_failed_placement(reason), ErrorKind::Invalid, "{reason}");
        }
    }
}
