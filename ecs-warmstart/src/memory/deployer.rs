//! The port that changes ECS services.

use std::sync::Arc;

use async_trait::async_trait;

use super::cloud::{InMemory, with_revision};
use super::ledger::Action;
use super::state::{State, refused};
use crate::error::ErrorKind;
use crate::facts::{ContainerFacts, ContainerHealthCheck, TaskDefinitionFacts};
use crate::ids::{ClusterId, TaskDefinitionId};
use crate::ports::{Deployer, Result};
use crate::spec::{ContainerChange, Revision};

#[async_trait]
impl Deployer for InMemory {
    async fn revise(&self, base: &TaskDefinitionId, changes: &Revision) -> Result<TaskDefinitionId> {
        let about = format!("{base} {} containers", changes.containers.len());
        let planned = self
            .call(Action::DescribeTaskDefinition, 1, base.to_string(), |state, _| {
                revised(state, base, changes)
            })
            .await?;
        match planned {
            Planned::There(id) => Ok(id),
            Planned::New(definition, values) => {
                self.call(Action::RegisterTaskDefinition, 1, about, |state, _| {
                    Ok(state.register_definition(*definition, values))
                })
                .await
            }
        }
    }

    async fn update_service(
        &self,
        cluster: &ClusterId,
        name: &str,
        task_definition: &TaskDefinitionId,
    ) -> Result<()> {
        let about = format!("{cluster} {name} {}", task_definition.name());
        self.call(Action::UpdateService, 1, about, |state, now| {
            state.update_ecs_service(cluster, name, task_definition, now)
        })
        .await
    }
}

/// Values of environment variables, by container and name.
pub(super) type Values = std::collections::BTreeMap<(String, String), String>;

enum Planned {
    There(TaskDefinitionId),
    New(Box<TaskDefinitionFacts>, Values),
}

fn revised(state: &State, base: &TaskDefinitionId, changes: &Revision) -> Result<Planned> {
    let found = state.definition(base).ok_or_else(|| {
        refused(ErrorKind::NotFound, "ClientException", "Unable to describe task definition.")
    })?;
    let mut definition = TaskDefinitionFacts::clone(found);
    let mut values = state.values.get(&found.id).cloned().unwrap_or_default();
    for (name, change) in &changes.containers {
        let container = definition.containers.iter_mut().find(|container| container.name == *name);
        let Some(container) = container else {
            let message = format!("{} has no container {name}", found.id.name());
            return Err(refused(ErrorKind::Invalid, "ClientException", &message));
        };
        apply(container, change, &mut values)?;
    }
    let family: TaskDefinitionId = found
        .id
        .family()
        .parse()
        .map_err(|_| refused(ErrorKind::Invalid, "ClientException", "The family has no name."))?;
    definition.id = family.clone();
    let newest = state.definition(&family).unwrap_or(found);
    for there in [found, newest] {
        let same = TaskDefinitionFacts { id: there.id.clone(), ..definition.clone() } == **there;
        if same && values == state.values.get(&there.id).cloned().unwrap_or_default() {
            return Ok(Planned::There(there.id.clone()));
        }
    }
    Ok(Planned::New(Box::new(definition), values))
}

fn apply(container: &mut ContainerFacts, change: &ContainerChange, values: &mut Values) -> Result<()> {
    if let Some(image) = &change.image {
        container.image = image.to_string();
    }
    for (name, value) in &change.environment {
        let key = (container.name.clone(), name.clone());
        container.environment.retain(|its| its != name);
        match value {
            Some(value) => {
                container.environment.push(name.clone());
                values.insert(key, value.clone());
            }
            None => drop(values.remove(&key)),
        }
    }
    let wanted = &change.health_check;
    if wanted.is_empty() {
        return Ok(());
    }
    let mut check = match (&container.health_check, &wanted.command) {
        (Some(check), _) => check.clone(),
        (None, Some(_)) => ContainerHealthCheck::default(),
        (None, None) => {
            let message = format!("container {} has no health check, so one needs a command", container.name);
            return Err(refused(ErrorKind::Invalid, "ClientException", &message));
        }
    };
    if let Some(command) = &wanted.command {
        check.command.clone_from(command);
    }
    check.interval = wanted.interval.unwrap_or(check.interval);
    check.timeout = wanted.timeout.unwrap_or(check.timeout);
    check.retries = wanted.retries.unwrap_or(check.retries);
    check.start_period = wanted.start_period.unwrap_or(check.start_period);
    container.health_check = Some(check);
    Ok(())
}

impl State {
    fn register_definition(&mut self, definition: TaskDefinitionFacts, values: Values) -> TaskDefinitionId {
        let family = definition.id.family().to_owned();
        let revisions = self.definitions.entry(family).or_default();
        let next = revisions.last_key_value().map_or(1, |(newest, _)| newest.saturating_add(1));
        let id = with_revision(&definition.id, next);
        revisions.insert(next, Arc::new(TaskDefinitionFacts { id: id.clone(), active: true, ..definition }));
        self.values.insert(id.clone(), values);
        id
    }
}
