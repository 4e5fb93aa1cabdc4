//! A deployment to an ECS service: believed only once it serves, and never called a success where it was taken back.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::error::{ErrorKind, PortError};
use ecs_warmstart::fleet::{DEFAULT_DEPLOY_WAIT, Deploy, DeployOutcome, DeployReport, Fleet};
use ecs_warmstart::ids::{ClusterId, TaskDefinitionId};
use ecs_warmstart::image::ImageRef;
use ecs_warmstart::memory::{Action, EcsServiceSettings, InMemory, SAMPLE_ECS_SERVICE, Scenario, Settings};
use ecs_warmstart::ports::{Deployer, HealthWaiter, Inspector, Result, Selector, TaskLauncher};
use ecs_warmstart::spec::Revision;

use crate::worlds::sample;

const NEXT: &str = "shop-task-def:2";

/// The sample's ECS service with two tasks that serve, and its images.
async fn shop() -> (InMemory, Fleet) {
    let (cloud, fleet) = sample(Settings::default());
    cloud.run_sample_ecs_service();
    let report = deploy(&fleet, &cloud, &to(Revision::default())).await;
    assert_eq!(report.outcome, DeployOutcome::Deployed, "{report:#?}");
    (cloud, fleet)
}

fn image(tag: &str) -> ImageRef {
    let image = SAMPLE_ECS_SERVICE.definition().unwrap().containers[0].image.clone();
    image.replace(":1.0", tag).parse().unwrap()
}

pub(crate) fn cluster() -> ClusterId {
    SAMPLE_ECS_SERVICE.cluster.parse().unwrap()
}

pub(crate) fn to(changes: Revision) -> Deploy {
    Deploy {
        cluster: cluster(),
        ecs_service: SAMPLE_ECS_SERVICE.name.to_owned(),
        changes,
        rollback: false,
        max_wait: DEFAULT_DEPLOY_WAIT,
    }
}

pub(crate) fn to_image(tag: &str) -> Deploy {
    let mut changes = Revision::default();
    changes.container(SAMPLE_ECS_SERVICE.container).image = Some(image(tag));
    to(changes)
}

pub(crate) async fn deploy(fleet: &Fleet, deployer: &dyn Deployer, what: &Deploy) -> DeployReport {
    fleet.deploy(deployer, what, &Cancel::new(), &|_| {}).await
}

/// The revisions of the tasks that run, in order.
pub(crate) async fn runs(cloud: &InMemory) -> Vec<String> {
    let of = Selector::OfEcsService { name: SAMPLE_ECS_SERVICE.name.to_owned(), stopped: false };
    let tasks = cloud.find(&cluster(), &of).await.unwrap();
    let seen = cloud.observe_tasks(&cluster(), &tasks).await.unwrap();
    let mut runs: Vec<String> =
        seen.iter().map(|task| task.task_definition.as_ref().unwrap().name().to_owned()).collect();
    runs.sort();
    runs
}

fn breaks(cloud: &InMemory, scenario: Scenario) {
    cloud.behave(NEXT, &scenario.behaviour().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_new_image_is_pinned_rolled_out_and_proved() {
    let (cloud, fleet) = shop().await;
    let report = deploy(&fleet, &cloud, &to_image(":2.0")).await;
    assert_eq!((report.outcome, report.failure.as_deref()), (DeployOutcome::Deployed, None), "{report:#?}");
    let digest = cloud.image_facts(&image(":2.0")).unwrap().digest;
    assert_eq!(report.images[0].image, format!("{}@{digest}", image(":2.0")));
    assert!(report.former.unwrap().ends_with("shop-task-def:1"));
    assert!(report.task_definition.unwrap().ends_with(NEXT));
    assert_eq!(runs(&cloud).await, [NEXT, NEXT]);
    assert!(report.tasks.iter().all(|task| task.targets[0].state == "healthy"), "{:#?}", report.tasks);
    assert_eq!(report.warnings, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_same_again_changes_nothing() {
    let (cloud, fleet) = shop().await;
    deploy(&fleet, &cloud, &to_image(":2.0")).await;
    let writes = cloud.count_writes();
    let again = deploy(&fleet, &cloud, &to_image(":2.0")).await;
    assert_eq!(again.outcome, DeployOutcome::Unchanged, "{again:#?}");
    assert_eq!(cloud.count_writes(), writes);
}

#[tokio::test(start_paused = true)]
async fn environment_and_health_check_are_changed_and_the_rest_is_kept() {
    let (cloud, fleet) = shop().await;
    let mut changes = Revision::default();
    let change = changes.container(SAMPLE_ECS_SERVICE.container);
    change.environment.insert("LOG_LEVEL".to_owned(), Some("debug".to_owned()));
    change.health_check.start_period = Some(Duration::from_secs(60));
    let report = deploy(&fleet, &cloud, &to(changes.clone())).await;
    assert_eq!(report.outcome, DeployOutcome::Deployed, "{report:#?}");
    let definition = |id: &str| {
        let (cloud, id) = (cloud.clone(), id.parse::<TaskDefinitionId>().unwrap());
        async move { cloud.task_definition(&id).await.unwrap() }
    };
    let (before, after) = (definition("shop-task-def:1").await, definition(NEXT).await);
    let (before, after) = (&before.containers[0], &after.containers[0]);
    assert_eq!(after.environment, ["LOG_LEVEL"]);
    assert_eq!(after.health_check.as_ref().unwrap().start_period, Duration::from_secs(60));
    assert_eq!(after.health_check.as_ref().unwrap().command, before.health_check.as_ref().unwrap().command);
    assert_eq!((&after.image, &after.ports), (&before.image, &before.ports));
    let again = deploy(&fleet, &cloud, &to(changes.clone())).await;
    assert_eq!(again.outcome, DeployOutcome::Unchanged);
    let change = changes.container(SAMPLE_ECS_SERVICE.container);
    change.environment.insert("LOG_LEVEL".to_owned(), Some("info".to_owned()));
    let other = deploy(&fleet, &cloud, &to(changes)).await;
    assert!(other.task_definition.unwrap().ends_with(":3"), "another value is another revision");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_work_is_refused_and_nothing_is_changed() {
    let (cloud, fleet) = shop().await;
    let writes = cloud.count_writes();
    let mut no_container = Revision::default();
    no_container.container("sidecar").image = Some(image(":2.0"));
    let gone = Deploy { ecs_service: "shoe".to_owned(), ..to_image(":2.0") };
    for (what, code, remedy) in [
        (to_image(":3.0"), "image_not_found", "aws ecr describe-images"),
        (
            to_image(":2.0-arm64"),
            "image_platform_mismatch",
            "docker buildx build --platform linux/amd64,linux/arm64",
        ),
        (to(no_container), "container_missing", "name one of shop-container"),
        (gone, "not_found", "correct the name"),
    ] {
        let report = deploy(&fleet, &cloud, &what).await;
        assert_eq!(report.outcome, DeployOutcome::Refused, "{report:#?}");
        let cause = report.cause.unwrap();
        assert_eq!(cause.code, code);
        assert!(cause.remedy.clone().unwrap().contains(remedy), "{cause:?}");
    }
    assert_eq!(cloud.count_writes(), writes);
}

#[tokio::test(start_paused = true)]
async fn what_a_private_registry_hides_is_not_called_missing() {
    for (has_registry_credentials, code, remedy) in
        [(true, "image_not_resolved", "shows without credentials"), (false, "image_not_found", "push it")]
    {
        let (cloud, fleet) = shop().await;
        let mut definition = SAMPLE_ECS_SERVICE.definition().unwrap();
        definition.id = "shop-task-def:1".parse().unwrap();
        definition.containers[0].has_registry_credentials = has_registry_credentials;
        cloud.add_task_definition(definition);
        let mut changes = Revision::default();
        let hidden = "registry.example.com/shop:2.0".parse().unwrap();
        changes.container(SAMPLE_ECS_SERVICE.container).image = Some(hidden);
        let report = deploy(&fleet, &cloud, &to(changes)).await;
        assert_eq!(report.outcome, DeployOutcome::Refused, "{report:#?}");
        let cause = report.cause.unwrap();
        assert_eq!(cause.code, code);
        assert!(cause.remedy.clone().unwrap().contains(remedy), "{cause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_fails_is_explained_and_left() {
    let (cloud, fleet) = shop().await;
    breaks(&cloud, Scenario::Oom);
    let report = deploy(&fleet, &cloud, &to_image(":2.0")).await;
    assert_eq!(report.outcome, DeployOutcome::Failed, "{report:#?}");
    assert!(report.failure.unwrap().contains("circuit breaker"));
    assert_eq!(report.cause.unwrap().code, "out_of_memory");
    assert!(report.warnings[0].contains("aws ecs update-service"), "{:?}", report.warnings);
    assert_eq!(runs(&cloud).await, ["shop-task-def:1", "shop-task-def:1"], "the former serve on");
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_fails_is_taken_back_where_that_is_asked_for() {
    for scenario in [Scenario::Oom, Scenario::NeverHealthy, Scenario::SlowDatabase] {
        let (cloud, fleet) = shop().await;
        breaks(&cloud, scenario);
        let what = Deploy { rollback: true, max_wait: Duration::from_secs(600), ..to_image(":2.0") };
        let report = deploy(&fleet, &cloud, &what).await;
        assert_eq!(report.outcome, DeployOutcome::RolledBack, "{scenario}: {report:#?}");
        assert!(!report.outcome.is_success());
        assert!(report.cause.is_some(), "{scenario}: {report:#?}");
        assert_eq!(runs(&cloud).await, ["shop-task-def:1", "shop-task-def:1"], "{scenario}");
        let again = deploy(&fleet, &cloud, &to(Revision::default())).await;
        assert_eq!(again.outcome, DeployOutcome::Unchanged, "{scenario}: it serves");
    }
}

#[tokio::test(start_paused = true)]
async fn what_ecs_takes_back_is_no_success() {
    let (cloud, fleet) = sample(Settings::default());
    cloud.run_sample_ecs_service();
    let settings = EcsServiceSettings {
        name: SAMPLE_ECS_SERVICE.name.to_owned(),
        request: SAMPLE_ECS_SERVICE.request().unwrap(),
        desired: 1,
        target_groups: Vec::new(),
        circuit_breaker: true,
        rollback: true,
    };
    cloud.run_ecs_service(settings).unwrap();
    deploy(&fleet, &cloud, &to(Revision::default())).await;
    breaks(&cloud, Scenario::SecretDenied);
    let report = deploy(&fleet, &cloud, &to_image(":2.0")).await;
    assert_eq!(report.outcome, DeployOutcome::RolledBack, "{report:#?}");
    assert!(report.failure.unwrap().contains("ECS went back to shop-task-def:1"));
    assert_eq!(report.cause.unwrap().code, "secrets_denied");
    assert_eq!(cloud.count(Action::UpdateService), 1, "there was nothing for us to take back");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_deployed_is_never_taken_back() {
    let (cloud, fleet) = shop().await;
    breaks(&cloud, Scenario::NeverHealthy);
    let what = Deploy { rollback: true, ..to_image(":2.0") };
    let (ours, ()) = tokio::join!(deploy(&fleet, &cloud, &what), async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let mut changes = Revision::default();
        let change = changes.container(SAMPLE_ECS_SERVICE.container);
        change.environment.insert("BY".to_owned(), Some("somebody else".to_owned()));
        let theirs = cloud.revise(&"shop-task-def:1".parse().unwrap(), &changes).await.unwrap();
        cloud.update_service(&cluster(), SAMPLE_ECS_SERVICE.name, &theirs).await.unwrap();
    });
    assert_eq!(ours.outcome, DeployOutcome::Failed, "{ours:#?}");
    assert!(ours.failure.unwrap().contains("somebody else deployed meanwhile"));
    assert_eq!(cloud.count(Action::UpdateService), 2, "ours and theirs");
}

#[tokio::test(start_paused = true)]
async fn an_interruption_leaves_ecs_to_go_on_and_the_same_again_waits_for_it() {
    let (cloud, fleet) = shop().await;
    let cancel = Cancel::new();
    let asked = cancel.clone();
    let what = to_image(":2.0");
    let told = |_: &str| asked.cancel();
    let first = fleet.deploy(&cloud, &what, &cancel, &told).await;
    assert_eq!(first.outcome, DeployOutcome::Interrupted, "{first:#?}");
    let (registered, updated) =
        (cloud.count(Action::RegisterTaskDefinition), cloud.count(Action::UpdateService));
    assert_eq!((registered, updated), (1, 1));
    let again = deploy(&fleet, &cloud, &what).await;
    assert_eq!(again.outcome, DeployOutcome::Deployed, "{again:#?}");
    assert!(again.former.unwrap().ends_with(":1"), "what the service is leaving is known still");
    assert_eq!(cloud.count(Action::RegisterTaskDefinition), 1);
    assert_eq!(cloud.count(Action::UpdateService), 1);
}

/// Loses answers: of a call that took effect, or of one that did not.
#[derive(Debug)]
struct Flaky {
    cloud: InMemory,
    faults: Mutex<VecDeque<Option<bool>>>,
}

impl Flaky {
    fn next(&self) -> Option<bool> {
        self.faults.lock().unwrap().pop_front().flatten()
    }
}

fn lost() -> PortError {
    PortError::new(ErrorKind::Timeout, "no answer in time")
}

#[async_trait]
impl Deployer for Flaky {
    async fn revise(&self, base: &TaskDefinitionId, changes: &Revision) -> Result<TaskDefinitionId> {
        match self.next() {
            Some(false) => Err(lost()),
            Some(true) => self.cloud.revise(base, changes).await.and(Err(lost())),
            None => self.cloud.revise(base, changes).await,
        }
    }

    async fn update_service(&self, cluster: &ClusterId, name: &str, to: &TaskDefinitionId) -> Result<()> {
        match self.next() {
            Some(false) => Err(lost()),
            Some(true) => self.cloud.update_service(cluster, name, to).await.and(Err(lost())),
            None => self.cloud.update_service(cluster, name, to).await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_answers_are_lost_there_is_one_revision_and_one_deployment() {
    let fates = [None, Some(false), Some(true)];
    for first in fates {
        for second in fates {
            for third in fates {
                let (cloud, fleet) = shop().await;
                let faults = Mutex::new([first, second, third].into());
                let flaky = Flaky { cloud: cloud.clone(), faults };
                let report = deploy(&fleet, &flaky, &to_image(":2.0")).await;
                let fate = (first, second, third);
                assert_eq!(report.outcome, DeployOutcome::Deployed, "{fate:?}: {report:#?}");
                assert!(report.task_definition.unwrap().ends_with(NEXT), "{fate:?}");
                assert_eq!(cloud.count(Action::RegisterTaskDefinition), 1, "{fate:?}");
                assert_eq!(runs(&cloud).await, [NEXT, NEXT], "{fate:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_which_no_answer_ever_came_is_not_called_undone() {
    let (cloud, fleet) = shop().await;
    let faults = Mutex::new([None].into_iter().chain([Some(false); 64]).collect());
    let flaky = Flaky { cloud: cloud.clone(), faults };
    let report = deploy(&fleet, &flaky, &to_image(":2.0")).await;
    assert_eq!(report.outcome, DeployOutcome::Failed, "{report:#?}");
    assert!(report.failure.unwrap().contains("is not known"));
    let again = deploy(&fleet, &cloud, &to_image(":2.0")).await;
    assert_eq!(again.outcome, DeployOutcome::Deployed);
}

#[tokio::test(start_paused = true)]
async fn a_way_back_of_which_no_answer_ever_came_is_not_called_undone_either() {
    let (cloud, fleet) = shop().await;
    breaks(&cloud, Scenario::Oom);
    let faults = Mutex::new([None, None].into_iter().chain([Some(true); 64]).collect());
    let flaky = Flaky { cloud: cloud.clone(), faults };
    let what = Deploy { rollback: true, ..to_image(":2.0") };
    let report = deploy(&fleet, &flaky, &what).await;
    assert_eq!(report.outcome, DeployOutcome::RolledBack, "a look says what no answer did: {report:#?}");

    let (cloud, fleet) = shop().await;
    breaks(&cloud, Scenario::Oom);
    let faults = Mutex::new([None, None].into_iter().chain([Some(false); 64]).collect());
    let report = deploy(&fleet, &Flaky { cloud, faults }, &what).await;
    assert_eq!(report.outcome, DeployOutcome::RollbackFailed, "{report:#?}");
    assert!(report.warnings[0].contains("is not known"), "{:?}", report.warnings);
}
