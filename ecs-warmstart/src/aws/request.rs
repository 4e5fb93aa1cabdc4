//! Our types to the SDK's: the arguments of `RunTask` and `ListTasks`, and targets.

use aws_sdk_ecs::operation::list_tasks::builders::ListTasksFluentBuilder;
use aws_sdk_ecs::operation::run_task::builders::RunTaskFluentBuilder;
use aws_sdk_ecs::types::{
    AssignPublicIp, AwsVpcConfiguration, CapacityProviderStrategyItem, ContainerOverride, DesiredStatus,
    KeyValuePair, NetworkConfiguration, Tag, TaskOverride,
};
use aws_sdk_elasticloadbalancingv2::types::TargetDescription;

use crate::error::{ErrorKind, PortError};
use crate::ids::{ClientToken, ClusterId, RoleArn};
use crate::observation::Target;
use crate::overrides;
use crate::ports::Selector;
use crate::spec::{AwsVpc, CapacityProvider, Compute, LaunchRequest, LaunchType};

/// Fills `RunTask` for one task. The token is always ours: the SDK's own would be another one with every call.
pub(super) fn run_task(
    call: RunTaskFluentBuilder,
    token: &ClientToken,
    request: &LaunchRequest,
) -> Result<RunTaskFluentBuilder, PortError> {
    let call = call
        .client_token(token.as_str())
        .count(1)
        .cluster(request.cluster.as_str())
        .task_definition(request.task_definition.as_str())
        .started_by(&request.started_by)
        .set_platform_version(request.platform_version.clone())
        .set_network_configuration(request.network.as_ref().map(network).transpose()?)
        .set_enable_execute_command(request.enable_execute_command.then_some(true))
        .set_tags(tags(request))
        .set_overrides(overrides_of(request));
    match &request.compute {
        Compute::ClusterDefault => Ok(call),
        Compute::LaunchType(launch_type) => Ok(call.launch_type(launch_type_of(*launch_type))),
        Compute::CapacityProviders(providers) => {
            let items = providers.iter().map(strategy_item).collect::<Result<Vec<_>, _>>()?;
            Ok(call.set_capacity_provider_strategy(Some(items)))
        }
    }
}

/// Fills `ListTasks`.
pub(super) fn list_tasks(
    call: ListTasksFluentBuilder,
    cluster: &ClusterId,
    selector: &Selector,
) -> ListTasksFluentBuilder {
    let call = call.cluster(cluster.as_str());
    match selector {
        // AWS: `startedBy` must be the only filter. Without `desiredStatus` it lists what it wants running.
        Selector::StartedBy(started_by) => call.started_by(started_by),
        Selector::StoppedOf { family } => call.family(family).desired_status(DesiredStatus::Stopped),
        Selector::Running => call.desired_status(DesiredStatus::Running),
        Selector::OfEcsService { name, stopped } => {
            let wanted = if *stopped { DesiredStatus::Stopped } else { DesiredStatus::Running };
            call.service_name(name).desired_status(wanted)
        }
    }
}

fn launch_type_of(launch_type: LaunchType) -> aws_sdk_ecs::types::LaunchType {
    match launch_type {
        LaunchType::Fargate => aws_sdk_ecs::types::LaunchType::Fargate,
        LaunchType::Ec2 => aws_sdk_ecs::types::LaunchType::Ec2,
        LaunchType::External => aws_sdk_ecs::types::LaunchType::External,
        LaunchType::ManagedInstances => aws_sdk_ecs::types::LaunchType::ManagedInstances,
    }
}

fn strategy_item(provider: &CapacityProvider) -> Result<CapacityProviderStrategyItem, PortError> {
    CapacityProviderStrategyItem::builder()
        .capacity_provider(&provider.name)
        .weight(int(provider.weight, "the weight of a capacity provider")?)
        .base(int(provider.base, "the base of a capacity provider")?)
        .build()
        .map_err(|error| PortError::new(ErrorKind::Invalid, error.to_string()))
}

fn int(number: u32, what: &str) -> Result<i32, PortError> {
    i32::try_from(number)
        .map_err(|_| PortError::new(ErrorKind::Invalid, format!("{what} is too large: {number}")))
}

fn network(network: &AwsVpc) -> Result<NetworkConfiguration, PortError> {
    let public_ip = if network.assign_public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
    let groups = &network.security_groups;
    let awsvpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(network.subnets.clone()))
        .set_security_groups((!groups.is_empty()).then(|| groups.clone()))
        .assign_public_ip(public_ip)
        .build()
        .map_err(|error| PortError::new(ErrorKind::Invalid, error.to_string()))?;
    Ok(NetworkConfiguration::builder().awsvpc_configuration(awsvpc).build())
}

/// None where there are none: an empty list would need the permission `ecs:TagResource` all the same.
fn tags(request: &LaunchRequest) -> Option<Vec<Tag>> {
    let tags: Vec<Tag> =
        request.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    (!tags.is_empty()).then_some(tags)
}

/// None where there are none, so that the request is the same as without the field.
fn overrides_of(request: &LaunchRequest) -> Option<TaskOverride> {
    let given = &request.overrides;
    let role = |role: &RoleArn| role.as_str().to_owned();
    let containers = given.container_overrides.iter().map(container_override).collect();
    (!given.is_empty()).then(|| {
        TaskOverride::builder()
            .set_task_role_arn(given.task_role_arn.as_ref().map(role))
            .set_execution_role_arn(given.execution_role_arn.as_ref().map(role))
            .set_cpu(given.cpu.clone())
            .set_memory(given.memory.clone())
            .set_container_overrides(Some(containers))
            .build()
    })
}

fn container_override(given: &overrides::ContainerOverride) -> ContainerOverride {
    let variable =
        |pair: &overrides::KeyValuePair| KeyValuePair::builder().name(&pair.name).value(&pair.value).build();
    let environment: Vec<_> = given.environment.iter().map(variable).collect();
    ContainerOverride::builder()
        .name(&given.name)
        .set_command(given.command.clone())
        .set_environment((!environment.is_empty()).then_some(environment))
        .build()
}

/// Always with the port: a target that was registered with one is only deregistered with it.
pub(super) fn target_descriptions(targets: &[Target]) -> Vec<TargetDescription> {
    targets
        .iter()
        .map(|target| TargetDescription::builder().id(&target.id).port(target.port.into()).build())
        .collect()
}
