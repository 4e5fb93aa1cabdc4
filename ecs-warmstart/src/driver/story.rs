//! What starts and drains have in common for those who drive them, perform their effects and tell of them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::capacity::Capacity;
use super::checkpoint::{Checkpoint, CheckpointError};
use crate::ids::{ClusterId, RunId, ServiceName, TargetGroupArn, TaskArn};
use crate::machine::{Drain, Input, Next, PhaseName, State};
use crate::observation::{Target, TargetObservation, TaskObservation};
use crate::policy::{Policy, PoolSet};
use crate::spec::{LaunchRequest, Spec};
use crate::time::Timestamp;

/// A run, seen from outside the machine.
#[async_trait]
pub(super) trait Story: Send + Sync + Sized {
    fn step(&mut self, input: Input, now: Timestamp, policy: &Policy) -> Next;
    /// Gives back what a call waited for its turn.
    fn held_up(&mut self, waited: Duration);
    async fn save(&self, checkpoint: &dyn Checkpoint) -> Result<(), CheckpointError>;
    fn service(&self) -> &ServiceName;
    fn run(&self) -> &RunId;
    fn cluster(&self) -> &ClusterId;
    /// Other clusters whose tasks may be given its addresses.
    fn neighbours(&self) -> &[ClusterId];
    fn phase(&self) -> PhaseName;
    fn attempt(&self) -> u32;
    fn because(&self) -> String;
    fn task(&self) -> Option<&TaskArn>;
    fn observation(&self) -> Option<&TaskObservation>;
    fn places(&self) -> usize;
    fn place(&self, place: usize) -> Option<(&TargetGroupArn, &Target)>;
    fn target_observation(&self, place: usize) -> Option<&TargetObservation>;
    /// What it launches, where it is a start; where it is launched is another question.
    fn request(&self) -> Option<&LaunchRequest>;
    /// The same, with where it is launched now.
    fn launch(&self) -> Option<Arc<LaunchRequest>>;
    /// Whether there is more than one place where it may launch.
    fn has_choice(&self) -> bool;
    /// The number of the place where it launches.
    fn pool(&self) -> usize;
    /// From where it came there, where that is, and why.
    fn switched_from(&self, pool: usize) -> Option<(String, String, String)>;
    /// What it is about and since when, where it is a start and this says that there is no capacity.
    fn short_since(&self, input: &Input, now: Timestamp) -> Option<(&Spec, Timestamp)>;
    /// What it is about and since when, where this says that its task was placed.
    fn placed_at(&self, input: &Input) -> Option<(&Spec, Timestamp)>;
    /// Where there is no capacity, of the places where it may launch, and where it was found so the longest ago.
    fn exhausted(&self, capacity: &Capacity, now: Timestamp) -> (PoolSet, Option<usize>);
    /// Whether the launch it has asked for had better not be made.
    fn would_go_elsewhere(&self, policy: &Policy) -> bool;
    /// Why its task is stopped, in a word.
    fn stops_for(&self) -> &'static str;
}

#[async_trait]
impl Story for State {
    fn step(&mut self, input: Input, now: Timestamp, policy: &Policy) -> Next {
        self.advance(input, now, policy)
    }

    fn held_up(&mut self, waited: Duration) {
        self.give_back(waited);
    }

    async fn save(&self, checkpoint: &dyn Checkpoint) -> Result<(), CheckpointError> {
        checkpoint.save(self).await
    }

    fn service(&self) -> &ServiceName {
        self.spec().service()
    }

    fn run(&self) -> &RunId {
        self.spec().run()
    }

    fn cluster(&self) -> &ClusterId {
        self.spec().cluster()
    }

    fn neighbours(&self) -> &[ClusterId] {
        self.spec().neighbours()
    }

    fn phase(&self) -> PhaseName {
        self.phase()
    }

    fn attempt(&self) -> u32 {
        self.attempt()
    }

    fn because(&self) -> String {
        self.because()
    }

    fn task(&self) -> Option<&TaskArn> {
        self.task()
    }

    fn observation(&self) -> Option<&TaskObservation> {
        self.observation()
    }

    fn places(&self) -> usize {
        self.spec().bindings().len()
    }

    fn place(&self, place: usize) -> Option<(&TargetGroupArn, &Target)> {
        let group = self.spec().bindings().get(place).map(|binding| &binding.target_group);
        group.zip(self.target(place))
    }

    fn target_observation(&self, place: usize) -> Option<&TargetObservation> {
        self.target_observation(place)
    }

    fn request(&self) -> Option<&LaunchRequest> {
        Some(self.spec().request())
    }

    fn launch(&self) -> Option<Arc<LaunchRequest>> {
        Some(self.spec().shared_request_on(self.pool()))
    }

    fn has_choice(&self) -> bool {
        self.spec().pools() > 1
    }

    fn pool(&self) -> usize {
        self.pool()
    }

    fn switched_from(&self, pool: usize) -> Option<(String, String, String)> {
        let (from, to) = (self.spec().pool(pool), self.spec().pool(self.pool()));
        Some((from.to_string(), to.to_string(), self.left_because(pool)))
    }

    fn short_since(&self, input: &Input, now: Timestamp) -> Option<(&Spec, Timestamp)> {
        self.is_shortage(input).then(|| (self.spec(), self.answered_since(input, now)))
    }

    fn placed_at(&self, input: &Input) -> Option<(&Spec, Timestamp)> {
        Some((self.spec(), self.placed_at(input)?))
    }

    fn exhausted(&self, capacity: &Capacity, now: Timestamp) -> (PoolSet, Option<usize>) {
        match self.phase() {
            PhaseName::Launching => capacity.exhausted(self.spec(), now),
            _ => (PoolSet::NONE, None),
        }
    }

    fn would_go_elsewhere(&self, policy: &Policy) -> bool {
        self.would_go_elsewhere(policy)
    }

    fn stops_for(&self) -> &'static str {
        self.cause().map_or("undone", |cause| cause.code())
    }
}

#[async_trait]
impl Story for Drain {
    fn step(&mut self, input: Input, now: Timestamp, policy: &Policy) -> Next {
        self.advance(input, now, policy)
    }

    fn held_up(&mut self, waited: Duration) {
        self.give_back(waited);
    }

    async fn save(&self, checkpoint: &dyn Checkpoint) -> Result<(), CheckpointError> {
        checkpoint.save_drain(self).await
    }

    fn service(&self) -> &ServiceName {
        &self.spec().service
    }

    fn run(&self) -> &RunId {
        &self.spec().run
    }

    fn cluster(&self) -> &ClusterId {
        &self.spec().cluster
    }

    fn neighbours(&self) -> &[ClusterId] {
        &self.spec().neighbours
    }

    fn phase(&self) -> PhaseName {
        self.phase()
    }

    fn attempt(&self) -> u32 {
        0
    }

    fn because(&self) -> String {
        self.because()
    }

    fn task(&self) -> Option<&TaskArn> {
        self.spec().task.as_ref()
    }

    fn observation(&self) -> Option<&TaskObservation> {
        self.observation()
    }

    fn places(&self) -> usize {
        self.spec().places.len()
    }

    fn place(&self, place: usize) -> Option<(&TargetGroupArn, &Target)> {
        self.spec().places.get(place).map(|place| (&place.target_group, &place.target))
    }

    fn target_observation(&self, place: usize) -> Option<&TargetObservation> {
        self.target_observation(place)
    }

    fn request(&self) -> Option<&LaunchRequest> {
        None
    }

    fn launch(&self) -> Option<Arc<LaunchRequest>> {
        None
    }

    fn has_choice(&self) -> bool {
        false
    }

    fn pool(&self) -> usize {
        0
    }

    fn switched_from(&self, _pool: usize) -> Option<(String, String, String)> {
        None
    }

    fn short_since(&self, _input: &Input, _now: Timestamp) -> Option<(&Spec, Timestamp)> {
        None
    }

    fn placed_at(&self, _input: &Input) -> Option<(&Spec, Timestamp)> {
        None
    }

    fn exhausted(&self, _capacity: &Capacity, _now: Timestamp) -> (PoolSet, Option<usize>) {
        (PoolSet::NONE, None)
    }

    fn would_go_elsewhere(&self, _policy: &Policy) -> bool {
        false
    }

    fn stops_for(&self) -> &'static str {
        "drained"
    }
}
