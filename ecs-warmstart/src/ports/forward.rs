//! Every port through `Arc` and `Box`, so that `Arc<dyn TaskLauncher>` is a `TaskLauncher`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Deployer, HealthWaiter, Inspector, Result, Selector, TargetRegistrar, TaskLauncher};
use crate::facts::{
    EcsServiceFacts, ImageFacts, LoadBalancerFacts, LogLine, LogQuery, TargetGroupFacts, TaskDefinitionFacts,
};
use crate::ids::{ClientToken, ClusterId, TargetGroupArn, TaskArn, TaskDefinitionId};
use crate::image::ImageRef;
use crate::observation::{Target, TargetObservation, TaskObservation};
use crate::spec::{LaunchRequest, Revision};

macro_rules! forward {
    ($pointer:ident) => {
        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<T: TaskLauncher + ?Sized> TaskLauncher for $pointer<T> {
            async fn launch(&self, token: &ClientToken, request: &LaunchRequest) -> Result<TaskObservation> {
                (**self).launch(token, request).await
            }

            async fn find(&self, cluster: &ClusterId, selector: &Selector) -> Result<Vec<TaskArn>> {
                (**self).find(cluster, selector).await
            }

            async fn stop(&self, cluster: &ClusterId, task: &TaskArn, reason: &str) -> Result<()> {
                (**self).stop(cluster, task, reason).await
            }
        }

        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<T: Deployer + ?Sized> Deployer for $pointer<T> {
            async fn revise(&self, base: &TaskDefinitionId, changes: &Revision) -> Result<TaskDefinitionId> {
                (**self).revise(base, changes).await
            }

            async fn update_service(
                &self,
                cluster: &ClusterId,
                name: &str,
                task_definition: &TaskDefinitionId,
            ) -> Result<()> {
                (**self).update_service(cluster, name, task_definition).await
            }
        }

        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<T: TargetRegistrar + ?Sized> TargetRegistrar for $pointer<T> {
            async fn register(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
                (**self).register(group, targets).await
            }

            async fn deregister(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
                (**self).deregister(group, targets).await
            }

            async fn targets(&self, group: &TargetGroupArn) -> Result<Vec<(Target, TargetObservation)>> {
                (**self).targets(group).await
            }
        }

        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<T: HealthWaiter + ?Sized> HealthWaiter for $pointer<T> {
            async fn observe_tasks(
                &self,
                cluster: &ClusterId,
                tasks: &[TaskArn],
            ) -> Result<Vec<TaskObservation>> {
                (**self).observe_tasks(cluster, tasks).await
            }

            async fn observe_targets(
                &self,
                group: &TargetGroupArn,
                targets: &[Target],
            ) -> Result<Vec<TargetObservation>> {
                (**self).observe_targets(group, targets).await
            }
        }

        #[deny(clippy::missing_trait_methods)]
        #[async_trait]
        impl<T: Inspector + ?Sized> Inspector for $pointer<T> {
            async fn task_definition(&self, id: &TaskDefinitionId) -> Result<TaskDefinitionFacts> {
                (**self).task_definition(id).await
            }

            async fn target_group(&self, group: &TargetGroupArn) -> Result<TargetGroupFacts> {
                (**self).target_group(group).await
            }

            async fn target_groups(&self, groups: &[TargetGroupArn]) -> Result<Vec<TargetGroupFacts>> {
                (**self).target_groups(groups).await
            }

            async fn deregistration_delay(&self, group: &TargetGroupArn) -> Result<Duration> {
                (**self).deregistration_delay(group).await
            }

            async fn load_balancers(&self) -> Result<Vec<LoadBalancerFacts>> {
                (**self).load_balancers().await
            }

            async fn image(&self, image: &ImageRef) -> Result<ImageFacts> {
                (**self).image(image).await
            }

            async fn log_group_exists(&self, group: &str) -> Result<bool> {
                (**self).log_group_exists(group).await
            }

            async fn log_tail(&self, query: &LogQuery) -> Result<Vec<LogLine>> {
                (**self).log_tail(query).await
            }

            async fn ecs_service(&self, cluster: &ClusterId, name: &str) -> Result<EcsServiceFacts> {
                (**self).ecs_service(cluster, name).await
            }
        }
    };
}

forward!(Arc);
forward!(Box);

const _: fn(&dyn TaskLauncher, &dyn TargetRegistrar, &dyn HealthWaiter, &dyn Inspector) = |_, _, _, _| {};
