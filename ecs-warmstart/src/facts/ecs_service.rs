//! ECS services: those that ECS itself runs. Not what this project calls a service.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{TargetGroupArn, TaskDefinitionId};
use crate::time::Timestamp;

/// What ECS says of an ECS service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcsServiceFacts {
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// The task definition of its newest deployment.
    pub task_definition: Option<TaskDefinitionId>,
    /// How many tasks it should have.
    pub desired: u32,
    /// How many are RUNNING.
    pub running: u32,
    /// How many are PENDING.
    pub pending: u32,
    /// Its deployments, the newest first.
    pub deployments: Vec<Deployment>,
    /// What happened, the newest first. AWS: at most 100.
    pub events: Vec<ServiceEvent>,
    /// Where ECS registers its tasks.
    pub target_groups: Vec<ServiceTargetGroup>,
    /// For how long after a task's start its failing health checks are ignored.
    #[serde(with = "crate::time::as_millis_option", rename = "health_check_grace_period_ms")]
    pub health_check_grace_period: Option<Duration>,
}

impl EcsServiceFacts {
    /// Its newest deployment.
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.status == "PRIMARY")
    }

    /// Whether there is one deployment, and all its tasks run: AWS's own measure of a stable service.
    pub fn is_stable(&self) -> bool {
        self.deployments.len() == 1 && self.running == self.desired && self.pending == 0
    }
}

/// A deployment of an ECS service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its id, `ecs-svc/…`: the `startedBy` of its tasks.
    pub id: String,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub status: String,
    /// `COMPLETED`, `FAILED` or `IN_PROGRESS`, where ECS rolls it out.
    pub rollout: Option<String>,
    /// Why it is so, in ECS's words.
    pub rollout_reason: Option<String>,
    /// The task definition of its tasks.
    pub task_definition: Option<TaskDefinitionId>,
    /// How many tasks it should have.
    pub desired: u32,
    /// How many are RUNNING.
    pub running: u32,
    /// How many are PENDING.
    pub pending: u32,
    /// How many did not start in a row.
    pub failed: u32,
    /// When it began.
    pub created_at: Option<Timestamp>,
    /// When it changed last.
    pub updated_at: Option<Timestamp>,
}

/// Something that happened to an ECS service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// When.
    pub at: Option<Timestamp>,
    /// What, in ECS's words.
    pub message: String,
}

/// Where ECS registers a container of an ECS service's tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceTargetGroup {
    /// The target group.
    pub target_group: TargetGroupArn,
    /// The container.
    pub container: Option<String>,
    /// Its port.
    pub port: Option<u16>,
}
