//! What is known of services, their tasks and their target groups at one moment.

use std::collections::BTreeMap;

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
}

/// What is known of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceView {
    /// Its name.
    pub service: ServiceName,
    /// Where its tasks are registered.
    pub bindings: Vec<Binding>,
    /// What must hold before a task is registered.
    pub gate: Gate,
    /// The network mode of its task definition, where that could be read.
    pub network_mode: Option<NetworkMode>,
    /// Its tasks that ECS wants running, all of them.
    pub tasks: Vec<TaskObservation>,
    /// Its tasks that have stopped, as long as ECS knows them.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Removal {
    /// It is reported: the first sight of a group removes nothing.
    Report,
    /// It is removed.
    Remove,
}
