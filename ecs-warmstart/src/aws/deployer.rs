//! ECS services: revisions of their task definitions, and which one they run.

use async_trait::async_trait;
use aws_sdk_ecs::types::{Tag, TaskDefinition, TaskDefinitionField};

use super::convert::senseless;
use super::ecs::Ecs;
use super::error::port_error;
use super::revision::{register, revised, says_the_same};
use crate::error::{ErrorKind, PortError};
use crate::ids::{ClusterId, TaskDefinitionId};
use crate::ports::{Deployer, Result};
use crate::spec::Revision;

#[async_trait]
impl Deployer for Ecs {
    async fn revise(&self, base: &TaskDefinitionId, changes: &Revision) -> Result<TaskDefinitionId> {
        let (base, tags) = self.described(base.as_str()).await?;
        let wanted = revised(&base, changes)?;
        if says_the_same(&wanted, &base) {
            return id_of(&base);
        }
        // Whoever called before and did not hear the answer has registered it already.
        let family = base.family().ok_or_else(|| senseless("a task definition without its family"))?;
        match self.described(family).await {
            Ok((newest, _)) if says_the_same(&wanted, &newest) => return id_of(&newest),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(_) | Err(_) => {}
        }
        let call = register(self.client().register_task_definition(), wanted, &tags);
        let answer = call.send().await.map_err(|error| port_error("ecs:RegisterTaskDefinition", error))?;
        let registered = answer.task_definition();
        id_of(registered.ok_or_else(|| senseless("a registration without its task definition"))?)
    }

    async fn update_service(
        &self,
        cluster: &ClusterId,
        name: &str,
        task_definition: &TaskDefinitionId,
    ) -> Result<()> {
        self.client()
            .update_service()
            .cluster(cluster.as_str())
            .service(name)
            .task_definition(task_definition.as_str())
            .send()
            .await
            .map(drop)
            .map_err(|error| port_error("ecs:UpdateService", error))
    }
}

impl Ecs {
    /// A task definition as it is, and its tags.
    async fn described(&self, name: &str) -> Result<(TaskDefinition, Vec<Tag>)> {
        let answer = self
            .client()
            .describe_task_definition()
            .task_definition(name)
            .include(TaskDefinitionField::Tags)
            .send()
            .await
            .map_err(|error| port_error("ecs:DescribeTaskDefinition", error))?;
        let tags = answer.tags().to_vec();
        let definition = answer.task_definition.ok_or_else(|| {
            PortError::new(ErrorKind::NotFound, format!("there is no task definition {name}"))
        })?;
        Ok((definition, tags))
    }
}

fn id_of(definition: &TaskDefinition) -> Result<TaskDefinitionId> {
    let arn =
        definition.task_definition_arn().ok_or_else(|| senseless("a task definition without its ARN"))?;
    arn.parse().map_err(|error| senseless("a task definition whose ARN is none").with_source(error))
}
