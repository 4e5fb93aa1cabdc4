//! The rules.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::plan::{Action, Finding, Item, Keep, Plan, Stale};
use super::view::{GroupView, Removal, ServiceView, View};
use crate::address::{is_behind, may_be_behind, target_of};
use crate::error::{ErrorKind, Failure};
use crate::ids::{ServiceName, TargetGroupArn, TaskArn};
use crate::observation::{Target, TargetObservation, TargetState, TaskObservation, TaskStatus};
use crate::spec::Binding;
use crate::started_by::StartedBy;

/// The plan that makes every group hold exactly the tasks that serve.
pub fn reconcile(view: &View) -> Plan {
    let mut items = Vec::new();
    for (arn, group) in &view.groups {
        Group::new(arn, group, &view.services).plan(&mut items);
    }
    for (arn, failure) in &view.unreadable {
        let bound = |service: &&ServiceView| service.bindings.iter().any(|its| its.target_group == *arn);
        items.extend(view.services.iter().filter(bound).map(|service| unreadable(arn, service, failure)));
    }
    // Stable: within each kind the groups stay together.
    items.sort_by_key(|item| match item.action {
        Action::Deregister(_) => 0,
        Action::Register => 1,
        Action::Keep(_) => 2,
        Action::Report(_) => 3,
    });
    Plan { items }
}

/// One group, and the services that are bound to it.
struct Group<'a> {
    arn: &'a TargetGroupArn,
    group: &'a GroupView,
    bound: Vec<(&'a ServiceView, &'a Binding)>,
    misfits: Vec<(&'a ServiceView, &'a Binding)>,
}

/// A target that should be there, and whose.
type Wanted<'a> = BTreeMap<Target, (&'a ServiceName, &'a TaskArn)>;

impl<'a> Group<'a> {
    fn new(arn: &'a TargetGroupArn, group: &'a GroupView, services: &'a [ServiceView]) -> Self {
        let to_this = |bindings: fn(&ServiceView) -> &Vec<Binding>| {
            let all = services.iter().flat_map(|its| bindings(its).iter().map(move |binding| (its, binding)));
            all.filter(|(_, binding)| binding.target_group == *arn).collect()
        };
        Self { arn, group, bound: to_this(|its| &its.bindings), misfits: to_this(|its| &its.misfits) }
    }

    fn plan(&self, items: &mut Vec<Item>) {
        let wanted = self.wanted(items);
        let mut present = BTreeSet::new();
        let mut removed = 0;
        for (target, seen) in &self.group.targets {
            present.insert(target);
            let item = match wanted.get(target) {
                Some((service, task)) => self.item(target, Some((service, task)), keep(seen)),
                None => self.unwanted(target, seen),
            };
            removed += usize::from(matches!(item.action, Action::Deregister(_)));
            items.push(item);
        }
        let mut room = self.group.quota.saturating_sub(self.group.targets.len() - removed);
        for (target, (service, task)) in &wanted {
            if present.contains(target) {
                continue;
            }
            let action = if room == 0 {
                Action::Report(Finding::QuotaReached { quota: self.group.quota })
            } else {
                room -= 1;
                Action::Register
            };
            items.push(self.item(target, Some((service, task)), action));
        }
        if self.group.facts.as_ref().is_some_and(|facts| !facts.in_use) {
            let services: BTreeSet<&ServiceName> = self.bound.iter().map(|(its, _)| &its.service).collect();
            items.extend(services.into_iter().map(|service| Item {
                service: Some(service.clone()),
                ..self.item_about_nothing(Action::Report(Finding::GroupNotInUse))
            }));
        }
    }

    /// The targets that should be there. Tasks that cannot or should not yet be there are reported.
    fn wanted(&self, items: &mut Vec<Item>) -> Wanted<'a> {
        let mut wanted = BTreeMap::new();
        for &(service, binding) in &self.bound {
            for task in service.tasks.iter().filter(|task| is_running(task)) {
                let owner = (&service.service, &task.task);
                let finding = match target_of(task, binding, service.network_mode) {
                    Err(why) => Finding::WrongTargetType { why },
                    Ok(None) => Finding::NoAddressYet,
                    Ok(Some(target)) => {
                        let containers: Vec<String> = service.gate.holding_back(task).cloned().collect();
                        let is_there = self.group.targets.iter().any(|(present, _)| *present == target);
                        // What is registered already stays, whatever its gate says now.
                        if containers.is_empty() || is_there {
                            wanted.insert(target, owner);
                            continue;
                        }
                        Finding::NotThroughGate { containers }
                    }
                };
                let about = Some((&service.service, &task.task));
                items.push(Item { target: None, ..self.item_about(about, Action::Report(finding)) });
            }
        }
        for &(service, binding) in &self.misfits {
            for task in service.tasks.iter().filter(|task| is_running(task)) {
                let target = target_of(task, binding, service.network_mode).ok().flatten();
                let present = target.filter(|target| self.group.targets.iter().any(|(its, _)| its == target));
                wanted.extend(present.map(|target| (target, (&service.service, &task.task))));
            }
        }
        wanted
    }

    /// What to do about a target that no running task of the services is to have.
    fn unwanted(&self, target: &Target, seen: &TargetObservation) -> Item {
        if seen.state == TargetState::Draining {
            return self.item(target, None, Action::Keep(Keep::Draining));
        }
        if let Some((service, task)) = self.task_behind(target, |service| &service.tasks) {
            let bound = self.bound.iter().chain(&self.misfits);
            let ports = bound.filter(|(its, _)| its.service == service.service);
            let mut expected: Vec<u16> = ports
                .filter_map(|(its, binding)| Some(target_of(task, binding, its.network_mode).ok()??.port))
                .collect();
            expected.sort_unstable();
            let finding = if is_running(task) && !expected.contains(&target.port) {
                Finding::WrongPort { expected }
            } else {
                Finding::NotRunningYet
            };
            return self.item(target, Some((&service.service, &task.task)), Action::Report(finding));
        }
        let is_stopping = |task: &TaskObservation| task.status != TaskStatus::Stopped;
        if let Some((service, task)) = self.first_behind(target, |service| &service.ended, is_stopping) {
            let finding = Action::Report(Finding::StoppingTask);
            return self.item(target, Some((&service.service, &task.task)), finding);
        }
        let ended = self.task_behind(target, |service| &service.ended);
        let others = |service: &'a ServiceView| &service.others;
        if self.first_behind(target, others, |task| self.is_started_into_it(task, target)).is_some() {
            return self.item(target, None, keep(seen));
        }
        if let Some((service, task)) = self.task_behind(target, others) {
            // Somebody may have registered his own task here. Where a task of the service stood there before, nobody has.
            let (whose, action) = match ended {
                Some((its, _)) => (its, self.remove(target, Stale::OtherTask(task.task.clone()))),
                None => (service, Action::Report(Finding::OtherTask { task: task.task.clone() })),
            };
            return self.item(target, Some((&whose.service, &task.task)), action);
        }
        if let Some((service, task)) = ended {
            let proof = Stale::TaskStopped(task.task.clone());
            let action = match self.may_be_anothers(target) {
                true => Action::Report(Finding::StaleTarget(proof)),
                false => self.remove(target, proof),
            };
            return self.item(target, Some((&service.service, &task.task)), action);
        }
        self.item(target, None, Action::Report(Finding::UnknownTarget))
    }

    /// Whether the task says itself that it was started into this group, which is not its service's.
    fn is_started_into_it(&self, task: &TaskObservation, target: &Target) -> bool {
        let said = task.started_by.as_deref().and_then(StartedBy::parse);
        let there = said.and_then(|said| said.target_group(&task.task));
        // Of a task on a machine the target has the machine's port.
        let has_its_port = |port: u16| target.id.parse::<IpAddr>().is_err() || target.port == port;
        is_running(task) && there.is_some_and(|(arn, port)| arn == *self.arn && has_its_port(port))
    }

    /// Whether a task that does not say its ports, or whose instance nobody says, may stand behind the target by now.
    fn may_be_anothers(&self, target: &Target) -> bool {
        let services = self.bound.iter().chain(&self.misfits).map(|(service, _)| service);
        let mut running = services.flat_map(|service| service.tasks.iter().chain(&service.others));
        running.any(|task| may_be_behind(task, target))
    }

    fn task_behind(
        &self,
        target: &Target,
        tasks: impl Fn(&'a ServiceView) -> &'a Vec<TaskObservation>,
    ) -> Option<(&'a ServiceView, &'a TaskObservation)> {
        self.first_behind(target, tasks, |_| true)
    }

    fn first_behind(
        &self,
        target: &Target,
        tasks: impl Fn(&'a ServiceView) -> &'a Vec<TaskObservation>,
        is_meant: impl Fn(&TaskObservation) -> bool,
    ) -> Option<(&'a ServiceView, &'a TaskObservation)> {
        self.bound.iter().chain(&self.misfits).find_map(|&(service, _)| {
            let behind = tasks(service).iter().find(|task| is_meant(task) && is_behind(task, target));
            behind.map(|task| (service, task))
        })
    }

    fn remove(&self, target: &Target, proof: Stale) -> Action {
        let is_removed = match &self.group.removal {
            Removal::Remove => true,
            Removal::Known(known) => known.contains(target),
            Removal::Report => false,
        };
        if is_removed { Action::Deregister(proof) } else { Action::Report(Finding::StaleTarget(proof)) }
    }

    fn item(&self, target: &Target, about: Option<(&ServiceName, &TaskArn)>, action: Action) -> Item {
        Item { target: Some(target.clone()), ..self.item_about(about, action) }
    }

    fn item_about(&self, about: Option<(&ServiceName, &TaskArn)>, action: Action) -> Item {
        Item {
            service: about.map(|(service, _)| service.clone()),
            task: about.map(|(_, task)| task.clone()),
            ..self.item_about_nothing(action)
        }
    }

    fn item_about_nothing(&self, action: Action) -> Item {
        Item { target_group: self.arn.clone(), target: None, service: None, task: None, action }
    }
}

fn unreadable(arn: &TargetGroupArn, service: &ServiceView, failure: &Failure) -> Item {
    let finding = match failure.kind {
        ErrorKind::NotFound => Finding::GroupNotFound,
        ErrorKind::Capacity
        | ErrorKind::Denied
        | ErrorKind::Invalid
        | ErrorKind::Conflict
        | ErrorKind::Throttled
        | ErrorKind::Timeout
        | ErrorKind::Unavailable
        | ErrorKind::Other => Finding::GroupUnreadable { failure: failure.clone() },
    };
    Item {
        target_group: arn.clone(),
        target: None,
        service: Some(service.service.clone()),
        task: None,
        action: Action::Report(finding),
    }
}

fn is_running(task: &TaskObservation) -> bool {
    task.status == TaskStatus::Running && !task.is_ending()
}

/// A target that is where it should be.
fn keep(seen: &TargetObservation) -> Action {
    Action::Keep(match seen.state {
        TargetState::Healthy => Keep::Healthy,
        TargetState::Initial | TargetState::Unavailable => Keep::Starting,
        TargetState::Unhealthy | TargetState::UnhealthyDraining | TargetState::Unused => {
            Keep::Unhealthy(seen.clone())
        }
        TargetState::Draining => Keep::Returning,
    })
}
