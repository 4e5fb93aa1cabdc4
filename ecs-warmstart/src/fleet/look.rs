//! `status`: looks, and changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::drift::compare_images;
use super::handle::Fleet;
use super::report::{CauseReport, TargetReport};
use super::service::Service;
use super::status::{ServiceStatus, TaskStanding, Verdict};
use super::survey::{Surveyed, survey};
use super::verified::FindingReport;
use super::verify::items_of;
use crate::address::target_of;
use crate::driver::Cancel;
use crate::ids::TargetGroupArn;
use crate::observation::{TargetObservation, TargetState, TaskObservation, TaskStatus};
use crate::reconcile::{GroupView, ServiceView, reconcile};
use crate::spec::Spec;

/// How long a look is repeated that fails: `status` is for people who wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn look(fleet: &Fleet, services: &[Service]) -> Vec<ServiceStatus> {
    let cancel = Cancel::new();
    let mut survey = survey(fleet, services, PATIENCE, &cancel).await;
    compare_images(fleet, &cancel, &mut survey).await;
    let plan = reconcile(&survey.view);
    let seen = survey.services.iter().zip(&survey.view.services);
    let statuses = seen.map(|(surveyed, view)| {
        let items = items_of(&surveyed.service, &plan, &surveyed.misfits);
        let findings = FindingReport::all(surveyed, &items);
        status(surveyed, &tasks(surveyed, view, &survey.view.groups), findings)
    });
    statuses.collect()
}

/// A task and its target in each binding, as far as it has one.
struct Seen<'a> {
    task: &'a TaskObservation,
    targets: Vec<Option<(TargetReport, TargetState)>>,
}

fn tasks<'a>(
    surveyed: &Surveyed,
    view: &'a ServiceView,
    groups: &BTreeMap<TargetGroupArn, GroupView>,
) -> Vec<Seen<'a>> {
    let mode = surveyed.spec.as_ref().and_then(Spec::network_mode);
    let seen = |task: &'a TaskObservation| {
        let targets = surveyed.service.bindings.iter().map(|configured| {
            let fitting = view
                .bindings
                .iter()
                .find(|its| its.target_group == configured.target_group && its.port == configured.port);
            let target = target_of(task, fitting.unwrap_or(configured), mode).ok().flatten()?;
            let group = groups.get(&configured.target_group)?;
            let present = group.targets.iter().find(|(its, _)| *its == target);
            let state =
                present.map_or_else(TargetObservation::not_registered, |(_, seen)| seen.clone()).state;
            let report = TargetReport {
                target_group: configured.target_group.to_string(),
                id: target.id,
                port: target.port,
                state: state.as_str().to_owned(),
            };
            Some((report, state))
        });
        Seen { task, targets: targets.collect() }
    };
    view.tasks.iter().map(seen).collect()
}

fn status(surveyed: &Surveyed, tasks: &[Seen<'_>], findings: Vec<FindingReport>) -> ServiceStatus {
    let service = &surveyed.service;
    let running = count(tasks.iter().filter(|seen| seen.task.status == TaskStatus::Running).count());
    let starting = count(tasks.len()).saturating_sub(running);
    let placed = || tasks.iter().flat_map(|seen| &seen.targets);
    let is_healthy = |standing: &&Option<(TargetReport, TargetState)>| {
        standing.as_ref().is_some_and(|(_, state)| *state == TargetState::Healthy)
    };
    let healthy = count(placed().filter(is_healthy).count());
    let unhealthy = count(placed().count()).saturating_sub(healthy);
    let serving =
        count(tasks.iter().filter(|seen| seen.targets.iter().all(|standing| is_healthy(&standing))).count());
    let waiting = placed().flatten().any(|(_, state)| *state == TargetState::Initial);
    let verdict = match surveyed.cause {
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
        findings,
        cause: surveyed.cause.as_deref().map(CauseReport::from),
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

fn standing(seen: &Seen<'_>) -> TaskStanding {
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
