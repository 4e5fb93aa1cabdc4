//! Looks at an ECS service until its deployment has come to an end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::handle::Fleet;
use super::report::TargetReport;
use super::status::TaskStanding;
use crate::address;
use crate::driver::Cancel;
use crate::error::PortError;
use crate::facts::{EcsServiceFacts, NetworkMode};
use crate::ids::{ClusterId, TargetGroupArn, TaskArn};
use crate::observation::{Target, TargetObservation, TaskObservation, TaskStatus};
use crate::ports::Selector;
use crate::rollout::{Failed, Goal, SeenTarget, SeenTask, Standing, WayBack, judge, way_back};
use crate::spec::Binding;
use crate::time::Timestamp;

/// From one look to the next. ECS changes a service within seconds, and a look is four calls.
const EVERY: Duration = Duration::from_secs(5);
/// How long a call is repeated that fails, within one look.
const PATIENCE: Duration = Duration::from_secs(60);

/// An ECS service that is watched.
pub(super) struct Rolling<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) cluster: &'a ClusterId,
    pub(super) name: &'a str,
    /// The network mode of what it runs, where that is known.
    pub(super) network_mode: Option<NetworkMode>,
    pub(super) cancel: &'a Cancel,
    /// Is told what is waited for, whenever that changes.
    pub(super) tell: &'a (dyn Fn(&str) + Send + Sync),
}

/// How the watching ended.
#[derive(Debug)]
pub(super) enum Ended {
    Done {
        unproved: usize,
    },
    Failed(Failed),
    /// The time was over; what was waited for last.
    TooLate {
        why: String,
    },
    /// It could not be looked at any more.
    Blind(PortError),
    Interrupted,
}

/// A read that failed.
pub(super) struct Unread {
    /// The IAM action that it needs.
    pub(super) action: &'static str,
    pub(super) error: PortError,
}

/// The end, the tasks as they were seen last, and whether it was so at the first look.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) ended: Ended,
    pub(super) tasks: Vec<TaskStanding>,
    pub(super) at_once: bool,
}

impl Rolling<'_> {
    /// Watches until the goal is reached, cannot be reached, or `until` is over.
    pub(super) async fn watch(&self, goal: &Goal, until: Timestamp) -> Watched {
        let mut told = String::new();
        let mut at_once = true;
        loop {
            let (standing, tasks) = match self.look(goal).await {
                Ok(seen) => seen,
                // Whoever asked to end wants no more calls.
                Err(_) if self.cancel.is_cancelled() => {
                    return Watched { ended: Ended::Interrupted, tasks: Vec::new(), at_once: false };
                }
                Err(error) => {
                    return Watched { ended: Ended::Blind(error), tasks: Vec::new(), at_once: false };
                }
            };
            let ended = |ended| Watched { ended, tasks, at_once };
            let why = match standing {
                Standing::Done { unproved } => return ended(Ended::Done { unproved: unproved.len() }),
                Standing::Failed(failed) => return ended(Ended::Failed(failed)),
                Standing::Underway { why } => why,
            };
            if why != told {
                (self.tell)(&why);
                told.clone_from(&why);
            }
            let now = self.fleet.clock.now();
            if now >= until {
                return ended(Ended::TooLate { why });
            }
            tokio::select! {
                () = self.fleet.clock.sleep_until((now + EVERY).min(until)) => at_once = false,
                () = self.cancel.asked() => return ended(Ended::Interrupted),
            }
        }
    }

    /// Makes once every call by which the service is judged. Where none of its tasks run there is none to describe, so whether
    /// that is allowed stays open.
    pub(super) async fn probe(&self, service: &EcsServiceFacts) -> Result<(), Unread> {
        let unread = |action| move |error| Unread { action, error };
        let found = self.found().await.map_err(unread("ecs:ListTasks"))?;
        if !found.is_empty() {
            self.observed(&found).await.map_err(unread("ecs:DescribeTasks"))?;
        }
        self.groups(service).await.map_err(unread("elasticloadbalancing:DescribeTargetHealth"))?;
        Ok(())
    }

    /// Whose the service is now. What ECS may show late is looked at again.
    pub(super) async fn way_back(&self, goal: &Goal) -> Result<WayBack, PortError> {
        let clock = &self.fleet.clock;
        let until = clock.now() + PATIENCE;
        loop {
            let service = self.service().await?;
            let now = clock.now();
            let way = way_back(goal, &service, now);
            if way != WayBack::NotShown || now >= until {
                return Ok(way);
            }
            tokio::select! {
                () = clock.sleep_until((now + EVERY).min(until)) => {}
                () = self.cancel.asked() => return Ok(way),
            }
        }
    }

    /// One look at everything.
    async fn look(&self, goal: &Goal) -> Result<(Standing, Vec<TaskStanding>), PortError> {
        let service = self.service().await?;
        let tasks = self.tasks(&service).await?;
        let standing = judge(goal, &service, &tasks, self.fleet.clock.now());
        Ok((standing, tasks.iter().map(|seen| self.standing(seen, &service)).collect()))
    }

    /// What ECS says of the service.
    pub(super) async fn service(&self) -> Result<EcsServiceFacts, PortError> {
        let inspector = &self.fleet.ports.inspector;
        let read = || inspector.ecs_service(self.cluster, self.name);
        self.fleet.patiently(PATIENCE, self.cancel, read).await
    }

    async fn tasks(&self, service: &EcsServiceFacts) -> Result<Vec<SeenTask>, PortError> {
        let found = self.found().await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let mut seen = self.observed(&found).await?;
        seen.retain(|task| task.status != TaskStatus::Missing && !task.is_ending());
        let groups = self.groups(service).await?;
        let targets = |task: &TaskObservation| {
            let bindings = bindings(service);
            let seen = bindings.iter().map(|binding| {
                let target = address::target_of(task, binding, self.network_mode).ok().flatten();
                let seen = target.and_then(|target| {
                    let held = groups.get(&binding.target_group)?.get(&target).cloned();
                    Some(held.unwrap_or_else(TargetObservation::not_registered))
                });
                SeenTarget { target_group: binding.target_group.clone(), seen }
            });
            seen.collect()
        };
        Ok(seen.into_iter().map(|task| SeenTask { targets: targets(&task), task }).collect())
    }

    async fn found(&self) -> Result<Vec<TaskArn>, PortError> {
        let launcher = &self.fleet.ports.launcher;
        let of = Selector::OfEcsService { name: self.name.to_owned(), stopped: false };
        self.fleet.patiently(PATIENCE, self.cancel, || launcher.find(self.cluster, &of)).await
    }

    async fn observed(&self, tasks: &[TaskArn]) -> Result<Vec<TaskObservation>, PortError> {
        let waiter = &self.fleet.ports.waiter;
        let observe = || waiter.observe_tasks(self.cluster, tasks);
        self.fleet.patiently(PATIENCE, self.cancel, observe).await
    }

    /// Every group of the service, all of its targets in one call.
    async fn groups(&self, service: &EcsServiceFacts) -> Result<Groups, PortError> {
        let registrar = &self.fleet.ports.registrar;
        let mut groups = Groups::new();
        for its in &service.target_groups {
            let group = &its.target_group;
            let targets = self.fleet.patiently(PATIENCE, self.cancel, || registrar.targets(group)).await?;
            groups.insert(group.clone(), targets.into_iter().collect());
        }
        Ok(groups)
    }

    fn standing(&self, seen: &SeenTask, service: &EcsServiceFacts) -> TaskStanding {
        let places = bindings(service);
        let targets = places.iter().zip(&seen.targets).filter_map(|(binding, target)| {
            let place = address::target_of(&seen.task, binding, self.network_mode).ok().flatten()?;
            let state = target.seen.as_ref()?.state.as_str().to_owned();
            let target_group = binding.target_group.to_string();
            Some(TargetReport { target_group, id: place.id, port: place.port, state })
        });
        TaskStanding {
            task: seen.task.task.to_string(),
            status: seen.task.status.to_string(),
            targets: targets.collect(),
        }
    }
}

type Groups = BTreeMap<TargetGroupArn, BTreeMap<Target, TargetObservation>>;

/// Where the service's tasks are registered, as the bindings of a run are.
fn bindings(service: &EcsServiceFacts) -> Vec<Binding> {
    let bound = service.target_groups.iter().filter_map(|its| {
        let binding = Binding::new(its.target_group.clone(), its.port?);
        Some(Binding { container: its.container.clone(), ..binding })
    });
    bound.collect()
}
