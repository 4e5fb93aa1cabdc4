//! Which targets a task can stand behind: by its address on every port, or by its instance on the ports it was given.

use crate::observation::{Target, TaskObservation};

/// Whether traffic for the target reaches this task, or did before it stopped.
///
/// A task in network mode `host` does not say which ports it uses, so nothing is proved by it.
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
