//! The ports through which many callers make few calls.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::changes::{Change, Changes};
use super::inspects::{Balancers, Definitions, Delays, EcsServices, Groups, Images, LogGroups, LogTails};
use super::merger::{Merged, Merger};
use super::reads::{GroupLooks, Searches, TargetLooks, TaskLooks};
use crate::clock::Clock;
use crate::error::{ErrorKind, PortError};
use crate::facts::{
    EcsServiceFacts, ImageFacts, LoadBalancerFacts, LogLine, LogQuery, TargetGroupFacts, TaskDefinitionFacts,
};
use crate::ids::{ClientToken, ClusterId, TargetGroupArn, TaskArn, TaskDefinitionId};
use crate::image::ImageRef;
use crate::limit::{ApiClass, Limiter};
use crate::observation::{Target, TargetObservation, TaskObservation};
use crate::ports::{HealthWaiter, Inspector, Ports, Result, Selector, TargetRegistrar, TaskLauncher};
use crate::spec::LaunchRequest;

/// How long to wait for company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchSettings {
    /// How long the first caller waits for others. Default 10 ms: runs that are woken at the same time come together, and
    /// nobody notices.
    pub linger: Duration,
    /// Between the rounds of a crowd: after a call for more than one caller, the next one about the same cluster or group
    /// is made no sooner, unless more wait than go into one. Default 250 ms: four looks a second are as good as any.
    pub between_rounds: Duration,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self { linger: Duration::from_millis(10), between_rounds: Duration::from_millis(250) }
    }
}

/// All ports over others: merges what is asked at the same time, and keeps all calls within the limiter's rates. Clones are
/// handles on the same.
///
/// - A caller that is dropped before its call is made has no part in it and costs nothing; one that is dropped later takes
///   nothing from the others. Each may have its own deadline.
/// - A call that fails fails those whose items were in it. Where one of them may be at fault (`Invalid`, `Denied`), the
///   others are asked for without it.
/// - A task that a look at many did not know is looked at again by itself: `DescribeTasks` is eventually consistent.
/// - Changes of one target group are made one after the other, in the order in which they were asked for.
/// - A port that panics panics for the caller that asked; the others are answered. So they are when the runtime ends on
///   which the calls were made.
///
/// ```
/// use std::sync::Arc;
/// use ecs_warmstart::batch::{BatchSettings, Coalescing};
/// use ecs_warmstart::clock::{Clock, TokioClock};
/// use ecs_warmstart::limit::{Limiter, Limits};
/// use ecs_warmstart::memory::{Action, InMemory, SAMPLE_SERVICES};
/// use ecs_warmstart::ports::{HealthWaiter, Ports, TaskLauncher};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
/// let cloud = InMemory::sample(Arc::clone(&clock));
/// let limiter = Limiter::new(Arc::clone(&clock), &Limits::default());
/// let ports = Coalescing::new(Ports::from_one(cloud.clone()), limiter, clock, BatchSettings::default());
///
/// let request = SAMPLE_SERVICES[0].request()?;
/// let (one, other) = (ports.launch(&"a#0".parse()?, &request).await?, ports.launch(&"b#0".parse()?, &request).await?);
/// tokio::time::sleep(std::time::Duration::from_secs(5)).await;
/// let (one, other) = ([one.task], [other.task]);
/// let looks =
///     tokio::join!(ports.observe_tasks(&request.cluster, &one), ports.observe_tasks(&request.cluster, &other));
/// assert_eq!((looks.0?.len(), looks.1?.len()), (1, 1));
/// assert_eq!(cloud.calls().iter().filter(|call| call.action == Action::DescribeTasks).count(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Coalescing {
    launcher: Arc<dyn TaskLauncher>,
    limiter: Limiter,
    tasks: Merger<TaskLooks>,
    targets: Merger<TargetLooks>,
    searches: Merger<Searches>,
    group_looks: Merger<GroupLooks>,
    changes: Merger<Changes>,
    definitions: Merger<Definitions>,
    groups: Merger<Groups>,
    delays: Merger<Delays>,
    balancers: Merger<Balancers>,
    images: Merger<Images>,
    log_groups: Merger<LogGroups>,
    log_tails: Merger<LogTails>,
    ecs_services: Merger<EcsServices>,
}

impl Coalescing {
    /// Over these ports. Whatever shares them has to share this too, or their calls are neither merged nor counted
    /// together.
    pub fn new(ports: Ports, limiter: Limiter, clock: Arc<dyn Clock>, settings: BatchSettings) -> Self {
        let Ports { launcher, registrar, waiter, inspector } = ports;
        let inside = Inside { limiter: limiter.clone(), clock, settings };
        Self {
            tasks: inside.merge(TaskLooks(Arc::clone(&waiter))),
            targets: inside.merge(TargetLooks(waiter)),
            searches: inside.merge(Searches(Arc::clone(&launcher))),
            group_looks: inside.merge(GroupLooks(Arc::clone(&registrar))),
            changes: inside.merge(Changes(registrar)),
            definitions: inside.merge(Definitions(Arc::clone(&inspector))),
            groups: inside.merge(Groups(Arc::clone(&inspector))),
            delays: inside.merge(Delays(Arc::clone(&inspector))),
            balancers: inside.merge(Balancers(Arc::clone(&inspector))),
            images: inside.merge(Images(Arc::clone(&inspector))),
            log_groups: inside.merge(LogGroups(Arc::clone(&inspector))),
            log_tails: inside.merge(LogTails(Arc::clone(&inspector))),
            ecs_services: inside.merge(EcsServices(inspector)),
            launcher,
            limiter,
        }
    }
}

/// What all mergers have in common.
struct Inside {
    limiter: Limiter,
    clock: Arc<dyn Clock>,
    settings: BatchSettings,
}

impl Inside {
    fn merge<M: Merged>(&self, port: M) -> Merger<M> {
        Merger::new(port, self.limiter.clone(), Arc::clone(&self.clock), self.settings)
    }
}

/// The only answer of a call about one thing.
fn only<T>(answers: Vec<T>) -> Result<T> {
    answers.into_iter().next().ok_or_else(|| PortError::new(ErrorKind::Other, "the port answered nothing"))
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl TaskLauncher for Coalescing {
    async fn launch(&self, token: &ClientToken, request: &LaunchRequest) -> Result<TaskObservation> {
        let pass = self.limiter.admit(ApiClass::of_launch(request)).await;
        let answer = self.launcher.launch(token, request).await;
        pass.answered(&answer);
        answer
    }

    async fn find(&self, cluster: &ClusterId, selector: &Selector) -> Result<Vec<TaskArn>> {
        only(self.searches.ask(&(cluster.clone(), selector.clone()), (), &[()]).await?)
    }

    async fn stop(&self, cluster: &ClusterId, task: &TaskArn, reason: &str) -> Result<()> {
        let pass = self.limiter.admit(ApiClass::ClusterModify).await;
        let answer = self.launcher.stop(cluster, task, reason).await;
        pass.answered(&answer);
        answer
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl TargetRegistrar for Coalescing {
    async fn register(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
        self.changes.ask(group, Change::Register, targets).await.map(drop)
    }

    async fn deregister(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
        self.changes.ask(group, Change::Deregister, targets).await.map(drop)
    }

    async fn targets(&self, group: &TargetGroupArn) -> Result<Vec<(Target, TargetObservation)>> {
        only(self.group_looks.ask(group, (), &[()]).await?)
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl HealthWaiter for Coalescing {
    async fn observe_tasks(&self, cluster: &ClusterId, tasks: &[TaskArn]) -> Result<Vec<TaskObservation>> {
        self.tasks.ask(cluster, (), tasks).await
    }

    async fn observe_targets(
        &self,
        group: &TargetGroupArn,
        targets: &[Target],
    ) -> Result<Vec<TargetObservation>> {
        self.targets.ask(group, (), targets).await
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl Inspector for Coalescing {
    async fn task_definition(&self, id: &TaskDefinitionId) -> Result<TaskDefinitionFacts> {
        only(self.definitions.ask(id, (), &[()]).await?)
    }

    async fn target_group(&self, group: &TargetGroupArn) -> Result<TargetGroupFacts> {
        only(self.groups.ask(&(), (), std::slice::from_ref(group)).await?)
    }

    async fn target_groups(&self, groups: &[TargetGroupArn]) -> Result<Vec<TargetGroupFacts>> {
        self.groups.ask(&(), (), groups).await
    }

    async fn deregistration_delay(&self, group: &TargetGroupArn) -> Result<Duration> {
        only(self.delays.ask(group, (), &[()]).await?)
    }

    async fn load_balancers(&self) -> Result<Vec<LoadBalancerFacts>> {
        only(self.balancers.ask(&(), (), &[()]).await?)
    }

    async fn image(&self, image: &ImageRef) -> Result<ImageFacts> {
        only(self.images.ask(image, (), &[()]).await?)
    }

    async fn log_group_exists(&self, group: &str) -> Result<bool> {
        only(self.log_groups.ask(&group.to_owned(), (), &[()]).await?)
    }

    async fn log_tail(&self, query: &LogQuery) -> Result<Vec<LogLine>> {
        only(self.log_tails.ask(query, (), &[()]).await?)
    }

    async fn ecs_service(&self, cluster: &ClusterId, name: &str) -> Result<EcsServiceFacts> {
        only(self.ecs_services.ask(&(cluster.clone(), name.to_owned()), (), &[()]).await?)
    }
}
