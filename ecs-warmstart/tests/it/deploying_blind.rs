//! A deployment that cannot be watched: refused while nothing is changed, and taken back afterwards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::facts::{
    EcsServiceFacts, ImageFacts, LoadBalancerFacts, LogLine, LogQuery, TargetGroupFacts, TaskDefinitionFacts,
};
use ecs_warmstart::fleet::{Deploy, DeployOutcome, DeployReport, Fleet};
use ecs_warmstart::ids::{ClusterId, TargetGroupArn, TaskDefinitionId};
use ecs_warmstart::image::ImageRef;
use ecs_warmstart::memory::{Action, InMemory, SAMPLE_ECS_SERVICE};
use ecs_warmstart::ports::{Deployer, Inspector, Ports, Result};
use ecs_warmstart::spec::Revision;
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault, PortMethod};

use crate::deploying::{cluster, deploy, runs, to, to_image};
use crate::worlds::clock;

const FORMER: [&str; 2] = ["shop-task-def:1", "shop-task-def:1"];
const BACK: &str =
    "aws ecs update-service --cluster shop-cluster --service shop --task-definition shop-task-def:1";

/// Everything that a look reads.
const READS: [(PortMethod, &str); 4] = [
    (PortMethod::EcsService, "ecs:DescribeServices"),
    (PortMethod::Find, "ecs:ListTasks"),
    (PortMethod::ObserveTasks, "ecs:DescribeTasks"),
    (PortMethod::Targets, "elasticloadbalancing:DescribeTargetHealth"),
];

/// The sample's ECS service with two tasks that serve, seen through faults.
struct World {
    cloud: InMemory,
    late: Late,
    chaos: Chaos,
    fleet: Fleet,
}

impl World {
    async fn new() -> Self {
        let clock: Arc<dyn Clock> = clock();
        let cloud = InMemory::sample(Arc::clone(&clock));
        cloud.run_sample_ecs_service();
        let late = Late { cloud: cloud.clone(), shows: Arc::default() };
        let ports = Ports { inspector: Arc::new(late.clone()), ..Ports::from_one(cloud.clone()) };
        let chaos = Chaos::new(ports, ChaosPlan::none());
        let fleet = Fleet::new(chaos.ports()).with_clock(clock);
        let report = deploy(&fleet, &cloud, &to(Revision::default())).await;
        assert_eq!(report.outcome, DeployOutcome::Deployed, "{report:#?}");
        Self { cloud, late, chaos, fleet }
    }

    /// Deploys; at every word of it the plan may change.
    async fn deploy(&self, what: &Deploy, plan: impl Fn(&str) -> ChaosPlan + Send + Sync) -> DeployReport {
        let tell = |said: &str| self.chaos.follow(plan(said));
        self.fleet.deploy(&self.cloud, what, &Cancel::new(), &tell).await
    }

    fn updates(&self) -> usize {
        self.cloud.count(Action::UpdateService)
    }
}

fn never(method: PortMethod, kind: ErrorKind) -> ChaosPlan {
    ChaosPlan::none().every(method, Fault::Before(kind))
}

/// No such read from the first word on, until the way back is begun.
fn until_it_goes_back(method: PortMethod, kind: ErrorKind) -> impl Fn(&str) -> ChaosPlan + Send + Sync {
    let goes_back = AtomicBool::new(false);
    move |said| {
        goes_back.fetch_or(said.starts_with("going back"), Ordering::Relaxed);
        if goes_back.load(Ordering::Relaxed) { ChaosPlan::none() } else { never(method, kind) }
    }
}

fn with_rollback() -> Deploy {
    Deploy { rollback: true, ..to_image(":2.0") }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_watched_is_refused_before_anything_is_changed() {
    for (method, action) in READS {
        let world = World::new().await;
        let writes = world.cloud.count_writes();
        world.chaos.follow(never(method, ErrorKind::Denied));
        let report = deploy(&world.fleet, &world.cloud, &with_rollback()).await;
        assert_eq!(report.outcome, DeployOutcome::Refused, "{action}: {report:#?}");
        assert_eq!(report.failure.as_deref(), Some("the service was not changed"), "{action}");
        let cause = report.cause.unwrap();
        assert_eq!((cause.code.as_str(), cause.transient), ("denied", Some(false)), "{action}");
        assert!(cause.remedy.clone().unwrap().contains(action), "{cause:?}");
        assert_eq!(world.cloud.count_writes(), writes, "{action}: no revision is registered either");
        world.chaos.follow(ChaosPlan::none());
        let again = deploy(&world.fleet, &world.cloud, &with_rollback()).await;
        assert_eq!(again.outcome, DeployOutcome::Deployed, "{action}: {again:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_of_which_the_answer_is_lost_is_made_again() {
    let reads = {
        let world = World::new().await;
        let before = world.chaos.calls().len();
        deploy(&world.fleet, &world.cloud, &to_image(":2.0")).await;
        world.chaos.calls().len() - before
    };
    assert!(reads > 10, "only {reads}");
    for lost in 0..reads {
        let world = World::new().await;
        let index = world.chaos.calls().len() + lost;
        world.chaos.follow(ChaosPlan::none().at(index, Fault::After(ErrorKind::Timeout)));
        let report = deploy(&world.fleet, &world.cloud, &with_rollback()).await;
        assert_eq!(report.outcome, DeployOutcome::Deployed, "{lost}: {report:#?}");
        assert_eq!((world.updates(), world.cloud.count(Action::RegisterTaskDefinition)), (1, 1), "{lost}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_cannot_be_watched_any_more_is_taken_back() {
    for (method, action) in &READS[1..] {
        for kind in [ErrorKind::Denied, ErrorKind::Throttled] {
            let world = World::new().await;
            let report = world.deploy(&with_rollback(), until_it_goes_back(*method, kind)).await;
            assert_eq!(report.outcome, DeployOutcome::RolledBack, "{action} {kind:?}: {report:#?}");
            assert!(report.failure.unwrap().contains("could not be watched"), "{action} {kind:?}");
            assert_eq!(runs(&world.cloud).await, FORMER, "{action} {kind:?}");
            assert_eq!(world.updates(), 2, "{action} {kind:?}: there and back");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_way_back_that_cannot_be_watched_is_gone_and_not_believed() {
    let world = World::new().await;
    let report = world.deploy(&with_rollback(), |_| never(PortMethod::Targets, ErrorKind::Denied)).await;
    assert_eq!(report.outcome, DeployOutcome::RollbackFailed, "{report:#?}");
    let [warning] = &report.warnings[..] else { panic!("{report:#?}") };
    assert!(
        warning.starts_with("the service should run shop-task-def:1 again; whether that serves could not"),
        "{warning}"
    );
    assert_eq!(world.updates(), 2);
    world.chaos.follow(ChaosPlan::none());
    deploy(&world.fleet, &world.cloud, &to(Revision::default())).await;
    assert_eq!(runs(&world.cloud).await, FORMER);
}

#[tokio::test(start_paused = true)]
async fn without_rollback_a_deployment_that_cannot_be_watched_stays() {
    let world = World::new().await;
    let report = world.deploy(&to_image(":2.0"), |_| never(PortMethod::Find, ErrorKind::Denied)).await;
    assert_eq!(report.outcome, DeployOutcome::Failed, "{report:#?}");
    assert!(report.failure.unwrap().contains("could not be watched"));
    assert_eq!(report.warnings, [format!("the service stays as it is; to go back: {BACK}")]);
    assert_eq!(world.updates(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_cannot_be_read_is_left_and_that_is_said() {
    for kind in [ErrorKind::Denied, ErrorKind::Unavailable] {
        let world = World::new().await;
        let report = world.deploy(&with_rollback(), |_| never(PortMethod::EcsService, kind)).await;
        assert_eq!(report.outcome, DeployOutcome::RollbackFailed, "{kind:?}: {report:#?}");
        let [warning] = &report.warnings[..] else { panic!("{kind:?}: {report:#?}") };
        assert!(
            warning
                .starts_with("not rolled back, the service was left on shop-task-def:2: the service could"),
            "{warning}"
        );
        assert!(warning.ends_with(&format!("to go back: {BACK}")), "{warning}");
        assert_eq!(world.updates(), 1, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_deployed_while_nothing_could_be_watched_is_not_taken_back() {
    let world = World::new().await;
    let what = with_rollback();
    let ours = world.deploy(&what, |_| never(PortMethod::Find, ErrorKind::Throttled));
    let (ours, ()) = tokio::join!(ours, async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        let mut changes = Revision::default();
        let change = changes.container(SAMPLE_ECS_SERVICE.container);
        change.environment.insert("BY".to_owned(), Some("somebody else".to_owned()));
        let theirs = world.cloud.revise(&"shop-task-def:1".parse().unwrap(), &changes).await.unwrap();
        world.cloud.update_service(&cluster(), SAMPLE_ECS_SERVICE.name, &theirs).await.unwrap();
    });
    assert_eq!(ours.outcome, DeployOutcome::Failed, "{ours:#?}");
    assert_eq!(
        ours.warnings,
        ["not rolled back: the service should run shop-task-def:3 now, which somebody else deployed"]
    );
    assert_eq!(world.updates(), 2, "ours and theirs");
}

#[tokio::test(start_paused = true)]
async fn what_ecs_shows_from_before_the_change_is_not_taken_for_the_way_back() {
    let world = World::new().await;
    world.late.shows(Some(world.cloud.ecs_service(&cluster(), SAMPLE_ECS_SERVICE.name).await.unwrap()));
    let plan = until_it_goes_back(PortMethod::Find, ErrorKind::Denied);
    let what = with_rollback();
    let (report, ()) = tokio::join!(world.deploy(&what, plan), async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(world.updates(), 1);
        world.late.shows(None);
    });
    assert_eq!(report.outcome, DeployOutcome::RolledBack, "{report:#?}");
    assert_eq!(world.updates(), 2, "there and back");
    assert_eq!(runs(&world.cloud).await, FORMER);
}

/// Shows an ECS service as it once was, as long as that is asked for.
#[derive(Clone, Debug)]
struct Late {
    cloud: InMemory,
    shows: Arc<Mutex<Option<EcsServiceFacts>>>,
}

impl Late {
    fn shows(&self, facts: Option<EcsServiceFacts>) {
        *self.shows.lock().unwrap() = facts;
    }
}

#[async_trait]
impl Inspector for Late {
    async fn ecs_service(&self, cluster: &ClusterId, name: &str) -> Result<EcsServiceFacts> {
        let shown = self.shows.lock().unwrap().clone();
        match shown {
            Some(shown) => Ok(shown),
            None => self.cloud.ecs_service(cluster, name).await,
        }
    }

    async fn task_definition(&self, id: &TaskDefinitionId) -> Result<TaskDefinitionFacts> {
        self.cloud.task_definition(id).await
    }

    async fn target_group(&self, group: &TargetGroupArn) -> Result<TargetGroupFacts> {
        self.cloud.target_group(group).await
    }

    async fn deregistration_delay(&self, group: &TargetGroupArn) -> Result<Duration> {
        self.cloud.deregistration_delay(group).await
    }

    async fn load_balancers(&self) -> Result<Vec<LoadBalancerFacts>> {
        self.cloud.load_balancers().await
    }

    async fn image(&self, image: &ImageRef) -> Result<ImageFacts> {
        self.cloud.image(image).await
    }

    async fn log_group_exists(&self, group: &str) -> Result<bool> {
        self.cloud.log_group_exists(group).await
    }

    async fn log_tail(&self, query: &LogQuery) -> Result<Vec<LogLine>> {
        self.cloud.log_tail(query).await
    }
}
