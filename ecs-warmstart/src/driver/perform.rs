//! Performs an effect and says what came of it.

use std::collections::BTreeSet;

use super::claims::Claims;
use super::story::Story;
use crate::error::{ErrorKind, Failure, PortError};
use crate::ids::{ClientToken, ClusterId, TargetGroupArn};
use crate::machine::{Effect, Input};
use crate::observation::Target;
use crate::ports::{HealthWaiter, Result, Selector, TargetRegistrar, TaskLauncher};

/// What the effects are performed on.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) launcher: &'a dyn TaskLauncher,
    pub(super) registrar: &'a dyn TargetRegistrar,
    pub(super) waiter: &'a dyn HealthWaiter,
    pub(super) claims: &'a Claims,
}

impl Stage<'_> {
    pub(super) async fn perform(self, story: &impl Story, effect: &Effect) -> Input {
        let answer = match effect {
            Effect::Launch { token } => self.launch(story, token).await,
            Effect::FindTask => self.find(story).await,
            Effect::FindRunning => self.running(story).await,
            Effect::ObserveTask => self.observe_task(story).await,
            Effect::ObserveTarget { binding } => self.observe_target(story, *binding).await,
            Effect::Register { binding } => self.register(story, *binding).await,
            Effect::Deregister { binding } => self.deregister(story, *binding).await,
            Effect::StopTask => self.stop(story).await,
        };
        answer.unwrap_or_else(|error| Input::Failed(error.into_failure()))
    }

    async fn launch(self, story: &impl Story, token: &ClientToken) -> Result<Input> {
        let request = story.launch().ok_or_else(|| nothing("launch request"))?;
        self.launcher.launch(token, &request).await.map(Input::Launched)
    }

    async fn find(self, story: &impl Story) -> Result<Input> {
        let request = story.request().ok_or_else(|| nothing("launch request"))?;
        let ours = Selector::StartedBy(request.started_by.clone());
        let mut tasks = self.launcher.find(story.cluster(), &ours).await?;
        tasks.retain(|task| !self.claims.is_held_by_other(task, story.run()));
        if tasks.is_empty() {
            return Ok(Input::Found(Vec::new()));
        }
        self.waiter.observe_tasks(story.cluster(), &tasks).await.map(Input::Found)
    }

    async fn running(self, story: &impl Story) -> Result<Input> {
        let clusters: BTreeSet<&ClusterId> = story.neighbours().iter().chain([story.cluster()]).collect();
        let mut running = Vec::new();
        for cluster in clusters {
            let tasks = match self.launcher.find(cluster, &Selector::Running).await {
                // Nothing runs in a cluster that is gone.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                found => found?,
            };
            if !tasks.is_empty() {
                running.extend(self.waiter.observe_tasks(cluster, &tasks).await?);
            }
        }
        Ok(Input::Running(running))
    }

    async fn observe_task(self, story: &impl Story) -> Result<Input> {
        let task = story.task().ok_or_else(|| nothing("task"))?;
        let seen = self.waiter.observe_tasks(story.cluster(), std::slice::from_ref(task)).await?;
        seen.into_iter().next().map(Input::Task).ok_or_else(|| nothing("observation of the task"))
    }

    async fn observe_target(self, story: &impl Story, binding: usize) -> Result<Input> {
        let (group, target) = place(story, binding)?;
        let seen = self.waiter.observe_targets(group, std::slice::from_ref(target)).await?;
        match seen.into_iter().next() {
            Some(observation) => Ok(Input::Target { binding, observation }),
            None => Err(nothing("observation of the target")),
        }
    }

    async fn register(self, story: &impl Story, binding: usize) -> Result<Input> {
        let (group, target) = place(story, binding)?;
        self.registrar.register(group, std::slice::from_ref(target)).await?;
        Ok(Input::Registered)
    }

    async fn deregister(self, story: &impl Story, binding: usize) -> Result<Input> {
        let (group, target) = place(story, binding)?;
        self.registrar.deregister(group, std::slice::from_ref(target)).await?;
        Ok(Input::Deregistered)
    }

    async fn stop(self, story: &impl Story) -> Result<Input> {
        let task = story.task().ok_or_else(|| nothing("task"))?;
        let mut reason = format!("ecs-warmstart: {}, run {}", story.stops_for(), story.run());
        // ECS's old documents allow 255 characters, its new ones name no limit. All of these are ASCII.
        reason.truncate(255);
        self.launcher.stop(story.cluster(), task, &reason).await?;
        Ok(Input::StopAccepted)
    }
}

fn place(story: &impl Story, place: usize) -> Result<(&TargetGroupArn, &Target)> {
    story.place(place).ok_or_else(|| nothing("target"))
}

fn nothing(what: &str) -> PortError {
    Failure::new(ErrorKind::Other, format!("there is no {what}")).into()
}
