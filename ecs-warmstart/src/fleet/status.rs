//! `status`: what runs and what serves, read and nothing changed.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{CauseReport, Outcome, REPORT_VERSION, Summary, TargetReport};
use super::verified::FindingReport;
use crate::time::millis;

/// What runs and what serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReport {
    /// The version of this form: 1.
    pub version: u32,
    /// The command: `status`.
    pub command: String,
    /// Whether all services are ready, some, or none.
    pub outcome: Outcome,
    /// How long the looking took, in milliseconds.
    pub elapsed_ms: u64,
    /// Each service, in the order of the configuration.
    pub services: Vec<ServiceStatus>,
    /// The numbers; `succeeded` counts the services that are ready.
    pub summary: Summary,
}

impl StatusReport {
    /// A report on these services.
    pub fn new(elapsed: Duration, services: Vec<ServiceStatus>) -> Self {
        let succeeded = services.iter().filter(|service| service.verdict == Verdict::Ready).count();
        let summary =
            Summary { services: services.len(), succeeded, failed: services.len().saturating_sub(succeeded) };
        Self {
            version: REPORT_VERSION,
            command: "status".to_owned(),
            outcome: summary.outcome(),
            elapsed_ms: millis(elapsed),
            services,
            summary,
        }
    }
}

/// One service as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceStatus {
    /// Its name.
    pub service: String,
    /// Its cluster's name.
    pub cluster: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// How many tasks it should have.
    pub desired: u32,
    /// How many of its tasks are RUNNING.
    pub running: u32,
    /// How many of its tasks are on their way to RUNNING.
    pub starting: u32,
    /// How many targets of its tasks are healthy.
    pub healthy: u32,
    /// How many are not: missing, initial, unhealthy, draining.
    pub unhealthy: u32,
    /// The container ports of its bindings.
    pub ports: Vec<u16>,
    /// Its tasks.
    pub tasks: Vec<TaskStanding>,
    /// What is not as it should be in its target groups, and what to do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingReport>,
    /// Why it could not be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseReport>,
}

/// One task as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskStanding {
    /// Its ARN.
    pub task: String,
    /// ECS's status: `RUNNING`, ...
    pub status: String,
    /// Its targets, one for each binding whose address is known.
    pub targets: Vec<TargetReport>,
}

/// What a service comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As many tasks as it should have are RUNNING, and healthy in every binding.
    Ready,
    /// Tasks are on their way, or wait for their first health check.
    Starting,
    /// Some tasks serve, but fewer than should.
    Degraded,
    /// Tasks run, and none of them serves.
    Unhealthy,
    /// No task runs.
    Stopped,
    /// It could not be looked at.
    Unknown,
}

impl Verdict {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }
}
