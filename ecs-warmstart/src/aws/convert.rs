//! The SDK's types to ours. A word this version does not know becomes what is waited out, never what is acted on.

use std::net::IpAddr;
use std::time::Duration;

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{Attachment, Container, ContainerInstance, NetworkBinding, Task, TransportProtocol};
use aws_sdk_elasticloadbalancingv2::types::{TargetGroupAttribute, TargetHealthDescription};

use crate::error::{ErrorKind, PortError};
use crate::ids::TaskArn;
use crate::observation::{
    ContainerObservation, HealthStatus, Host, PortBinding, StopCode, StopInfo, Target, TargetObservation,
    TargetReason, TargetState, TaskObservation, TaskStatus,
};
use crate::overrides::{ContainerOverride, KeyValuePair, TaskOverride};
use crate::ports::Result;
use crate::time::Timestamp;

/// ELBv2's default time for which a target drains.
const DEFAULT_DEREGISTRATION_DELAY_SECS: u64 = 300;

/// An answer without a name for what it is about is of no use: nothing is known.
pub(super) fn senseless(what: &str) -> PortError {
    PortError::new(ErrorKind::Other, format!("AWS's answer has {what}"))
}

pub(super) fn task_arn(arn: Option<&str>) -> Result<TaskArn> {
    let arn = arn.ok_or_else(|| senseless("a task without its ARN"))?;
    arn.parse().map_err(|error| senseless("a task whose ARN is none").with_source(error))
}

pub(super) fn task(task: &Task) -> Result<TaskObservation> {
    let mut observation = TaskObservation::new(
        task_arn(task.task_arn())?,
        TaskStatus::parse(task.last_status().unwrap_or_default()),
    );
    observation.stop_requested = task.desired_status() == Some("STOPPED");
    observation.version = u64::try_from(task.version()).unwrap_or_default();
    observation.task_definition = task.task_definition_arn().and_then(|arn| arn.parse().ok());
    observation.started_by = task.started_by().filter(|who| !who.is_empty()).map(str::to_owned);
    observation.created_at = timestamp(task.created_at());
    observation.started_at = timestamp(task.started_at());
    observation.addresses = addresses(task);
    observation.host = host(task, &observation);
    observation.containers = task.containers().iter().map(container).collect();
    observation.stop = stop(task);
    observation.overrides = task.overrides().map(overrides).unwrap_or_default();
    Ok(observation)
}

/// What ECS says beside its overrides, such as lists of nothing, says nothing.
fn overrides(said: &aws_sdk_ecs::types::TaskOverride) -> TaskOverride {
    let role = |arn: Option<&str>| arn.and_then(|arn| arn.parse().ok());
    let container = |said: &aws_sdk_ecs::types::ContainerOverride| ContainerOverride {
        name: said.name().unwrap_or_default().to_owned(),
        command: Some(said.command().to_vec()).filter(|words| !words.is_empty()),
        environment: said
            .environment()
            .iter()
            .map(|pair| KeyValuePair {
                name: pair.name().unwrap_or_default().to_owned(),
                value: pair.value().unwrap_or_default().to_owned(),
            })
            .collect(),
    };
    TaskOverride {
        task_role_arn: role(said.task_role_arn()),
        execution_role_arn: role(said.execution_role_arn()),
        cpu: said.cpu().map(str::to_owned),
        memory: said.memory().map(str::to_owned),
        container_overrides: said.container_overrides().iter().map(container).collect(),
    }
}

pub(super) fn timestamp(time: Option<&DateTime>) -> Option<Timestamp> {
    let millis = time?.to_millis().ok()?;
    u64::try_from(millis).ok().map(Timestamp::from_millis)
}

/// `ElasticNetworkInterface` in answers, `eni` in events.
fn is_interface(attachment: &Attachment) -> bool {
    matches!(attachment.r#type(), Some("ElasticNetworkInterface" | "eni"))
}

/// One that never was. ECS keeps the details of one that is deleted: the address of a task that has stopped.
fn has_failed(attachment: &Attachment) -> bool {
    attachment.status() == Some("FAILED")
}

/// The addresses of the task's own interface, IPv4 first. The attachment has the IPv4 one before the containers do; an
/// IPv6 one stands with the containers alone.
fn addresses(task: &Task) -> Vec<IpAddr> {
    let interfaces = task.attachments().iter().filter(|it| is_interface(it) && !has_failed(it));
    let of_attachments = interfaces
        .flat_map(|interface| interface.details())
        .filter(|detail| detail.name() == Some("privateIPv4Address"))
        .filter_map(|detail| detail.value());
    let of_containers = task
        .containers()
        .iter()
        .flat_map(|container| container.network_interfaces())
        .flat_map(|interface| [interface.private_ipv4_address(), interface.ipv6_address()])
        .flatten();
    let mut found: Vec<IpAddr> = Vec::new();
    for address in of_attachments.chain(of_containers).filter_map(|text| text.parse().ok()) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found.sort_by_key(IpAddr::is_ipv6);
    found
}

/// The machine under a task that runs, or ran, without an interface of its own. A task with one has an address sooner or
/// later.
fn host(task: &Task, observation: &TaskObservation) -> Option<Host> {
    let has_interface = !observation.addresses.is_empty() || task.attachments().iter().any(is_interface);
    let ran = observation.status == TaskStatus::Running || observation.started_at.is_some();
    if has_interface || !ran {
        return None;
    }
    let container_instance = task.container_instance_arn()?.to_owned();
    Some(Host { container_instance, ec2_instance: None })
}

/// The EC2 instance id; a machine outside EC2 has one of Systems Manager (`mi-...`), which no target group takes.
pub(super) fn ec2_instance(instance: &ContainerInstance) -> Option<String> {
    instance.ec2_instance_id().filter(|id| id.starts_with("i-")).map(str::to_owned)
}

fn container(container: &Container) -> ContainerObservation {
    ContainerObservation {
        name: container.name().unwrap_or_default().to_owned(),
        health: match container.health_status().map(|health| health.as_str()) {
            Some("HEALTHY") => HealthStatus::Healthy,
            Some("UNHEALTHY") => HealthStatus::Unhealthy,
            Some(_) | None => HealthStatus::Unknown,
        },
        // An emulator says 0 before there is anything to say.
        exit_code: container.exit_code().filter(|_| !is_alive(container)),
        reason: container.reason().filter(|reason| !reason.is_empty()).map(str::to_owned),
        image_digest: container.image_digest().filter(|digest| !digest.is_empty()).map(str::to_owned),
        ports: port_bindings(container.network_bindings()),
    }
}

fn is_alive(container: &Container) -> bool {
    matches!(container.last_status(), Some("PENDING" | "RUNNING"))
}

/// TCP before UDP: a container may have both on one port, and load balancers of HTTP speak TCP. Docker names each binding
/// twice, for IPv4 and for IPv6.
fn port_bindings(bindings: &[NetworkBinding]) -> Vec<PortBinding> {
    let mut sorted: Vec<&NetworkBinding> = bindings.iter().collect();
    sorted.sort_by_key(|binding| binding.protocol() == Some(&TransportProtocol::Udp));
    let mut ports: Vec<PortBinding> = Vec::new();
    for port in sorted.into_iter().flat_map(port_binding) {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

fn port_binding(binding: &NetworkBinding) -> Vec<PortBinding> {
    let container = port_range(binding.container_port(), binding.container_port_range());
    let host = port_range(binding.host_port(), binding.host_port_range());
    container
        .into_iter()
        .zip(host)
        .map(|(container_port, host_port)| PortBinding { container_port, host_port })
        .collect()
}

/// One port, or those from `a` to `b` of a range "a-b". Port 0 is none.
pub(super) fn port_range(port: Option<i32>, range: Option<&str>) -> Vec<u16> {
    if let Some(port) = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0) {
        return vec![port];
    }
    let ends = range.and_then(|range| range.split_once('-'));
    let ends = ends.and_then(|(from, to)| Some((from.parse::<u16>().ok()?, to.parse::<u16>().ok()?)));
    ends.map(|(from, to)| (from.max(1)..=to).collect()).unwrap_or_default()
}

fn stop(task: &Task) -> Option<StopInfo> {
    let code = task.stop_code().map(|code| StopCode::parse(code.as_str()));
    let reason = task.stopped_reason().unwrap_or_default();
    (code.is_some() || !reason.is_empty()).then(|| StopInfo { code, reason: reason.to_owned() })
}

/// AWS: every group of addresses or instances has the attribute. One without it is none that a task drains from, and is
/// taken for one at the default: a wait too long is harmless.
pub(super) fn deregistration_delay(attributes: &[TargetGroupAttribute]) -> Result<Duration> {
    let attribute = attributes.iter().find(|it| it.key() == Some("deregistration_delay.timeout_seconds"));
    let secs = match attribute.and_then(|attribute| attribute.value()) {
        Some(text) => text.parse().map_err(|error| {
            senseless("a deregistration delay that is no number of seconds").with_source(error)
        })?,
        None => DEFAULT_DEREGISTRATION_DELAY_SECS,
    };
    Ok(Duration::from_secs(secs))
}

/// None for a target without a port: a Lambda function, which is none of ours.
pub(super) fn target_health(description: &TargetHealthDescription) -> Option<(Target, TargetObservation)> {
    let target = description.target()?;
    let port = u16::try_from(target.port()?).ok()?;
    let health = description.target_health();
    let reason = health.and_then(|health| health.reason()).map(|reason| TargetReason::parse(reason.as_str()));
    let said = health.and_then(|health| health.description()).filter(|said| !said.is_empty());
    let state = match &reason {
        // AWS: always `unused`. Whatever the word: the group does not hold it.
        Some(TargetReason::NotRegistered) => TargetState::Unused,
        Some(_) | None => TargetState::parse(
            health.and_then(|health| health.state()).map(|state| state.as_str()).unwrap_or_default(),
        ),
    };
    let observation = TargetObservation { state, reason, description: said.map(str::to_owned) };
    Some((Target::new(target.id()?, port), observation))
}

/// One form for all ways of writing an IPv6 address.
pub(super) fn canonical(target: &Target) -> Target {
    match target.id.parse::<IpAddr>() {
        Ok(address) => Target::new(address.to_string(), target.port),
        Err(_) => target.clone(),
    }
}
