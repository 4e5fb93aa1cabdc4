//! `down`: out of traffic first, then stopped. First all services are planned, then the guard looks at what would be left in
//! each group, then all are drained at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::facts::{call_failed, read_facts, tasks_in};
use super::handle::Fleet;
use super::options::DownOptions;
use super::parts::{Part, Parts, read_parts};
use super::report::{RunOutcome, TaskReport};
use super::resolve::resolve_running;
use super::service::Service;
use super::service_runs::{ServiceRuns, Work};
use crate::driver::Cancel;
use crate::error::ErrorKind;
use crate::ids::{RunId, TargetGroupArn};
use crate::machine::{Cause, Drain, DrainPlace, DrainSpec, Operation};
use crate::observation::{Target, TargetObservation, TargetState, TaskObservation};
use crate::ports::Selector;
use crate::reconcile::{
    Action, GroupView, Removal, ServiceView, Stale, View, may_be_behind, reconcile, stands_in,
};
use crate::spec::{Binding, Gate, Readiness};

/// AWS's own default, for a group whose delay may not be read.
const DEFAULT_DELAY: Duration = Duration::from_secs(300);

/// What would be taken down of a service.
#[derive(Debug, Default)]
pub(super) struct Plan {
    drains: Vec<DrainSpec>,
    groups: BTreeMap<TargetGroupArn, Group>,
    warnings: Vec<String>,
}

/// A target group as it was found.
#[derive(Debug)]
struct Group {
    in_use: bool,
    delay: Duration,
    targets: Vec<(Target, TargetObservation)>,
}

/// Looks at what runs and what is registered, and plans its end. `around` are all services whose tasks may have an address in
/// the same groups.
pub(super) async fn plan(
    fleet: &Fleet,
    service: &Service,
    around: &[Service],
    options: &DownOptions,
    cancel: &Cancel,
) -> Result<Plan, Box<Cause>> {
    let Parts { parts, running } = read_parts(fleet, service, options, cancel).await?;
    let planner = Planner { fleet, around, options, cancel };
    let mut plan = Plan::default();
    for part in parts {
        let is_home = part.service.request.started_by == service.request.started_by;
        let (name, tasks) = (part.service.request.started_by.clone(), part.tasks.len());
        match planner.plan(part, &running, &mut plan).await {
            Ok(()) => {}
            Err(cause) if is_home => return Err(cause),
            // What single tasks say of themselves must not keep all others from being taken down.
            Err(cause) => {
                plan.warnings.push(format!("{tasks} tasks started by {name} are left as they are: {cause}"))
            }
        }
    }
    Ok(plan)
}

struct Planner<'a> {
    fleet: &'a Fleet,
    around: &'a [Service],
    options: &'a DownOptions,
    cancel: &'a Cancel,
}

impl Planner<'_> {
    async fn plan(&self, part: Part, running: &[TaskObservation], plan: &mut Plan) -> Result<(), Box<Cause>> {
        let Part { service, tasks, ended } = part;
        let bindings = bindings(self.fleet, &service, self.cancel, &mut plan.warnings).await;
        let groups = read_groups(self.fleet, &service, &bindings, self.cancel).await?;
        let neighbours = service.neighbours(self.around);
        let drain = |name: &str, task: Option<&TaskObservation>, places| DrainSpec {
            service: service.name.clone(),
            run: RunId::for_drain(&service.name, name),
            cluster: service.request.cluster.clone(),
            task: task.map(|task| task.task.clone()),
            places,
            neighbours: neighbours.clone(),
            drain_wait: self.options.drain_wait,
        };
        let its =
            tasks.iter().map(|task| drain(task.task.id(), Some(task), places(task, &bindings, &groups)));
        plan.drains.extend(its);
        if self.options.task.is_none() {
            let mut stale = stale_targets(&service, &bindings, (&tasks, ended, running), &groups);
            self.leave_to_others(&service, &mut stale, &mut plan.warnings).await;
            if !stale.is_empty() {
                plan.drains.push(drain(&format!("stale of {}", service.request.started_by), None, stale));
            }
        }
        plan.groups.extend(groups);
        Ok(())
    }

    /// Leaves the addresses that tasks here or in the clusters around may have by now. Looked at after the groups: whoever was
    /// registered before that is seen.
    async fn leave_to_others(
        &self,
        service: &Service,
        stale: &mut Vec<DrainPlace>,
        warnings: &mut Vec<String>,
    ) {
        for cluster in service.clusters_around(self.around).iter().chain([&service.request.cluster]) {
            if stale.is_empty() {
                return;
            }
            let patience = service.running_timeout;
            match tasks_in(self.fleet, cluster, patience, &Selector::Running, self.cancel).await {
                Ok(tasks) => stale.retain(|place| {
                    !tasks.iter().any(|task| !task.is_ending() && may_be_behind(task, &place.target))
                }),
                Err(cause) => {
                    stale.clear();
                    warnings.push(format!(
                        "the addresses of tasks that died earlier stay where they are: nobody knows whether a task in cluster \
                         {} has them by now: {cause}",
                        cluster.name()
                    ));
                }
            }
        }
    }
}

/// The bindings with what the definitions add. A definition that is gone keeps nothing from being taken down.
async fn bindings(
    fleet: &Fleet,
    service: &Service,
    cancel: &Cancel,
    warnings: &mut Vec<String>,
) -> Vec<Binding> {
    let run = RunId::for_slot(&service.name, 0);
    let resolved = match read_facts(fleet, service, cancel, &mut Vec::new()).await {
        Ok(facts) => resolve_running(service, &facts, run, Readiness::Registered),
        Err(cause) => Err(cause),
    };
    match resolved {
        Ok((spec, _)) => spec.bindings().to_vec(),
        Err(cause) => {
            warnings.push(format!("the definitions could not be used, so they are done without: {cause}"));
            service.bindings.clone()
        }
    }
}

async fn read_groups(
    fleet: &Fleet,
    service: &Service,
    bindings: &[Binding],
    cancel: &Cancel,
) -> Result<BTreeMap<TargetGroupArn, Group>, Box<Cause>> {
    let (registrar, inspector) = (&fleet.ports.registrar, &fleet.ports.inspector);
    let patience = service.running_timeout;
    let mut groups = BTreeMap::new();
    for arn in bindings.iter().map(|binding| &binding.target_group) {
        let targets = match fleet.patiently(patience, cancel, || registrar.targets(arn)).await {
            Ok(targets) => targets,
            // A group that is gone holds nothing.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(call_failed(Operation::DescribeTargetHealth, error)),
        };
        let delay = fleet.patiently(patience, cancel, || inspector.deregistration_delay(arn)).await;
        let facts = fleet.patiently(patience, cancel, || inspector.target_group(arn)).await;
        groups.insert(
            arn.clone(),
            Group {
                // Where nobody knows, the guard is on.
                in_use: facts.map_or(true, |facts| facts.in_use),
                delay: delay.unwrap_or(DEFAULT_DELAY),
                targets,
            },
        );
    }
    Ok(groups)
}

/// What a drain of the task takes out: whatever stands behind it in the service's groups, whichever port it has.
fn places(
    task: &TaskObservation,
    bindings: &[Binding],
    groups: &BTreeMap<TargetGroupArn, Group>,
) -> Vec<DrainPlace> {
    let mut places = Vec::new();
    for (arn, group) in groups {
        let bindings = || bindings.iter().filter(|binding| binding.target_group == *arn);
        let is_its = |target: &Target| bindings().any(|binding| stands_in(task, binding, target));
        let behind = group.targets.iter().filter(|(target, _)| is_its(target));
        places.extend(behind.map(|(target, seen)| place(arn, group, target, seen)));
    }
    places
}

fn place(arn: &TargetGroupArn, group: &Group, target: &Target, seen: &TargetObservation) -> DrainPlace {
    DrainPlace {
        target_group: arn.clone(),
        target: target.clone(),
        deregistration_delay: group.delay,
        drains_already: seen.state == TargetState::Draining,
    }
}

/// The addresses of tasks of the service that died earlier.
fn stale_targets(
    service: &Service,
    bindings: &[Binding],
    (tasks, ended, running): (&[TaskObservation], Vec<TaskObservation>, &[TaskObservation]),
    groups: &BTreeMap<TargetGroupArn, Group>,
) -> Vec<DrainPlace> {
    let is_other = |other: &&TaskObservation| tasks.iter().all(|task| task.task != other.task);
    let seen =
        |group: &Group| GroupView { removal: Removal::Remove, ..GroupView::new(None, group.targets.clone()) };
    let its = ServiceView {
        service: service.name.clone(),
        bindings: bindings.to_vec(),
        misfits: Vec::new(),
        gate: Gate::Running,
        network_mode: None,
        tasks: tasks.to_vec(),
        ended,
        others: running.iter().filter(is_other).cloned().collect(),
    };
    let groups_seen = groups.iter().map(|(arn, group)| (arn.clone(), seen(group))).collect();
    let plan = reconcile(&View { services: vec![its], groups: groups_seen, ..View::default() });
    let stale = plan.items.into_iter().filter_map(|item| match item.action {
        // Whoever has the address now may have been registered by somebody: that is for verify to judge.
        Action::Deregister(Stale::TaskStopped(_)) => Some((item.target_group, item.target?)),
        Action::Deregister(Stale::OtherTask(_)) | Action::Register | Action::Keep(_) | Action::Report(_) => {
            None
        }
    });
    let places = stale.filter_map(|(arn, target)| {
        let group = groups.get(&arn)?;
        let seen = &group.targets.iter().find(|(its, _)| *its == target)?.1;
        Some(place(&arn, group, &target, seen))
    });
    places.collect()
}

/// The groups in use that would be left without a healthy target, though they have one now.
pub(super) fn emptied(plans: &[Result<Plan, Box<Cause>>]) -> BTreeSet<TargetGroupArn> {
    let plans = || plans.iter().flatten();
    let removed: BTreeSet<(&TargetGroupArn, &Target)> = plans()
        .flat_map(|plan| &plan.drains)
        .flat_map(|drain| &drain.places)
        .map(|place| (&place.target_group, &place.target))
        .collect();
    let healthy = |group: &Group| -> Vec<Target> {
        let healthy = group.targets.iter().filter(|(_, seen)| seen.state == TargetState::Healthy);
        healthy.map(|(target, _)| target.clone()).collect()
    };
    let groups = plans().flat_map(|plan| &plan.groups);
    let emptied = groups.filter(|(arn, group)| {
        let healthy = healthy(group);
        group.in_use && !healthy.is_empty() && healthy.iter().all(|target| removed.contains(&(*arn, target)))
    });
    emptied.map(|(arn, _)| arn.clone()).collect()
}

/// Makes the drains of a plan, unless it would empty one of these groups.
pub(super) fn begin(
    fleet: &Fleet,
    service: &Service,
    plan: Result<Plan, Box<Cause>>,
    guarded: &BTreeSet<TargetGroupArn>,
) -> ServiceRuns {
    let plan = match plan {
        Ok(plan) => plan,
        Err(cause) => return refused(service, &cause, Vec::new()),
    };
    for warning in &plan.warnings {
        fleet.warn(service, warning);
    }
    let touched = plan.drains.iter().flat_map(|drain| &drain.places).map(|place| &place.target_group);
    if let Some(target_group) = touched.into_iter().find(|group| guarded.contains(*group)) {
        let cause = Cause::LastHealthyTarget { target_group: target_group.clone() };
        return refused(service, &cause, plan.warnings);
    }
    let now = fleet.clock.now();
    let drains = plan.drains.into_iter().map(|spec| Drain::new(spec, now)).collect();
    let work = Work::Drains { drains };
    ServiceRuns { service: service.name.clone(), warnings: plan.warnings, findings: Vec::new(), work }
}

fn refused(service: &Service, cause: &Cause, warnings: Vec<String>) -> ServiceRuns {
    let task = TaskReport { outcome: RunOutcome::Refused, ..TaskReport::never_began(cause) };
    ServiceRuns::nothing(service.name.clone(), warnings, task)
}
