//! The SDK's definitions to our facts: task definitions, target groups, load balancers, ECS services.

use std::time::Duration;

use aws_sdk_ecs::types::{
    Compatibility as SdkCompatibility, ContainerDefinition, Deployment as SdkDeployment, HealthCheck,
    LogConfiguration as SdkLogConfiguration, PortMapping, Service, TaskDefinition, TaskDefinitionStatus,
};
use aws_sdk_elasticloadbalancingv2::types::{
    LoadBalancer, TargetGroup, TargetGroupIpAddressTypeEnum, TargetTypeEnum,
};

use super::convert::{port_range, senseless, timestamp};
use crate::facts::{
    Compatibility, ContainerFacts, ContainerHealthCheck, Dependency, Deployment, EcsServiceFacts,
    LoadBalancerFacts, LogConfiguration, NetworkMode, RuntimePlatform, ServiceEvent, ServiceTargetGroup,
    StartCondition, TargetGroupFacts, TargetType, TaskDefinitionFacts,
};
use crate::ports::Result;

pub(super) fn task_definition(definition: &TaskDefinition) -> Result<TaskDefinitionFacts> {
    let arn =
        definition.task_definition_arn().ok_or_else(|| senseless("a task definition without its ARN"))?;
    let id =
        arn.parse().map_err(|error| senseless("a task definition whose ARN is none").with_source(error))?;
    let platform = definition.runtime_platform();
    Ok(TaskDefinitionFacts {
        id,
        active: definition.status() != Some(&TaskDefinitionStatus::Inactive),
        network_mode: network_mode(definition),
        compatibilities: definition
            .compatibilities()
            .iter()
            .map(|word| Compatibility::parse(word.as_str()))
            .collect(),
        cpu: definition.cpu().and_then(|text| quantity(text, "vcpu", 1024)),
        memory: definition.memory().and_then(|text| quantity(text, "gb", 1024)),
        runtime_platform: platform.map(|platform| RuntimePlatform {
            cpu_architecture: platform.cpu_architecture().map(|word| word.as_str().to_owned()),
            operating_system_family: platform.operating_system_family().map(|word| word.as_str().to_owned()),
        }),
        task_role: said(definition.task_role_arn()),
        execution_role: said(definition.execution_role_arn()),
        containers: definition.container_definitions().iter().map(container).collect(),
    })
}

fn said(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// AWS: without a mode, a task on EC2 has `bridge` on Linux and `default` on Windows, which work alike; on Fargate there
/// is `awsvpc` alone.
fn network_mode(definition: &TaskDefinition) -> NetworkMode {
    match definition.network_mode().map(|mode| mode.as_str()) {
        Some("awsvpc") => NetworkMode::AwsVpc,
        Some("host") => NetworkMode::Host,
        Some("none") => NetworkMode::None,
        Some(_) => NetworkMode::Bridge,
        None if definition.requires_compatibilities().contains(&SdkCompatibility::Fargate) => {
            NetworkMode::AwsVpc
        }
        None => NetworkMode::Bridge,
    }
}

/// `512`, or `.5 vCPU` and `2 GB`: both forms are registered, and ECS answers either.
fn quantity(text: &str, unit: &str, size: u32) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let Some(number) = text.strip_suffix(unit) else {
        return text.parse().ok();
    };
    let number: f64 = number.trim().parse().ok()?;
    // A task has at most 16 vCPU or a few terabytes; what is no size of a task is none.
    let units = (number * f64::from(size)).round();
    ((0.0..=1e9).contains(&units)).then(|| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range was just checked"
        )]
        let units = units as u32;
        units
    })
}

fn container(container: &ContainerDefinition) -> ContainerFacts {
    let secs = |secs: Option<i32>| secs.and_then(|secs| u64::try_from(secs).ok()).map(Duration::from_secs);
    let secrets = container.secrets().iter().map(|secret| secret.value_from().to_owned());
    ContainerFacts {
        name: container.name().unwrap_or_default().to_owned(),
        image: container.image().unwrap_or_default().to_owned(),
        // AWS: essential unless it says otherwise.
        essential: container.essential().unwrap_or(true),
        health_check: container.health_check().map(health_check),
        ports: container.port_mappings().iter().flat_map(declared_ports).collect(),
        depends_on: container
            .depends_on()
            .iter()
            .map(|dependency| Dependency {
                container: dependency.container_name().to_owned(),
                condition: StartCondition::parse(dependency.condition().as_str()),
            })
            .collect(),
        log: container.log_configuration().map(log_configuration),
        entry_point: container.entry_point().to_vec(),
        command: container.command().to_vec(),
        environment: container
            .environment()
            .iter()
            .filter_map(|variable| variable.name())
            .map(str::to_owned)
            .collect(),
        secrets: secrets.collect(),
        has_registry_credentials: container.repository_credentials().is_some(),
        memory: container.memory().and_then(|mib| u32::try_from(mib).ok()).filter(|mib| *mib > 0),
        start_timeout: secs(container.start_timeout()),
        stop_timeout: secs(container.stop_timeout()),
    }
}

fn declared_ports(mapping: &PortMapping) -> Vec<u16> {
    port_range(mapping.container_port(), mapping.container_port_range())
}

fn health_check(check: &HealthCheck) -> ContainerHealthCheck {
    let defaults = ContainerHealthCheck::default();
    ContainerHealthCheck {
        command: check.command().to_vec(),
        interval: seconds_or(check.interval(), defaults.interval),
        timeout: seconds_or(check.timeout(), defaults.timeout),
        retries: number_or(check.retries(), defaults.retries),
        start_period: seconds_or(check.start_period(), defaults.start_period),
    }
}

fn seconds_or(secs: Option<i32>, default: Duration) -> Duration {
    secs.and_then(|secs| u64::try_from(secs).ok()).map_or(default, Duration::from_secs)
}

fn number_or(number: Option<i32>, default: u32) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
}

/// Only the options of `awslogs`: those of other drivers hold tokens.
fn log_configuration(log: &SdkLogConfiguration) -> LogConfiguration {
    let option = |name: &str| log.options()?.get(name).cloned().filter(|value| !value.is_empty());
    LogConfiguration {
        driver: log.log_driver().as_str().to_owned(),
        group: option("awslogs-group"),
        region: option("awslogs-region"),
        stream_prefix: option("awslogs-stream-prefix"),
        create_group: option("awslogs-create-group").is_some_and(|word| word == "true"),
    }
}

pub(super) fn target_group(group: &TargetGroup) -> TargetGroupFacts {
    let defaults = TargetGroupFacts::new(target_type(group));
    let port = |number: Option<i32>| number.and_then(|port| u16::try_from(port).ok());
    let matcher = group.matcher();
    TargetGroupFacts {
        in_use: !group.load_balancer_arns().is_empty(),
        load_balancers: group.load_balancer_arns().to_vec(),
        protocol: group.protocol().map(|word| word.as_str().to_owned()),
        port: port(group.port()),
        vpc: said(group.vpc_id()),
        health_check_enabled: group.health_check_enabled().unwrap_or(true),
        health_check_protocol: group.health_check_protocol().map(|word| word.as_str().to_owned()),
        // AWS: a number, or `traffic-port`.
        health_check_port: group.health_check_port().and_then(|port| port.parse().ok()),
        health_check_path: said(group.health_check_path()),
        matcher: matcher.and_then(|it| said(it.http_code()).or_else(|| said(it.grpc_code()))),
        health_check_interval: seconds_or(
            group.health_check_interval_seconds(),
            defaults.health_check_interval,
        ),
        health_check_timeout: seconds_or(group.health_check_timeout_seconds(), defaults.health_check_timeout),
        healthy_threshold: number_or(group.healthy_threshold_count(), defaults.healthy_threshold),
        unhealthy_threshold: number_or(group.unhealthy_threshold_count(), defaults.unhealthy_threshold),
        ..defaults
    }
}

fn target_type(group: &TargetGroup) -> TargetType {
    let is_ipv6 = group.ip_address_type() == Some(&TargetGroupIpAddressTypeEnum::Ipv6);
    match group.target_type() {
        Some(TargetTypeEnum::Ip) if is_ipv6 => TargetType::Ipv6,
        Some(TargetTypeEnum::Ip) => TargetType::Ipv4,
        // AWS: `instance` is the default.
        Some(TargetTypeEnum::Instance) | None => TargetType::Instance,
        Some(_) => TargetType::Unsupported,
    }
}

pub(super) fn load_balancer(balancer: &LoadBalancer) -> LoadBalancerFacts {
    let subnets = balancer.availability_zones().iter().filter_map(|zone| zone.subnet_id());
    LoadBalancerFacts {
        arn: balancer.load_balancer_arn().unwrap_or_default().to_owned(),
        vpc: said(balancer.vpc_id()),
        subnets: subnets.map(str::to_owned).collect(),
    }
}

pub(super) fn ecs_service(service: &Service) -> EcsServiceFacts {
    let grace = service.health_check_grace_period_seconds();
    EcsServiceFacts {
        name: service.service_name().unwrap_or_default().to_owned(),
        status: service.status().unwrap_or_default().to_owned(),
        task_definition: service.task_definition().and_then(|arn| arn.parse().ok()),
        desired: count(service.desired_count()),
        running: count(service.running_count()),
        pending: count(service.pending_count()),
        deployments: service.deployments().iter().map(deployment).collect(),
        events: service
            .events()
            .iter()
            .map(|event| ServiceEvent {
                at: timestamp(event.created_at()),
                message: event.message().unwrap_or_default().to_owned(),
            })
            .collect(),
        target_groups: service
            .load_balancers()
            .iter()
            .filter_map(|it| {
                Some(ServiceTargetGroup {
                    target_group: it.target_group_arn()?.parse().ok()?,
                    container: said(it.container_name()),
                    port: it.container_port().and_then(|port| u16::try_from(port).ok()),
                })
            })
            .collect(),
        health_check_grace_period: grace.and_then(|secs| u64::try_from(secs).ok()).map(Duration::from_secs),
    }
}

fn deployment(deployment: &SdkDeployment) -> Deployment {
    Deployment {
        id: deployment.id().unwrap_or_default().to_owned(),
        status: deployment.status().unwrap_or_default().to_owned(),
        rollout: deployment.rollout_state().map(|word| word.as_str().to_owned()),
        rollout_reason: said(deployment.rollout_state_reason()),
        task_definition: deployment.task_definition().and_then(|arn| arn.parse().ok()),
        desired: count(deployment.desired_count()),
        running: count(deployment.running_count()),
        pending: count(deployment.pending_count()),
        failed: count(deployment.failed_tasks()),
        created_at: timestamp(deployment.created_at()),
        updated_at: timestamp(deployment.updated_at()),
    }
}

fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or_default()
}
