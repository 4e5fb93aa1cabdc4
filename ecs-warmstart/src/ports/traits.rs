//! The four traits.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use super::Selector;
use crate::error::PortError;
use crate::facts::{
    EcsServiceFacts, ImageFacts, LoadBalancerFacts, LogLine, LogQuery, TargetGroupFacts, TaskDefinitionFacts,
};
use crate::ids::{ClientToken, ClusterId, TargetGroupArn, TaskArn, TaskDefinitionId};
use crate::image::ImageRef;
use crate::observation::{Target, TargetObservation, TaskObservation};
use crate::spec::LaunchRequest;

/// What a port answers.
pub type Result<T, E = PortError> = std::result::Result<T, E>;

/// Starts, finds and stops tasks.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait TaskLauncher: Debug + Send + Sync + 'static {
    /// Launches one task and says what ECS says of it.
    ///
    /// Idempotent by the token: asked again with the same token and the same request, the answer is the same task, also
    /// when it has stopped meanwhile (then the observation says so).
    ///
    /// # Errors
    ///
    /// - `Capacity`: ECS answered that nothing could be placed. The token is spent: it will answer so again.
    /// - `Conflict`: the token was used with another request; the failure names the tasks it started.
    /// - `Denied`, `Invalid`, `NotFound` (the cluster): nothing was launched, and no retry will.
    /// - `Throttled`: nothing was launched; the same token later.
    /// - `Timeout`, `Unavailable`, `Other`: a task may have been launched; the same token again finds out.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have launched a task: ask again with the same token.
    async fn launch(&self, token: &ClientToken, request: &LaunchRequest) -> Result<TaskObservation>;

    /// The tasks of the cluster that the selector names, in no particular order, all pages of them.
    ///
    /// A task that was just launched may be missing for a moment.
    ///
    /// # Errors
    ///
    /// `NotFound` when the cluster does not exist; otherwise any kind but `Capacity` and `Conflict`.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn find(&self, cluster: &ClusterId, selector: &Selector) -> Result<Vec<TaskArn>>;

    /// Asks ECS to stop a task. A task that has stopped is a success.
    ///
    /// `reason` appears in the task's `stoppedReason`.
    ///
    /// # Errors
    ///
    /// `NotFound` for a task that ECS does not know: it has stopped an hour ago and more, or was launched a moment ago. Any
    /// other kind but `Capacity` and `Conflict`; after an ambiguous one the call is repeated.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have stopped the task; repeating it is harmless.
    async fn stop(&self, cluster: &ClusterId, task: &TaskArn, reason: &str) -> Result<()>;
}

/// Puts targets into target groups and takes them out.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait TargetRegistrar: Debug + Send + Sync + 'static {
    /// Registers the targets. One that is registered stays so: the call may be repeated.
    ///
    /// # Errors
    ///
    /// `NotFound` when the group does not exist, `Invalid` when it cannot take a target; otherwise any kind but
    /// `Capacity` and `Conflict`.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have registered any of the targets; repeating it is harmless.
    async fn register(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()>;

    /// Begins to take the targets out. One that is absent is a success, and so is a group that does not exist.
    ///
    /// # Errors
    ///
    /// Any kind but `NotFound`, `Capacity` and `Conflict`.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have deregistered any of the targets; repeating it is harmless.
    async fn deregister(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()>;

    /// All targets of the group with their health, those that drain included.
    ///
    /// # Errors
    ///
    /// `NotFound` when the group does not exist; otherwise any kind but `Capacity` and `Conflict`.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn targets(&self, group: &TargetGroupArn) -> Result<Vec<(Target, TargetObservation)>>;
}

/// Looks at tasks and targets: single looks in the shape of a batch. Whoever calls does the waiting.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait HealthWaiter: Debug + Send + Sync + 'static {
    /// One observation for each task, in the order asked; one that ECS does not know is observed as
    /// [`Missing`](crate::observation::TaskStatus::Missing). Any number of tasks.
    ///
    /// # Errors
    ///
    /// `NotFound` when the cluster does not exist; otherwise any kind but `Capacity` and `Conflict`.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn observe_tasks(&self, cluster: &ClusterId, tasks: &[TaskArn]) -> Result<Vec<TaskObservation>>;

    /// One observation for each target, in the order asked; one that the group does not hold is observed as
    /// [`not registered`](TargetObservation::not_registered). Any number of targets.
    ///
    /// # Errors
    ///
    /// `NotFound` when the group does not exist; otherwise any kind but `Capacity` and `Conflict`.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn observe_targets(
        &self,
        group: &TargetGroupArn,
        targets: &[Target],
    ) -> Result<Vec<TargetObservation>>;
}

/// Reads facts: those by which a run is planned and checked, and those by which a failure is explained.
///
/// None of them is needed for a run: what may not be read, or cannot be read by this implementation, is `Denied`, and done
/// without.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait Inspector: Debug + Send + Sync + 'static {
    /// What the task definition says.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is none of that name; `Denied` where it may not be read: a run can do without.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn task_definition(&self, id: &TaskDefinitionId) -> Result<TaskDefinitionFacts>;

    /// What the target group says.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is none; `Denied` where it may not be read: a run can do without.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn target_group(&self, group: &TargetGroupArn) -> Result<TargetGroupFacts>;

    /// What each of the target groups says, in the order asked. Any number of them. Unless it is implemented, each is asked
    /// for by itself.
    ///
    /// # Errors
    ///
    /// As [`target_group`](Self::target_group), where it is so for any of them.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn target_groups(&self, groups: &[TargetGroupArn]) -> Result<Vec<TargetGroupFacts>> {
        let mut facts = Vec::with_capacity(groups.len());
        for group in groups {
            facts.push(self.target_group(group).await?);
        }
        Ok(facts)
    }

    /// How long a target of the group drains after its deregistration, and so how long its address is refused to it. AWS:
    /// 0 to 3600 s, default 300 s.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such group; `Denied` where it may not be read: a drain can be watched instead.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn deregistration_delay(&self, group: &TargetGroupArn) -> Result<Duration>;

    /// All load balancers of the region, of application and network. Which listeners lead to a group, the group says.
    ///
    /// # Errors
    ///
    /// `Denied` where they may not be read; otherwise any kind but `NotFound`, `Capacity` and `Conflict`.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn load_balancers(&self) -> Result<Vec<LoadBalancerFacts>>;

    /// What the image's registry says of it.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such repository, tag or digest; `Denied` where it may not be read, and where this
    /// implementation does not speak to that registry.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn image(&self, image: &ImageRef) -> Result<ImageFacts>;

    /// Whether the log group exists, in this region.
    ///
    /// # Errors
    ///
    /// `Denied` where it may not be read; otherwise any kind but `NotFound`, `Capacity` and `Conflict`.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn log_group_exists(&self, group: &str) -> Result<bool>;

    /// The end of a log, the oldest line first. Empty where nothing was written, and where there is no such stream.
    ///
    /// # Errors
    ///
    /// `NotFound` when there is no such log group; `Denied` where it may not be read.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn log_tail(&self, query: &LogQuery) -> Result<Vec<LogLine>>;

    /// What ECS says of an ECS service.
    ///
    /// # Errors
    ///
    /// `NotFound` when the cluster or the ECS service does not exist; `Denied` where it may not be read.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    async fn ecs_service(&self, cluster: &ClusterId, name: &str) -> Result<EcsServiceFacts>;
}
