//! What a command ends with, as data: the document of `--output json`. Its schema is checked in and only grows.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::Confidence;
use crate::diagnose::{self, Evidence, Link};
use crate::machine::{Cause, PhaseName};
use crate::preflight;
use crate::reconcile::Finding;
use crate::time::millis;

/// The version of the report's form. It moves when a reader of the old form would misread the new one.
pub const REPORT_VERSION: u32 = 1;

/// What a command did and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of this form: 1.
    pub version: u32,
    /// The command: `up` or `down`.
    pub command: String,
    /// How it ended as a whole.
    pub outcome: Outcome,
    /// From beginning to end, in milliseconds.
    pub elapsed_ms: u64,
    /// Each service, in the order of the configuration.
    pub services: Vec<ServiceReport>,
    /// The numbers.
    pub summary: Summary,
}

impl Report {
    /// A report on these services.
    pub fn new(command: &str, elapsed: Duration, services: Vec<ServiceReport>) -> Self {
        let succeeded = services.iter().filter(|service| service.outcome.is_success()).count();
        let summary = Summary::new(services.len(), succeeded);
        Self {
            version: REPORT_VERSION,
            command: command.to_owned(),
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

/// How a command ended as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every service is as it should be.
    Succeeded,
    /// Some are.
    Partial,
    /// None is.
    Failed,
}

/// The numbers of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// How many services.
    pub services: usize,
    /// How many of them are as they should be.
    pub succeeded: usize,
    /// How many are not.
    pub failed: usize,
}

impl Summary {
    pub(super) fn new(services: usize, succeeded: usize) -> Self {
        Self { services, succeeded, failed: services.saturating_sub(succeeded) }
    }

    pub(super) fn outcome(&self) -> Outcome {
        match (self.succeeded, self.failed) {
            (_, 0) => Outcome::Succeeded,
            (0, _) => Outcome::Failed,
            _ => Outcome::Partial,
        }
    }
}

/// What came of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceReport {
    /// Its name.
    pub service: String,
    /// How it ended: the worst of its tasks.
    pub outcome: RunOutcome,
    /// Its tasks: adopted ones first. A run that never had a task is here too, with its cause.
    pub tasks: Vec<TaskReport>,
    /// Why nothing of it was started: what the check before found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseReport>,
    /// What the check before the launch found, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<preflight::Finding>,
    /// What a person should know although it went on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// How a run, or a service, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Every target is healthy.
    Ready,
    /// Every target is registered; health was not waited for.
    Registered,
    /// It is out of its target groups, and STOPPED where it ran.
    Drained,
    /// It did not get ready, and nothing of it is left.
    Undone,
    /// It did not get ready, and was left in place: it was adopted, or the configuration says so.
    Kept,
    /// Nothing was done, for the cause that is named.
    Refused,
    /// Something is left over, by name.
    Leaked,
}

impl RunOutcome {
    /// Whether this is what was asked for.
    pub fn is_success(self) -> bool {
        match self {
            Self::Ready | Self::Registered | Self::Drained => true,
            Self::Undone | Self::Kept | Self::Refused | Self::Leaked => false,
        }
    }

    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Registered => "registered",
            Self::Drained => "drained",
            Self::Undone => "undone",
            Self::Kept => "kept",
            Self::Refused => "refused",
            Self::Leaked => "leaked",
        }
    }
}

/// What came of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskReport {
    /// Its ARN; absent where none was launched.
    pub task: Option<String>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Whether it ran before and was taken over.
    pub adopted: bool,
    /// What it is registered as: an address or an instance id.
    pub id: Option<String>,
    /// Its targets, one for each binding that was reached.
    pub targets: Vec<TargetReport>,
    /// Why it is not ready.
    pub cause: Option<CauseReport>,
    /// How long it stood in each phase, in the order of the phases.
    pub phases: Vec<PhaseReport>,
    /// What is left over of it and has to be looked after by hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leftovers: Vec<String>,
    /// What the run itself saw of what went wrong. A diagnosis begins with it; it is no part of the document.
    #[serde(skip)]
    pub evidence: Option<Box<Evidence>>,
}

/// One target of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetReport {
    /// The target group's ARN.
    pub target_group: String,
    /// An address or an instance id.
    pub id: String,
    /// The port that gets the traffic.
    pub port: u16,
    /// Its health as last seen: `initial`, `healthy`, ...; `deregistered` after an undo; `registered` where it was not
    /// looked at.
    pub state: String,
}

/// Why something is not ready: the root cause, and what followed from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CauseReport {
    /// Stable, for programs: `image_platform_mismatch`, `out_of_memory`, ...
    pub code: String,
    /// One sentence, for people.
    pub summary: String,
    /// What it rests on, in the cloud's own words.
    pub evidence: Vec<String>,
    /// What to do: a command or a setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Whether the same start may succeed later with nothing changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transient: Option<bool>,
    /// How sure it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<Confidence>,
    /// What followed from it, from the task outwards: `task_failed_to_start`, `task_stopped`, ...
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<LinkReport>,
}

/// What followed from a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkReport {
    /// Stable, for programs.
    pub code: String,
    /// One sentence, for people.
    pub summary: String,
}

impl CauseReport {
    /// A finding as the cause.
    pub(super) fn of_finding(finding: &Finding) -> Self {
        Self { code: finding.code().to_owned(), summary: finding.to_string(), ..Self::default() }
    }
}

impl From<&preflight::Finding> for CauseReport {
    fn from(finding: &preflight::Finding) -> Self {
        Self {
            code: finding.code.as_str().to_owned(),
            summary: finding.summary.clone(),
            remedy: Some(finding.remedy.clone()),
            transient: Some(false),
            ..Self::default()
        }
    }
}

impl From<&diagnose::Finding> for CauseReport {
    fn from(finding: &diagnose::Finding) -> Self {
        let link =
            |link: &Link| LinkReport { code: link.code.as_str().to_owned(), summary: link.summary.clone() };
        Self {
            code: finding.code.as_str().to_owned(),
            summary: finding.summary.clone(),
            evidence: finding.evidence.clone(),
            remedy: Some(finding.remedy.clone()),
            transient: Some(finding.transient),
            confidence: Some(finding.confidence),
            chain: finding.chain.iter().map(link).collect(),
        }
    }
}

impl From<&Cause> for CauseReport {
    /// What the cause says by itself; where there is more evidence, a diagnosis of all of it says more.
    fn from(cause: &Cause) -> Self {
        let evidence = Evidence { cause: Some(cause.clone()), ..Evidence::default() };
        diagnose::diagnose(&evidence).root().into()
    }
}

/// How long a task stood in a phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseReport {
    /// The phase: `launching`, `awaiting_running`, ...
    pub phase: PhaseName,
    /// Milliseconds, over all attempts.
    pub ms: u64,
}
