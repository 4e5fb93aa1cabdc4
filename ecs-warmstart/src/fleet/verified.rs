//! What `verify` and its plan end with, as data.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{CauseReport, Outcome, REPORT_VERSION, Summary, TargetReport};
use super::survey::Surveyed;
use crate::ids::{TargetGroupArn, TaskArn};
use crate::reconcile::{Action, Drift, Item};
use crate::time::millis;

/// What `verify` found and mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyReport {
    /// The version of this form: 1.
    pub version: u32,
    /// The command: `verify`.
    pub command: String,
    /// How it ended as a whole.
    pub outcome: Outcome,
    /// From beginning to end, in milliseconds.
    pub elapsed_ms: u64,
    /// Each service, in the order of the configuration.
    pub services: Vec<ServiceVerified>,
    /// The numbers.
    pub summary: Summary,
}

impl VerifyReport {
    /// A report on these services.
    pub fn new(elapsed: Duration, services: Vec<ServiceVerified>) -> Self {
        let succeeded = services.iter().filter(|service| service.outcome.is_success()).count();
        let summary = Summary::new(services.len(), succeeded);
        Self {
            version: REPORT_VERSION,
            command: "verify".to_owned(),
            outcome: summary.outcome(),
            elapsed_ms: millis(elapsed),
            services,
            summary,
        }
    }

    /// Everything that is left over and has to be looked after by hand, one line each.
    pub fn leftovers(&self) -> impl Iterator<Item = &str> {
        self.services
            .iter()
            .flat_map(|service| &service.tasks)
            .flat_map(|task| &task.leftovers)
            .map(String::as_str)
    }
}

/// What was found of one service, and what was mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceVerified {
    /// Its name.
    pub service: String,
    /// How it stands: as the worst of its tasks.
    pub outcome: VerifyOutcome,
    /// Its tasks that run, the oldest first.
    pub tasks: Vec<TaskVerified>,
    /// What was put in and taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeReport>,
    /// What somebody should know, and what to do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingReport>,
    /// Why it does not serve, where that is not its tasks' to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseReport>,
    /// What a person should know although it went on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How a service or a task stands after `verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerifyOutcome {
    /// Every target was where it should be, and is healthy; nothing was changed.
    AlreadyHealthy,
    /// What was missing is registered and, where that was waited for, healthy.
    Registered,
    /// Stale targets were taken out, and what should be there is there.
    Repaired,
    /// The time was over before every target was healthy.
    TimedOut,
    /// A target fails its health checks, or can never pass them.
    Unhealthy,
    /// Its task has stopped.
    Stopped,
    /// No task runs.
    NoTasks,
    /// It could not be verified, or a task cannot be put where it should be.
    Failed,
}

impl VerifyOutcome {
    /// Whether what should serve does, as far as that was waited for.
    pub fn is_success(self) -> bool {
        match self {
            Self::AlreadyHealthy | Self::Registered | Self::Repaired => true,
            Self::TimedOut | Self::Unhealthy | Self::Stopped | Self::NoTasks | Self::Failed => false,
        }
    }

    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlreadyHealthy => "already_healthy",
            Self::Registered => "registered",
            Self::Repaired => "repaired",
            Self::TimedOut => "timed_out",
            Self::Unhealthy => "unhealthy",
            Self::Stopped => "stopped",
            Self::NoTasks => "no_tasks",
            Self::Failed => "failed",
        }
    }
}

/// How one task stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskVerified {
    /// Its ARN.
    pub task: String,
    /// How it stands.
    pub outcome: VerifyOutcome,
    /// Its targets, as last seen.
    pub targets: Vec<TargetReport>,
    /// Why it does not serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseReport>,
    /// What is left over of it and has to be looked after by hand: the address of a task that stopped while it was verified.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<String>,
}

/// What is to be changed in a group, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeReport {
    /// In or out.
    pub change: ChangeKind,
    /// The target group's ARN.
    pub target_group: String,
    /// An address or an instance id.
    pub id: String,
    /// The port that gets the traffic.
    pub port: u16,
    /// The task it is about.
    pub task: Option<String>,
    /// Why, as a fragment.
    pub why: String,
    /// Whether the change was made: false in a plan, and where the call failed.
    pub made: bool,
}

/// In or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Into the group.
    Register,
    /// Out of it.
    Deregister,
}

impl ChangeReport {
    /// The change that an item of a plan is, if it is one.
    pub(super) fn of(item: &Item, made: bool) -> Option<Self> {
        let (change, why) = match &item.action {
            Action::Register => (ChangeKind::Register, "its task runs and is not registered".to_owned()),
            Action::Deregister(proof) => (ChangeKind::Deregister, proof.to_string()),
            Action::Keep(_) | Action::Report(_) => return None,
        };
        let target = item.target.clone()?;
        Some(Self {
            change,
            target_group: item.target_group.to_string(),
            id: target.id,
            port: target.port,
            task: item.task.as_ref().map(TaskArn::to_string),
            why,
            made,
        })
    }

    /// A registration that was made.
    pub(super) fn registered(group: &TargetGroupArn, target: &TargetReport, task: &str) -> Self {
        Self {
            change: ChangeKind::Register,
            target_group: group.to_string(),
            id: target.id.clone(),
            port: target.port,
            task: Some(task.to_owned()),
            why: "its task runs and was not registered".to_owned(),
            made: true,
        }
    }
}

/// What somebody should know about a target group or its tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingReport {
    /// Stable, for programs: `unknown_target`, `stale_target`, `wrong_port`, ...
    pub code: String,
    /// The target group's ARN, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_group: Option<String>,
    /// The target, where it is about one: an address or an instance id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The task, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// One sentence, for people.
    pub summary: String,
    /// What to do about it.
    pub remedy: String,
}

impl FindingReport {
    /// The finding that an item of a plan is, if it is one.
    fn of(item: &Item) -> Option<Self> {
        let Action::Report(finding) = &item.action else { return None };
        Some(Self {
            code: finding.code().to_owned(),
            target_group: Some(item.target_group.to_string()),
            id: item.target.as_ref().map(|target| target.id.clone()),
            port: item.target.as_ref().map(|target| target.port),
            task: item.task.as_ref().map(TaskArn::to_string),
            summary: finding.to_string(),
            remedy: finding.remedy().to_owned(),
        })
    }

    /// What should be known of a service: what these items of a plan say, and where its tasks run different images.
    pub(super) fn all(surveyed: &Surveyed, items: &[Item]) -> Vec<Self> {
        items.iter().filter_map(Self::of).chain(surveyed.drifts.iter().map(Self::from)).collect()
    }
}

impl From<&Drift> for FindingReport {
    fn from(drift: &Drift) -> Self {
        Self {
            code: Drift::CODE.to_owned(),
            target_group: None,
            id: None,
            port: None,
            task: None,
            summary: drift.to_string(),
            remedy: drift.remedy(),
        }
    }
}

/// What `verify` would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanReport {
    /// The version of this form: 1.
    pub version: u32,
    /// The command: `plan`.
    pub command: String,
    /// How many changes are needed.
    pub changes_needed: usize,
    /// How long the looking took, in milliseconds.
    pub elapsed_ms: u64,
    /// Each service, in the order of the configuration.
    pub services: Vec<ServicePlan>,
}

impl PlanReport {
    /// A plan for these services.
    pub fn new(elapsed: Duration, services: Vec<ServicePlan>) -> Self {
        Self {
            version: REPORT_VERSION,
            command: "plan".to_owned(),
            changes_needed: services.iter().map(|service| service.changes.len()).sum(),
            elapsed_ms: millis(elapsed),
            services,
        }
    }

    /// Whether there is nothing to do, and everything could be looked at to say so.
    pub fn is_nothing_to_do(&self) -> bool {
        self.changes_needed == 0 && self.services.iter().all(|service| service.cause.is_none())
    }
}

/// What `verify` would do for one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServicePlan {
    /// Its name.
    pub service: String,
    /// How many targets are as they should be and are left alone.
    pub kept: usize,
    /// What would be put in and taken out; removals first, so that they make room.
    pub changes: Vec<ChangeReport>,
    /// What somebody should know, and what to do about it.
    pub findings: Vec<FindingReport>,
    /// Why nothing can be said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseReport>,
    /// What a person should know besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}
