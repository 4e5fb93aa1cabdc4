//! `check`: what is wrong before anything is launched, as data.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{CauseReport, Outcome, REPORT_VERSION, Summary};
use crate::preflight::{Finding, Severity};
use crate::time::millis;

/// What is wrong before anything is launched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// The version of this form: 1.
    pub version: u32,
    /// The command: `check`.
    pub command: String,
    /// Whether all services are without an error, some, or none.
    pub outcome: Outcome,
    /// How long the looking took, in milliseconds.
    pub elapsed_ms: u64,
    /// Each service, in the order of the configuration.
    pub services: Vec<ServiceCheck>,
    /// The numbers; `succeeded` counts the services without an error.
    pub summary: Summary,
}

impl CheckReport {
    /// A report on these services.
    pub fn new(elapsed: Duration, services: Vec<ServiceCheck>) -> Self {
        let succeeded = services.iter().filter(|service| service.passes()).count();
        let summary = Summary::new(services.len(), succeeded);
        Self {
            version: REPORT_VERSION,
            command: "check".to_owned(),
            outcome: summary.outcome(),
            elapsed_ms: millis(elapsed),
            services,
            summary,
        }
    }

    /// How many findings of that severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.services.iter().map(|service| service.count(severity)).sum()
    }
}

/// What is wrong with a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceCheck {
    /// Its name.
    pub service: String,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// Why it could not be checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseReport>,
}

impl ServiceCheck {
    /// Whether it was checked, and has no error.
    pub fn passes(&self) -> bool {
        self.cause.is_none() && self.count(Severity::Error) == 0
    }

    /// How many findings of that severity it has.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}
