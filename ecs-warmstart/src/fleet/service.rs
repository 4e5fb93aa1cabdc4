//! A service as it is configured: what `up` brings to its count.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ids::{ClusterId, InvalidId, ServiceName, TargetGroupArn};
use crate::observation::TaskObservation;
use crate::spec::{Binding, LaunchRequest, OnFailure, Pool};
use crate::started_by::StartedBy;

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
    /// This service as single tasks of it are started: with this target group and port instead of its own bindings, perhaps
    /// in another cluster.
    ///
    /// Such tasks say in `startedBy` where they belong. They do not count as the service's, which should be where it is
    /// configured: [`up`](super::Fleet::up) starts others beside them. [`down`](super::Fleet::down) of the service takes
    /// those in its cluster down as well, and what is returned here takes down just them.
    ///
    /// # Errors
    ///
    /// [`InvalidId`], where the service's name is too long for it: see [`StartedBy::elsewhere`].
    pub fn started_elsewhere(&self, target_group: TargetGroupArn, port: u16) -> Result<Self, InvalidId> {
        let mut service = self.clone();
        service.request.started_by = StartedBy::elsewhere(&self.name, &target_group, port)?.to_string();
        let at_that_port = self.bindings.iter().find(|binding| binding.port == port);
        let container = at_that_port.and_then(|binding| binding.container.clone());
        service.bindings = vec![Binding { container, ..Binding::new(target_group, port) }];
        Ok(service)
    }

    /// This service as that task was started for it; absent for a task that is none of its own.
    pub(super) fn as_started(&self, task: &TaskObservation) -> Option<Self> {
        let its_cluster = task.task.cluster();
        if task.started_by.as_ref() == Some(&self.request.started_by) {
            let here = its_cluster.is_none_or(|cluster| cluster == self.request.cluster.name());
            return here.then(|| self.clone());
        }
        let said = StartedBy::parse(task.started_by.as_deref()?)?;
        let is_one_of_many = self.request.started_by == self.name.started_by();
        if !is_one_of_many || *said.service() != self.name {
            return None;
        }
        let (target_group, port) = said.target_group(&task.task)?;
        let mut service = self.started_elsewhere(target_group, port).ok()?;
        if let Some(cluster) = its_cluster.filter(|cluster| *cluster != self.request.cluster.name()) {
            service.request.cluster = cluster.parse().ok()?;
        }
        Some(service)
    }

    /// All other clusters of these services: any of their tasks may have been started into a group of this one.
    pub(super) fn clusters_around(&self, all: &[Self]) -> Vec<ClusterId> {
        let clusters: BTreeSet<&ClusterId> = all.iter().map(|other| &other.request.cluster).collect();
        clusters.into_iter().filter(|its| its.name() != self.request.cluster.name()).cloned().collect()
    }

    /// The other clusters with services that share a group with this one: an address may be given to a task of any of them.
    pub(super) fn neighbours(&self, all: &[Self]) -> Vec<ClusterId> {
        let groups = || self.bindings.iter().map(|binding| &binding.target_group);
        let shares =
            |other: &&Self| other.bindings.iter().any(|its| groups().any(|group| *group == its.target_group));
        let elsewhere = all.iter().filter(|other| other.request.cluster != self.request.cluster);
        let clusters: BTreeSet<&ClusterId> =
            elsewhere.filter(shares).map(|other| &other.request.cluster).collect();
        clusters.into_iter().cloned().collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::sample_services;
    use crate::observation::TaskStatus;

    const GROUP: &str =
        "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/blue/0123456789abcdef";

    fn task(cluster: &str, started_by: &str) -> TaskObservation {
        let arn = format!("arn:aws:ecs:us-east-2:111122223333:task/{cluster}/0a1b").parse().unwrap();
        let started_by = Some(started_by.to_owned());
        TaskObservation { started_by, ..TaskObservation::new(arn, TaskStatus::Running) }
    }

    #[test]
    fn a_task_says_where_it_was_started() {
        let auth = sample_services().remove(0);
        let here = auth.request.cluster.name();
        let plain = "ecs-warmstart/auth";
        let blue = "ecs-warmstart/auth/blue/0123456789abcdef/8080";
        assert_eq!(auth.as_started(&task(here, plain)), Some(auth.clone()));
        assert_eq!(auth.as_started(&task("elsewhere", plain)), None, "where it stands nobody says");
        for (cluster, started_by) in
            [(here, "ecs-svc/1"), (here, "ecs-warmstart/author"), (here, "ecs-warmstart/pdf")]
        {
            assert_eq!(auth.as_started(&task(cluster, started_by)), None, "{started_by}");
        }
        for cluster in [here, "elsewhere"] {
            let its = auth.as_started(&task(cluster, blue)).unwrap();
            assert_eq!((its.request.cluster.name(), its.request.started_by.as_str()), (cluster, blue));
            assert_eq!((its.bindings.len(), its.bindings[0].target_group.as_str()), (1, GROUP));
        }
        let elsewhere = auth.started_elsewhere(GROUP.parse().unwrap(), 8080).unwrap();
        assert_eq!(auth.as_started(&task(here, blue)), Some(elsewhere.clone()));
        assert_eq!(elsewhere.as_started(&task(here, blue)), Some(elsewhere.clone()));
        assert_eq!(
            elsewhere.as_started(&task(here, plain)),
            None,
            "those of its service are none of its own"
        );
        assert_eq!(elsewhere.as_started(&task(here, "ecs-warmstart/auth/red/0123456789abcdef/8080")), None);
    }
}
