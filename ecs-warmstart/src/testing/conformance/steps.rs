//! What the cases have in common.

use std::slice::from_ref;

use super::Backend;
use crate::ids::{ClientToken, ServiceName, TaskArn};
use crate::observation::{Target, TargetObservation, TaskObservation, TaskStatus};
use crate::overrides::{ContainerOverride, KeyValuePair, TaskOverride};
use crate::ports::{Ports, Selector};
use crate::spec::LaunchRequest;
use crate::time::Timestamp;

/// A case's hands: what it does, under a `startedBy` of its own.
pub(super) struct Steps<'a> {
    backend: &'a dyn Backend,
    pub(super) ports: Ports,
    pub(super) started_by: String,
}

impl<'a> Steps<'a> {
    pub(super) fn new(backend: &'a dyn Backend, name: &str) -> Self {
        let service = ServiceName::new(name).expect("a case's name is a service's name");
        Self { backend, ports: backend.ports(), started_by: service.started_by() }
    }

    pub(super) fn request(&self) -> LaunchRequest {
        self.named(&self.backend.world().request)
    }

    pub(super) fn named(&self, request: &LaunchRequest) -> LaunchRequest {
        LaunchRequest { started_by: self.started_by.clone(), ..request.clone() }
    }

    /// Overrides of everything, with a variable that says so.
    pub(super) fn overrides(&self, says: &str) -> TaskOverride {
        let role = |name| format!("arn:aws:iam::123456789012:role/{name}").parse().expect("a role's ARN");
        let container = &self.backend.world().task_definition.containers[0].name;
        TaskOverride {
            task_role_arn: Some(role("task")),
            execution_role_arn: Some(role("execution")),
            cpu: Some("512".to_owned()),
            memory: Some("1024".to_owned()),
            container_overrides: vec![ContainerOverride {
                command: Some(vec!["serve".to_owned(), "--once".to_owned()]),
                environment: vec![
                    KeyValuePair { name: "NUMBER".to_owned(), value: says.to_owned() },
                    KeyValuePair { name: "EMPTY".to_owned(), value: String::new() },
                ],
                ..ContainerOverride::new(container)
            }],
        }
    }

    pub(super) async fn launch(&self, name: &str) -> TaskObservation {
        self.ports.launcher.launch(&token(name), &self.request()).await.expect("a launch")
    }

    /// A task that is RUNNING with an address.
    pub(super) async fn running(&self, name: &str) -> TaskObservation {
        let launched = self.launch(name).await;
        let ready = |seen: &TaskObservation| seen.status == TaskStatus::Running && !seen.addresses.is_empty();
        self.task_until(&launched.task, ready).await
    }

    /// The target of a task that is RUNNING.
    pub(super) async fn serving_target(&self, name: &str) -> Target {
        let running = self.running(name).await;
        Target::new(running.addresses[0].to_string(), self.backend.world().port)
    }

    pub(super) async fn find(&self) -> Vec<TaskArn> {
        self.find_by(&self.ours()).await
    }

    pub(super) fn ours(&self) -> Selector {
        Selector::StartedBy(self.started_by.clone())
    }

    pub(super) async fn find_by(&self, selector: &Selector) -> Vec<TaskArn> {
        let cluster = &self.backend.world().cluster;
        let mut found = self.ports.launcher.find(cluster, selector).await.expect("a search");
        found.sort();
        found
    }

    /// Finds until there are so many: a search may lag behind for a moment.
    pub(super) async fn found_at_last(&self, count: usize) -> Vec<TaskArn> {
        self.found_by_at_last(&self.ours(), count).await
    }

    pub(super) async fn found_by_at_last(&self, selector: &Selector, count: usize) -> Vec<TaskArn> {
        let deadline = self.deadline();
        loop {
            let found = self.find_by(selector).await;
            if found.len() == count {
                return found;
            }
            self.wait(deadline, || format!("{count} tasks to be found, not {}", found.len())).await;
        }
    }

    pub(super) async fn observe(&self, tasks: &[TaskArn]) -> Vec<TaskObservation> {
        self.ports.waiter.observe_tasks(&self.backend.world().cluster, tasks).await.expect("a look at tasks")
    }

    pub(super) async fn task_until(
        &self,
        task: &TaskArn,
        there: impl Fn(&TaskObservation) -> bool + Send,
    ) -> TaskObservation {
        let deadline = self.deadline();
        loop {
            let seen = self.observe(from_ref(task)).await.remove(0);
            if there(&seen) {
                return seen;
            }
            self.wait(deadline, || format!("a change of {seen:?}")).await;
        }
    }

    pub(super) async fn stop(&self, task: &TaskArn, reason: &str) {
        self.ports.launcher.stop(&self.backend.world().cluster, task, reason).await.expect("a stop");
    }

    /// Targets that nobody serves.
    pub(super) fn idle_targets(&self, count: usize) -> Vec<Target> {
        let idle = &self.backend.world().idle_targets;
        assert!(idle.len() >= count, "the world has {} idle targets, the case needs {count}", idle.len());
        idle[..count].to_vec()
    }

    pub(super) async fn register(&self, targets: &[Target]) {
        let group = &self.backend.world().target_group;
        self.ports.registrar.register(group, targets).await.expect("a registration");
    }

    pub(super) async fn deregister(&self, targets: &[Target]) {
        let group = &self.backend.world().target_group;
        self.ports.registrar.deregister(group, targets).await.expect("a deregistration");
    }

    pub(super) async fn targets(&self) -> Vec<(Target, TargetObservation)> {
        self.ports.registrar.targets(&self.backend.world().target_group).await.expect("the targets")
    }

    pub(super) async fn look_at(&self, targets: &[Target]) -> Vec<TargetObservation> {
        let group = &self.backend.world().target_group;
        self.ports.waiter.observe_targets(group, targets).await.expect("a look at targets")
    }

    pub(super) async fn look(&self, target: &Target) -> TargetObservation {
        self.look_at(from_ref(target)).await.remove(0)
    }

    pub(super) async fn target_until(
        &self,
        target: &Target,
        there: impl Fn(&TargetObservation) -> bool + Send,
    ) -> TargetObservation {
        let deadline = self.deadline();
        loop {
            let seen = self.look(target).await;
            if there(&seen) {
                return seen;
            }
            self.wait(deadline, || format!("a change of {target}: {seen}")).await;
        }
    }

    fn deadline(&self) -> Timestamp {
        self.backend.clock().now() + self.backend.world().patience
    }

    async fn wait(&self, deadline: Timestamp, what: impl Fn() -> String + Send) {
        let (clock, world) = (self.backend.clock(), self.backend.world());
        let now = clock.now();
        assert!(now < deadline, "after {:?} still waiting for {}", world.patience, what());
        clock.sleep_until(now + world.poll).await;
    }
}

pub(super) fn token(name: &str) -> ClientToken {
    ClientToken::new(name).expect("a case's name is a token")
}
