//! What is judged, and by which facts.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::facts::{ImageFacts, LoadBalancerFacts, TargetGroupFacts, TaskDefinitionFacts};
use crate::spec::{Binding, LaunchRequest, Pool};

/// A service that is to be started.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// How its tasks are launched.
    pub request: &'a LaunchRequest,
    /// Where they are launched when there is no capacity before.
    pub fallbacks: &'a [Pool],
    /// Where they are registered.
    pub bindings: &'a [Binding],
    /// Whether they are registered only once their containers are HEALTHY.
    pub is_gated: bool,
    /// Whether their targets have to get healthy.
    pub waits_for_health: bool,
    /// From RUNNING until every target is healthy.
    pub healthy_timeout: Duration,
}

/// A fact, as far as it could be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<T> {
    /// So it is.
    Known(T),
    /// There is nothing of that name.
    Missing,
    /// It may not be read, or could not be: nobody knows.
    Unreadable {
        /// Why, in one sentence.
        why: String,
    },
}

impl<T> Seen<T> {
    /// The fact, where it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(fact) => Some(fact),
            Self::Missing | Self::Unreadable { .. } => None,
        }
    }
}

/// What the cloud says. What was not asked for is absent from the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The task definition.
    pub task_definition: Seen<TaskDefinitionFacts>,
    /// The target groups, one for each binding.
    pub groups: Vec<Seen<TargetGroupFacts>>,
    /// The images, as the task definition writes them.
    pub images: BTreeMap<String, Seen<ImageFacts>>,
    /// The log groups, by name.
    pub log_groups: BTreeMap<String, Seen<()>>,
    /// All load balancers, by which subnets are told to be of a VPC.
    pub load_balancers: Seen<Vec<LoadBalancerFacts>>,
}
