//! Where a task is registered, and what must hold before.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::facts::TargetType;
use crate::ids::TargetGroupArn;
use crate::observation::{HealthStatus, TaskObservation};

/// Where a task is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The target group.
    pub target_group: TargetGroupArn,
    /// Whose port it is. Absent: the one container that has it.
    pub container: Option<String>,
    /// The container's port, 1 to 65535.
    pub port: u16,
    /// What the group takes as a target. Absent: an address where the task has one of its own, else the instance.
    pub target_type: Option<TargetType>,
    /// The group's time between two health checks, by which targets are looked at. AWS: 5 to 300 s, default 30 s.
    #[serde(with = "crate::time::as_millis", rename = "health_check_interval_ms")]
    pub health_check_interval: Duration,
}

impl Binding {
    /// A binding whose group has AWS's default health check interval.
    pub fn new(target_group: TargetGroupArn, port: u16) -> Self {
        Self {
            target_group,
            container: None,
            port,
            target_type: None,
            health_check_interval: Duration::from_secs(30),
        }
    }
}

/// What must hold before a task is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// RUNNING, with an address.
    Running,
    /// And each of these containers HEALTHY: those that have a health check.
    ContainersHealthy {
        /// By name. An empty list is the same as [`Gate::Running`].
        containers: Vec<String>,
    },
}

impl Gate {
    /// The containers that hold the gate shut for a task that was seen so.
    pub fn holding_back<'a>(&'a self, task: &'a TaskObservation) -> impl Iterator<Item = &'a String> {
        let containers: &[String] = match self {
            Self::Running => &[],
            Self::ContainersHealthy { containers } => containers,
        };
        containers.iter().filter(|name| {
            let container = task.container(name);
            container.is_none_or(|container| container.health != HealthStatus::Healthy)
        })
    }
}

/// What must hold before a task counts as ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Every target is healthy.
    Healthy,
    /// Every target is registered.
    Registered,
}

/// What happens to a task that cannot get ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is taken out of its groups and stopped.
    #[default]
    Undo,
    /// It is left as it is, for somebody to look at.
    Keep,
}
