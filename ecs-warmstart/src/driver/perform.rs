//! Performs an effect and says what came of it.

use super::claims::Claims;
use crate::error::{ErrorKind, Failure, PortError};
use crate::ids::TargetGroupArn;
use crate::machine::{Effect, Input, State};
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
    pub(super) async fn perform(self, state: &State, effect: &Effect) -> Input {
        let answer = match effect {
            Effect::Launch { token } => {
                self.launcher.launch(token, state.spec().request()).await.map(Input::Launched)
            }
            Effect::FindTask => self.find(state).await,
            Effect::ObserveTask => self.observe_task(state).await,
            Effect::ObserveTarget { binding } => self.observe_target(state, *binding).await,
            Effect::Register { binding } => match place(state, *binding) {
                Ok((group, target)) => self
                    .registrar
                    .register(group, std::slice::from_ref(target))
                    .await
                    .map(|()| Input::Registered),
                Err(error) => Err(error),
            },
            Effect::Deregister { binding } => match place(state, *binding) {
                Ok((group, target)) => {
                    let targets = std::slice::from_ref(target);
                    self.registrar.deregister(group, targets).await.map(|()| Input::Deregistered)
                }
                Err(error) => Err(error),
            },
            Effect::StopTask => self.stop(state).await,
        };
        answer.unwrap_or_else(|error| Input::Failed(error.into_failure()))
    }

    async fn find(self, state: &State) -> Result<Input> {
        let spec = state.spec();
        let ours = Selector::StartedBy(spec.request().started_by.clone());
        let mut tasks = self.launcher.find(spec.cluster(), &ours).await?;
        tasks.retain(|task| !self.claims.is_held_by_other(task, spec.run()));
        if tasks.is_empty() {
            return Ok(Input::Found(Vec::new()));
        }
        self.waiter.observe_tasks(spec.cluster(), &tasks).await.map(Input::Found)
    }

    async fn observe_task(self, state: &State) -> Result<Input> {
        let Some(task) = state.task() else { return Err(nothing("task")) };
        let seen = self.waiter.observe_tasks(state.spec().cluster(), std::slice::from_ref(task)).await?;
        seen.into_iter().next().map(Input::Task).ok_or_else(|| nothing("observation of the task"))
    }

    async fn observe_target(self, state: &State, binding: usize) -> Result<Input> {
        let (group, target) = place(state, binding)?;
        let seen = self.waiter.observe_targets(group, std::slice::from_ref(target)).await?;
        match seen.into_iter().next() {
            Some(observation) => Ok(Input::Target { binding, observation }),
            None => Err(nothing("observation of the target")),
        }
    }

    async fn stop(self, state: &State) -> Result<Input> {
        let Some(task) = state.task() else { return Err(nothing("task")) };
        let cause = state.cause().map_or("undone", |cause| cause.code());
        let reason = format!("ecs-warmstart: {cause}, run {}", state.spec().run());
        self.launcher.stop(state.spec().cluster(), task, &reason).await.map(|()| Input::StopAccepted)
    }
}

fn place(state: &State, binding: usize) -> Result<(&TargetGroupArn, &Target)> {
    let group = state.spec().bindings().get(binding).map(|binding| &binding.target_group);
    group.zip(state.target(binding)).ok_or_else(|| nothing("target"))
}

fn nothing(what: &str) -> PortError {
    Failure::new(ErrorKind::Other, format!("there is no {what}")).into()
}
