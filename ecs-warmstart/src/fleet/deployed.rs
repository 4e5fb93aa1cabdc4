//! The document of `deploy --output json`. Its schema is checked in and only grows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::CauseReport;
use super::status::TaskStanding;

/// What became of a deployment of an ECS service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeployReport {
    /// The version of this form: 1.
    pub version: u32,
    /// The command: `deploy`.
    pub command: String,
    /// What it came to.
    pub outcome: DeployOutcome,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// The ECS service's name.
    pub ecs_service: String,
    /// Its cluster's name.
    pub cluster: String,
    /// The revision that it should have run before, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former: Option<String>,
    /// The revision that was deployed, once there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition: Option<String>,
    /// The images that were asked for, with their digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<PinnedImage>,
    /// Its tasks as they were seen last.
    pub tasks: Vec<TaskStanding>,
    /// How it failed, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Why, with the remedy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseReport>,
    /// What a person should know or do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// An image that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PinnedImage {
    /// The container.
    pub container: String,
    /// The reference with its digest, as it stands in the task definition.
    pub image: String,
}

/// What a deployment came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeployOutcome {
    /// The service is stable, every target healthy, and every task runs what was meant.
    Deployed,
    /// It was so already; nothing was changed.
    Unchanged,
    /// What was asked for cannot work, or could not be begun: the service was not changed.
    Refused,
    /// It failed, and the service stays as it is.
    Failed,
    /// It failed, and the former revision serves again. Never a success.
    RolledBack,
    /// It failed, and the former revision is not seen to serve again; the warnings say how things were left.
    RollbackFailed,
    /// Somebody asked to end: ECS goes on by itself, and the same command again waits for it.
    Interrupted,
}

impl DeployOutcome {
    /// Whether the service runs what was asked for.
    pub fn is_success(self) -> bool {
        match self {
            Self::Deployed | Self::Unchanged => true,
            Self::Refused | Self::Failed | Self::RolledBack | Self::RollbackFailed | Self::Interrupted => {
                false
            }
        }
    }

    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::RollbackFailed => "rollback_failed",
            Self::Interrupted => "interrupted",
        }
    }
}
