//! Which id and port of a task a target group takes, and which tasks may stand behind a target.
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

/// Whether traffic for the target reaches this task, or did before it stopped, as far as the task itself says.
///
/// A task in network mode `host` does not say which ports it uses, so nothing is proved by it: [`stands_in`] goes by the
/// service's bindings.
pub(crate) fn is_behind(task: &TaskObservation, target: &Target) -> bool {
    if let Ok(address) = target.id.parse() {
        return task.addresses.contains(&address);
    }
    let instance = task.host.as_ref().and_then(|host| host.ec2_instance.as_ref());
    instance == Some(&target.id)
        && task
            .containers
            .iter()
            .flat_map(|container| &container.ports)
            .any(|port| port.host_port == target.port)
}

/// Whether traffic for the target may reach this task: as [`is_behind`], and where the task does not say its ports, or nobody
/// its instance, any of them. Who takes a target out because its task is gone has to leave it to such a task.
pub(crate) fn may_be_behind(task: &TaskObservation, target: &Target) -> bool {
    if is_behind(task, target) {
        return true;
    }
    let Some(host) = task.host.as_ref().filter(|_| target.id.starts_with("i-")) else { return false };
    let may_be_there = host.ec2_instance.as_ref().is_none_or(|instance| *instance == target.id);
    let mut ports = task.containers.iter().flat_map(|container| &container.ports).peekable();
    let says_none = ports.peek().is_none() && task.addresses.is_empty();
    may_be_there && (says_none || ports.any(|port| port.host_port == target.port))
}

/// Whether the target is the task's in that binding, or it stands behind it in another way.
pub(crate) fn stands_in(task: &TaskObservation, binding: &Binding, target: &Target) -> bool {
    is_behind(task, target) || target_of(task, binding, None).ok().flatten().as_ref() == Some(target)
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

    fn somewhere(instance: Option<&str>, ports: &[u16]) -> TaskObservation {
        let task = "arn:aws:ecs:us-east-2:111122223333:task/c/1".parse().unwrap();
        let port = |&host_port: &u16| PortBinding { container_port: 8080, host_port };
        TaskObservation {
            host: Some(Host {
                container_instance: "ci".to_owned(),
                ec2_instance: instance.map(str::to_owned),
            }),
            containers: vec![ContainerObservation {
                name: "web".to_owned(),
                ports: ports.iter().map(port).collect(),
                ..ContainerObservation::default()
            }],
            ..TaskObservation::new(task, TaskStatus::Running)
        }
    }

    #[test]
    fn what_does_not_say_where_it_is_may_be_anywhere() {
        let target = Target::new("i-1", 32768);
        for (instance, ports, is, may_be) in [
            (Some("i-1"), &[32768_u16][..], true, true),
            (Some("i-1"), &[32769], false, false),
            (Some("i-2"), &[32768], false, false),
            (Some("i-1"), &[], false, true),
            (Some("i-2"), &[], false, false),
            (None, &[32768], false, true),
            (None, &[32769], false, false),
            (None, &[], false, true),
        ] {
            let task = somewhere(instance, ports);
            assert_eq!(is_behind(&task, &target), is, "{instance:?} {ports:?}");
            assert_eq!(may_be_behind(&task, &target), may_be, "{instance:?} {ports:?}");
            assert!(!may_be_behind(&task, &Target::new("10.0.0.4", 32768)), "an address says whose it is");
        }
    }

    #[test]
    fn in_host_mode_the_bindings_port_is_the_tasks() {
        let group = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";
        let binding = Binding::new(group.parse().unwrap(), 8080);
        let task = somewhere(Some("i-1"), &[]);
        assert!(stands_in(&task, &binding, &Target::new("i-1", 8080)));
        assert!(!stands_in(&task, &binding, &Target::new("i-1", 8081)));
        assert!(!stands_in(&task, &binding, &Target::new("i-2", 8080)));
    }
}
