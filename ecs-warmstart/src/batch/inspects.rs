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
use crate::facts::{TargetGroupFacts, TaskDefinitionFacts};
use crate::ids::{TargetGroupArn, TaskDefinitionId};
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
