//! The services together: all four ports.

use std::time::Duration;

use async_trait::async_trait;

#[cfg(feature = "ecr")]
use super::Ecr;
#[cfg(feature = "logs")]
use super::Logs;
use super::{Ecs, Elb};
use crate::error::{ErrorKind, PortError};
use crate::facts::{
    EcsServiceFacts, ImageFacts, LoadBalancerFacts, LogLine, LogQuery, TargetGroupFacts, TaskDefinitionFacts,
};
use crate::ids::{ClientToken, ClusterId, TargetGroupArn, TaskArn, TaskDefinitionId};
use crate::image::ImageRef;
use crate::observation::{Target, TargetObservation, TaskObservation};
use crate::ports::{Deployer, HealthWaiter, Inspector, Result, Selector, TargetRegistrar, TaskLauncher};
use crate::spec::{LaunchRequest, Revision};

/// ECS and ELBv2 of one region: all four ports. Clones are handles on the same clients.
///
/// What images and logs say needs a client more, and a feature: without them the port answers `Denied`, and a run does
/// without.
#[derive(Clone, Debug)]
pub struct Aws {
    ecs: Ecs,
    elb: Elb,
    #[cfg(feature = "ecr")]
    ecr: Option<Ecr>,
    #[cfg(feature = "logs")]
    logs: Option<Logs>,
    #[cfg(feature = "registry")]
    registry: Option<crate::registry::Registry>,
}

impl Aws {
    /// All four ports over these clients. See [`connect`](super::connect()) for clients with timeouts.
    pub fn new(ecs: aws_sdk_ecs::Client, elb: aws_sdk_elasticloadbalancingv2::Client) -> Self {
        Self {
            ecs: Ecs::new(ecs),
            elb: Elb::new(elb),
            #[cfg(feature = "ecr")]
            ecr: None,
            #[cfg(feature = "logs")]
            logs: None,
            #[cfg(feature = "registry")]
            registry: None,
        }
    }

    /// And ECR, for what its images are.
    #[cfg(feature = "ecr")]
    #[must_use]
    pub fn with_ecr(self, ecr: Ecr) -> Self {
        Self { ecr: Some(ecr), ..self }
    }

    /// And CloudWatch Logs.
    #[cfg(feature = "logs")]
    #[must_use]
    pub fn with_logs(self, logs: Logs) -> Self {
        Self { logs: Some(logs), ..self }
    }

    /// And other registries, for what their images are.
    #[cfg(feature = "registry")]
    #[must_use]
    pub fn with_registry(self, registry: crate::registry::Registry) -> Self {
        Self { registry: Some(registry), ..self }
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

    async fn load_balancers(&self) -> Result<Vec<LoadBalancerFacts>> {
        self.elb.load_balancers().await
    }

    async fn image(&self, image: &ImageRef) -> Result<ImageFacts> {
        #[cfg(feature = "ecr")]
        if let (Some(ecr), Some(_)) = (&self.ecr, image.ecr()) {
            return ecr.image(image).await;
        }
        #[cfg(feature = "registry")]
        if let (Some(registry), None) = (&self.registry, image.ecr()) {
            return registry.image(image).await;
        }
        Err(nobody_to_ask(&format!("the registry {}", image.registry())))
    }

    async fn log_group_exists(&self, group: &str) -> Result<bool> {
        #[cfg(feature = "logs")]
        if let Some(logs) = &self.logs {
            return logs.log_group_exists(group).await;
        }
        Err(nobody_to_ask(&format!("CloudWatch Logs, for log group {group}")))
    }

    async fn log_tail(&self, query: &LogQuery) -> Result<Vec<LogLine>> {
        #[cfg(feature = "logs")]
        if let Some(logs) = &self.logs {
            return logs.log_tail(query).await;
        }
        Err(nobody_to_ask(&format!("CloudWatch Logs, for log group {}", query.group)))
    }

    async fn ecs_service(&self, cluster: &ClusterId, name: &str) -> Result<EcsServiceFacts> {
        self.ecs.ecs_service(cluster, name).await
    }
}

#[async_trait]
impl Deployer for Aws {
    async fn revise(&self, base: &TaskDefinitionId, changes: &Revision) -> Result<TaskDefinitionId> {
        self.ecs.revise(base, changes).await
    }

    async fn update_service(
        &self,
        cluster: &ClusterId,
        name: &str,
        task_definition: &TaskDefinitionId,
    ) -> Result<()> {
        self.ecs.update_service(cluster, name, task_definition).await
    }
}

/// What may not be read is done without, for whatever reason.
fn nobody_to_ask(whom: &str) -> PortError {
    PortError::new(ErrorKind::Denied, format!("there is no client for {whom}"))
}
