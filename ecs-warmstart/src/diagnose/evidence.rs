//! What a diagnosis rests on. Every part may be absent: AWS forgets, and not everybody may read everything.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::ErrorKind;
use crate::ids::TargetGroupArn;
use crate::machine::Cause;
use crate::observation::{ContainerObservation, Target, TargetObservation, TaskObservation};
use crate::time::Timestamp;

/// Everything that is known of one task, or of one ECS service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The service's name, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The cluster that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// When it was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
    /// How many tasks it should have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired: Option<u32>,
    /// The reads that failed: what they ask for is not known, which is not the same as not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed_reads: Vec<FailedRead>,
    /// Why the run did not get ready, as the run itself saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Why nothing was started: what the check before the launch found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    /// The task, as it was when it went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskObservation>,
    /// Other tasks of the same service, stopped ones too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub siblings: Vec<TaskObservation>,
    /// What its task definition says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<DefinitionEvidence>,
    /// What the registry says of its images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageEvidence>,
    /// Its targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<TargetEvidence>,
    /// The last lines of its logs, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogLine>,
    /// The ECS service that runs it, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecs_service: Option<EcsServiceEvidence>,
    /// From RUNNING to the first good answer of its application, where that was ever observed.
    #[serde(
        with = "crate::time::as_millis_option",
        rename = "first_success_ms",
        skip_serializing_if = "Option::is_none"
    )]
    pub first_success: Option<Duration>,
}

/// What keeps a service from being started, in the words of the check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The check's word for it. A diagnosis has the same one, or `misconfigured` where it has none of its own.
    pub code: String,
    /// One sentence without a full stop.
    pub summary: String,
    /// What to do.
    pub remedy: String,
}

impl Evidence {
    /// The settings of that container.
    pub fn settings(&self, container: &str) -> Option<&ContainerSettings> {
        let definition = self.definition.as_ref()?;
        definition.containers.iter().find(|settings| settings.name == container)
    }

    /// The containers of the task; of the run's cause where only that names them.
    pub(super) fn containers(&self) -> &[ContainerObservation] {
        match (&self.task, &self.cause) {
            (Some(task), _) if !task.containers.is_empty() => &task.containers,
            (_, Some(Cause::TaskStopped { containers, .. })) => containers,
            (Some(task), _) => &task.containers,
            (None, _) => &[],
        }
    }
}

/// A read that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRead {
    /// The call, as AWS names it: `ListTasks`.
    pub call: String,
    /// How.
    pub kind: ErrorKind,
    /// What was answered.
    #[serde(default)]
    pub message: String,
}

/// What is needed of a task definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DefinitionEvidence {
    /// Family and revision, or the ARN.
    pub id: String,
    /// The platform it runs on, as Docker writes it: `linux/amd64`, `linux/arm64`.
    pub platform: Option<String>,
    /// The execution role.
    pub execution_role: Option<String>,
    /// The task role.
    pub task_role: Option<String>,
    /// Its containers.
    pub containers: Vec<ContainerSettings>,
}

/// What is needed of a container definition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerSettings {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: Option<String>,
    /// Whether the task stops when it exits; nothing where that is not known.
    pub essential: Option<bool>,
    /// Its health check.
    pub health_check: Option<HealthCheckSettings>,
    /// The ports it declares.
    pub ports: Vec<u16>,
    /// Its memory limit in MiB.
    pub memory: Option<u32>,
    /// The log group it writes to.
    pub log_group: Option<String>,
}

/// The health check of a container definition, in seconds as ECS has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HealthCheckSettings {
    /// `CMD` or `CMD-SHELL`, and what is run.
    pub command: Vec<String>,
    /// Between checks: 5 to 300 s, default 30.
    pub interval: u32,
    /// For one check: 2 to 60 s, default 5.
    pub timeout: u32,
    /// How many checks in a row have to fail: 1 to 10, default 3.
    pub retries: u32,
    /// How long failures do not count: 0 to 300 s, default 0.
    pub start_period: u32,
}

impl HealthCheckSettings {
    /// For how long after its start a container is given before failures make it UNHEALTHY, in seconds.
    pub(super) fn given(&self) -> u32 {
        self.start_period.saturating_add(self.interval.saturating_mul(self.retries))
    }
}

impl Default for HealthCheckSettings {
    fn default() -> Self {
        Self { command: Vec::new(), interval: 30, timeout: 5, retries: 3, start_period: 0 }
    }
}

/// What the registry says of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageEvidence {
    /// The reference, as the task definition has it.
    pub image: String,
    /// Whether it exists; nothing where the registry was not asked.
    pub exists: Option<bool>,
    /// Its platforms, as Docker writes them; empty where they are not known.
    pub platforms: Vec<String>,
    /// The digests that are this image: of its index and of what the index names.
    pub digests: Vec<String>,
}

/// A target, and what its group says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetEvidence {
    /// The group.
    pub target_group: TargetGroupArn,
    /// The target.
    pub target: Target,
    /// What the group says.
    pub seen: TargetObservation,
    /// The path of the group's health check.
    #[serde(default)]
    pub health_path: Option<String>,
}

impl TargetEvidence {
    /// What the run saw of its target last, where its cause is about one.
    pub fn of_cause(cause: &Cause) -> Option<Self> {
        let (target_group, target, seen) = match cause {
            Cause::NotHealthyInTime { target_group, target, last, .. }
            | Cause::NotRegisteredInTime { target_group, target, last, .. } => {
                (target_group, target, last.as_ref()?)
            }
            Cause::TargetUnusable { target_group, target, observation } => {
                (target_group, target, observation)
            }
            _ => return None,
        };
        Some(Self {
            target_group: target_group.clone(),
            target: target.clone(),
            seen: seen.clone(),
            health_path: None,
        })
    }
}

/// A line of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogLine {
    /// The container that wrote it.
    pub container: String,
    /// When, where that is known.
    pub at: Option<Timestamp>,
    /// What.
    pub message: String,
}

/// An ECS service as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EcsServiceEvidence {
    /// Its name.
    pub name: String,
    /// Its cluster.
    pub cluster: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`; nothing where that is not known.
    pub status: Option<String>,
    /// How many tasks it should have.
    pub desired: u32,
    /// How many are RUNNING.
    pub running: u32,
    /// Its deployments, the newest first.
    pub deployments: Vec<DeploymentEvidence>,
    /// Its events, the newest first, as ECS has them.
    pub events: Vec<ServiceEvent>,
}

/// A deployment of an ECS service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeploymentEvidence {
    /// `PRIMARY`, `ACTIVE`, `INACTIVE`.
    pub status: String,
    /// `COMPLETED`, `IN_PROGRESS`, `FAILED`.
    pub rollout_state: Option<String>,
    /// ECS's sentence.
    pub rollout_reason: Option<String>,
    /// How many tasks failed.
    pub failed_tasks: u32,
    /// The task definition it brings.
    pub task_definition: String,
}

/// An event of an ECS service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceEvent {
    /// When.
    pub at: Option<Timestamp>,
    /// What.
    pub message: String,
}
