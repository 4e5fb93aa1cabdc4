//! A service as it is configured: what `up` brings to its count.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ids::{ClusterId, ServiceName};
use crate::spec::{Binding, LaunchRequest, OnFailure, Pool};

/// A configured service. (Not an ECS service.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name, unique within a fleet and a cluster: its tasks are found by it.
    pub name: ServiceName,
    /// How many tasks it should have, at least 1.
    pub count: u32,
    /// How a task of it is launched.
    pub request: LaunchRequest,
    /// Where a task is launched when there is no capacity before, in this order; nowhere else.
    pub fallbacks: Vec<Pool>,
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

impl Service {
    /// The other clusters with services that share a group with this one: an address may be given to a task of any of them.
    pub(super) fn neighbours(&self, all: &[Self]) -> Vec<ClusterId> {
        let groups = || self.bindings.iter().map(|binding| &binding.target_group);
        let shares =
            |other: &&Self| other.bindings.iter().any(|its| groups().any(|group| *group == its.target_group));
        let clusters = all.iter().filter(shares).map(|other| &other.request.cluster);
        let others: BTreeSet<&ClusterId> = clusters.filter(|its| **its != self.request.cluster).collect();
        others.into_iter().cloned().collect()
    }
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
