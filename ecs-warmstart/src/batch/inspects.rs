//! Reads of definitions. A hundred services of one task definition, or behind one target group, read it once.
//!
//! A method that is added to [`Inspector`] gets a struct like these: its key is what it asks for, its item is nothing, and
//! who asks for the same at the same time shares one call. Where the port takes several names in one call, as
//! `target_groups` does, the name is the item.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::merger::Merged;
use crate::error::ErrorKind;
use crate::facts::{
    EcsServiceFacts, ImageFacts, LoadBalancerFacts, LogLine, LogQuery, TargetGroupFacts, TaskDefinitionFacts,
};
use crate::ids::{ClusterId, TargetGroupArn, TaskDefinitionId};
use crate::image::ImageRef;
use crate::limit::ApiClass;
use crate::ports::{Inspector, Result};

/// `DescribeTaskDefinition`.
#[derive(Debug)]
pub(super) struct Definitions(pub(super) Arc<dyn Inspector>);

#[async_trait]
impl Merged for Definitions {
    type Key = TaskDefinitionId;
    type Kind = ();
    type Item = ();
    type Answer = TaskDefinitionFacts;

    const AT_ONCE: usize = 1;
    const CLASS: ApiClass = ApiClass::DefinitionRead;

    async fn call(&self, id: &TaskDefinitionId, (): (), _: &[()]) -> Result<Vec<TaskDefinitionFacts>> {
        Ok(vec![self.0.task_definition(id).await?])
    }
}

/// `DescribeTargetGroups`, 20 groups in a call. AWS names no limit; of load balancers it describes 20.
#[derive(Debug)]
pub(super) struct Groups(pub(super) Arc<dyn Inspector>);

#[async_trait]
impl Merged for Groups {
    type Key = ();
    type Kind = ();
    type Item = TargetGroupArn;
    type Answer = TargetGroupFacts;

    const AT_ONCE: usize = 20;
    const CLASS: ApiClass = ApiClass::ElbRead;

    async fn call(&self, (): &(), (): (), groups: &[TargetGroupArn]) -> Result<Vec<TargetGroupFacts>> {
        self.0.target_groups(groups).await
    }

    /// One that does not exist fails the whole call.
    fn may_be_one_items_fault(error: ErrorKind) -> bool {
        matches!(error, ErrorKind::Invalid | ErrorKind::Denied | ErrorKind::NotFound)
    }
}

/// `DescribeTargetGroupAttributes`.
#[derive(Debug)]
pub(super) struct Delays(pub(super) Arc<dyn Inspector>);

#[async_trait]
impl Merged for Delays {
    type Key = TargetGroupArn;
    type Kind = ();
    type Item = ();
    type Answer = Duration;

    const AT_ONCE: usize = 1;
    const CLASS: ApiClass = ApiClass::ElbRead;

    async fn call(&self, group: &TargetGroupArn, (): (), _: &[()]) -> Result<Vec<Duration>> {
        Ok(vec![self.0.deregistration_delay(group).await?])
    }
}

/// `DescribeLoadBalancers`: all of them.
#[derive(Debug)]
pub(super) struct Balancers(pub(super) Arc<dyn Inspector>);

#[async_trait]
impl Merged for Balancers {
    type Key = ();
    type Kind = ();
    type Item = ();
    type Answer = Vec<LoadBalancerFacts>;

    const AT_ONCE: usize = 1;
    const CLASS: ApiClass = ApiClass::ElbRead;

    async fn call(&self, (): &(), (): (), _: &[()]) -> Result<Vec<Vec<LoadBalancerFacts>>> {
        Ok(vec![self.0.load_balancers().await?])
    }

    /// A page has 400 load balancers (AWS: `PageSize`, "1 to 400").
    fn further_calls(found: &[Vec<LoadBalancerFacts>]) -> u32 {
        let pages = found.iter().map(|balancers| balancers.len().div_ceil(400).max(1)).sum::<usize>();
        u32::try_from(pages.saturating_sub(1)).unwrap_or(u32::MAX)
    }
}

/// `BatchGetImage`, or what another registry has for it.
#[derive(Debug)]
pub(super) struct Images(pub(super) Arc<dyn Inspector>);

#[async_trait]
impl Merged for Images {
    type Key = ImageRef;
    type Kind = ();
    type Item = ();
    type Answer = ImageFacts;

    const AT_ONCE: usize = 1;
    const CLASS: ApiClass = ApiClass::ImageRead;

    async fn call(&self, image: &ImageRef, (): (), _: &[()]) -> Result<Vec<ImageFacts>> {
        Ok(vec![self.0.image(image).await?])
    }
}

/// `DescribeLogGroups`.
#[derive(Debug)]
pub(super) struct LogGroups(pub(super) Arc<dyn Inspector>);

#[async_trait]
impl Merged for LogGroups {
    type Key = String;
    type Kind = ();
    type Item = ();
    type Answer = bool;

    const AT_ONCE: usize = 1;
    const CLASS: ApiClass = ApiClass::LogGroups;

    async fn call(&self, group: &String, (): (), _: &[()]) -> Result<Vec<bool>> {
        Ok(vec![self.0.log_group_exists(group).await?])
    }
}

/// `GetLogEvents`.
#[derive(Debug)]
pub(super) struct LogTails(pub(super) Arc<dyn Inspector>);

#[async_trait]
impl Merged for LogTails {
    type Key = LogQuery;
    type Kind = ();
    type Item = ();
    type Answer = Vec<LogLine>;

    const AT_ONCE: usize = 1;
    const CLASS: ApiClass = ApiClass::LogEvents;

    async fn call(&self, query: &LogQuery, (): (), _: &[()]) -> Result<Vec<Vec<LogLine>>> {
        Ok(vec![self.0.log_tail(query).await?])
    }
}

/// `DescribeServices`.
#[derive(Debug)]
pub(super) struct EcsServices(pub(super) Arc<dyn Inspector>);

#[async_trait]
impl Merged for EcsServices {
    type Key = (ClusterId, String);
    type Kind = ();
    type Item = ();
    type Answer = EcsServiceFacts;

    const AT_ONCE: usize = 1;
    const CLASS: ApiClass = ApiClass::ServiceRead;

    async fn call(&self, (cluster, name): &Self::Key, (): (), _: &[()]) -> Result<Vec<EcsServiceFacts>> {
        Ok(vec![self.0.ecs_service(cluster, name).await?])
    }
}
