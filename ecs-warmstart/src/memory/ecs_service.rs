//! ECS services that roll out: what ECS's own scheduler does for them, done whenever somebody looks.

use std::collections::BTreeMap;
use std::mem;

use super::cloud::InMemory;
use super::dice::Dice;
use super::state::{State, refused};
use super::timeline::End;
use super::tokens::Kind;
use crate::error::ErrorKind;
use crate::facts::{Deployment, EcsServiceFacts, ServiceEvent, ServiceTargetGroup};
use crate::ids::{ClusterId, TaskArn, TaskDefinitionId};
use crate::observation::{StopCode, StopInfo, Target, TargetState, TaskObservation, TaskStatus};
use crate::ports::Result;
use crate::spec::LaunchRequest;
use crate::time::Timestamp;

/// AWS: the circuit breaker's smallest threshold.
const BREAKER: u32 = 3;
const DICE_DEPLOYMENT: u64 = 5;

/// An ECS service, set up by hand.
#[derive(Clone, Debug)]
pub struct EcsServiceSettings {
    /// Its name.
    pub name: String,
    /// How its tasks are launched. Who starts them is the deployment.
    pub request: LaunchRequest,
    /// How many tasks it should have.
    pub desired: u32,
    /// Where its tasks are registered.
    pub target_groups: Vec<ServiceTargetGroup>,
    /// Whether three tasks in a row that fail end a deployment; without it ECS tries for ever.
    pub circuit_breaker: bool,
    /// Whether the circuit breaker goes back to the former revision.
    pub rollback: bool,
}

#[derive(Debug)]
pub(super) struct EcsService {
    settings: EcsServiceSettings,
    /// The newest first.
    deployments: Vec<Rolling>,
    events: Vec<ServiceEvent>,
    /// The ids of all deployments there ever were: ECS lists a service's tasks whatever deployment started them.
    begun: Vec<String>,
}

#[derive(Debug)]
struct Rolling {
    id: String,
    task_definition: TaskDefinitionId,
    began: Timestamp,
    tasks: Vec<TaskArn>,
    failed: u32,
    rollout: Rollout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rollout {
    InProgress,
    Completed,
    Failed,
}

/// By cluster and name.
pub(super) type EcsServices = BTreeMap<(String, String), EcsService>;

impl InMemory {
    /// Makes an ECS service that ECS rolls out: it launches tasks, registers those that run, replaces what stops, and lets go of
    /// the former deployment once the new one is healthy. All of that happens when somebody looks.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no such cluster or task definition.
    pub fn run_ecs_service(&self, settings: EcsServiceSettings) -> Result<()> {
        let (mut state, now) = self.now();
        state.cluster(&settings.request.cluster)?;
        let definition = state.definition(&settings.request.task_definition).map(|facts| facts.id.clone());
        let definition = definition.ok_or_else(|| {
            refused(ErrorKind::NotFound, "ClientException", "Unable to describe task definition.")
        })?;
        let key = (settings.request.cluster.name().to_owned(), settings.name.clone());
        let mut service =
            EcsService { settings, deployments: Vec::new(), events: Vec::new(), begun: Vec::new() };
        service.begin(definition, state.settings.seed, now);
        state.ecs_services.insert(key, service);
        state.roll_out(now);
        Ok(())
    }
}

impl State {
    /// Does what ECS's scheduler has to do by now.
    pub(super) fn roll_out(&mut self, now: Timestamp) {
        if self.ecs_services.is_empty() {
            return;
        }
        let mut services = mem::take(&mut self.ecs_services);
        services.values_mut().for_each(|service| service.act(self, now));
        self.ecs_services = services;
    }

    /// Makes a service run another revision; one that it runs already changes nothing.
    pub(super) fn update_ecs_service(
        &mut self,
        cluster: &ClusterId,
        name: &str,
        task_definition: &TaskDefinitionId,
        now: Timestamp,
    ) -> Result<()> {
        self.cluster(cluster)?;
        let Some(definition) = self.definition(task_definition).map(|facts| facts.id.clone()) else {
            return Err(refused(ErrorKind::Invalid, "ClientException", "TaskDefinition not found."));
        };
        let seed = self.settings.seed;
        let Some(service) = self.ecs_services.get_mut(&(cluster.name().to_owned(), name.to_owned())) else {
            return Err(refused(ErrorKind::NotFound, "ServiceNotFoundException", "Service not found."));
        };
        if service.deployments.first().is_none_or(|primary| primary.task_definition != definition) {
            service.begin(definition, seed, now);
        }
        self.roll_out(now);
        Ok(())
    }
}

impl EcsService {
    /// What its tasks are started by.
    pub(super) fn deployments(&self) -> Vec<String> {
        self.begun.clone()
    }

    fn begin(&mut self, task_definition: TaskDefinitionId, seed: u64, now: Timestamp) {
        let number = Dice::new(seed, DICE_DEPLOYMENT, self.begun.len() as u64).number();
        let id = format!("ecs-svc/{:019}", number % 10_u64.pow(19));
        self.begun.push(id.clone());
        let tasks = Vec::new();
        let rollout = Rollout::InProgress;
        self.deployments.insert(0, Rolling { id, task_definition, began: now, tasks, failed: 0, rollout });
    }

    fn act(&mut self, state: &mut State, now: Timestamp) {
        self.count_failures(state, now);
        self.break_circuit(state, now);
        self.launch(state, now);
        self.register(state, now);
        if self.is_through(state, now) {
            self.let_go(state, now);
        }
    }

    /// Tasks that stopped by themselves: in a row, so a deployment that got through counts from 0.
    fn count_failures(&mut self, state: &State, now: Timestamp) {
        for deployment in &mut self.deployments {
            let before = deployment.tasks.len();
            deployment.tasks.retain(|task| !observe(state, task, now).is_some_and(|seen| seen.is_ending()));
            if deployment.rollout == Rollout::InProgress {
                let stopped = before - deployment.tasks.len();
                deployment.failed += u32::try_from(stopped).unwrap_or(u32::MAX);
            }
        }
    }

    fn break_circuit(&mut self, state: &State, now: Timestamp) {
        let Some(primary) = self.deployments.first_mut() else { return };
        let breaks = self.settings.circuit_breaker
            && primary.rollout == Rollout::InProgress
            && primary.failed >= BREAKER;
        if !breaks {
            return;
        }
        primary.rollout = Rollout::Failed;
        self.say(now, "deployment failed: tasks failed to start.".to_owned());
        let former = self.deployments.get(1).map(|former| former.task_definition.clone());
        if let Some(former) = former.filter(|_| self.settings.rollback) {
            self.begin(former, state.settings.seed, now);
        }
    }

    fn launch(&mut self, state: &mut State, now: Timestamp) {
        let desired = usize::try_from(self.settings.desired).unwrap_or(usize::MAX);
        let Some(primary) = self.deployments.first_mut() else { return };
        if primary.rollout == Rollout::Failed {
            return;
        }
        let request = LaunchRequest {
            task_definition: primary.task_definition.clone(),
            started_by: primary.id.clone(),
            ..self.settings.request.clone()
        };
        while primary.tasks.len() < desired {
            let Ok(Kind::Task(number)) = state.launch(&request, now) else { return };
            primary.tasks.push(state.owners.task(number).arn.clone());
        }
    }

    fn register(&self, state: &mut State, now: Timestamp) {
        for (group, target) in self.targets(state, now) {
            let held = state.group(&group.target_group, now).is_ok_and(|it| it.holds(&target));
            if !held {
                // What a group refuses, such as an address that drains, is tried again at the next look.
                drop(state.register(&group.target_group, &[target], now));
            }
        }
    }

    /// The targets of all tasks that run.
    fn targets(&self, state: &State, now: Timestamp) -> Vec<(ServiceTargetGroup, Target)> {
        let tasks = self.deployments.iter().flat_map(|deployment| &deployment.tasks);
        let running = tasks
            .filter_map(|task| observe(state, task, now))
            .filter(|seen| seen.status == TaskStatus::Running);
        let addresses: Vec<String> =
            running.filter_map(|seen| seen.addresses.first().map(ToString::to_string)).collect();
        let groups = self.settings.target_groups.iter();
        groups
            .flat_map(|group| addresses.iter().map(move |address| (group, address)))
            .filter_map(|(group, address)| Some((group.clone(), Target::new(address.clone(), group.port?))))
            .collect()
    }

    /// Whether the newest deployment has what it should: all tasks run, and are healthy in every group.
    fn is_through(&self, state: &mut State, now: Timestamp) -> bool {
        let Some(primary) = self.deployments.first() else { return false };
        let desired = usize::try_from(self.settings.desired).unwrap_or(usize::MAX);
        if primary.rollout == Rollout::Failed || primary.tasks.len() < desired {
            return false;
        }
        primary.tasks.iter().all(|task| {
            let Some(seen) = observe(state, task, now) else { return false };
            seen.status == TaskStatus::Running
                && self.settings.target_groups.iter().all(|its| {
                    let (Some(address), Some(port)) = (seen.addresses.first(), its.port) else {
                        return false;
                    };
                    let target = Target::new(address.to_string(), port);
                    state
                        .group(&its.target_group, now)
                        .is_ok_and(|group| group.observe(&target).state == TargetState::Healthy)
                })
        })
    }

    /// The newest deployment is through: the others' tasks are taken out and stopped.
    fn let_go(&mut self, state: &mut State, now: Timestamp) {
        let Some((primary, _)) = self.deployments.split_first() else { return };
        let (id, began) = (primary.id.clone(), primary.rollout == Rollout::InProgress);
        for former in self.deployments.drain(1..) {
            for task in &former.tasks {
                let address = observe(state, task, now)
                    .and_then(|seen| seen.addresses.first().map(ToString::to_string));
                for its in &self.settings.target_groups {
                    if let (Some(address), Some(port), Ok(group)) =
                        (&address, its.port, state.group(&its.target_group, now))
                    {
                        group.deregister(&Target::new(address.clone(), port));
                    }
                }
                stop(state, task, &id, now);
            }
        }
        if let Some(primary) = self.deployments.first_mut() {
            primary.rollout = Rollout::Completed;
            primary.failed = 0;
        }
        if began {
            self.say(now, "has reached a steady state.".to_owned());
        }
    }

    fn say(&mut self, now: Timestamp, what: String) {
        let message = format!("(service {}) {what}", self.settings.name);
        self.events.insert(0, ServiceEvent { at: Some(now), message });
    }

    pub(super) fn facts(&self, state: &State, now: Timestamp) -> EcsServiceFacts {
        let deployments: Vec<Deployment> = self
            .deployments
            .iter()
            .enumerate()
            .map(|(place, rolling)| self.deployment(rolling, place == 0, state, now))
            .collect();
        EcsServiceFacts {
            name: self.settings.name.clone(),
            status: "ACTIVE".to_owned(),
            task_definition: self.deployments.first().map(|primary| primary.task_definition.clone()),
            desired: self.settings.desired,
            running: deployments.iter().map(|deployment| deployment.running).sum(),
            pending: deployments.iter().map(|deployment| deployment.pending).sum(),
            deployments,
            events: self.events.clone(),
            target_groups: self.settings.target_groups.clone(),
            health_check_grace_period: None,
        }
    }

    fn deployment(&self, rolling: &Rolling, is_primary: bool, state: &State, now: Timestamp) -> Deployment {
        let runs = |task: &&TaskArn| {
            observe(state, task, now).is_some_and(|seen| seen.status == TaskStatus::Running)
        };
        let running = rolling.tasks.iter().filter(runs).count();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (rollout, reason) = match rolling.rollout {
            Rollout::InProgress => ("IN_PROGRESS", format!("ECS deployment {} in progress.", rolling.id)),
            Rollout::Completed => ("COMPLETED", format!("ECS deployment {} completed.", rolling.id)),
            Rollout::Failed => {
                ("FAILED", "ECS deployment circuit breaker: tasks failed to start.".to_owned())
            }
        };
        Deployment {
            id: rolling.id.clone(),
            status: if is_primary { "PRIMARY" } else { "ACTIVE" }.to_owned(),
            rollout: Some(rollout.to_owned()),
            rollout_reason: Some(reason),
            task_definition: Some(rolling.task_definition.clone()),
            desired: if is_primary { self.settings.desired } else { number(rolling.tasks.len()) },
            running: number(running),
            pending: number(rolling.tasks.len() - running),
            failed: rolling.failed,
            created_at: Some(rolling.began),
            updated_at: Some(now),
        }
    }
}

/// What is really so, whatever ECS shows already.
fn observe(state: &State, task: &TaskArn, now: Timestamp) -> Option<TaskObservation> {
    state.owners.find(task).map(|task| task.launch_answer(&state.settings, now))
}

fn stop(state: &mut State, task: &TaskArn, deployment: &str, now: Timestamp) {
    if let Some(task) = state.owners.find_mut(task) {
        task.timeline.end_by(End {
            at: now,
            told: true,
            stop: StopInfo {
                code: Some(StopCode::ServiceSchedulerInitiated),
                reason: format!("Scaling activity initiated by (deployment {deployment})"),
            },
            exit_code: Some(if task.behaviour.handles_sigterm { 143 } else { 137 }),
            container_reason: None,
        });
    }
}
