//! What there is of a service, by where it stands: most of it where the service is configured, and single tasks where they were
//! started instead.

use super::facts::{call_failed, read_tasks};
use super::handle::Fleet;
use super::options::DownOptions;
use super::service::Service;
use crate::driver::Cancel;
use crate::ids::TaskArn;
use crate::machine::{Cause, Operation};
use crate::observation::{TaskObservation, TaskStatus};
use crate::ports::Selector;

/// The tasks of a service that stand in the same groups.
#[derive(Debug)]
pub(super) struct Part {
    /// With the bindings of these tasks.
    pub(super) service: Service,
    /// Those that run, or have been told to stop and have not yet.
    pub(super) tasks: Vec<TaskObservation>,
    /// Those that have stopped, as far as ECS remembers.
    pub(super) ended: Vec<TaskObservation>,
}

/// What is to be taken down of a service.
#[derive(Debug)]
pub(super) struct Parts {
    /// The service as it is configured comes first, also where nothing of it is left.
    pub(super) parts: Vec<Part>,
    /// All that runs in its cluster, whoever started it; not looked at where a single task is taken down.
    pub(super) running: Vec<TaskObservation>,
}

/// Looks at the tasks of a service, or at the one that is named.
pub(super) async fn read_parts(
    fleet: &Fleet,
    service: &Service,
    options: &DownOptions,
    cancel: &Cancel,
) -> Result<Parts, Box<Cause>> {
    let here = &service.request.started_by;
    let is_meant = |task: &TaskObservation| {
        service.as_started(task).is_some_and(|its| !options.only_here || its.request.started_by == *here)
    };
    let family = service.request.task_definition.family().to_owned();
    let (mut tasks, running) = match &options.task {
        Some(task) => (named_task(fleet, service, task, cancel).await?, Vec::new()),
        None => {
            let ours = Selector::StartedBy(here.clone());
            let ours = read_tasks(fleet, service, &ours, cancel).await?;
            let running = read_tasks(fleet, service, &Selector::Running, cancel).await?;
            let elsewhere = running.iter().filter(|task| is_meant(task));
            let more: Vec<_> = elsewhere.filter(|task| !has(&ours, task)).cloned().collect();
            ([ours, more].concat(), running)
        }
    };
    // Stopped tasks may be listed among those that run.
    tasks.retain(|task| task.status != TaskStatus::Stopped);
    let mut ended = read_tasks(fleet, service, &Selector::StoppedOf { family }, cancel).await?;
    ended.retain(is_meant);
    // Told to stop by a call that was interrupted: it is watched until it has.
    let stopping = ended.extract_if(.., |task| task.status != TaskStatus::Stopped);
    let stopping: Vec<_> = stopping.filter(|task| options.task.is_none() && !has(&tasks, task)).collect();
    tasks.extend(stopping);
    Ok(Parts { parts: parted(service, tasks, ended), running })
}

fn has(tasks: &[TaskObservation], task: &TaskObservation) -> bool {
    tasks.iter().any(|its| its.task == task.task)
}

fn parted(service: &Service, tasks: Vec<TaskObservation>, ended: Vec<TaskObservation>) -> Vec<Part> {
    let empty = |service| Part { service, tasks: Vec::new(), ended: Vec::new() };
    let mut parts = vec![empty(service.clone())];
    let mut part_of = |task: &TaskObservation| {
        // A task that is named may be anybody's, and is taken for the service's.
        let its = service.as_started(task).unwrap_or_else(|| service.clone());
        let known = parts.iter().position(|part| part.service == its);
        known.unwrap_or_else(|| {
            parts.push(empty(its));
            parts.len() - 1
        })
    };
    let tasks: Vec<_> = tasks.into_iter().map(|task| (part_of(&task), task)).collect();
    let ended: Vec<_> = ended.into_iter().map(|task| (part_of(&task), task)).collect();
    for (part, task) in tasks {
        parts[part].tasks.push(task);
    }
    for (part, task) in ended {
        parts[part].ended.push(task);
    }
    parts
}

async fn named_task(
    fleet: &Fleet,
    service: &Service,
    task: &TaskArn,
    cancel: &Cancel,
) -> Result<Vec<TaskObservation>, Box<Cause>> {
    let (cluster, waiter) = (&service.request.cluster, &fleet.ports.waiter);
    let tasks = [task.clone()];
    let seen =
        fleet.patiently(service.running_timeout, cancel, || waiter.observe_tasks(cluster, &tasks)).await;
    let mut seen = seen.map_err(|error| call_failed(Operation::DescribeTasks, error))?;
    seen.retain(|task| task.status != TaskStatus::Missing);
    Ok(seen)
}
