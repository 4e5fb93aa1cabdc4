//! `status` for one service: looks, and changes nothing.

use std::time::Duration;

use super::handle::Fleet;
use super::report::TargetReport;
use super::service::Service;
use super::status::{ServiceStatus, TaskStanding, Verdict};
use crate::address::target_of;
use crate::driver::Cancel;
use crate::error::PortError;
use crate::machine::{Cause, Operation};
use crate::observation::{TargetObservation, TargetState, TaskObservation, TaskStatus};
use crate::ports::Selector;

/// How long a look is repeated that fails: `status` is for people who wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn look(fleet: &Fleet, service: &Service) -> ServiceStatus {
    match tasks(fleet, service).await {
        Ok(tasks) => status(service, &tasks, None),
        Err(cause) => status(service, &[], Some(&cause)),
    }
}

/// A task and its target in each binding, as far as it has one.
struct Seen {
    task: TaskObservation,
    targets: Vec<Option<(TargetReport, TargetObservation)>>,
}

async fn tasks(fleet: &Fleet, service: &Service) -> Result<Vec<Seen>, Cause> {
    let cluster = &service.request.cluster;
    let (launcher, waiter) = (&fleet.ports.launcher, &fleet.ports.waiter);
    let cancel = Cancel::new();
    let ours = Selector::StartedBy(service.request.started_by.clone());
    let found = fleet.patiently(PATIENCE, &cancel, || launcher.find(cluster, &ours)).await;
    let found = found.map_err(|error| failed(Operation::ListTasks, error))?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let seen = fleet.patiently(PATIENCE, &cancel, || waiter.observe_tasks(cluster, &found)).await;
    let seen = seen.map_err(|error| failed(Operation::DescribeTasks, error))?;
    let mut tasks: Vec<Seen> = seen.into_iter().map(|task| Seen { task, targets: Vec::new() }).collect();
    tasks.sort_by_cached_key(|seen| (seen.task.created_at, seen.task.task.clone()));
    for binding in &service.bindings {
        let group = &binding.target_group;
        let targets: Vec<_> =
            tasks.iter().map(|seen| target_of(&seen.task, binding, None).ok().flatten()).collect();
        let asked: Vec<_> = targets.iter().flatten().cloned().collect();
        let observed = if asked.is_empty() {
            Vec::new()
        } else {
            let observed = fleet.patiently(PATIENCE, &cancel, || waiter.observe_targets(group, &asked)).await;
            observed.map_err(|error| failed(Operation::DescribeTargetHealth, error))?
        };
        let mut observed = observed.into_iter();
        for (seen, target) in tasks.iter_mut().zip(targets) {
            let standing = target.and_then(|target| {
                let observation = observed.next()?;
                let state = observation.state.as_str().to_owned();
                let report =
                    TargetReport { target_group: group.to_string(), id: target.id, port: target.port, state };
                Some((report, observation))
            });
            seen.targets.push(standing);
        }
    }
    Ok(tasks)
}

fn failed(call: Operation, error: PortError) -> Cause {
    Cause::CallFailed { call, failure: error.into_failure() }
}

fn status(service: &Service, tasks: &[Seen], cause: Option<&Cause>) -> ServiceStatus {
    let alive = || tasks.iter().filter(|seen| !seen.task.is_ending());
    let running = count(alive().filter(|seen| seen.task.status == TaskStatus::Running).count());
    let starting = count(alive().filter(|seen| seen.task.status != TaskStatus::Running).count());
    let placed = || alive().flat_map(|seen| &seen.targets);
    let is_healthy = |standing: &&Option<(TargetReport, TargetObservation)>| {
        standing.as_ref().is_some_and(|(_, seen)| seen.state == TargetState::Healthy)
    };
    let healthy = count(placed().filter(is_healthy).count());
    let unhealthy = count(placed().count()).saturating_sub(healthy);
    let serving =
        count(alive().filter(|seen| seen.targets.iter().all(|standing| is_healthy(&standing))).count());
    let waiting = placed().flatten().any(|(_, seen)| seen.state == TargetState::Initial);
    let verdict = match cause {
        Some(_) => Verdict::Unknown,
        None => verdict(service.count, running, starting, serving.min(running), waiting),
    };
    ServiceStatus {
        service: service.name.to_string(),
        cluster: service.request.cluster.name().to_owned(),
        verdict,
        desired: service.count,
        running,
        starting,
        healthy,
        unhealthy,
        ports: service.bindings.iter().map(|binding| binding.port).collect(),
        tasks: tasks.iter().map(standing).collect(),
        cause: cause.map(Into::into),
    }
}

fn verdict(desired: u32, running: u32, starting: u32, serving: u32, waiting: bool) -> Verdict {
    if serving >= desired {
        Verdict::Ready
    } else if starting > 0 || waiting {
        Verdict::Starting
    } else if serving > 0 {
        Verdict::Degraded
    } else if running > 0 {
        Verdict::Unhealthy
    } else {
        Verdict::Stopped
    }
}

fn standing(seen: &Seen) -> TaskStanding {
    TaskStanding {
        task: seen.task.task.to_string(),
        status: seen.task.status.to_string(),
        targets: seen.targets.iter().flatten().map(|(report, _)| report.clone()).collect(),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_comes_to() {
        assert_eq!(verdict(2, 2, 0, 2, false), Verdict::Ready);
        assert_eq!(verdict(2, 2, 0, 1, true), Verdict::Starting);
        assert_eq!(verdict(2, 1, 1, 1, false), Verdict::Starting);
        assert_eq!(verdict(2, 2, 0, 1, false), Verdict::Degraded);
        assert_eq!(verdict(2, 2, 0, 0, false), Verdict::Unhealthy);
        assert_eq!(verdict(2, 0, 0, 0, false), Verdict::Stopped);
    }
}
