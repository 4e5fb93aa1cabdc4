//! New revisions of task definitions: everything is taken over but what is changed.

use aws_sdk_ecs::operation::register_task_definition::builders::RegisterTaskDefinitionFluentBuilder;
use aws_sdk_ecs::types::{ContainerDefinition, HealthCheck, KeyValuePair, Tag, TaskDefinition};

use crate::error::{ErrorKind, PortError};
use crate::ports::Result;
use crate::spec::{ContainerChange, HealthCheckChange, Revision};

/// The definition with these changes.
pub(super) fn revised(definition: &TaskDefinition, changes: &Revision) -> Result<TaskDefinition> {
    let mut revised = definition.clone();
    let containers = revised.container_definitions.get_or_insert_with(Vec::new);
    for (name, change) in &changes.containers {
        let known: Vec<&str> = containers.iter().filter_map(|container| container.name()).collect();
        let known = known.join(", ");
        let container = containers
            .iter_mut()
            .find(|container| container.name() == Some(name))
            .ok_or_else(|| invalid(format!("the task definition has no container {name}; it has {known}")))?;
        apply(container, change)?;
    }
    Ok(revised)
}

fn apply(container: &mut ContainerDefinition, change: &ContainerChange) -> Result<()> {
    if let Some(image) = &change.image {
        container.image = Some(image.to_string());
    }
    if !change.environment.is_empty() {
        let environment = container.environment.get_or_insert_with(Vec::new);
        for (name, value) in &change.environment {
            let place = environment.iter().position(|pair| pair.name() == Some(name));
            match (place, value) {
                // In its place: a revision that says the same in another order is another one.
                (Some(place), Some(value)) => environment[place].value = Some(value.clone()),
                (Some(place), None) => drop(environment.remove(place)),
                (None, Some(value)) => {
                    environment.push(KeyValuePair::builder().name(name).value(value).build());
                }
                (None, None) => {}
            }
        }
    }
    if !change.health_check.is_empty() {
        container.health_check = Some(health_check(container, &change.health_check)?);
    }
    Ok(())
}

fn health_check(container: &ContainerDefinition, change: &HealthCheckChange) -> Result<HealthCheck> {
    let mut check = match (container.health_check(), &change.command) {
        (Some(check), _) => check.clone(),
        (None, Some(_)) => HealthCheck::builder().set_command(Some(Vec::new())).build().map_err(|error| {
            PortError::new(ErrorKind::Invalid, "the health check is none").with_source(error)
        })?,
        (None, None) => {
            let name = container.name().unwrap_or_default();
            return Err(invalid(format!(
                "container {name} has no health check, so a new one needs a command"
            )));
        }
    };
    if let Some(command) = &change.command {
        check.command.clone_from(command);
    }
    let secs = |duration: std::time::Duration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
    check.interval = change.interval.map(secs).or(check.interval);
    check.timeout = change.timeout.map(secs).or(check.timeout);
    check.retries = change.retries.map(|it| i32::try_from(it).unwrap_or(i32::MAX)).or(check.retries);
    check.start_period = change.start_period.map(secs).or(check.start_period);
    Ok(check)
}

/// Whether both make the same tasks: all that ECS adds at the registration is left aside.
pub(super) fn says_the_same(one: &TaskDefinition, other: &TaskDefinition) -> bool {
    essence(one) == essence(other)
}

fn essence(definition: &TaskDefinition) -> TaskDefinition {
    let mut essence = definition.clone();
    essence.task_definition_arn = None;
    essence.revision = 0;
    essence.status = None;
    essence.requires_attributes = None;
    essence.compatibilities = None;
    essence.registered_at = None;
    essence.deregistered_at = None;
    essence.delete_requested_at = None;
    essence.registered_by = None;
    essence
}

/// The registration of such a revision. Inference accelerators are left out: AWS offers them no more.
pub(super) fn register(
    call: RegisterTaskDefinitionFluentBuilder,
    definition: TaskDefinition,
    tags: &[Tag],
) -> RegisterTaskDefinitionFluentBuilder {
    // AWS: tags that begin with aws: are its own, and refused; no tags are an empty list's error.
    let tags: Vec<Tag> = tags
        .iter()
        .filter(|tag| !tag.key().unwrap_or_default().to_ascii_lowercase().starts_with("aws:"))
        .cloned()
        .collect();
    call.set_family(definition.family)
        .set_task_role_arn(definition.task_role_arn)
        .set_execution_role_arn(definition.execution_role_arn)
        .set_network_mode(definition.network_mode)
        .set_container_definitions(definition.container_definitions)
        .set_volumes(definition.volumes)
        .set_placement_constraints(definition.placement_constraints)
        .set_requires_compatibilities(definition.requires_compatibilities)
        .set_cpu(definition.cpu)
        .set_memory(definition.memory)
        .set_tags((!tags.is_empty()).then_some(tags))
        .set_pid_mode(definition.pid_mode)
        .set_ipc_mode(definition.ipc_mode)
        .set_proxy_configuration(definition.proxy_configuration)
        .set_ephemeral_storage(definition.ephemeral_storage)
        .set_runtime_platform(definition.runtime_platform)
        .set_enable_fault_injection(definition.enable_fault_injection)
}

fn invalid(message: String) -> PortError {
    PortError::new(ErrorKind::Invalid, message)
}
