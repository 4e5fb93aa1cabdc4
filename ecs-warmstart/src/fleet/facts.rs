//! Reads what the cloud says of a service's definitions and tasks. What may not be read is done without.

use std::time::Duration;

use super::handle::Fleet;
use super::resolve::Facts;
use super::service::Service;
use crate::driver::Cancel;
use crate::error::{ErrorKind, PortError};
use crate::ids::{ClusterId, TargetGroupArn};
use crate::machine::{Cause, Operation};
use crate::observation::TaskObservation;
use crate::ports::Selector;

/// The definitions, and what a person should know about what could not be read.
pub(super) async fn read_facts(
    fleet: &Fleet,
    service: &Service,
    cancel: &Cancel,
    warnings: &mut Vec<String>,
) -> Result<Facts, Box<Cause>> {
    let inspector = &fleet.ports.inspector;
    let patience = service.running_timeout;
    let definition = &service.request.task_definition;
    let read = fleet.patiently(patience, cancel, || inspector.task_definition(definition)).await;
    // That the gate suffers is said where the gate is decided.
    let task_definition = readable(read, Operation::DescribeTaskDefinition)?;
    let mut groups = Vec::with_capacity(service.bindings.len());
    for binding in &service.bindings {
        let group = &binding.target_group;
        let read = fleet.patiently(patience, cancel, || inspector.target_group(group)).await;
        let facts = readable(read, Operation::DescribeTargetGroups)?;
        if facts.is_none() {
            warnings.push(unread_group(group));
        }
        groups.push(facts);
    }
    Ok(Facts { task_definition, groups })
}

/// What a person should know of a group that may not be read.
pub(super) fn unread_group(group: &TargetGroupArn) -> String {
    format!(
        "target group {} may not be described: its health check interval is taken for AWS's default of 30 s; allow \
         elasticloadbalancing:DescribeTargetGroups",
        group.name()
    )
}

/// The tasks that the selector finds in the service's cluster, looked at.
pub(super) async fn read_tasks(
    fleet: &Fleet,
    service: &Service,
    selector: &Selector,
    cancel: &Cancel,
) -> Result<Vec<TaskObservation>, Box<Cause>> {
    tasks_in(fleet, &service.request.cluster, service.running_timeout, selector, cancel).await
}

/// The tasks that the selector finds in a cluster, looked at.
pub(super) async fn tasks_in(
    fleet: &Fleet,
    cluster: &ClusterId,
    patience: Duration,
    selector: &Selector,
    cancel: &Cancel,
) -> Result<Vec<TaskObservation>, Box<Cause>> {
    let launcher = &fleet.ports.launcher;
    let found = fleet.patiently(patience, cancel, || launcher.find(cluster, selector)).await;
    let found = found.map_err(|error| call_failed(Operation::ListTasks, error))?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let waiter = &fleet.ports.waiter;
    let seen = fleet.patiently(patience, cancel, || waiter.observe_tasks(cluster, &found)).await;
    seen.map_err(|error| call_failed(Operation::DescribeTasks, error))
}

fn readable<T>(read: Result<T, PortError>, call: Operation) -> Result<Option<T>, Box<Cause>> {
    match read {
        Ok(facts) => Ok(Some(facts)),
        Err(error) if error.kind() == ErrorKind::Denied => Ok(None),
        Err(error) => Err(call_failed(call, error)),
    }
}

pub(super) fn call_failed(call: Operation, error: PortError) -> Box<Cause> {
    Box::new(Cause::CallFailed { call, failure: error.into_failure() })
}
