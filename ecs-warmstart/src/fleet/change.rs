//! A task changed: takes a task that ends out of its groups, and puts one that runs into them.
//!
//! What tells of the change may be old, may come twice and may come out of order, so it is held against what ECS says now.

use std::collections::BTreeMap;
use std::time::Duration;

use super::facts::{call_failed, read_facts, tasks_in};
use super::handle::Fleet;
use super::resolve::resolve_running;
use super::runs::Runs;
use super::service::{GateKind, Service};
use super::service_runs::{ServiceRuns, Work};
use super::up::{self, Raise};
use crate::address::target_of;
use crate::driver::Cancel;
use crate::ids::{RunId, TargetGroupArn};
use crate::machine::{Cause, Drain, DrainPlace, DrainSpec, Operation, State};
use crate::observation::{Target, TargetObservation, TargetState, TaskObservation, TaskStatus};
use crate::ports::Selector;
use crate::reconcile::{may_be_behind, stands_in};
use crate::spec::{Binding, Readiness};

/// What a change of a task asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something is to be done: [`Fleet::drive`] does it.
    Work(Runs),
    /// Nothing is to be done.
    Nothing {
        /// Why not, in one sentence.
        why: String,
    },
}

/// All targets of each group of a service.
type Targets = BTreeMap<TargetGroupArn, Vec<(Target, TargetObservation)>>;

impl Fleet {
    /// Begins what a change of a task asks for, as ECS's events tell of it; [`drive`](Self::drive) does it.
    ///
    /// A task of one of the services that ends, or that ECS has told to stop, is taken out of its service's groups, unless
    /// its address is behind another running task by now. One that is RUNNING and stands in a group not at all is taken over and
    /// registered once its containers are HEALTHY; it is never stopped. Everything else asks for nothing: other people's tasks,
    /// other states, events that are older than what ECS says now, and the same event again.
    ///
    /// A task that was [started elsewhere](Service::started_elsewhere) belongs where it says, in whichever cluster.
    ///
    /// `services` are all that may share a group, not the task's alone.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn begin_change(
        &self,
        services: &[Service],
        task: TaskObservation,
        patience: Duration,
        cancel: &Cancel,
    ) -> Change {
        let Some(service) = services.iter().find_map(|service| service.as_started(&task)) else {
            return nothing(format!("task {} is of no configured service", task.task.id()));
        };
        let began = self.clock.now();
        let look = Look { fleet: self, services, service: &service, cancel };
        match self.within(patience, look.change(task)).await {
            Ok(Asked::Nothing(why)) => Change::Nothing { why },
            Ok(Asked::Work { command, runs }) => Change::Work(Runs::new(command, began, vec![runs])),
            Err(cause) => Change::Work(Runs::new("change", began, vec![up::never_began(&service, &cause)])),
        }
    }
}

fn nothing(why: String) -> Change {
    Change::Nothing { why }
}

enum Asked {
    Work { command: &'static str, runs: ServiceRuns },
    Nothing(String),
}

type Answer = Result<Asked, Box<Cause>>;

/// Looks at what the task's service has and what is registered.
struct Look<'a> {
    fleet: &'a Fleet,
    services: &'a [Service],
    service: &'a Service,
    cancel: &'a Cancel,
}

impl Look<'_> {
    async fn change(&self, told: TaskObservation) -> Answer {
        let id = told.task.id().to_owned();
        let seen = self.seen(&told).await?;
        let Some(task) = newest(told, seen) else {
            return Ok(Asked::Nothing(format!("task {id} has changed since")));
        };
        if task.is_ending() {
            self.take_out(&task).await
        } else if task.status == TaskStatus::Running {
            self.take_up(task).await
        } else {
            Ok(Asked::Nothing(format!("task {id} is {}", task.status)))
        }
    }

    async fn seen(&self, told: &TaskObservation) -> Result<TaskObservation, Box<Cause>> {
        let (cluster, waiter) = (&self.service.request.cluster, &self.fleet.ports.waiter);
        let tasks = [told.task.clone()];
        let patience = self.service.running_timeout;
        let seen =
            self.fleet.patiently(patience, self.cancel, || waiter.observe_tasks(cluster, &tasks)).await;
        let seen = seen.map_err(|error| call_failed(Operation::DescribeTasks, error))?;
        Ok(seen.into_iter().next().unwrap_or_else(|| TaskObservation::missing(told.task.clone())))
    }

    async fn targets(&self) -> Result<Targets, Box<Cause>> {
        let registrar = &self.fleet.ports.registrar;
        let patience = self.service.running_timeout;
        let mut targets = BTreeMap::new();
        for binding in &self.service.bindings {
            let group = &binding.target_group;
            let held = self.fleet.patiently(patience, self.cancel, || registrar.targets(group)).await;
            let held = held.map_err(|error| call_failed(Operation::DescribeTargetHealth, error))?;
            targets.insert(group.clone(), held);
        }
        Ok(targets)
    }

    /// The task ends: its targets go, as far as nothing else that runs is behind them.
    async fn take_out(&self, task: &TaskObservation) -> Answer {
        let targets = self.targets().await?;
        let mut stale: Vec<(TargetGroupArn, Target)> = Vec::new();
        for (group, held) in targets {
            let bindings = || self.service.bindings.iter().filter(|binding| binding.target_group == group);
            let is_its = |target: &Target| bindings().any(|binding| stands_in(task, binding, target));
            let behind = held.into_iter().filter(|(target, seen)| is_its(target) && !drains(seen));
            stale.extend(behind.map(|(target, _)| (group.clone(), target)));
        }
        if !stale.is_empty() {
            let others = self.others(task).await?;
            stale.retain(|(_, target)| !others.iter().any(|other| may_be_behind(other, target)));
        }
        if stale.is_empty() {
            return Ok(Asked::Nothing(format!(
                "task {} ends and stands in none of its service's groups",
                task.task.id()
            )));
        }
        let place = |(target_group, target)| DrainPlace {
            target_group,
            target,
            deregistration_delay: Duration::ZERO,
            drains_already: false,
        };
        let spec = DrainSpec {
            service: self.service.name.clone(),
            run: RunId::for_drain(&self.service.name, task.task.id()),
            cluster: self.service.request.cluster.clone(),
            // It ends by itself.
            task: None,
            places: stale.into_iter().map(place).collect(),
            neighbours: self.service.neighbours(self.services),
            // There is nobody left to answer requests under way.
            drain_wait: Some(Duration::ZERO),
        };
        let drains = vec![Drain::new(spec, self.fleet.clock.now())];
        Ok(Asked::Work { command: "down", runs: self.runs(Vec::new(), Work::Drains { drains }) })
    }

    /// The other tasks that run in the clusters of all services: an address may have been given to any of them.
    async fn others(&self, task: &TaskObservation) -> Result<Vec<TaskObservation>, Box<Cause>> {
        let mut clusters = self.service.clusters_around(self.services);
        clusters.push(self.service.request.cluster.clone());
        let patience = self.service.running_timeout;
        let mut others = Vec::new();
        for cluster in &clusters {
            others.extend(tasks_in(self.fleet, cluster, patience, &Selector::Running, self.cancel).await?);
        }
        others.retain(|other| other.task != task.task && !other.is_ending());
        Ok(others)
    }

    /// The task runs: it is registered, unless it is already or is on its way out.
    async fn take_up(&self, task: TaskObservation) -> Answer {
        let id = task.task.id().to_owned();
        let mut warnings = Vec::new();
        let (service, launched) = as_launched(self.service, &task);
        let facts = read_facts(self.fleet, &launched, self.cancel, &mut warnings).await?;
        let run = RunId::for_adopted(&service.name, &task.task);
        let (spec, more) = resolve_running(&service, &facts, run, Readiness::Registered)?;
        warnings.extend(more);
        let targets = self.targets().await?;
        let standing = |binding: &Binding| {
            let target = target_of(&task, binding, spec.network_mode()).ok().flatten()?;
            let held = targets.get(&binding.target_group)?;
            held.iter().find(|(its, _)| *its == target).map(|(_, seen)| seen.state)
        };
        let standings: Vec<_> = spec.bindings().iter().map(standing).collect();
        if standings.contains(&Some(TargetState::Draining)) {
            return Ok(Asked::Nothing(format!("task {id} is being taken out of its groups")));
        }
        if standings.iter().all(|standing| standing.is_some_and(|state| state != TargetState::Unused)) {
            return Ok(Asked::Nothing(format!("task {id} is registered already")));
        }
        let spec = spec.with_neighbours(self.service.neighbours(self.services));
        let state = State::adopt(spec.clone(), task, self.fleet.clock.now());
        let raise = Raise { spec, call: None, refills: false, next_slot: 0, runs: vec![state] };
        Ok(Asked::Work { command: "up", runs: self.runs(warnings, Work::Starts(Box::new(raise))) })
    }

    fn runs(&self, warnings: Vec<String>, work: Work) -> ServiceRuns {
        ServiceRuns { service: self.service.name.clone(), warnings, findings: Vec::new(), work }
    }
}

/// The service as it holds for this task, and the same with the definition that the task runs. Whoever started it may have asked
/// for a gate that is stricter than the configured one, so the stricter of both holds.
fn as_launched(service: &Service, task: &TaskObservation) -> (Service, Service) {
    let mut service = Service { gate: GateKind::ContainerHealthy, ..service.clone() };
    let mut launched = service.clone();
    if let Some(definition) = &task.task_definition {
        if definition.family() != service.request.task_definition.family() {
            // Its containers may have other names; the port says which is meant.
            service.bindings.iter_mut().for_each(|binding| binding.container = None);
        }
        launched.request.task_definition = definition.clone();
    }
    (service, launched)
}

fn drains(seen: &TargetObservation) -> bool {
    seen.state == TargetState::Draining
}

/// What holds of the task: what was told where it is the newer, otherwise what was seen. None where they disagree and what
/// was told is the older: another event tells of what came after.
fn newest(told: TaskObservation, seen: TaskObservation) -> Option<TaskObservation> {
    match seen.status {
        // ECS has forgotten it, an hour after it stopped: then nothing but its end can be true of it.
        TaskStatus::Missing => told.is_ending().then_some(told),
        _ if seen.version < told.version => Some(told),
        _ if seen.is_ending() == told.is_ending() => {
            let addresses = if seen.addresses.is_empty() { told.addresses } else { seen.addresses.clone() };
            Some(TaskObservation { addresses, ..seen })
        }
        _ => None,
    }
}
