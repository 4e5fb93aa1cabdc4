//! Faults on purpose, between a caller and the ports.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::plan::{ChaosPlan, Fault, PortCall, PortMethod};
use crate::error::{ErrorKind, PortError};
use crate::facts::{
    EcsServiceFacts, ImageFacts, LoadBalancerFacts, LogLine, LogQuery, TargetGroupFacts, TaskDefinitionFacts,
};
use crate::ids::{ClientToken, ClusterId, TargetGroupArn, TaskArn, TaskDefinitionId};
use crate::image::ImageRef;
use crate::observation::{Target, TargetObservation, TaskObservation};
use crate::ports::{HealthWaiter, Inspector, Ports, Result, Selector, TargetRegistrar, TaskLauncher};
use crate::spec::LaunchRequest;

/// Passes every call on to other ports, and makes those fail that its plan names. Clones are handles on the same.
///
/// It counts all calls from 0, so a plan can name any of a run that was watched before.
#[derive(Clone, Debug)]
pub struct Chaos {
    inner: Ports,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    plan: ChaosPlan,
    calls: Vec<PortCall>,
}

impl Chaos {
    /// Wraps the ports.
    pub fn new(inner: Ports, plan: ChaosPlan) -> Self {
        Self { inner, state: Arc::new(Mutex::new(State { plan, calls: Vec::new() })) }
    }

    /// The ports that go through this plan.
    pub fn ports(&self) -> Ports {
        Ports::from_one(self.clone())
    }

    /// From now on follows another plan; the count goes on.
    pub fn follow(&self, plan: ChaosPlan) {
        self.state().plan = plan;
    }

    /// Every call that was made, in order.
    pub fn calls(&self) -> Vec<PortCall> {
        self.state().calls.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call<T, F>(&self, method: PortMethod, perform: impl Fn() -> F + Send) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
        T: Send,
    {
        let (index, fault, twice) = self.begin(method);
        match fault {
            Some(Fault::Before(kind)) => return Err(injected(kind, index)),
            Some(Fault::HangBefore) => return std::future::pending().await,
            Some(Fault::After(_) | Fault::HangAfter) | None => {}
        }
        let mut answer = perform().await;
        if twice {
            answer = perform().await;
        }
        match fault {
            Some(Fault::After(kind)) => Err(injected(kind, index)),
            Some(Fault::HangAfter) => std::future::pending().await,
            Some(Fault::Before(_) | Fault::HangBefore) | None => answer,
        }
    }

    fn begin(&self, method: PortMethod) -> (usize, Option<Fault>, bool) {
        let mut state = self.state();
        let index = state.calls.len();
        let fault = state.plan.fault(index, method);
        state.calls.push(PortCall { index, method, fault });
        (index, fault, state.plan.performs_twice(method))
    }
}

fn injected(kind: ErrorKind, index: usize) -> PortError {
    PortError::new(kind, format!("call {index} fails on purpose"))
}

#[async_trait]
impl TaskLauncher for Chaos {
    async fn launch(&self, token: &ClientToken, request: &LaunchRequest) -> Result<TaskObservation> {
        self.call(PortMethod::Launch, || self.inner.launcher.launch(token, request)).await
    }

    async fn find(&self, cluster: &ClusterId, selector: &Selector) -> Result<Vec<TaskArn>> {
        self.call(PortMethod::Find, || self.inner.launcher.find(cluster, selector)).await
    }

    async fn stop(&self, cluster: &ClusterId, task: &TaskArn, reason: &str) -> Result<()> {
        self.call(PortMethod::Stop, || self.inner.launcher.stop(cluster, task, reason)).await
    }
}

#[async_trait]
impl TargetRegistrar for Chaos {
    async fn register(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
        self.call(PortMethod::Register, || self.inner.registrar.register(group, targets)).await
    }

    async fn deregister(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
        self.call(PortMethod::Deregister, || self.inner.registrar.deregister(group, targets)).await
    }

    async fn targets(&self, group: &TargetGroupArn) -> Result<Vec<(Target, TargetObservation)>> {
        self.call(PortMethod::Targets, || self.inner.registrar.targets(group)).await
    }
}

#[async_trait]
impl HealthWaiter for Chaos {
    async fn observe_tasks(&self, cluster: &ClusterId, tasks: &[TaskArn]) -> Result<Vec<TaskObservation>> {
        self.call(PortMethod::ObserveTasks, || self.inner.waiter.observe_tasks(cluster, tasks)).await
    }

    async fn observe_targets(
        &self,
        group: &TargetGroupArn,
        targets: &[Target],
    ) -> Result<Vec<TargetObservation>> {
        self.call(PortMethod::ObserveTargets, || self.inner.waiter.observe_targets(group, targets)).await
    }
}

#[async_trait]
impl Inspector for Chaos {
    async fn task_definition(&self, id: &TaskDefinitionId) -> Result<TaskDefinitionFacts> {
        self.call(PortMethod::TaskDefinition, || self.inner.inspector.task_definition(id)).await
    }

    async fn target_group(&self, group: &TargetGroupArn) -> Result<TargetGroupFacts> {
        self.call(PortMethod::TargetGroup, || self.inner.inspector.target_group(group)).await
    }

    async fn target_groups(&self, groups: &[TargetGroupArn]) -> Result<Vec<TargetGroupFacts>> {
        self.call(PortMethod::TargetGroup, || self.inner.inspector.target_groups(groups)).await
    }

    async fn deregistration_delay(&self, group: &TargetGroupArn) -> Result<Duration> {
        let inspector = &self.inner.inspector;
        self.call(PortMethod::DeregistrationDelay, || inspector.deregistration_delay(group)).await
    }

    async fn load_balancers(&self) -> Result<Vec<LoadBalancerFacts>> {
        self.call(PortMethod::LoadBalancers, || self.inner.inspector.load_balancers()).await
    }

    async fn image(&self, image: &ImageRef) -> Result<ImageFacts> {
        self.call(PortMethod::Image, || self.inner.inspector.image(image)).await
    }

    async fn log_group_exists(&self, group: &str) -> Result<bool> {
        self.call(PortMethod::LogGroupExists, || self.inner.inspector.log_group_exists(group)).await
    }

    async fn log_tail(&self, query: &LogQuery) -> Result<Vec<LogLine>> {
        self.call(PortMethod::LogTail, || self.inner.inspector.log_tail(query)).await
    }

    async fn ecs_service(&self, cluster: &ClusterId, name: &str) -> Result<EcsServiceFacts> {
        self.call(PortMethod::EcsService, || self.inner.inspector.ecs_service(cluster, name)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::conformance::Fixture;

    fn token() -> ClientToken {
        "t#0".parse().unwrap()
    }

    /// A world, and how many tasks are found in it once a launch under that plan is over.
    async fn after_a_launch(plan: ChaosPlan) -> (Result<TaskObservation>, usize, Vec<PortCall>) {
        let fixture = Fixture::memory();
        let chaos = Chaos::new(fixture.ports.clone(), plan);
        let token = token();
        let launch = chaos.launch(&token, &fixture.world.request);
        let answer = tokio::time::timeout(Duration::from_secs(60), launch).await;
        let answer = answer.unwrap_or_else(|_| Err(PortError::new(ErrorKind::Other, "hangs")));
        tokio::time::sleep(Duration::from_secs(5)).await;
        let request = &fixture.world.request;
        let selector = Selector::StartedBy(request.started_by.clone());
        let found = fixture.ports.launcher.find(&request.cluster, &selector).await.unwrap();
        (answer, found.len(), chaos.calls())
    }

    #[tokio::test(start_paused = true)]
    async fn faults_before_and_after_the_effect() {
        for (fault, kind, tasks) in [
            (Fault::Before(ErrorKind::Throttled), ErrorKind::Throttled, 0),
            (Fault::After(ErrorKind::Timeout), ErrorKind::Timeout, 1),
            (Fault::HangBefore, ErrorKind::Other, 0),
            (Fault::HangAfter, ErrorKind::Other, 1),
        ] {
            for plan in [ChaosPlan::none().at(0, fault), ChaosPlan::none().every(PortMethod::Launch, fault)] {
                let (answer, found, calls) = after_a_launch(plan).await;
                assert_eq!((answer.unwrap_err().kind(), found), (kind, tasks), "{fault:?}");
                assert_eq!(calls, [PortCall { index: 0, method: PortMethod::Launch, fault: Some(fault) }]);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_goes_before_the_method() {
        let throttled = Fault::Before(ErrorKind::Throttled);
        let plan = ChaosPlan::none().every(PortMethod::Launch, throttled);
        let (answer, ..) = after_a_launch(plan.at(0, Fault::Before(ErrorKind::Denied))).await;
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Denied);
        let (answer, found, _) = after_a_launch(ChaosPlan::none().at(1, throttled)).await;
        assert_eq!((answer.is_ok(), found), (true, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn effects_twice_reads_once() {
        let fixture = Fixture::memory();
        let inner = Chaos::new(fixture.ports.clone(), ChaosPlan::none());
        let outer = Chaos::new(inner.ports(), ChaosPlan::none().twice());
        let launched = outer.launch(&token(), &fixture.world.request).await.unwrap();
        let seen = outer.observe_tasks(&fixture.world.cluster, &[launched.task]).await.unwrap();
        assert_eq!(seen.len(), 1);
        let methods = |chaos: &Chaos| chaos.calls().iter().map(|call| call.method).collect::<Vec<_>>();
        assert_eq!(methods(&outer), [PortMethod::Launch, PortMethod::ObserveTasks]);
        assert_eq!(methods(&inner), [PortMethod::Launch, PortMethod::Launch, PortMethod::ObserveTasks]);
        outer.follow(ChaosPlan::none().at(2, Fault::Before(ErrorKind::Denied)));
        assert!(outer.find(&fixture.world.cluster, &Selector::Running).await.is_err(), "the count goes on");
    }
}
