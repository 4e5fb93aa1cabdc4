//! What was found.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that is wrong, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PreflightFinding")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Stable, for programs.
    pub code: Code,
    /// One sentence without a full stop, for people.
    pub summary: String,
    /// What to do, in AWS's words: a command or a setting.
    pub remedy: String,
}

impl Finding {
    pub(super) fn error(code: Code, summary: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, summary: summary.into(), remedy: remedy.into() }
    }

    pub(super) fn warning(code: Code, summary: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, summary, remedy) }
    }

    pub(super) fn hint(code: Code, summary: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Hint, ..Self::error(code, summary, remedy) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.summary, self.remedy)
    }
}

/// How bad a finding is; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The service cannot get ready so: nothing is launched.
    Error,
    /// It may not get ready, or runs in a way that surprises.
    Warning,
    /// Worth knowing.
    Hint,
}

impl Severity {
    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $word:literal,)*) => {
        /// What a finding is about. The words never change their meaning, and what a diagnosis has a word for has that one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[schemars(rename = "PreflightCode")]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl Code {
            /// The word in reports.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

codes! {
    /// There is no such task definition.
    TaskDefinitionMissing => "task_definition_missing",
    /// It is INACTIVE.
    TaskDefinitionInactive => "task_definition_inactive",
    /// It cannot run on the launch type or capacity provider.
    LaunchTypeIncompatible => "launch_type_incompatible",
    /// Fargate has no such pair of CPU and memory.
    FargateSize => "fargate_size",
    /// Network mode awsvpc without subnets.
    SubnetsMissing => "subnets_missing",
    /// Subnets for another network mode.
    SubnetsSuperfluous => "subnets_superfluous",
    /// No container is essential.
    NoEssentialContainer => "no_essential_container",
    /// The container that serves is not essential.
    ServingNotEssential => "serving_not_essential",
    /// A container waits for one that is not there.
    DependencyMissing => "dependency_missing",
    /// A container waits for one to be HEALTHY that has no health check.
    DependencyNeverHealthy => "dependency_never_healthy",
    /// The execution role is missing.
    ExecutionRoleMissing => "execution_role_missing",
    /// The task role is missing, which ECS Exec needs.
    TaskRoleMissing => "task_role_missing",
    /// The log group does not exist, and is not made.
    LogGroupMissing => "log_group_missing",
    /// No such container in the task definition.
    ContainerMissing => "container_missing",
    /// Several containers have the port.
    ContainerAmbiguous => "container_ambiguous",
    /// No container, or not that one, has the port.
    PortNotMapped => "port_not_mapped",
    /// There is no such target group.
    TargetGroupMissing => "target_group_missing",
    /// It takes another kind of target than the task's network mode makes.
    TargetTypeMismatch => "target_type_mismatch",
    /// No listener leads to it.
    TargetGroupNotInUse => "target_group_unused",
    /// It is in another VPC than the tasks.
    OtherVpc => "other_vpc",
    /// It checks a port that nobody serves.
    HealthCheckPort => "health_check_port",
    /// The health checks take longer than there is time.
    NotHealthyInTime => "wait_too_short",
    /// The run gives up before the container's own health check does.
    ImpatientTimeout => "impatient_timeout",
    /// A health check asks localhost.
    HealthCheckLocalhost => "health_check_localhost",
    /// The gate waits for health that no container has.
    GateWithoutCheck => "gate_without_check",
    /// The image's name is none.
    ImageInvalid => "image_invalid",
    /// The image does not exist.
    ImageMissing => "image_not_found",
    /// The image is not made for the platform.
    ImagePlatform => "image_platform_mismatch",
    /// The image's tag is one that moves.
    ImageMoves => "image_moves",
    /// The image is to be pinned, but nobody says its digest.
    ImageNotResolved => "image_not_resolved",
    /// Something may not be read.
    Unreadable => "unreadable",
}

impl Code {
    /// Whether it keeps tasks from being launched, and does nothing to one that runs: a tag that was deleted, a role that is
    /// gone.
    pub fn is_about_launches(self) -> bool {
        match self {
            Self::TaskDefinitionInactive
            | Self::LaunchTypeIncompatible
            | Self::FargateSize
            | Self::SubnetsMissing
            | Self::SubnetsSuperfluous
            | Self::NoEssentialContainer
            | Self::DependencyMissing
            | Self::DependencyNeverHealthy
            | Self::ExecutionRoleMissing
            | Self::TaskRoleMissing
            | Self::LogGroupMissing
            | Self::ImageInvalid
            | Self::ImageMissing
            | Self::ImagePlatform
            | Self::ImageMoves => true,
            Self::TaskDefinitionMissing
            | Self::ServingNotEssential
            | Self::ContainerMissing
            | Self::ContainerAmbiguous
            | Self::PortNotMapped
            | Self::TargetGroupMissing
            | Self::TargetTypeMismatch
            | Self::TargetGroupNotInUse
            | Self::OtherVpc
            | Self::HealthCheckPort
            | Self::NotHealthyInTime
            | Self::ImpatientTimeout
            | Self::HealthCheckLocalhost
            | Self::GateWithoutCheck
            // Whoever pins wants it compared with what runs, too.
            | Self::ImageNotResolved
            | Self::Unreadable => false,
        }
    }
}
