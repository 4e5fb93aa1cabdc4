//! A service as it is configured: what `up` brings to its count.

use std::time::Duration;

use crate::ids::ServiceName;
use crate::spec::{Binding, LaunchRequest, OnFailure};

/// A configured service. (Not an ECS service.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name, unique within a fleet and a cluster: its tasks are found by it.
    pub name: ServiceName,
    /// How many tasks it should have, at least 1.
    pub count: u32,
    /// How a task of it is launched.
    pub request: LaunchRequest,
    /// Where its tasks are registered.
    pub bindings: Vec<Binding>,
    /// What must hold before a task is registered.
    pub gate: GateKind,
    /// What happens to a task that cannot get ready.
    pub on_failure: OnFailure,
    /// From the start of a run until RUNNING with an address.
    pub running_timeout: Duration,
    /// From RUNNING until every target is healthy, the gate included.
    pub healthy_timeout: Duration,
}

/// What must hold before a task is registered, as a person says it. Which containers that means, the task definition says.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum GateKind {
    /// RUNNING, with an address.
    Running,
    /// And every container that has a health check HEALTHY.
    #[default]
    ContainerHealthy,
}
