//! Both services together: all four ports.

use std::time::Duration;

use async_trait::async_trait;

use super::{Ecs, Elb};
use crate::facts::{TargetGroupFacts, TaskDefinitionFacts};
use crate::ids::{ClientToken, ClusterId, TargetGroupArn, TaskArn, TaskDefinitionId};
use crate::observation::{Target, TargetObservation, TaskObservation};
use crate::ports::{HealthWaiter, Inspector, Result, Selector, TargetRegistrar, TaskLauncher};
use crate::spec::LaunchRequest;

/// ECS and ELBv2 of one region: all four ports. Clones are handles on the same clients.
#[derive(Clone, Debug)]
pub struct Aws {
    ecs: Ecs,
    elb: Elb,
}

impl Aws {
    /// All four ports over these clients. See [`connect`](super::connect()) for clients with timeouts.
    pub fn new(ecs: aws_sdk_ecs::Client, elb: aws_sdk_elasticloadbalancingv2::Client) -> Self {
        Self { ecs: Ecs::new(ecs), elb: Elb::new(elb) }
    }

    /// The half that talks to ECS.
    pub fn ecs(&self) -> &Ecs {
        &self.ecs
    }

    /// The half that talks to ELBv2.
    pub fn elb(&self) -> &Elb {
        &self.elb
    }
}

#[async_trait]
impl TaskLauncher for Aws {
    async fn launch(&self, token: &ClientToken, request: &LaunchRequest) -> Result<TaskObservation> {
        self.ecs.launch(token, request).await
    }

    async fn find(&self, cluster: &ClusterId, selector: &Selector) -> Result<Vec<TaskArn>> {
        self.ecs.find(cluster, selector).await
    }

    async fn stop(&self, cluster: &ClusterId, task: &TaskArn, reason: &str) -> Result<()> {
        self.ecs.stop(cluster, task, reason).await
    }
}

#[async_trait]
impl TargetRegistrar for Aws {
    async fn register(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
        self.elb.register(group, targets).await
    }

    async fn deregister(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
        self.elb.deregister(group, targets).await
    }

    async fn targets(&self, group: &TargetGroupArn) -> Result<Vec<(Target, TargetObservation)>> {
        self.elb.targets(group).await
    }
}

#[async_trait]
impl HealthWaiter for Aws {
    async fn observe_tasks(&self, cluster: &ClusterId, tasks: &[TaskArn]) -> Result<Vec<TaskObservation>> {
        self.ecs.observe_tasks(cluster, tasks).await
    }

    async fn observe_targets(
        &self,
        group: &TargetGroupArn,
        targets: &[Target],
    ) -> Result<Vec<TargetObservation>> {
        self.elb.observe_targets(group, targets).await
    }
}

#[async_trait]
impl Inspector for Aws {
    async fn task_definition(&self, id: &TaskDefinitionId) -> Result<TaskDefinitionFacts> {
        self.ecs.task_definition(id).await
    }

    async fn target_group(&self, group: &TargetGroupArn) -> Result<TargetGroupFacts> {
        self.elb.target_group(group).await
    }

    async fn target_groups(&self, groups: &[TargetGroupArn]) -> Result<Vec<TargetGroupFacts>> {
        self.elb.target_groups(groups).await
    }

    async fn deregistration_delay(&self, group: &TargetGroupArn) -> Result<Duration> {
        self.elb.deregistration_delay(group).await
    }
}
