//! What is known of services, their tasks and their target groups at one moment.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Failure;
use crate::facts::{NetworkMode, TargetGroupFacts};
use crate::ids::{ServiceName, TargetGroupArn};
use crate::observation::{Target, TargetObservation, TaskObservation};
use crate::spec::{Binding, Gate};

/// What is known at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The configured services. Several may share a group: all that do belong here, or the tasks of one look like strangers
    /// to the others.
    pub services: Vec<ServiceView>,
    /// The groups of their bindings, as far as they could be read. Nothing is planned for a group that is not here.
    pub groups: BTreeMap<TargetGroupArn, GroupView>,
    /// The groups of their bindings that could not be read, and why. They are reported.
    pub unreadable: BTreeMap<TargetGroupArn, Failure>,
}

/// What is known of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceView {
    /// Its name.
    pub service: ServiceName,
    /// Where its tasks are registered.
    pub bindings: Vec<Binding>,
    /// Bindings that do not fit the task definition or the group. Nothing is registered by them; what stands there for its
    /// tasks is no stranger's all the same.
    pub misfits: Vec<Binding>,
    /// What must hold before a task is registered.
    pub gate: Gate,
    /// The network mode of its task definition, where that could be read.
    pub network_mode: Option<NetworkMode>,
    /// Its tasks that ECS wants running, all of them.
    pub tasks: Vec<TaskObservation>,
    /// Its tasks that stop or have stopped, as long as ECS knows them.
    pub ended: Vec<TaskObservation>,
    /// The tasks of its cluster that run and are not of this service.
    pub others: Vec<TaskObservation>,
}

/// What is known of a target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// Its settings, where they could be read.
    pub facts: Option<TargetGroupFacts>,
    /// All of its targets, those that drain included.
    pub targets: Vec<(Target, TargetObservation)>,
    /// How many targets it can hold. AWS: 1000 unless raised.
    pub quota: usize,
    /// Whether proved-stale targets are removed from it.
    pub removal: Removal,
}

impl GroupView {
    /// A group with AWS's default quota, from which nothing is removed.
    pub fn new(facts: Option<TargetGroupFacts>, targets: Vec<(Target, TargetObservation)>) -> Self {
        Self { facts, targets, quota: 1000, removal: Removal::Report }
    }
}

/// What happens to a target that is proved to be stale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is reported: the first sight of a group removes nothing.
    Report,
    /// It is removed where it is one of these, and reported otherwise: an earlier look found them to be targets of the
    /// services, so nobody else put them there.
    Known(BTreeSet<Target>),
    /// It is removed.
    Remove,
}
