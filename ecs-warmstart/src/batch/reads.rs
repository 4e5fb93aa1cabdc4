//! Looks at tasks and targets, and searches.

use std::sync::Arc;

use async_trait::async_trait;

use super::merger::Merged;
use crate::ids::{ClusterId, TargetGroupArn, TaskArn};
use crate::limit::ApiClass;
use crate::observation::{Target, TargetObservation, TaskObservation, TaskStatus};
use crate::ports::{HealthWaiter, Result, Selector, TargetRegistrar, TaskLauncher};

/// `DescribeTasks`: 100 tasks of one cluster in a call (AWS's limit).
#[derive(Debug)]
pub(super) struct TaskLooks(pub(super) Arc<dyn HealthWaiter>);

#[async_trait]
impl Merged for TaskLooks {
    type Key = ClusterId;
    type Kind = ();
    type Item = TaskArn;
    type Answer = TaskObservation;

    const AT_ONCE: usize = 100;
    const CLASS: ApiClass = ApiClass::ClusterRead;

    async fn call(&self, cluster: &ClusterId, (): (), tasks: &[TaskArn]) -> Result<Vec<TaskObservation>> {
        self.0.observe_tasks(cluster, tasks).await
    }

    fn is_unknown(seen: &TaskObservation) -> bool {
        seen.status == TaskStatus::Missing
    }

    /// The names of the hosts are asked for besides, where there are any.
    fn further_calls(seen: &[TaskObservation]) -> u32 {
        u32::from(seen.iter().any(|seen| seen.host.is_some()))
    }
}

/// `DescribeTargetHealth`: one call for a group. More targets than a group holds by AWS's default never come together.
#[derive(Debug)]
pub(super) struct TargetLooks(pub(super) Arc<dyn HealthWaiter>);

#[async_trait]
impl Merged for TargetLooks {
    type Key = TargetGroupArn;
    type Kind = ();
    type Item = Target;
    type Answer = TargetObservation;

    const AT_ONCE: usize = 200;
    const CLASS: ApiClass = ApiClass::ElbRead;

    async fn call(
        &self,
        group: &TargetGroupArn,
        (): (),
        targets: &[Target],
    ) -> Result<Vec<TargetObservation>> {
        self.0.observe_targets(group, targets).await
    }
}

/// `ListTasks`: who searches for the same shares the answer.
#[derive(Debug)]
pub(super) struct Searches(pub(super) Arc<dyn TaskLauncher>);

#[async_trait]
impl Merged for Searches {
    type Key = (ClusterId, Selector);
    type Kind = ();
    type Item = ();
    type Answer = Vec<TaskArn>;

    const AT_ONCE: usize = 1;
    const CLASS: ApiClass = ApiClass::ClusterRead;

    async fn call(&self, (cluster, selector): &Self::Key, (): (), _: &[()]) -> Result<Vec<Vec<TaskArn>>> {
        Ok(vec![self.0.find(cluster, selector).await?])
    }

    /// A page has 100 tasks.
    fn further_calls(found: &[Vec<TaskArn>]) -> u32 {
        let pages = found.iter().map(|tasks| tasks.len().div_ceil(100).max(1)).sum::<usize>();
        u32::try_from(pages.saturating_sub(1)).unwrap_or(u32::MAX)
    }
}

/// `DescribeTargetHealth` of a whole group: who asks for the same group shares the answer.
#[derive(Debug)]
pub(super) struct GroupLooks(pub(super) Arc<dyn TargetRegistrar>);

#[async_trait]
impl Merged for GroupLooks {
    type Key = TargetGroupArn;
    type Kind = ();
    type Item = ();
    type Answer = Vec<(Target, TargetObservation)>;

    const AT_ONCE: usize = 1;
    const CLASS: ApiClass = ApiClass::ElbRead;

    async fn call(&self, group: &TargetGroupArn, (): (), _: &[()]) -> Result<Vec<Self::Answer>> {
        Ok(vec![self.0.targets(group).await?])
    }
}
