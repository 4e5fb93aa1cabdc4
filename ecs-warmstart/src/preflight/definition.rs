//! Findings about the task definition.

use super::fargate;
use super::finding::{Code, Finding, Severity};
use super::subject::{Facts, Seen, Subject};
use crate::facts::{Compatibility, ContainerFacts, NetworkMode, StartCondition, TaskDefinitionFacts};
use crate::image::ImageRef;
use crate::spec::{AwsVpc, Binding, Compute, LaunchType};

pub(super) fn missing(subject: &Subject<'_>) -> Finding {
    let name = &subject.request.task_definition;
    Finding::error(
        Code::TaskDefinitionMissing,
        format!("there is no task definition {name} in this region and account"),
        format!("aws ecs list-task-definitions --family-prefix {} shows what there is", name.family()),
    )
}

pub(super) fn check(subject: &Subject<'_>, definition: &TaskDefinitionFacts, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(inactive(definition));
    findings.extend(network_fits(subject.request.network.as_ref(), definition));
    findings.extend(launch_type(subject, definition));
    findings.extend(fargate_size(subject, definition));
    findings.extend(essential(definition));
    findings.extend(definition.containers.iter().flat_map(|container| dependencies(container, definition)));
    findings.extend(execution_role(subject, definition));
    findings.extend(exec_role(subject, definition));
    findings.extend(definition.containers.iter().filter_map(|container| log_group(container, facts)));
    findings.extend(gate(subject, definition));
    findings.extend(definition.containers.iter().filter_map(localhost));
    findings
}

fn inactive(definition: &TaskDefinitionFacts) -> Option<Finding> {
    (!definition.active).then(|| {
        Finding::error(
            Code::TaskDefinitionInactive,
            format!("task definition {} is INACTIVE, so no task can be launched from it", definition.id),
            format!(
                "name a revision that is ACTIVE, or the family alone: task_definition = \"{}\"",
                definition.id.family()
            ),
        )
    })
}

/// Whether there are subnets where the network mode wants them, and none where it does not.
pub(crate) fn network_fits(network: Option<&AwsVpc>, definition: &TaskDefinitionFacts) -> Option<Finding> {
    let id = &definition.id;
    match (definition.network_mode, network) {
        (NetworkMode::AwsVpc, None) => Some(Finding::error(
            Code::SubnetsMissing,
            format!("task definition {id} has network mode awsvpc and needs subnets"),
            "subnets = [\"subnet-…\"]",
        )),
        (NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None, Some(_)) => Some(Finding::error(
            Code::SubnetsSuperfluous,
            format!(
                "task definition {id} does not have network mode awsvpc, so it takes no subnets and security groups"
            ),
            "leave subnets and security_groups out, or register it with networkMode awsvpc",
        )),
        (NetworkMode::AwsVpc, Some(_))
        | (NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None, None) => None,
    }
}

/// What ECS itself found it to run on decides.
fn launch_type(subject: &Subject<'_>, definition: &TaskDefinitionFacts) -> Option<Finding> {
    let wanted = match &subject.request.compute {
        Compute::ClusterDefault => return None,
        Compute::CapacityProviders(_) if subject.request.compute.is_fargate() => Compatibility::Fargate,
        // Which kind a capacity provider of somebody's own is, its name does not say.
        Compute::CapacityProviders(_) => return None,
        Compute::LaunchType(LaunchType::Fargate) => Compatibility::Fargate,
        Compute::LaunchType(LaunchType::Ec2) => Compatibility::Ec2,
        Compute::LaunchType(LaunchType::External) => Compatibility::External,
        Compute::LaunchType(LaunchType::ManagedInstances) => Compatibility::ManagedInstances,
    };
    let known = &definition.compatibilities;
    if known.is_empty() || known.contains(&wanted) {
        return None;
    }
    let words: Vec<&str> = known.iter().map(Compatibility::as_str).collect();
    Some(Finding::error(
        Code::LaunchTypeIncompatible,
        format!(
            "task definition {} is not compatible with {}, only with {}",
            definition.id,
            wanted.as_str(),
            words.join(", ")
        ),
        format!("register a revision with requiresCompatibilities [\"{}\"]", wanted.as_str()),
    ))
}

fn fargate_size(subject: &Subject<'_>, definition: &TaskDefinitionFacts) -> Option<Finding> {
    // What ECS found compatible has a size that Fargate has; where it says nothing, nobody knows.
    let known = &definition.compatibilities;
    let judged = known.is_empty() || known.contains(&Compatibility::Fargate);
    if judged || !subject.request.compute.is_fargate() {
        return None;
    }
    let wrong = fargate::wrong_size(definition.cpu, definition.memory)?;
    Some(Finding::error(
        Code::FargateSize,
        format!("task definition {}: {}", definition.id, wrong.summary),
        wrong.remedy,
    ))
}

fn essential(definition: &TaskDefinitionFacts) -> Option<Finding> {
    let none = !definition.containers.iter().any(|container| container.essential);
    none.then(|| {
        Finding::error(
            Code::NoEssentialContainer,
            format!("no container of task definition {} is essential", definition.id),
            "set \"essential\": true on the container that serves",
        )
    })
}

/// A task outlives a container that is not essential, and stays registered.
pub(super) fn serves(container: &ContainerFacts, definition: &TaskDefinitionFacts) -> Option<Finding> {
    (!container.essential).then(|| {
        let name = &container.name;
        Finding::warning(
            Code::ServingNotEssential,
            format!(
                "container {name} of task definition {} serves but is not essential: the task runs on without it",
                definition.id
            ),
            format!("set \"essential\": true on container {name}"),
        )
    })
}

fn dependencies(container: &ContainerFacts, definition: &TaskDefinitionFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for dependency in &container.depends_on {
        let (name, on) = (&container.name, &dependency.container);
        match definition.container(on) {
            None => findings.push(Finding::error(
                Code::DependencyMissing,
                format!(
                    "container {name} depends on container {on}, which task definition {} does not have",
                    definition.id
                ),
                format!("correct dependsOn of container {name}"),
            )),
            Some(other) if dependency.condition == StartCondition::Healthy && !other.has_health_check() => {
                findings.push(Finding::error(
                    Code::DependencyNeverHealthy,
                    format!(
                        "container {name} waits until container {on} is HEALTHY, but {on} has no health check"
                    ),
                    format!("give container {on} a healthCheck, or let {name} depend on START"),
                ));
            }
            Some(_) => {}
        }
    }
    findings
}

/// AWS: Fargate pulls images of ECR and writes logs by it; secrets and a registry's credentials are read by it anywhere.
fn execution_role(subject: &Subject<'_>, definition: &TaskDefinitionFacts) -> Option<Finding> {
    if definition.execution_role.is_some() || subject.request.overrides.execution_role_arn.is_some() {
        return None;
    }
    let on_fargate = subject.request.compute.is_fargate();
    let containers = &definition.containers;
    let any = |test: fn(&ContainerFacts) -> bool| containers.iter().any(test);
    let is_of_ecr = |container: &ContainerFacts| {
        container.image.parse::<ImageRef>().is_ok_and(|image| image.ecr().is_some())
    };
    let what = if any(|container| !container.secrets.is_empty()) {
        "read secrets"
    } else if any(|container| container.has_registry_credentials) {
        "read the credentials of an image's registry"
    } else if on_fargate && any(is_of_ecr) {
        "pull images from Amazon ECR"
    } else if on_fargate && any(|it| it.log.as_ref().is_some_and(|log| log.driver == "awslogs")) {
        "write logs to CloudWatch Logs"
    } else {
        return None;
    };
    Some(Finding::error(
        Code::ExecutionRoleMissing,
        format!("task definition {} has no execution role, which it needs to {what}", definition.id),
        "register a revision with executionRoleArn, of a role with the policy AmazonECSTaskExecutionRolePolicy",
    ))
}

fn exec_role(subject: &Subject<'_>, definition: &TaskDefinitionFacts) -> Option<Finding> {
    let missing = subject.request.enable_execute_command
        && definition.task_role.is_none()
        && subject.request.overrides.task_role_arn.is_none();
    missing.then(|| {
        Finding::error(
            Code::TaskRoleMissing,
            format!("task definition {} has no task role, which ECS Exec needs", definition.id),
            "register a revision with taskRoleArn, or set enable_execute_command = false",
        )
    })
}

fn log_group(container: &ContainerFacts, facts: &Facts) -> Option<Finding> {
    let log = container.log.as_ref()?;
    let group = log.group.as_ref()?;
    let name = &container.name;
    match facts.log_groups.get(group)? {
        Seen::Missing if !log.create_group => Some(Finding::error(
            Code::LogGroupMissing,
            format!(
                "log group {group} of container {name} does not exist, and the task does not start without it"
            ),
            format!(
                "aws logs create-log-group --log-group-name {group}, or set awslogs-create-group to \"true\" and allow the \
                 execution role logs:CreateLogGroup"
            ),
        )),
        Seen::Unreadable { why } => Some(Finding::hint(
            Code::Unreadable,
            format!("log group {group} of container {name} could not be looked for: {why}"),
            "allow logs:DescribeLogGroups",
        )),
        Seen::Missing | Seen::Known(()) => None,
    }
}

fn gate(subject: &Subject<'_>, definition: &TaskDefinitionFacts) -> Option<Finding> {
    let checked = definition.containers.iter().any(ContainerFacts::has_health_check);
    (subject.is_gated && !checked).then(|| {
        Finding::hint(
            Code::GateWithoutCheck,
            format!(
                "no container of task definition {} has a health check, so a task is registered as soon as it is RUNNING",
                definition.id
            ),
            "give the container that serves a healthCheck: one in the image is ignored by ECS",
        )
    })
}

/// `localhost` may be `::1`, where the process does not listen.
fn localhost(container: &ContainerFacts) -> Option<Finding> {
    let check = container.health_check.as_ref()?;
    let asks = check.command.iter().any(|part| part.contains("//localhost"));
    asks.then(|| {
        Finding::hint(
            Code::HealthCheckLocalhost,
            format!("the health check of container {} asks localhost, which may be ::1", container.name),
            "write 127.0.0.1 where the process listens on IPv4 alone",
        )
    })
}

/// The container whose port a binding means.
pub(crate) fn binding_container<'a>(
    binding: &Binding,
    definition: &'a TaskDefinitionFacts,
) -> Result<&'a ContainerFacts, Finding> {
    let id = &definition.id;
    let names = || definition.containers.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ");
    let Some(name) = &binding.container else {
        let mut with_port =
            definition.containers.iter().filter(|container| container.ports.contains(&binding.port));
        return match (with_port.next(), with_port.next()) {
            (Some(container), None) => Ok(container),
            (Some(_), Some(_)) => Err(Finding::error(
                Code::ContainerAmbiguous,
                format!("several containers of task definition {id} have port {}; say which", binding.port),
                format!("container = \"…\", one of: {}", names()),
            )),
            (None, _) => Err(Finding::error(
                Code::PortNotMapped,
                format!(
                    "no container of task definition {id} has port {}; its containers: {}",
                    binding.port,
                    names()
                ),
                format!("add containerPort {} to portMappings, or correct port", binding.port),
            )),
        };
    };
    match definition.container(name) {
        None => Err(Finding::error(
            Code::ContainerMissing,
            format!("task definition {id} has no container {name:?}"),
            format!("container = one of: {}", names()),
        )),
        Some(container) => match unmapped(binding, container, definition) {
            Some(finding) if finding.severity == Severity::Error => Err(finding),
            _ => Ok(container),
        },
    }
}

/// A port that the container does not declare.
///
/// A task in awsvpc mode is registered by its own address, at which every port is the container's, declared or not: it may
/// serve all the same, and may be a slip of the pen. Behind `bridge` no port of the host leads to it, and with `host` ECS keeps
/// no port free for it.
pub(super) fn unmapped(
    binding: &Binding,
    container: &ContainerFacts,
    definition: &TaskDefinitionFacts,
) -> Option<Finding> {
    if container.ports.contains(&binding.port) {
        return None;
    }
    let finding = match definition.network_mode {
        NetworkMode::AwsVpc => Finding::warning,
        NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None => Finding::error,
    };
    Some(finding(
        Code::PortNotMapped,
        format!(
            "container {} of task definition {} has no port {}; its ports: {}",
            container.name,
            definition.id,
            binding.port,
            ports(&container.ports)
        ),
        format!("add containerPort {} to its portMappings, or correct port", binding.port),
    ))
}

fn ports(ports: &[u16]) -> String {
    match ports {
        [] => "none".to_owned(),
        ports => ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", "),
    }
}
