//! Mends one service by its part of the plan, through the machines: stale targets out, then every task that is not where it
//! should be through its gate, in, and healthy.

use std::time::Duration;

use super::handle::Fleet;
use super::report::{CauseReport, TargetReport, TaskReport};
use super::survey::Surveyed;
use super::verified::{ChangeReport, FindingReport, ServiceVerified, TaskVerified, VerifyOutcome};
use crate::address::target_of;
use crate::driver::{Cancel, Driven, WarmStart};
use crate::ids::{RunId, TaskArn};
use crate::machine::{Cause, Drain, DrainPlace, DrainSpec, PhaseName, State};
use crate::observation::{HealthStatus, TargetState, TaskObservation, TaskStatus};
use crate::reconcile::{Action, Finding, Item, Keep, ServiceView};
use crate::spec::{Binding, Readiness, Spec};

/// A service, what was found of it, and what is to be done.
#[derive(Debug)]
pub(super) struct Mend {
    pub(super) surveyed: Surveyed,
    pub(super) seen: ServiceView,
    pub(super) items: Vec<Item>,
    pub(super) readiness: Readiness,
    pub(super) max_wait: Duration,
    pub(super) health_wait: Duration,
    pub(super) cancel: Cancel,
}

/// What came of one task: how it stands, and what was registered for it.
type Brought = (TaskVerified, Vec<ChangeReport>);

impl Mend {
    pub(super) async fn run(self, fleet: &Fleet) -> ServiceVerified {
        for warning in &self.surveyed.warnings {
            fleet.warn(&self.surveyed.service, warning);
        }
        if let Some(cause) = &self.surveyed.cause {
            return self.report(VerifyOutcome::Failed, Vec::new(), Vec::new(), Some(cause));
        }
        // Nothing is undone when somebody asks to end: what was changed by then was right. So the machines are not told.
        let warm_start = fleet.warm_start(&Cancel::new());
        let (removals, failed) = self.take_out_stale(fleet, &warm_start).await;
        let brought: Vec<Brought> = fleet
            .each(self.pieces(), |fleet, piece| {
                let warm_start = warm_start.clone();
                async move { piece.bring(&fleet, &warm_start).await }
            })
            .await;
        let (tasks, registrations): (Vec<_>, Vec<_>) = brought.into_iter().unzip();
        let repaired = removals.iter().any(|change| change.made);
        let outcome = self.outcome(&tasks, repaired, failed.is_some());
        let cause = failed.or_else(|| self.last_stop().map(Box::new));
        let changes = removals.into_iter().chain(registrations.into_iter().flatten()).collect();
        let cause = cause.filter(|_| !outcome.is_success());
        self.report(outcome, tasks, changes, cause.as_deref())
    }

    fn outcome(&self, tasks: &[TaskVerified], repaired: bool, removal_failed: bool) -> VerifyOutcome {
        let kept_out = |item: &Item| match &item.action {
            Action::Report(finding) => finding.keeps_out() && item.task.is_none(),
            Action::Register | Action::Deregister(_) | Action::Keep(_) => false,
        };
        if removal_failed || self.items.iter().any(kept_out) {
            return VerifyOutcome::Failed;
        }
        match tasks.iter().map(|task| task.outcome).max() {
            None if self.last_stop().is_some() => VerifyOutcome::Stopped,
            None => VerifyOutcome::NoTasks,
            Some(outcome) if outcome.is_success() && repaired => VerifyOutcome::Repaired,
            Some(outcome) => outcome,
        }
    }

    /// Why the task stopped that stopped last, where none runs.
    fn last_stop(&self) -> Option<Cause> {
        if !self.seen.tasks.is_empty() {
            return None;
        }
        let stopped = self.seen.ended.iter().filter(|task| task.status == TaskStatus::Stopped);
        let last = stopped.max_by_key(|task| (task.created_at, task.version))?;
        Some(Cause::TaskStopped {
            task: last.task.clone(),
            stop: last.stop.clone().unwrap_or_default(),
            containers: last.containers.clone(),
        })
    }

    fn report(
        &self,
        outcome: VerifyOutcome,
        tasks: Vec<TaskVerified>,
        changes: Vec<ChangeReport>,
        cause: Option<&Cause>,
    ) -> ServiceVerified {
        let service = &self.surveyed.service;
        let mut warnings = self.surveyed.warnings.clone();
        let running = tasks.len();
        if (1..service.count).contains(&u32::try_from(running).unwrap_or(u32::MAX)) {
            warnings.push(format!("{running} of {} tasks run; `up` brings it to its count", service.count));
        }
        ServiceVerified {
            service: service.name.to_string(),
            outcome,
            tasks,
            changes,
            findings: FindingReport::all(&self.surveyed, &self.items),
            cause: cause.map(CauseReport::from),
            warnings,
        }
    }

    // --- Out

    /// Takes out what is proved stale. That is not waited for: no request goes to an address where nobody listens.
    async fn take_out_stale(
        &self,
        fleet: &Fleet,
        warm_start: &WarmStart,
    ) -> (Vec<ChangeReport>, Option<Box<Cause>>) {
        let stale: Vec<&Item> =
            self.items.iter().filter(|item| matches!(item.action, Action::Deregister(_))).collect();
        if stale.is_empty() {
            return (Vec::new(), None);
        }
        let service = &self.surveyed.service;
        let places = stale.iter().filter_map(|item| {
            Some(DrainPlace {
                target_group: item.target_group.clone(),
                target: item.target.clone()?,
                deregistration_delay: Duration::ZERO,
                drains_already: false,
            })
        });
        let spec = DrainSpec {
            service: service.name.clone(),
            run: RunId::for_drain(&service.name, "stale"),
            cluster: service.request.cluster.clone(),
            task: None,
            places: places.collect(),
            // It is driven here and now.
            neighbours: Vec::new(),
            drain_wait: Some(Duration::ZERO),
        };
        let drain = Drain::new(spec, fleet.clock.now());
        let drained = tokio::select! {
            drained = warm_start.drain(drain, Duration::MAX) => drained,
            () = self.cancel.asked() => return (changes(&stale, |_| false), Some(Box::new(Cause::Cancelled))),
        };
        match drained {
            Ok(Driven::Finished(drain) | Driven::Suspended { state: drain, .. }) => {
                (changes(&stale, |place| drain.is_deregistered(place)), drain.cause().cloned().map(Box::new))
            }
            Err(error) => {
                (changes(&stale, |_| false), Some(Box::new(Cause::Misconfigured { why: error.to_string() })))
            }
        }
    }

    // --- In

    fn pieces(&self) -> Vec<Piece> {
        let piece = |task: &TaskObservation| Piece {
            spec: self.surveyed.spec.clone(),
            items: self.items.iter().filter(|item| concerns(item, &task.task)).cloned().collect(),
            task: task.clone(),
            readiness: self.readiness,
            max_wait: self.max_wait,
            health_wait: self.health_wait,
            cancel: self.cancel.clone(),
        };
        self.seen.tasks.iter().map(piece).collect()
    }
}

fn changes(items: &[&Item], made: impl Fn(usize) -> bool) -> Vec<ChangeReport> {
    items.iter().enumerate().filter_map(|(place, item)| ChangeReport::of(item, made(place))).collect()
}

/// Whether an item is about the task, or about all tasks of a group.
fn concerns(item: &Item, task: &TaskArn) -> bool {
    item.task.as_ref().is_none_or(|its| its == task)
}

/// One task of the service, and the items that concern it.
struct Piece {
    spec: Option<Spec>,
    task: TaskObservation,
    items: Vec<Item>,
    readiness: Readiness,
    max_wait: Duration,
    health_wait: Duration,
    cancel: Cancel,
}

impl Piece {
    async fn bring(self, fleet: &Fleet, warm_start: &WarmStart) -> Brought {
        // Nothing fits: that is said by the findings.
        let Some(spec) = &self.spec else { return self.as_found(VerifyOutcome::Failed, None) };
        let (blocked, open): (Vec<&Binding>, Vec<&Binding>) =
            spec.bindings().iter().partition(|binding| self.keeps_out(spec, binding).is_some());
        let kept_out = blocked.first().and_then(|binding| self.keeps_out(spec, binding));
        let (mut verified, changes) = if open.is_empty() && kept_out.is_some() {
            self.as_found(VerifyOutcome::Failed, None)
        } else if !open.is_empty() && open.iter().all(|binding| self.is_healthy(spec, binding)) {
            self.as_found(VerifyOutcome::AlreadyHealthy, None)
        } else {
            let run = RunId::for_adopted(spec.service(), &self.task.task);
            let bindings = open.into_iter().cloned().collect();
            let spec = spec
                .for_running(run, bindings, self.readiness)
                .with_timeouts(self.max_wait, self.health_wait);
            self.drive(State::adopt(spec, self.task.clone(), fleet.clock.now()), warm_start).await
        };
        if let Some(finding) = kept_out {
            verified.outcome = VerifyOutcome::Failed;
            verified.cause.get_or_insert_with(|| CauseReport::of_finding(finding));
        }
        (verified, changes)
    }

    async fn drive(&self, state: State, warm_start: &WarmStart) -> Brought {
        let driven = tokio::select! {
            driven = warm_start.drive(state, Duration::MAX) => driven,
            () = self.cancel.asked() => return self.as_found(VerifyOutcome::Failed, Some(&Cause::Cancelled)),
        };
        match driven {
            Ok(Driven::Finished(state) | Driven::Suspended { state, .. }) => {
                let (mut verified, changes) = verified(&state);
                // What the run did not get to stands as it was found.
                let (found, _) = self.as_found(verified.outcome, None);
                let is_new = |its: &TargetReport| {
                    verified.targets.iter().all(|seen| {
                        (&seen.target_group, &seen.id, seen.port) != (&its.target_group, &its.id, its.port)
                    })
                };
                let more: Vec<TargetReport> = found.targets.into_iter().filter(is_new).collect();
                verified.targets.extend(more);
                (verified, changes)
            }
            Err(error) => {
                self.as_found(VerifyOutcome::Failed, Some(&Cause::Misconfigured { why: error.to_string() }))
            }
        }
    }

    /// What keeps the task out of a binding's group.
    fn keeps_out(&self, spec: &Spec, binding: &Binding) -> Option<&Finding> {
        self.items_of(spec, binding).find_map(|item| match &item.action {
            Action::Report(finding) if finding.keeps_out() => Some(finding),
            Action::Report(_) | Action::Register | Action::Deregister(_) | Action::Keep(_) => None,
        })
    }

    fn is_healthy(&self, spec: &Spec, binding: &Binding) -> bool {
        self.items_of(spec, binding).any(|item| item.action == Action::Keep(Keep::Healthy))
    }

    fn items_of(&self, spec: &Spec, binding: &Binding) -> impl Iterator<Item = &Item> {
        let target = target_of(&self.task, binding, spec.network_mode()).ok().flatten();
        let group = binding.target_group.clone();
        self.items.iter().filter(move |item| {
            item.target_group == group && (item.target.is_none() || item.target == target)
        })
    }

    /// The task as it was found.
    fn as_found(&self, outcome: VerifyOutcome, cause: Option<&Cause>) -> Brought {
        let targets = self.items.iter().filter(|item| item.task.is_some()).filter_map(|item| {
            let Action::Keep(keep) = &item.action else { return None };
            let target = item.target.clone()?;
            Some(TargetReport {
                target_group: item.target_group.to_string(),
                id: target.id,
                port: target.port,
                state: match keep {
                    Keep::Healthy => TargetState::Healthy,
                    Keep::Starting => TargetState::Initial,
                    Keep::Unhealthy(seen) => seen.state,
                    Keep::Draining | Keep::Returning => TargetState::Draining,
                }
                .as_str()
                .to_owned(),
            })
        });
        let verified = TaskVerified {
            task: self.task.task.to_string(),
            outcome,
            targets: targets.collect(),
            cause: cause.map(CauseReport::from),
            leftovers: Vec::new(),
        };
        (verified, Vec::new())
    }
}

/// What came of a run.
fn verified(state: &State) -> Brought {
    let report = TaskReport::of(state);
    let task = report.task.unwrap_or_default();
    let bindings = state.spec().bindings().iter().enumerate();
    let registered =
        bindings.filter(|(place, _)| state.is_registered_by_run(*place)).filter_map(|(_, its)| {
            let target =
                report.targets.iter().find(|target| target.target_group == its.target_group.as_str())?;
            Some(ChangeReport::registered(&its.target_group, target, &task))
        });
    let registered: Vec<ChangeReport> = registered.collect();
    let healthy = report.targets.iter().all(|target| target.state == TargetState::Healthy.as_str());
    let outcome = match state.phase() {
        PhaseName::Ready if registered.is_empty() && healthy => VerifyOutcome::AlreadyHealthy,
        PhaseName::Ready => VerifyOutcome::Registered,
        _ => state.cause().map_or(VerifyOutcome::Failed, |cause| outcome_of(cause, state.observation())),
    };
    let verified = TaskVerified {
        task,
        outcome,
        targets: report.targets,
        cause: report.cause,
        leftovers: report.leftovers,
    };
    (verified, registered)
}

fn outcome_of(cause: &Cause, task: Option<&TaskObservation>) -> VerifyOutcome {
    let is_unhealthy = |name: &String| {
        let container = task.and_then(|task| task.container(name));
        container.is_some_and(|container| container.health == HealthStatus::Unhealthy)
    };
    match cause {
        Cause::GateNotOpenInTime { containers, .. } if containers.iter().any(is_unhealthy) => {
            VerifyOutcome::Unhealthy
        }
        Cause::TaskStopped { .. } | Cause::TaskLost { .. } => VerifyOutcome::Stopped,
        Cause::TargetUnusable { .. } => VerifyOutcome::Unhealthy,
        Cause::NotHealthyInTime { last: Some(last), .. } => match last.state {
            TargetState::Unhealthy | TargetState::UnhealthyDraining | TargetState::Unused => {
                VerifyOutcome::Unhealthy
            }
            TargetState::Initial
            | TargetState::Healthy
            | TargetState::Draining
            | TargetState::Unavailable => VerifyOutcome::TimedOut,
        },
        Cause::NotHealthyInTime { last: None, .. }
        | Cause::NotLaunchedInTime { .. }
        | Cause::NotRunningInTime { .. }
        | Cause::GateNotOpenInTime { .. }
        | Cause::NotRegisteredInTime { .. }
        | Cause::NotStoppedInTime { .. } => VerifyOutcome::TimedOut,
        Cause::CallFailed { .. }
        | Cause::NoTarget { .. }
        | Cause::AnotherImage { .. }
        | Cause::Misconfigured { .. }
        | Cause::LastHealthyTarget { .. }
        | Cause::Cancelled
        | Cause::SlotTaken { .. } => VerifyOutcome::Failed,
    }
}
