//! Which targets a task can stand behind: by its address on every port, or by its instance on the ports it was given.

use crate::address::target_of;
use crate::observation::{Target, TaskObservation};
use crate::spec::Binding;

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
    use crate::observation::{ContainerObservation, Host, PortBinding, TaskStatus};

    fn hosted(instance: Option<&str>, ports: &[u16]) -> TaskObservation {
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
            let task = hosted(instance, ports);
            assert_eq!(is_behind(&task, &target), is, "{instance:?} {ports:?}");
            assert_eq!(may_be_behind(&task, &target), may_be, "{instance:?} {ports:?}");
            assert!(!may_be_behind(&task, &Target::new("10.0.0.4", 32768)), "an address says whose it is");
        }
    }

    #[test]
    fn in_host_mode_the_bindings_port_is_the_tasks() {
        let group = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";
        let binding = Binding::new(group.parse().unwrap(), 8080);
        let task = hosted(Some("i-1"), &[]);
        assert!(stands_in(&task, &binding, &Target::new("i-1", 8080)));
        assert!(!stands_in(&task, &binding, &Target::new("i-1", 8081)));
        assert!(!stands_in(&task, &binding, &Target::new("i-2", 8080)));
    }
}
