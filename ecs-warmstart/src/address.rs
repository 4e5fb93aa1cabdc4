//! Which id and port of a task a target group takes.
//!
//! An awsvpc task has addresses of its own and is reached at the container's port. Behind `bridge` the host's port is
//! another one, chosen by the host where the task definition says 0; with `host` it is the same.

use std::net::IpAddr;

use crate::facts::{NetworkMode, TargetType};
use crate::observation::{Host, Target, TaskObservation};
use crate::spec::Binding;

/// The target that stands for `task` in `binding`; none as long as the task does not have it yet.
///
/// `mode` is the task definition's network mode where it is known; otherwise it is read off the task.
///
/// # Errors
///
/// A sentence that says why the task can never be a target there.
pub fn target_of(
    task: &TaskObservation,
    binding: &Binding,
    mode: Option<NetworkMode>,
) -> Result<Option<Target>, String> {
    if let Some(container) = &binding.container
        && !task.containers.is_empty()
        && task.container(container).is_none()
    {
        let names: Vec<&str> = task.containers.iter().map(|it| it.name.as_str()).collect();
        return Err(format!("the task has no container {container:?}, but {}", names.join(", ")));
    }
    match (mode, &task.host) {
        (Some(NetworkMode::None), _) => Err("its network mode is none".to_owned()),
        (Some(NetworkMode::AwsVpc), _) => own_address(task, binding),
        (Some(NetworkMode::Bridge), Some(host)) => on_host(task, binding, host, None),
        (Some(NetworkMode::Host), Some(host)) => on_host(task, binding, host, Some(binding.port)),
        (Some(NetworkMode::Bridge | NetworkMode::Host), None) => Ok(None),
        (None, Some(host)) if task.addresses.is_empty() => {
            let mapped = task.containers.iter().any(|container| !container.ports.is_empty());
            on_host(task, binding, host, (!mapped).then_some(binding.port))
        }
        (None, _) => own_address(task, binding),
    }
}

fn own_address(task: &TaskObservation, binding: &Binding) -> Result<Option<Target>, String> {
    let wanted = |address: &&IpAddr| match binding.target_type {
        None => true,
        Some(TargetType::Ipv4) => address.is_ipv4(),
        Some(TargetType::Ipv6) => address.is_ipv6(),
        Some(TargetType::Instance | TargetType::Unsupported) => false,
    };
    if matches!(binding.target_type, Some(TargetType::Instance | TargetType::Unsupported)) {
        return Err(
            "the task has an address of its own, but the group does not take addresses; it needs a group of \
                    target type ip"
                .to_owned(),
        );
    }
    Ok(task.addresses.iter().find(wanted).map(|address| Target::new(address.to_string(), binding.port)))
}

fn on_host(
    task: &TaskObservation,
    binding: &Binding,
    host: &Host,
    same_port: Option<u16>,
) -> Result<Option<Target>, String> {
    match binding.target_type {
        None | Some(TargetType::Instance) => {}
        Some(TargetType::Ipv4 | TargetType::Ipv6 | TargetType::Unsupported) => {
            return Err("the task is reached through its instance, but the group does not take instances; it needs a \
                        group of target type instance, or a task definition with network mode awsvpc"
                .to_owned());
        }
    }
    let Some(instance) = &host.ec2_instance else {
        return Err(format!(
            "its container instance {} is no EC2 instance, and no group takes another",
            host.container_instance
        ));
    };
    let port = same_port.or_else(|| host_port(task, binding));
    Ok(port.map(|port| Target::new(instance.clone(), port)))
}

fn host_port(task: &TaskObservation, binding: &Binding) -> Option<u16> {
    task.containers
        .iter()
        .filter(|container| binding.container.as_ref().is_none_or(|name| *name == container.name))
        .flat_map(|container| &container.ports)
        .find(|mapped| mapped.container_port == binding.port)
        .map(|mapped| mapped.host_port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{ContainerObservation, PortBinding, TaskStatus};

    fn binding(target_type: Option<TargetType>) -> Binding {
        let group = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";
        Binding { target_type, ..Binding::new(group.parse().unwrap(), 8080) }
    }

    fn awsvpc(addresses: &[&str]) -> TaskObservation {
        let task = "arn:aws:ecs:us-east-2:111122223333:task/c/1".parse().unwrap();
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        TaskObservation { addresses, ..TaskObservation::new(task, TaskStatus::Running) }
    }

    fn hosted(ports: &[(u16, u16)]) -> TaskObservation {
        let ports =
            ports.iter().map(|&(container_port, host_port)| PortBinding { container_port, host_port });
        TaskObservation {
            host: Some(Host { container_instance: "ci".into(), ec2_instance: Some("i-1".into()) }),
            containers: vec![ContainerObservation {
                name: "web".into(),
                ports: ports.collect(),
                ..ContainerObservation::default()
            }],
            ..awsvpc(&[])
        }
    }

    #[track_caller]
    fn check(
        task: &TaskObservation,
        target_type: Option<TargetType>,
        mode: Option<NetworkMode>,
        expected: Option<(&str, u16)>,
    ) {
        let target = target_of(task, &binding(target_type), mode).unwrap();
        assert_eq!(target, expected.map(|(id, port)| Target::new(id, port)));
    }

    #[test]
    fn every_network_mode() {
        use NetworkMode::{AwsVpc, Bridge, Host};
        use TargetType::{Instance, Ipv4, Ipv6};
        let both = awsvpc(&["10.0.0.1", "fd00::1"]);
        check(&both, None, None, Some(("10.0.0.1", 8080)));
        check(&both, Some(Ipv4), Some(AwsVpc), Some(("10.0.0.1", 8080)));
        check(&both, Some(Ipv6), Some(AwsVpc), Some(("fd00::1", 8080)));
        check(&awsvpc(&["10.0.0.1"]), Some(Ipv6), Some(AwsVpc), None);
        check(&awsvpc(&[]), None, None, None);
        check(&hosted(&[(8080, 32768)]), None, None, Some(("i-1", 32768)));
        check(&hosted(&[(8080, 32768)]), Some(Instance), Some(Bridge), Some(("i-1", 32768)));
        check(&hosted(&[(9090, 32768)]), Some(Instance), Some(Bridge), None);
        check(&hosted(&[]), Some(Instance), Some(Bridge), None);
        check(&hosted(&[]), Some(Instance), Some(Host), Some(("i-1", 8080)));
        check(&hosted(&[]), None, None, Some(("i-1", 8080)));
        check(&awsvpc(&[]), Some(Instance), Some(Bridge), None);
    }

    #[track_caller]
    fn never(task: &TaskObservation, binding: &Binding, mode: Option<NetworkMode>, why: &str) {
        let error = target_of(task, binding, mode).unwrap_err();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn what_can_never_be_is_said() {
        let instance = binding(Some(TargetType::Instance));
        never(&awsvpc(&["10.0.0.1"]), &instance, None, "needs a group of target type ip");
        never(&hosted(&[]), &binding(Some(TargetType::Ipv4)), None, "does not take instances");
        never(&awsvpc(&[]), &binding(None), Some(NetworkMode::None), "network mode is none");
        let mut outside = hosted(&[]);
        outside.host.as_mut().unwrap().ec2_instance = None;
        never(&outside, &instance, None, "no EC2 instance");
        let named = Binding { container: Some("api".into()), ..binding(None) };
        never(&hosted(&[]), &named, None, "no container \"api\", but web");
    }
}
