//! The flight record: all evidence of one call of a command, as a document. AWS forgets a stopped task after an hour; this
//! does not.

use serde::{Deserialize, Serialize};

use super::Diagnosis;
use super::evidence::Evidence;
use super::rank::diagnose;
use crate::time::Timestamp;

/// The version of the record's form. It moves when a reader of the old form would misread the new one.
pub const RECORD_VERSION: u32 = 1;

/// All evidence of one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlightRecord {
    /// The version of this form: 1.
    pub version: u32,
    /// The program's version.
    pub program: String,
    /// The command: `up`, `diagnose`, …
    pub command: String,
    /// When it was written.
    pub at: Timestamp,
    /// What was looked at.
    pub subjects: Vec<Subject>,
}

/// What a diagnosis is about, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The service's name, or the task's ARN.
    pub name: String,
    /// What is known.
    pub evidence: Evidence,
    /// What could not be read, and why. A diagnosis does without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

impl Subject {
    /// Why.
    pub fn diagnose(&self) -> Diagnosis {
        diagnose(&self.evidence)
    }
}

impl FlightRecord {
    /// A record of these.
    pub fn new(program: &str, command: &str, at: Timestamp, subjects: Vec<Subject>) -> Self {
        Self {
            version: RECORD_VERSION,
            program: program.to_owned(),
            command: command.to_owned(),
            at,
            subjects,
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`InvalidRecord`] when it is none, or of a form that this program does not know.
    pub fn parse(document: &str) -> Result<Self, InvalidRecord> {
        let value: serde_json::Value = serde_json::from_str(document).map_err(InvalidRecord::NoDocument)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(RECORD_VERSION) => {}
            Some(version) => return Err(InvalidRecord::Version(version)),
            None => return Err(InvalidRecord::NoVersion),
        }
        let record: Self = serde_json::from_value(value).map_err(InvalidRecord::NoDocument)?;
        // Of nothing nobody can say that it is well.
        if record.subjects.is_empty() { Err(InvalidRecord::Empty) } else { Ok(record) }
    }

    /// The document, over several lines.
    pub fn to_document(&self) -> String {
        let document = serde_json::to_string_pretty(self);
        // All its keys are text, and none of its parts can fail to be written.
        document.unwrap_or_default() + "\n"
    }
}

/// Why a document is no flight record.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRecord {
    /// It is no such document.
    #[error("it is no flight record")]
    NoDocument(#[source] serde_json::Error),
    /// It names no version.
    #[error("it is no flight record: it has no version")]
    NoVersion,
    /// It is one, and nothing is in it.
    #[error("it holds nothing: no service, task or ECS service was looked at when it was written")]
    Empty,
    /// It is of another form.
    #[error("its form has version {0}, and this program reads version {RECORD_VERSION}")]
    Version(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_from_its_document() {
        let subject = Subject { name: "web".to_owned(), evidence: Evidence::default(), unread: Vec::new() };
        let record = FlightRecord::new("0.1.0", "up", Timestamp::from_millis(1), vec![subject]);
        assert_eq!(FlightRecord::parse(&record.to_document()).unwrap(), record);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for (document, expected) in [
            ("{", "it is no flight record"),
            ("[1]", "it is no flight record: it has no version"),
            ("{\"version\": 2}", "its form has version 2, and this program reads version 1"),
            ("{\"version\": 1}", "it is no flight record"),
            (
                "{\"version\": 1, \"program\": \"0.1.0\", \"command\": \"up\", \"at\": 1, \"subjects\": []}",
                "it holds nothing: no service, task or ECS service was looked at when it was written",
            ),
        ] {
            assert_eq!(FlightRecord::parse(document).unwrap_err().to_string(), expected, "{document}");
        }
    }
}
