//! What changes ECS services. It stands beside the four ports, since no run needs it.

use std::fmt::Debug;

use async_trait::async_trait;

use super::Result;
use crate::ids::{ClusterId, TaskDefinitionId};
use crate::spec::Revision;

/// Registers revisions of task definitions, and makes ECS services run them.
#[async_trait]
pub trait Deployer: Debug + Send + Sync + 'static {
    /// The revision that `base` becomes by these changes, as its ARN.
    ///
    /// Idempotent: where `base` is as it should be, it is the answer itself; where the newest active revision of its family is,
    /// that one is. Only otherwise is a revision registered. Everything that is not changed is taken over, tags included.
    ///
    /// # Errors
    ///
    /// - `NotFound`: there is no such task definition.
    /// - `Invalid`: it has no container of that name, a new health check has no command, or ECS refuses what it would be.
    /// - `Denied`: it may not be read or registered, or one of its roles may not be passed on.
    /// - Any other but `Capacity` and `Conflict`: a revision may have been registered; called again, the same one is found.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have registered a revision that nothing uses; called again, the same one is found.
    async fn revise(&self, base: &TaskDefinitionId, changes: &Revision) -> Result<TaskDefinitionId>;

    /// Makes the ECS service run that revision. ECS starts and stops tasks for it from then on; that is not waited for.
    ///
    /// Idempotent: a service that runs it already is left as it is.
    ///
    /// # Errors
    ///
    /// `NotFound` when the cluster or the ECS service does not exist; `Invalid` when ECS refuses, such as for a service that
    /// CodeDeploy deploys; otherwise any kind but `Capacity` and `Conflict`, and then the service may have been changed.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have changed the service; repeating it is harmless.
    async fn update_service(
        &self,
        cluster: &ClusterId,
        name: &str,
        task_definition: &TaskDefinitionId,
    ) -> Result<()>;
}
