//! What an event says, field by field. Unknown fields are ignored; what does not fit is named by its path.

use std::time::Duration;

use ecs_warmstart::fleet::GateKind;
use ecs_warmstart::ids::{ClusterId, RunId, ServiceName, TargetGroupArn, TaskDefinitionId};
use ecs_warmstart::overrides::TaskOverride;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// What to start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub struct StartDetail {
    /// A configured service, or the name that the tasks are started for.
    pub service: Option<ServiceName>,
    /// Instead of the configured cluster.
    pub cluster: Option<ClusterId>,
    /// Instead of the configured task definition.
    pub task_definition: Option<TaskDefinitionId>,
    /// Instead of the configured target groups.
    pub target_group_arn: Option<TargetGroupArn>,
    /// Instead of the configured subnets.
    pub subnets: Option<Vec<String>>,
    /// Instead of the configured security groups.
    pub security_groups: Option<Vec<String>>,
    /// Instead of the configured container port, 1 to 65535.
    pub port: Option<u16>,
    /// How many tasks, 1 to 100.
    pub count: Option<u32>,
    /// What must hold before a task is registered.
    pub gate: Option<GateKind>,
    /// Whether the start is over only when every target is healthy. Default true.
    pub wait_for_healthy: Option<bool>,
    /// Bring the service to its count instead of starting one more. Default false.
    pub ensure: Option<bool>,
    /// Names the start.
    #[serde(alias = "run_id")]
    pub run_id: Option<RunId>,
    /// What the tasks run instead of what their definition says: the `overrides` of `RunTask`.
    pub overrides: Option<TaskOverride>,
    /// Where the launches of an earlier try of the same name had got to; written by this function itself.
    pub attempts: Option<Vec<u32>>,
    #[serde(flatten)]
    pub(crate) misplaced: Misplaced,
}

/// What belongs into `overrides`: ignored, the task would run something else than was asked for. Only whether it is there
/// counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Misplaced {
    #[serde(default, deserialize_with = "present")]
    command: bool,
    #[serde(default, deserialize_with = "present")]
    environment: bool,
    #[serde(default, deserialize_with = "present")]
    task_role_arn: bool,
    #[serde(default, deserialize_with = "present")]
    execution_role_arn: bool,
}

impl Misplaced {
    /// The first of these fields that the event has, and where it belongs.
    pub(crate) fn named(&self) -> Option<(&'static str, &'static str)> {
        let fields = [
            ("command", "containerOverrides[].command", self.command),
            ("environment", "containerOverrides[].environment", self.environment),
            ("taskRoleArn", "taskRoleArn", self.task_role_arn),
            ("executionRoleArn", "executionRoleArn", self.execution_role_arn),
        ];
        fields.into_iter().find_map(|(name, place, given)| given.then_some((name, place)))
    }
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Option::<IgnoredAny>::deserialize(deserializer).map(|value| value.is_some())
}

/// What to stop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object")]
pub struct StopDetail {
    /// The configured services to stop; none means all.
    pub services: Option<Vec<ServiceName>>,
    /// Only what was started in this cluster instead of the configured one.
    pub cluster: Option<ClusterId>,
    /// Only what was started of this task definition, where none is configured.
    #[serde(rename = "taskDefinition", alias = "task_definition")]
    pub task_definition: Option<TaskDefinitionId>,
    /// Only what was started in this target group instead of the configured ones.
    #[serde(rename = "targetGroupArn", alias = "target_group_arn")]
    pub target_group_arn: Option<TargetGroupArn>,
    /// Only what was started with this container port instead of the configured one, 1 to 65535.
    pub port: Option<u16>,
    /// Tasks are taken out of their target groups before they stop. There is no other way: `false` is refused.
    #[serde(alias = "deregisterTargets")]
    pub deregister_targets: Option<bool>,
    /// Whether a group in use may be left without a healthy target. Default true: an event that stops a service means it.
    #[serde(alias = "allowEmpty")]
    pub allow_empty: Option<bool>,
    /// How many seconds to wait for requests under way at most.
    #[serde(rename = "drainWaitSeconds", alias = "drain_wait_seconds")]
    pub drain_wait_seconds: Option<u32>,
}

impl StopDetail {
    /// The start whose tasks are meant, where they are told apart by more than their service.
    pub(crate) fn of_start(&self, service: Option<&ServiceName>) -> Option<StartDetail> {
        let start = StartDetail {
            cluster: self.cluster.clone(),
            task_definition: self.task_definition.clone(),
            target_group_arn: self.target_group_arn.clone(),
            port: self.port,
            ..StartDetail::default()
        };
        (start != StartDetail::default()).then(|| StartDetail { service: service.cloned(), ..start })
    }

    pub(crate) fn drain_wait(&self) -> Option<Duration> {
        self.drain_wait_seconds.map(|seconds| Duration::from_secs(seconds.into()))
    }
}
