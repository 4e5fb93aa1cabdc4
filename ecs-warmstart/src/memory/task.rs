//! A task of the simulated cloud.

use std::net::IpAddr;
use std::sync::Arc;

use super::behaviour::{Behaviour, CheckAnswer};
use super::ledger::Truth;
use super::settings::Settings;
use super::supply::Spot;
use super::timeline::Timeline;
use crate::facts::{ContainerFacts, NetworkMode, TaskDefinitionFacts};
use crate::ids::TaskArn;
use crate::observation::{ContainerObservation, Host, PortBinding, Target, TaskObservation, TaskStatus};
use crate::overrides::TaskOverride;
use crate::ports::Selector;
use crate::time::Timestamp;

#[derive(Debug)]
pub(super) struct Task {
    pub(super) arn: TaskArn,
    /// The cluster's name.
    pub(super) cluster: String,
    pub(super) started_by: String,
    pub(super) overrides: TaskOverride,
    pub(super) definition: Arc<TaskDefinitionFacts>,
    pub(super) behaviour: Behaviour,
    pub(super) timeline: Timeline,
    pub(super) place: Place,
    /// Whose capacity it runs on, and in which subnet.
    pub(super) spot: Spot,
    /// What each container's image stood for at the launch.
    pub(super) digests: Vec<Option<String>>,
}

/// Where a task sits in the network.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// It has addresses of its own.
    Addresses(Vec<IpAddr>),
    /// It sits on a machine, behind these ports of it: a list for each container.
    Machine { host: Host, ports: Vec<Vec<PortBinding>> },
    /// Nothing reaches it.
    Nowhere,
}

impl Place {
    /// The ids under which it can be a target.
    pub(super) fn target_ids(&self) -> Vec<String> {
        match self {
            Self::Addresses(addresses) => addresses.iter().map(ToString::to_string).collect(),
            Self::Machine { host, .. } => host.ec2_instance.iter().cloned().collect(),
            Self::Nowhere => Vec::new(),
        }
    }
}

impl Task {
    /// What `DescribeTasks` says of it.
    pub(super) fn observe(&self, settings: &Settings, now: Timestamp) -> TaskObservation {
        let described = self.timeline.described.is_some_and(|at| at <= now);
        if described && !self.is_forgotten(settings, now) {
            self.look(settings, now)
        } else {
            TaskObservation::missing(self.arn.clone())
        }
    }

    /// Whether `ListTasks` names it to who asks for that.
    pub(super) fn is_listed(&self, selector: &Selector, settings: &Settings, now: Timestamp) -> bool {
        let life = &self.timeline;
        let known = life.listed.is_some_and(|at| at <= now) && !self.is_forgotten(settings, now);
        known
            && match selector {
                Selector::StartedBy(who) => !life.is_ending(now) && self.started_by == *who,
                Selector::StoppedOf { family } => {
                    life.is_ending(now) && self.definition.id.family() == family
                }
                Selector::Running => !life.is_ending(now),
                // By its deployments, whose ids its tasks are started by: see `State::list`.
                Selector::OfEcsService { stopped, .. } => life.is_ending(now) == *stopped,
            }
    }

    /// Whether `StopTask` knows it.
    pub(super) fn is_known_to_stop(&self, settings: &Settings, now: Timestamp) -> bool {
        self.timeline.stoppable.is_some_and(|at| at <= now) && !self.is_forgotten(settings, now)
    }

    fn is_forgotten(&self, settings: &Settings, now: Timestamp) -> bool {
        self.timeline.stopped().is_some_and(|at| at + settings.stopped_kept < now)
    }

    /// What `RunTask` says of it: its own answer is never late. Of a task that has stopped, ECS says no more than that.
    pub(super) fn launch_answer(&self, settings: &Settings, now: Timestamp) -> TaskObservation {
        let seen = self.look(settings, now);
        if seen.status == TaskStatus::Stopped {
            TaskObservation { stop_requested: true, ..TaskObservation::new(self.arn.clone(), seen.status) }
        } else {
            seen
        }
    }

    fn look(&self, settings: &Settings, now: Timestamp) -> TaskObservation {
        let life = &self.timeline;
        let ending = life.end.as_ref().filter(|end| end.at <= now);
        let reached = |moment| life.before_end(moment).filter(|at| *at <= now);
        let (addresses, host) = match &self.place {
            Place::Addresses(addresses) if reached(life.address).is_some() => (addresses.clone(), None),
            Place::Addresses(_) | Place::Nowhere => (Vec::new(), None),
            // A task is placed on its machine while it is PROVISIONING.
            Place::Machine { host, .. } => (Vec::new(), reached(life.pending).map(|_| host.clone())),
        };
        TaskObservation {
            task: self.arn.clone(),
            status: life.status(now),
            stop_requested: ending.is_some(),
            version: life.version(now),
            task_definition: Some(self.definition.id.clone()),
            started_by: (!self.started_by.is_empty()).then(|| self.started_by.clone()),
            created_at: Some(life.launched),
            started_at: reached(life.running),
            addresses,
            host,
            containers: self.containers(settings, now),
            stop: ending.map(|end| end.stop.clone()),
            overrides: self.overrides.clone(),
        }
    }

    fn containers(&self, settings: &Settings, now: Timestamp) -> Vec<ContainerObservation> {
        let life = &self.timeline;
        let started = life.before_end(life.running).is_some_and(|at| at <= now);
        let pulled = started;
        let end = life.end.as_ref().filter(|_| life.exited().is_some_and(|at| at <= now));
        let culprit = self.definition.containers.iter().position(|container| container.essential);
        let container = |(index, facts): (usize, &ContainerFacts)| {
            let health = if facts.has_health_check() {
                life.container_health(&settings.container_check, self.behaviour.container_checks_work, now)
            } else {
                Default::default()
            };
            let (exit_code, reason) = match end {
                Some(end) if Some(index) == culprit => (end.exit_code, end.container_reason.clone()),
                Some(_) => (Some(143), None),
                None => (None, None),
            };
            // In network mode host ECS says no networkBindings.
            let is_bridge = self.definition.network_mode == NetworkMode::Bridge;
            let ports = match &self.place {
                Place::Machine { ports, .. } if started && is_bridge => ports[index].clone(),
                Place::Machine { .. } | Place::Addresses(_) | Place::Nowhere => Vec::new(),
            };
            ContainerObservation {
                name: facts.name.clone(),
                health,
                // What never started has no exit code.
                exit_code: exit_code.filter(|_| started),
                reason,
                image_digest: self.digests.get(index).cloned().flatten().filter(|_| pulled),
                ports,
            }
        };
        self.definition.containers.iter().enumerate().map(container).collect()
    }

    /// What a health check of that target gets from this task; nothing where it has no part in it at that time.
    pub(super) fn answer(&self, target: &Target, now: Timestamp) -> Option<CheckAnswer> {
        let life = &self.timeline;
        let there = life.stopped().is_none_or(|stopped| now < stopped);
        let reached = |moment| life.before_end(moment).is_some_and(|at| at <= now);
        let (holds, has_port) = match &self.place {
            Place::Addresses(_) => {
                let ports = || self.definition.containers.iter().flat_map(|container| &container.ports);
                (reached(life.address), ports().any(|port| *port == target.port))
            }
            Place::Machine { ports, .. } => {
                let has_port = ports.iter().flatten().any(|port| port.host_port == target.port);
                (has_port && reached(life.running), has_port)
            }
            Place::Nowhere => (false, false),
        };
        if !there || !holds {
            return None;
        }
        if !has_port {
            return Some(CheckAnswer::Refused);
        }
        if life.is_serving(now) {
            return Some(CheckAnswer::Passes);
        }
        // Before its application runs, and after it is gone, nothing listens.
        let runs = reached(life.running) && life.exited().is_none_or(|exited| now < exited);
        Some(if runs { self.behaviour.while_not_serving } else { CheckAnswer::Refused })
    }

    /// The moments at which the answer to a health check may change.
    pub(super) fn turning_points(&self) -> impl Iterator<Item = Timestamp> {
        let life = &self.timeline;
        let (from, until) = match life.service() {
            Some((from, until)) => (Some(from), until),
            None => (None, None),
        };
        [life.address, from, until, life.stopped()].into_iter().flatten()
    }

    pub(super) fn truth(&self, settings: &Settings, now: Timestamp) -> Truth {
        let life = &self.timeline;
        let past = |moment: Option<Timestamp>| moment.filter(|at| *at <= now);
        let checked = self.definition.containers.iter().any(ContainerFacts::has_health_check);
        let healthy = if checked && self.behaviour.container_checks_work {
            life.container_healthy_at(&settings.container_check)
        } else {
            life.before_end(life.running).filter(|_| !checked)
        };
        Truth {
            launched: life.launched,
            running: past(life.before_end(life.running)),
            address: past(life.before_end(life.address)),
            serving: past(life.service().map(|(from, _)| from)),
            containers_healthy: past(healthy),
            stop_requested: past(life.end.as_ref().map(|end| end.at)),
            stopped: past(life.stopped()),
        }
    }
}
