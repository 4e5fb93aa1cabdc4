//! Facts as the SDK would have answered them.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{
    ContainerDefinition, ContainerDependency, Deployment as SdkDeployment, HealthCheck, KeyValuePair,
    LoadBalancer as ServiceLoadBalancer, LogConfiguration as SdkLog, PortMapping, RepositoryCredentials,
    RuntimePlatform, Secret, Service, ServiceEvent, TaskDefinition, TaskDefinitionStatus,
};
use aws_sdk_elasticloadbalancingv2::types::{
    AvailabilityZone, LoadBalancer, Matcher, TargetGroup, TargetGroupIpAddressTypeEnum, TargetTypeEnum,
};
use ecs_warmstart::facts::{
    ContainerFacts, ContainerHealthCheck, Deployment, EcsServiceFacts, LoadBalancerFacts, LogConfiguration,
    NetworkMode, TargetGroupFacts, TargetType, TaskDefinitionFacts,
};
use ecs_warmstart::ids::TargetGroupArn;
use ecs_warmstart::time::Timestamp;

pub(super) fn definition_of(facts: &TaskDefinitionFacts) -> TaskDefinition {
    let mode = match facts.network_mode {
        NetworkMode::AwsVpc => "awsvpc",
        NetworkMode::Bridge => "bridge",
        NetworkMode::Host => "host",
        NetworkMode::None => "none",
    };
    let platform = facts.runtime_platform.as_ref().map(|platform| {
        RuntimePlatform::builder()
            .set_cpu_architecture(platform.cpu_architecture.as_deref().map(Into::into))
            .set_operating_system_family(platform.operating_system_family.as_deref().map(Into::into))
            .build()
    });
    let status = if facts.active { TaskDefinitionStatus::Active } else { TaskDefinitionStatus::Inactive };
    TaskDefinition::builder()
        .task_definition_arn(facts.id.as_str())
        .status(status)
        .network_mode(mode.into())
        .set_compatibilities(Some(facts.compatibilities.iter().map(|it| it.as_str().into()).collect()))
        // The other of the two forms that ECS answers.
        .set_cpu(facts.cpu.map(|units| format!("{} vCPU", f64::from(units) / 1024.0)))
        .set_memory(facts.memory.map(|mib| mib.to_string()))
        .set_runtime_platform(platform)
        .set_task_role_arn(facts.task_role.clone())
        .set_execution_role_arn(facts.execution_role.clone())
        .set_container_definitions(Some(facts.containers.iter().map(container_definition_of).collect()))
        .build()
}

fn container_definition_of(facts: &ContainerFacts) -> ContainerDefinition {
    let ports = facts.ports.iter().map(|port| PortMapping::builder().container_port((*port).into()).build());
    let depends_on = facts.depends_on.iter().map(|it| {
        let dependency = ContainerDependency::builder().container_name(&it.container);
        dependency.condition(it.condition.as_str().into()).build().unwrap()
    });
    let environment =
        facts.environment.iter().map(|name| KeyValuePair::builder().name(name).value("x").build());
    let secrets =
        facts.secrets.iter().map(|from| Secret::builder().name("KEY").value_from(from).build().unwrap());
    let credentials = || RepositoryCredentials::builder().credentials_parameter("arn:x").build().unwrap();
    ContainerDefinition::builder()
        .name(&facts.name)
        .image(&facts.image)
        .essential(facts.essential)
        .set_health_check(facts.health_check.as_ref().map(check_of))
        .set_port_mappings(Some(ports.collect()))
        .set_depends_on(Some(depends_on.collect()))
        .set_log_configuration(facts.log.as_ref().map(log_of))
        .set_entry_point(Some(facts.entry_point.clone()))
        .set_command(Some(facts.command.clone()))
        .set_environment(Some(environment.collect()))
        .set_secrets(Some(secrets.collect()))
        .set_repository_credentials(facts.has_registry_credentials.then(credentials))
        .set_memory(facts.memory.map(|mib| mib.try_into().unwrap()))
        .set_start_timeout(facts.start_timeout.map(secs))
        .set_stop_timeout(facts.stop_timeout.map(secs))
        .build()
}

fn secs(duration: Duration) -> i32 {
    duration.as_secs().try_into().unwrap()
}

fn check_of(check: &ContainerHealthCheck) -> HealthCheck {
    HealthCheck::builder()
        .set_command(Some(check.command.clone()))
        .interval(secs(check.interval))
        .timeout(secs(check.timeout))
        .retries(check.retries.try_into().unwrap())
        .start_period(secs(check.start_period))
        .build()
        .unwrap()
}

fn log_of(log: &LogConfiguration) -> SdkLog {
    let mut options = HashMap::from([("splunk-token".to_owned(), "a secret".to_owned())]);
    let mut set = |name: &str, value: Option<String>| {
        options.extend(value.map(|value| (name.to_owned(), value)));
    };
    set("awslogs-group", log.group.clone());
    set("awslogs-region", log.region.clone());
    set("awslogs-stream-prefix", log.stream_prefix.clone());
    set("awslogs-create-group", log.create_group.then(|| "true".to_owned()));
    SdkLog::builder().log_driver(log.driver.as_str().into()).set_options(Some(options)).build().unwrap()
}

pub(super) fn service_of(facts: &EcsServiceFacts) -> Service {
    let number = |count: u32| i32::try_from(count).unwrap();
    let events = facts.events.iter().map(|event| {
        ServiceEvent::builder().set_created_at(event.at.map(millis)).message(&event.message).build()
    });
    let groups = facts.target_groups.iter().map(|group| {
        ServiceLoadBalancer::builder()
            .target_group_arn(group.target_group.as_str())
            .set_container_name(group.container.clone())
            .set_container_port(group.port.map(i32::from))
            .build()
    });
    Service::builder()
        .service_name(&facts.name)
        .status(&facts.status)
        .set_task_definition(facts.task_definition.as_ref().map(ToString::to_string))
        .desired_count(number(facts.desired))
        .running_count(number(facts.running))
        .pending_count(number(facts.pending))
        .set_deployments(Some(facts.deployments.iter().map(deployment_of).collect()))
        .set_events(Some(events.collect()))
        .set_load_balancers(Some(groups.collect()))
        .set_health_check_grace_period_seconds(facts.health_check_grace_period.map(secs))
        .build()
}

fn deployment_of(facts: &Deployment) -> SdkDeployment {
    let number = |count: u32| i32::try_from(count).unwrap();
    SdkDeployment::builder()
        .id(&facts.id)
        .status(&facts.status)
        .set_rollout_state(facts.rollout.as_deref().map(Into::into))
        .set_rollout_state_reason(facts.rollout_reason.clone())
        .set_task_definition(facts.task_definition.as_ref().map(ToString::to_string))
        .desired_count(number(facts.desired))
        .running_count(number(facts.running))
        .pending_count(number(facts.pending))
        .failed_tasks(number(facts.failed))
        .set_created_at(facts.created_at.map(millis))
        .set_updated_at(facts.updated_at.map(millis))
        .build()
}

fn millis(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millis().try_into().unwrap())
}

pub(super) fn group_of(arn: &TargetGroupArn, facts: &TargetGroupFacts) -> TargetGroup {
    let (target_type, addresses) = match facts.target_type {
        TargetType::Ipv4 => (TargetTypeEnum::Ip, Some(TargetGroupIpAddressTypeEnum::Ipv4)),
        TargetType::Ipv6 => (TargetTypeEnum::Ip, Some(TargetGroupIpAddressTypeEnum::Ipv6)),
        TargetType::Instance => (TargetTypeEnum::Instance, None),
        TargetType::Unsupported => (TargetTypeEnum::Lambda, None),
    };
    let mut balancers = facts.load_balancers.clone();
    if facts.in_use && balancers.is_empty() {
        balancers.push("a load balancer".to_owned());
    }
    let port = facts.health_check_port.map_or_else(|| "traffic-port".to_owned(), |port| port.to_string());
    TargetGroup::builder()
        .target_group_arn(arn.as_str())
        .target_type(target_type)
        .set_ip_address_type(addresses)
        .set_load_balancer_arns(Some(balancers))
        .set_protocol(facts.protocol.as_deref().map(Into::into))
        .set_port(facts.port.map(i32::from))
        .set_vpc_id(facts.vpc.clone())
        .health_check_enabled(facts.health_check_enabled)
        .set_health_check_protocol(facts.health_check_protocol.as_deref().map(Into::into))
        .health_check_port(port)
        .set_health_check_path(facts.health_check_path.clone())
        .set_matcher(facts.matcher.as_ref().map(|codes| Matcher::builder().http_code(codes).build()))
        .health_check_interval_seconds(secs(facts.health_check_interval))
        .health_check_timeout_seconds(secs(facts.health_check_timeout))
        .healthy_threshold_count(facts.healthy_threshold.try_into().unwrap())
        .unhealthy_threshold_count(facts.unhealthy_threshold.try_into().unwrap())
        .build()
}

pub(super) fn load_balancer_of(facts: &LoadBalancerFacts) -> LoadBalancer {
    let zones = facts.subnets.iter().map(|subnet| AvailabilityZone::builder().subnet_id(subnet).build());
    LoadBalancer::builder()
        .load_balancer_arn(&facts.arn)
        .set_vpc_id(facts.vpc.clone())
        .set_availability_zones(Some(zones.collect()))
        .build()
}
