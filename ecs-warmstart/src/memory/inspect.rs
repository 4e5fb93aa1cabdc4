//! The ledger: what really happened, and what is left over.

use std::net::IpAddr;
use std::time::Duration;

use super::behaviour::CheckAnswer;
use super::cloud::InMemory;
use super::ledger::{Action, Call, LostTraffic, Truth};
use super::settings::GroupSettings;
use super::state::State;
use super::task::Place;
use crate::facts::ImageFacts;
use crate::ids::{TargetGroupArn, TaskArn};
use crate::image::ImageRef;
use crate::observation::Target;
use crate::overrides::TaskOverride;
use crate::ports::Result;
use crate::time::Timestamp;

impl InMemory {
    /// What a target group is set up as.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no such group.
    pub fn group_settings(&self, group: &TargetGroupArn) -> Result<GroupSettings> {
        let (mut state, now) = self.now();
        Ok(state.group(group, now)?.settings.clone())
    }

    /// What an image's registry would say of it. Not in the ledger's calls.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no such image.
    pub fn image_facts(&self, image: &ImageRef) -> Result<ImageFacts> {
        self.now().0.shelf.image(image)
    }

    /// Every call through a port, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.now().0.calls.clone()
    }

    /// How many calls of that kind there were.
    pub fn count(&self, action: Action) -> usize {
        self.now().0.calls.iter().filter(|call| call.action == action).count()
    }

    /// How many calls there were that change something.
    pub fn count_writes(&self) -> usize {
        self.now().0.calls.iter().filter(|call| call.action.is_write()).count()
    }

    /// Every task ever launched, in order.
    pub fn tasks(&self) -> Vec<TaskArn> {
        self.now().0.owners.iter().map(|task| task.arn.clone()).collect()
    }

    /// The tasks that run or will run: launched, not forgotten by ECS, and not about to stop.
    pub fn running_tasks(&self) -> Vec<TaskArn> {
        let (state, now) = self.now();
        let runs = |task: &&super::task::Task| !task.behaviour.lost && !task.timeline.is_ending(now);
        state.owners.iter().filter(runs).map(|task| task.arn.clone()).collect()
    }

    /// When things really happened to a task; nothing where no such task was launched.
    pub fn truth(&self, task: &TaskArn) -> Option<Truth> {
        let (state, now) = self.now();
        state.owners.find(task).map(|task| task.truth(&state.settings, now))
    }

    /// The addresses that a task was given at its launch, whether or not ECS shows them yet. None where it has no network
    /// interface of its own, or no such task was launched.
    pub fn addresses(&self, task: &TaskArn) -> Vec<IpAddr> {
        match self.now().0.owners.find(task).map(|task| &task.place) {
            Some(Place::Addresses(addresses)) => addresses.clone(),
            Some(Place::Machine { .. } | Place::Nowhere) | None => Vec::new(),
        }
    }

    /// What a task was launched with instead of what its definition says; nothing where no such task was launched.
    pub fn overrides(&self, task: &TaskArn) -> Option<TaskOverride> {
        self.now().0.owners.find(task).map(|task| task.overrides.clone())
    }

    /// Every target that is registered and does not drain.
    pub fn registered(&self) -> Vec<(TargetGroupArn, Target)> {
        let (mut state, now) = self.now();
        bring_up_to(&mut state, now);
        let mut all = Vec::new();
        for (arn, group) in &state.groups {
            all.extend(group.registered().map(|target| (arn.clone(), target.clone())));
        }
        all
    }

    /// Every target that is registered, does not drain, and behind which nobody serves.
    pub fn stale_targets(&self) -> Vec<(TargetGroupArn, Target)> {
        let mut stale = self.registered();
        let (state, now) = self.now();
        stale.retain(|(_, target)| state.owners.answer(target, now) != CheckAnswer::Passes);
        stale
    }

    /// When the target was healthy for the first time since its registration.
    pub fn healthy_at(&self, group: &TargetGroupArn, target: &Target) -> Option<Timestamp> {
        let (mut state, now) = self.now();
        state.group(group, now).ok()?.healthy_at(target)
    }

    /// The spans of time in which the group sent traffic to a target behind which nobody served: one that was healthy,
    /// or any where all were unhealthy (the load balancer fails open).
    pub fn lost_traffic(&self, group: &TargetGroupArn) -> Vec<LostTraffic> {
        let (mut state, now) = self.now();
        state.group(group, now).map(|group| group.lost().to_vec()).unwrap_or_default()
    }

    /// The length of all [lost traffic](Self::lost_traffic), of all groups.
    pub fn lost_traffic_in_all(&self) -> Duration {
        let (mut state, now) = self.now();
        bring_up_to(&mut state, now);
        let spans = state.groups.values().flat_map(|group| group.lost());
        spans.map(|span| span.until.since(span.from)).sum()
    }
}

fn bring_up_to(state: &mut State, now: Timestamp) {
    let State { groups, owners, .. } = state;
    groups.values_mut().for_each(|group| group.bring_up_to(now, owners));
}
