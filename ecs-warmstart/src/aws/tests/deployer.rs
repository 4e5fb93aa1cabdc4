//! Revisions and updates of ECS services on the SDK's own client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::operation::describe_task_definition::{
    DescribeTaskDefinitionInput, DescribeTaskDefinitionOutput,
};
use aws_sdk_ecs::operation::register_task_definition::{
    RegisterTaskDefinitionInput, RegisterTaskDefinitionOutput,
};
use aws_sdk_ecs::operation::update_service::{UpdateServiceError, UpdateServiceInput, UpdateServiceOutput};
use aws_sdk_ecs::types::error::ServiceNotFoundException;
use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, EphemeralStorage, HealthCheck, KeyValuePair, NetworkMode,
    RuntimePlatform, Tag, TaskDefinition, TaskDefinitionStatus, Volume,
};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::error::ErrorMetadata;

use super::super::Ecs;
use crate::error::ErrorKind;
use crate::ids::TaskDefinitionId;
use crate::ports::{Deployer, Result};
use crate::spec::Revision;

const NEXT: &str = "web@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn arn(revision: i32) -> String {
    format!("arn:aws:ecs:us-east-2:111122223333:task-definition/web:{revision}")
}

/// A revision with much in it.
fn definition(revision: i32, image: &str) -> TaskDefinition {
    let pair = |name: &str, value: &str| KeyValuePair::builder().name(name).value(value).build();
    let check = HealthCheck::builder().command("CMD-SHELL").command("exit 0").interval(10).build().unwrap();
    let web = ContainerDefinition::builder()
        .name("web")
        .image(image)
        .environment(pair("A", "1"))
        .environment(pair("B", "2"))
        .health_check(check)
        .docker_labels("team", "shop")
        .build();
    TaskDefinition::builder()
        .task_definition_arn(arn(revision))
        .family("web")
        .revision(revision)
        .status(TaskDefinitionStatus::Active)
        .registered_by("somebody")
        .container_definitions(web)
        .container_definitions(ContainerDefinition::builder().name("router").image("router:1").build())
        .network_mode(NetworkMode::Awsvpc)
        .requires_compatibilities(Compatibility::Fargate)
        .cpu("256")
        .memory("512")
        .task_role_arn("arn:aws:iam::111122223333:role/task")
        .execution_role_arn("arn:aws:iam::111122223333:role/execution")
        .volumes(Volume::builder().name("scratch").build())
        .ephemeral_storage(EphemeralStorage::builder().size_in_gib(30).build())
        .runtime_platform(RuntimePlatform::builder().cpu_architecture("ARM64".into()).build())
        .build()
}

/// ECS with these revisions of `web`, newest last, and what was registered.
fn ecs(revisions: Vec<TaskDefinition>) -> (Ecs, Arc<Mutex<Vec<RegisterTaskDefinitionInput>>>) {
    let registered = Arc::new(Mutex::new(Vec::new()));
    let describe = mock!(Client::describe_task_definition).then_compute_output(
        move |input: &DescribeTaskDefinitionInput| {
            let asked = input.task_definition().unwrap();
            let exact = revisions.iter().find(|it| it.task_definition_arn() == Some(asked));
            let found = exact.or_else(|| revisions.last().filter(|_| asked == "web"));
            let tag = |key: &str| Tag::builder().key(key).value("v").build();
            DescribeTaskDefinitionOutput::builder()
                .set_task_definition(found.cloned())
                .tags(tag("team"))
                .tags(tag("aws:cloudformation:stack-name"))
                .build()
        },
    );
    let noted = Arc::clone(&registered);
    let register = mock!(Client::register_task_definition).then_compute_output(
        move |input: &RegisterTaskDefinitionInput| {
            noted.lock().unwrap().push(input.clone());
            RegisterTaskDefinitionOutput::builder().task_definition(definition(9, "whatever")).build()
        },
    );
    let rules: [&Rule; 2] = [&describe, &register];
    (Ecs::new(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, rules)), registered)
}

fn to_image(image: &str) -> Revision {
    let mut changes = Revision::default();
    changes.container("web").image = Some(image.parse().unwrap());
    changes
}

async fn revise(ecs: &Ecs, changes: &Revision) -> Result<TaskDefinitionId> {
    ecs.revise(&arn(1).parse().unwrap(), changes).await
}

#[tokio::test]
async fn everything_is_taken_over_but_what_is_changed() {
    let (ecs, registered) = ecs(vec![definition(1, "web:1")]);
    let mut changes = to_image(NEXT);
    let change = changes.container("web");
    change.environment.insert("A".to_owned(), Some("9".to_owned()));
    change.environment.insert("B".to_owned(), None);
    change.environment.insert("C".to_owned(), Some("3".to_owned()));
    change.health_check.start_period = Some(Duration::from_secs(60));
    assert_eq!(revise(&ecs, &changes).await.unwrap().as_str(), arn(9));
    let registered = registered.lock().unwrap();
    let [input] = &registered[..] else { panic!("{registered:?}") };
    let before = definition(1, NEXT);
    assert_eq!(input.family(), before.family());
    assert_eq!((input.cpu(), input.memory()), (before.cpu(), before.memory()));
    assert_eq!(
        (input.task_role_arn(), input.execution_role_arn()),
        (before.task_role_arn(), before.execution_role_arn())
    );
    assert_eq!(
        (input.network_mode(), input.runtime_platform()),
        (before.network_mode(), before.runtime_platform())
    );
    assert_eq!((input.volumes(), input.ephemeral_storage()), (before.volumes(), before.ephemeral_storage()));
    assert_eq!(input.requires_compatibilities(), before.requires_compatibilities());
    let tags: Vec<_> = input.tags().iter().filter_map(Tag::key).collect();
    assert_eq!(tags, ["team"], "AWS keeps its own tags to itself");
    let [web, router] = input.container_definitions() else { panic!("{input:?}") };
    assert_eq!(router, &before.container_definitions()[1]);
    assert_eq!(web.image(), Some(NEXT));
    assert_eq!(web.docker_labels(), before.container_definitions()[0].docker_labels());
    let environment: Vec<_> = web.environment().iter().map(|it| (it.name(), it.value())).collect();
    assert_eq!(environment, [(Some("A"), Some("9")), (Some("C"), Some("3"))]);
    let check = web.health_check().unwrap();
    assert_eq!((check.start_period(), check.interval()), (Some(60), Some(10)));
    assert_eq!(check.command(), ["CMD-SHELL", "exit 0"]);
}

#[tokio::test]
async fn what_is_there_is_not_registered_again() {
    let (unchanged, registered) = ecs(vec![definition(1, NEXT)]);
    assert_eq!(revise(&unchanged, &to_image(NEXT)).await.unwrap().as_str(), arn(1));
    assert_eq!(registered.lock().unwrap().len(), 0);
    let (answer_lost, registered) = ecs(vec![definition(1, "web:1"), definition(2, NEXT)]);
    assert_eq!(revise(&answer_lost, &to_image(NEXT)).await.unwrap().as_str(), arn(2));
    assert_eq!(registered.lock().unwrap().len(), 0);
    let (other, registered) = ecs(vec![definition(1, "web:1"), definition(2, "web:2")]);
    assert_eq!(revise(&other, &to_image(NEXT)).await.unwrap().as_str(), arn(9));
    assert_eq!(registered.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_changed_is_said() {
    let (ecs, registered) = ecs(vec![definition(1, "web:1")]);
    let mut unknown = Revision::default();
    unknown.container("wbe").image = Some(NEXT.parse().unwrap());
    let error = revise(&ecs, &unknown).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("it has web, router"), "{error}");
    let mut no_command = Revision::default();
    no_command.container("router").health_check.retries = Some(5);
    let error = revise(&ecs, &no_command).await.unwrap_err();
    assert!(error.to_string().contains("a new one needs a command"), "{error}");
    assert_eq!(registered.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_service_is_updated_by_name() {
    let asked = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&asked);
    let update = mock!(Client::update_service).then_compute_output(move |input: &UpdateServiceInput| {
        *noted.lock().unwrap() = Some(input.clone());
        UpdateServiceOutput::builder().build()
    });
    let ecs = Ecs::new(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, [&update]));
    ecs.update_service(&"c".parse().unwrap(), "web", &arn(2).parse().unwrap()).await.unwrap();
    let asked = asked.lock().unwrap().take().unwrap();
    let expected =
        UpdateServiceInput::builder().cluster("c").service("web").task_definition(arn(2)).build().unwrap();
    assert_eq!(asked, expected, "nothing else of the service is touched");
    let gone = mock!(Client::update_service).then_error(|| {
        let meta = ErrorMetadata::builder().code("ServiceNotFoundException").build();
        UpdateServiceError::ServiceNotFoundException(ServiceNotFoundException::builder().meta(meta).build())
    });
    let ecs = Ecs::new(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, [&gone]));
    let answer = ecs.update_service(&"c".parse().unwrap(), "web", &arn(2).parse().unwrap()).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::NotFound);
}
