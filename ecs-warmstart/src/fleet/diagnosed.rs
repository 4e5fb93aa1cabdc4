//! The document of `diagnose --output json`. Its schema is checked in and only grows.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{CauseReport, Outcome, REPORT_VERSION, Summary};
use crate::diagnose::{Subject, printable};
use crate::time::millis;

/// Why services, tasks or ECS services are not as they should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiagnosisReport {
    /// The version of this form: 1.
    pub version: u32,
    /// The command: `diagnose`.
    pub command: String,
    /// Whether all are well, some, or none.
    pub outcome: Outcome,
    /// How long the looking took, in milliseconds.
    pub elapsed_ms: u64,
    /// What was looked at, in the order of the question.
    pub subjects: Vec<SubjectReport>,
    /// The numbers; `services` counts what was looked at, `succeeded` what is well.
    pub summary: Summary,
}

/// What is wrong with one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SubjectReport {
    /// The service's name, or the task's ARN.
    pub name: String,
    /// Whether nothing is wrong as far as can be seen.
    pub well: bool,
    /// The root cause.
    pub root: CauseReport,
    /// What else stands out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<CauseReport>,
    /// What could not be read, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

impl DiagnosisReport {
    /// Diagnoses these.
    pub fn new(elapsed: Duration, subjects: &[Subject]) -> Self {
        let subjects: Vec<SubjectReport> = subjects.iter().map(SubjectReport::from).collect();
        let well = subjects.iter().filter(|subject| subject.well).count();
        let summary = Summary::new(subjects.len(), well);
        Self {
            version: REPORT_VERSION,
            command: "diagnose".to_owned(),
            outcome: summary.outcome(),
            elapsed_ms: millis(elapsed),
            subjects,
            summary,
        }
    }
}

impl From<&Subject> for SubjectReport {
    fn from(subject: &Subject) -> Self {
        let diagnosis = subject.diagnose();
        Self {
            name: printable(&subject.name),
            well: diagnosis.is_fine(),
            root: diagnosis.root().into(),
            others: diagnosis.others().iter().map(Into::into).collect(),
            unread: subject.unread.iter().map(|unread| printable(unread)).collect(),
        }
    }
}
