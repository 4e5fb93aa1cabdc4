//! Findings about target groups.

use super::finding::{Code, Finding};
use super::subject::{Facts, Subject};
use crate::facts::{NetworkMode, TargetGroupFacts, TargetType, TaskDefinitionFacts};
use crate::ids::TargetGroupArn;
use crate::spec::Binding;

pub(super) fn missing(binding: &Binding) -> Finding {
    Finding::error(
        Code::TargetGroupMissing,
        format!("there is no target group {}", binding.target_group),
        format!("aws elbv2 describe-target-groups --names {} shows its ARN", binding.target_group.name()),
    )
}

pub(super) fn unreadable(binding: &Binding, why: &str) -> Finding {
    Finding::hint(
        Code::Unreadable,
        format!("target group {} could not be read: {why}", binding.target_group.name()),
        "allow elasticloadbalancing:DescribeTargetGroups, and its type, VPC and health checks are checked too",
    )
}

pub(super) fn check(
    subject: &Subject<'_>,
    binding: &Binding,
    group: &TargetGroupFacts,
    definition: Option<&TaskDefinitionFacts>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = binding.target_group.name();
    findings.extend(type_fits(&binding.target_group, group, definition.map(|it| it.network_mode)));
    if !group.in_use {
        let summary =
            format!("no listener leads to target group {name}: it sends no traffic and checks no target");
        let remedy = "add a listener or a listener rule that forwards to it";
        findings.push(match subject.waits_for_health {
            // AWS: such a target is `unused` for ever.
            true => Finding::error(Code::TargetGroupNotInUse, summary, remedy),
            false => Finding::warning(Code::TargetGroupNotInUse, summary, remedy),
        });
    }
    findings.extend(checked_port(binding, group, definition));
    findings
}

/// Whether the group takes what a task of that network mode is registered as.
pub(crate) fn type_fits(
    arn: &TargetGroupArn,
    group: &TargetGroupFacts,
    mode: Option<NetworkMode>,
) -> Option<Finding> {
    let (why, remedy) = match (group.target_type, mode) {
        (TargetType::Unsupported, _) => {
            ("takes neither addresses nor instances", "name a target group of type ip or instance")
        }
        (TargetType::Instance, Some(NetworkMode::AwsVpc)) => (
            "takes instances, but a task with network mode awsvpc is registered by its address",
            "it needs target type ip, which a target group is created with",
        ),
        (TargetType::Ipv4 | TargetType::Ipv6, Some(NetworkMode::Bridge | NetworkMode::Host)) => (
            "takes addresses, but a task with network mode bridge or host is registered by its instance",
            "it needs target type instance, which a target group is created with",
        ),
        (_, Some(NetworkMode::None)) => {
            ("cannot reach a task with network mode none", "register a revision with networkMode awsvpc")
        }
        (TargetType::Ipv4 | TargetType::Ipv6, Some(NetworkMode::AwsVpc) | None)
        | (TargetType::Instance, Some(NetworkMode::Bridge | NetworkMode::Host) | None) => return None,
    };
    let summary = format!("target group {} {why}", arn.name());
    Some(Finding::error(Code::TargetTypeMismatch, summary, remedy))
}

/// A health check on a port of its own has to be somebody's port.
fn checked_port(
    binding: &Binding,
    group: &TargetGroupFacts,
    definition: Option<&TaskDefinitionFacts>,
) -> Option<Finding> {
    let (port, definition) = (group.health_check_port?, definition?);
    let by_address = definition.network_mode == NetworkMode::AwsVpc;
    let serves = definition.containers.iter().any(|container| container.ports.contains(&port));
    (by_address && !serves && port != binding.port).then(|| {
        Finding::warning(
            Code::HealthCheckPort,
            format!(
                "target group {} checks port {port}, which no container of task definition {} has",
                binding.target_group.name(),
                definition.id
            ),
            "set the group's health check port to traffic-port, or map that port",
        )
    })
}

/// A subnet that a load balancer of another VPC is in.
pub(super) fn vpc(
    subject: &Subject<'_>,
    binding: &Binding,
    group: &TargetGroupFacts,
    facts: &Facts,
) -> Option<Finding> {
    let vpc = group.vpc.as_ref()?;
    let subnets = &subject.request.network.as_ref()?.subnets;
    let balancers = facts.load_balancers.known()?;
    let elsewhere = subnets.iter().find_map(|subnet| {
        let balancer = balancers.iter().find(|balancer| balancer.subnets.contains(subnet))?;
        let its = balancer.vpc.as_ref().filter(|its| *its != vpc)?;
        Some((subnet, its))
    });
    let (subnet, its) = elsewhere?;
    Some(Finding::error(
        Code::OtherVpc,
        format!("target group {} is in {vpc}, but {subnet} is in {its}", binding.target_group.name()),
        format!("name subnets of {vpc}, or a target group of {its}"),
    ))
}

/// A task is in one VPC.
pub(super) fn one_vpc(subject: &Subject<'_>, facts: &Facts) -> Option<Finding> {
    let groups = subject.bindings.iter().zip(&facts.groups);
    let mut placed = groups.filter_map(|(binding, seen)| Some((binding, seen.known()?.vpc.as_ref()?)));
    let (first, vpc) = placed.next()?;
    let (other, its) = placed.find(|(_, its)| *its != vpc)?;
    Some(Finding::error(
        Code::OtherVpc,
        format!(
            "target group {} is in {vpc} and target group {} in {its}: a task cannot be in both",
            first.target_group.name(),
            other.target_group.name()
        ),
        "name target groups of one VPC",
    ))
}
