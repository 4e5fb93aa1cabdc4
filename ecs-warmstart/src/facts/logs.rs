//! Log groups and their ends.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Which end of which log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LogQuery {
    /// The log group.
    pub group: String,
    /// The stream: see [`LogConfiguration::stream`](super::LogConfiguration::stream).
    pub stream: String,
    /// How many lines from its end, at most. AWS: 1 to 10,000 in one answer.
    pub lines: u32,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was written.
    pub at: Timestamp,
    /// What stands in it.
    pub message: String,
}
