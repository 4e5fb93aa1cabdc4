//! ECS's calls and answers on the SDK's own client.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ecs::operation::describe_container_instances::{
    DescribeContainerInstancesError, DescribeContainerInstancesOutput,
};
use aws_sdk_ecs::operation::describe_task_definition::DescribeTaskDefinitionOutput;
use aws_sdk_ecs::operation::describe_tasks::DescribeTasksOutput;
use aws_sdk_ecs::operation::list_tasks::ListTasksOutput;
use aws_sdk_ecs::operation::run_task::{RunTaskError, RunTaskInput, RunTaskOutput};
use aws_sdk_ecs::operation::stop_task::StopTaskOutput;
use aws_sdk_ecs::types::error::ConflictException;
use aws_sdk_ecs::types::{AssignPublicIp, ContainerInstance, DesiredStatus, Failure as EcsFailure, Task};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;

use super::super::Ecs;
use super::wire::{End, Wire};
use crate::clock::{Clock, TokioClock};
use crate::driver::{Driven, WarmStart};
use crate::error::ErrorKind;
use crate::ids::{ClientToken, ClusterId, RunId, ServiceName, TaskArn};
use crate::machine::State;
use crate::memory::InMemory;
use crate::observation::{TaskObservation, TaskStatus};
use crate::ports::{Selector, TaskLauncher};
use crate::spec::{AwsVpc, CapacityProvider, Compute, LaunchRequest, LaunchType, Pool, Spec};

fn ecs(rules: &[&Rule]) -> Ecs {
    Ecs::new(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, rules))
}

fn cluster() -> ClusterId {
    "c".parse().unwrap()
}

fn arn(number: usize) -> String {
    format!("arn:aws:ecs:us-east-2:111122223333:task/c/{number:04}")
}

fn task(number: usize) -> TaskArn {
    arn(number).parse().unwrap()
}

fn token() -> ClientToken {
    ClientToken::for_attempt(&RunId::for_slot(&ServiceName::new("auth").unwrap(), 0), 2)
}

fn request() -> LaunchRequest {
    LaunchRequest::new(cluster(), "web:3".parse().unwrap(), &ServiceName::new("auth").unwrap())
}

fn started(number: usize) -> Task {
    Task::builder().task_arn(arn(number)).last_status("PROVISIONING").build()
}

/// What `RunTask` was asked for this request.
async fn asked(request: &LaunchRequest) -> RunTaskInput {
    let asked = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&asked);
    let rule = mock!(Client::run_task).then_compute_output(move |input: &RunTaskInput| {
        *noted.lock().unwrap() = Some(input.clone());
        RunTaskOutput::builder().tasks(started(1)).build()
    });
    let seen = ecs(&[&rule]).launch(&token(), request).await.unwrap();
    assert_eq!(seen, TaskObservation::new(task(1), TaskStatus::Provisioning));
    asked.lock().unwrap().take().unwrap()
}

#[tokio::test]
async fn run_task_asks_for_one_task_by_our_token() {
    let plain = asked(&request()).await;
    let expected = RunTaskInput::builder()
        .client_token("auth/0#2")
        .count(1)
        .cluster("c")
        .task_definition("web:3")
        .started_by("ecs-warmstart/auth")
        .build()
        .unwrap();
    assert_eq!(plain, expected, "and nothing that was not asked for");
}

#[tokio::test]
async fn run_task_carries_all_that_is_asked_for() {
    let mut request = request();
    request.compute = Compute::LaunchType(LaunchType::Fargate);
    request.network = Some(AwsVpc {
        subnets: vec!["subnet-a".into(), "subnet-b".into()],
        security_groups: vec!["sg-1".into()],
        assign_public_ip: true,
    });
    request.platform_version = Some("1.4.0".into());
    request.tags = BTreeMap::from([("team".into(), "blue".into())]);
    request.enable_execute_command = true;
    request.overrides = serde_json::from_value(serde_json::json!({
        "taskRoleArn": "arn:aws:iam::111122223333:role/job",
        "cpu": "512",
        "containerOverrides": [
            { "name": "web", "command": ["serve"], "environment": [{ "name": "A", "value": "1" }] },
            { "name": "log" },
        ],
    }))
    .unwrap();
    let whole = asked(&request).await;
    let overrides = whole.overrides().unwrap();
    assert_eq!(overrides.task_role_arn(), Some("arn:aws:iam::111122223333:role/job"));
    assert_eq!((overrides.execution_role_arn(), overrides.cpu()), (None, Some("512")));
    let [web, log] = overrides.container_overrides() else { panic!("{overrides:?}") };
    assert_eq!((web.name(), web.command()), (Some("web"), &["serve".to_owned()][..]));
    assert_eq!((web.environment()[0].name(), web.environment()[0].value()), (Some("A"), Some("1")));
    assert_eq!((log.name(), log.command.as_ref(), log.environment.as_ref()), (Some("log"), None, None));
    assert_eq!(whole.launch_type(), Some(&aws_sdk_ecs::types::LaunchType::Fargate));
    assert!(whole.capacity_provider_strategy().is_empty());
    assert_eq!(whole.platform_version(), Some("1.4.0"));
    assert_eq!(whole.enable_execute_command(), Some(true));
    let tags: Vec<_> = whole.tags().iter().map(|tag| (tag.key(), tag.value())).collect();
    assert_eq!(tags, [(Some("team"), Some("blue"))]);
    let network = whole.network_configuration().unwrap().awsvpc_configuration().unwrap();
    assert_eq!(network.subnets(), ["subnet-a", "subnet-b"]);
    assert_eq!(network.security_groups(), ["sg-1"]);
    assert_eq!(network.assign_public_ip(), Some(&AssignPublicIp::Enabled));

    let spot = CapacityProvider { name: "FARGATE_SPOT".into(), weight: 3, base: 1 };
    request.compute = Compute::CapacityProviders(vec![spot]);
    request.network = Some(AwsVpc { subnets: vec!["subnet-a".into()], ..AwsVpc::default() });
    let spot = asked(&request).await;
    assert_eq!(spot.launch_type(), None, "ECS refuses both");
    let items = spot.capacity_provider_strategy();
    assert_eq!(items.len(), 1);
    assert_eq!((items[0].capacity_provider(), items[0].weight(), items[0].base()), ("FARGATE_SPOT", 3, 1));
    let network = spot.network_configuration().unwrap().awsvpc_configuration().unwrap();
    assert_eq!(network.security_groups.as_deref(), None, "none means the VPC's default one");
    assert_eq!(network.assign_public_ip(), Some(&AssignPublicIp::Disabled));
}

/// Where there is no capacity the launch goes elsewhere: by a new token, since ECS answers the old one so for ever.
#[tokio::test(start_paused = true)]
async fn a_launch_without_capacity_asks_elsewhere_by_a_new_token() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let run_task = mock!(Client::run_task).then_compute_output(move |input: &RunTaskInput| {
        noted.lock().unwrap().push(input.clone());
        let on_spot = input.capacity_provider_strategy().iter().any(|it| it.capacity_provider() == "FARGATE_SPOT");
        let reason = "Capacity is unavailable at this time. Please try again later or in a different availability zone";
        let answer = RunTaskOutput::builder();
        match on_spot {
            true => answer.failures(EcsFailure::builder().reason(reason).build()).build(),
            false => answer.tasks(started(1)).build(),
        }
    });
    let list_tasks = mock!(Client::list_tasks).then_output(|| ListTasksOutput::builder().build());
    let pool = |provider: &str, subnet: &str| Pool {
        compute: Compute::CapacityProviders(vec![CapacityProvider {
            name: provider.into(),
            weight: 1,
            base: 0,
        }]),
        network: Some(AwsVpc { subnets: vec![subnet.into()], ..AwsVpc::default() }),
    };
    let service = ServiceName::new("auth").unwrap();
    let request = request().on(&pool("FARGATE_SPOT", "subnet-a"));
    let spec = Spec::builder(service.clone(), RunId::for_slot(&service, 0), request)
        .fallback(pool("FARGATE", "subnet-b"))
        .build()
        .unwrap();
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    // What comes after the launch is not asked of ECS here.
    let others = InMemory::sample(Arc::clone(&clock));
    let warm_start =
        WarmStart::new(ecs(&[&run_task, &list_tasks]), others.clone(), others).with_clock(Arc::clone(&clock));
    let launch = State::launch(spec, clock.now());
    let driven = warm_start.drive(launch, std::time::Duration::from_secs(8)).await.unwrap();
    let Driven::Suspended { state, .. } = driven else { panic!("{driven:?}") };
    assert_eq!(state.task(), Some(&task(1)));

    let asked = asked.lock().unwrap();
    let told: Vec<_> = asked
        .iter()
        .map(|input| {
            let network = input.network_configuration().unwrap().awsvpc_configuration().unwrap();
            let provider = input.capacity_provider_strategy()[0].capacity_provider().to_owned();
            (input.client_token().unwrap().to_owned(), provider, network.subnets().to_vec())
        })
        .collect();
    let on = |token: &str, provider: &str, subnet: &str| {
        (token.to_owned(), provider.to_owned(), vec![subnet.to_owned()])
    };
    assert_eq!(told, [on("auth/0#0", "FARGATE_SPOT", "subnet-a"), on("auth/0#1", "FARGATE", "subnet-b")]);
    assert!(asked.iter().all(|input| input.launch_type().is_none()), "ECS refuses both");
}

/// A second attempt that is refused would hide the task that the first one launched.
#[tokio::test(start_paused = true)]
async fn a_launch_is_tried_once_whatever_the_client_says() {
    let refused = End::Answer(400, r#"{"__type":"AccessDeniedException"}"#);
    for (end, kind) in [
        (End::Answer(500, r#"{"__type":"ServerException"}"#), ErrorKind::Unavailable),
        (End::Answer(400, r#"{"__type":"ThrottlingException"}"#), ErrorKind::Throttled),
        (End::NeverConnected, ErrorKind::Unavailable),
    ] {
        let wire = Wire::new([end, refused.clone()]);
        let config = aws_sdk_ecs::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-2"))
            .credentials_provider(Credentials::for_tests())
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .http_client(wire.client())
            .build();
        let error = Ecs::new(Client::from_conf(config)).launch(&token(), &request()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let sent = wire.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert!(sent[0].body.contains(r#""clientToken":"auth/0#2""#), "{}", sent[0].body);
    }
}

async fn answered(output: RunTaskOutput) -> Result<TaskObservation, crate::error::Failure> {
    let rule = mock!(Client::run_task).then_compute_output(move |_| output.clone());
    ecs(&[&rule]).launch(&token(), &request()).await.map_err(crate::error::PortError::into_failure)
}

#[tokio::test]
async fn an_answer_with_failures_alone_is_a_failure() {
    let failure = EcsFailure::builder().reason("RESOURCE:MEMORY").detail("0 of 3 instances").build();
    let failed = answered(RunTaskOutput::builder().failures(failure.clone()).build()).await.unwrap_err();
    assert_eq!(failed.kind, ErrorKind::Capacity);
    assert_eq!(failed.code.as_deref(), Some("RESOURCE:MEMORY"));
    assert_eq!(failed.message, "ECS placed no task: RESOURCE:MEMORY (0 of 3 instances)");

    let attribute = EcsFailure::builder().reason("ATTRIBUTE").build();
    let failed = answered(RunTaskOutput::builder().failures(attribute).build()).await.unwrap_err();
    assert_eq!(failed.kind, ErrorKind::Invalid);
    assert_eq!(failed.message, "ECS placed no task: ATTRIBUTE");

    let both = RunTaskOutput::builder().tasks(started(1)).failures(failure).build();
    assert_eq!(answered(both).await.unwrap().task, task(1));
    let neither = answered(RunTaskOutput::builder().build()).await.unwrap_err();
    assert_eq!(neither.kind, ErrorKind::Other, "nobody knows what it did");
}

#[tokio::test]
async fn a_conflict_names_its_tasks() {
    let rule = mock!(Client::run_task).then_error(|| {
        let meta = ErrorMetadata::builder().code("ConflictException").build();
        let conflict =
            ConflictException::builder().resource_ids(arn(7)).resource_ids("odd").meta(meta).build();
        RunTaskError::ConflictException(conflict)
    });
    let error = ecs(&[&rule]).launch(&token(), &request()).await.unwrap_err().into_failure();
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(error.tasks, [task(7)]);
}

#[tokio::test]
async fn find_asks_by_started_by_alone_and_takes_every_page() {
    let pages = mock!(Client::list_tasks)
        .match_requests(|input| {
            let alone = input.family().is_none()
                && input.service_name().is_none()
                && input.desired_status().is_none()
                && input.launch_type().is_none()
                && input.container_instance().is_none();
            alone && input.cluster() == Some("c") && input.started_by() == Some("ecs-warmstart/auth")
        })
        .then_compute_output(|input| match input.next_token() {
            None => ListTasksOutput::builder().task_arns(arn(1)).task_arns(arn(2)).next_token("2").build(),
            // An empty page is no end.
            Some("2") => ListTasksOutput::builder().next_token("3").build(),
            _ => ListTasksOutput::builder().task_arns(arn(3)).build(),
        });
    let found =
        ecs(&[&pages]).find(&cluster(), &Selector::StartedBy("ecs-warmstart/auth".into())).await.unwrap();
    assert_eq!(found, [task(1), task(2), task(3)]);
}

#[tokio::test]
async fn find_names_what_ecs_wants_of_them() {
    let lists = mock!(Client::list_tasks).then_compute_output(|input| {
        assert_eq!((input.cluster(), input.started_by()), (Some("c"), None));
        let wanted = input.desired_status().map(DesiredStatus::as_str);
        match (input.family(), wanted) {
            (Some("web"), Some("STOPPED")) => ListTasksOutput::builder().task_arns(arn(1)).build(),
            (None, Some("RUNNING")) => ListTasksOutput::builder().task_arns(arn(2)).build(),
            asked => panic!("{asked:?}"),
        }
    });
    let ecs = ecs(&[&lists]);
    let stopped = Selector::StoppedOf { family: "web".into() };
    assert_eq!(ecs.find(&cluster(), &stopped).await.unwrap(), [task(1)]);
    assert_eq!(ecs.find(&cluster(), &Selector::Running).await.unwrap(), [task(2)]);
}

#[tokio::test]
async fn tasks_are_described_by_the_hundred_and_answered_in_order() {
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&sizes);
    let rule = mock!(Client::describe_tasks).then_compute_output(move |input| {
        noted.lock().unwrap().push(input.tasks().len());
        // Backwards, and without those that end in 7: one is a failure, the others are not mentioned at all.
        let known = input.tasks().iter().rev().filter(|arn| !arn.ends_with('7'));
        let tasks = known.map(|arn| Task::builder().task_arn(arn).last_status("RUNNING").build());
        let missing = EcsFailure::builder().arn(arn(7)).reason("MISSING").build();
        DescribeTasksOutput::builder().set_tasks(Some(tasks.collect())).failures(missing).build()
    });
    let asked: Vec<TaskArn> = (0..201).map(task).collect();
    let seen = ecs(&[&rule]).observe_tasks(&cluster(), &asked).await.unwrap();
    assert_eq!(*sizes.lock().unwrap(), [100, 100, 1]);
    for (number, (asked, seen)) in asked.iter().zip(&seen).enumerate() {
        let status = if number % 10 == 7 { TaskStatus::Missing } else { TaskStatus::Running };
        assert_eq!(*seen, TaskObservation::new(asked.clone(), status));
    }
    assert_eq!(seen.len(), asked.len());
    assert_eq!(ecs(&[]).observe_tasks(&cluster(), &[]).await.unwrap(), [], "no call for nothing");
}

#[tokio::test]
async fn a_running_task_on_a_machine_names_the_instance() {
    let machine = |number: usize| format!("arn:aws:ecs:us-east-2:111122223333:container-instance/c/{number}");
    let tasks = mock!(Client::describe_tasks).then_compute_output(move |input| {
        let tasks = input.tasks().iter().enumerate().map(|(number, arn)| {
            Task::builder()
                .task_arn(arn)
                .last_status("RUNNING")
                .container_instance_arn(machine(number % 3))
                .build()
        });
        DescribeTasksOutput::builder().set_tasks(Some(tasks.collect())).build()
    });
    let instances = mock!(Client::describe_container_instances)
        .match_requests(move |input| input.container_instances() == [machine(0), machine(1), machine(2)])
        .then_output(move || {
            let named = |number, id: &str| {
                ContainerInstance::builder()
                    .container_instance_arn(machine(number))
                    .ec2_instance_id(id)
                    .build()
            };
            // The third is gone by now.
            DescribeContainerInstancesOutput::builder()
                .container_instances(named(1, "mi-0123456789abcdef0"))
                .container_instances(named(0, "i-0123456789abcdef0"))
                .build()
        });
    let asked: Vec<TaskArn> = (0..4).map(task).collect();
    let seen = ecs(&[&tasks, &instances]).observe_tasks(&cluster(), &asked).await.unwrap();
    let hosts: Vec<_> = seen.into_iter().map(|seen| seen.host.unwrap()).collect();
    let names: Vec<_> = hosts.iter().map(|host| host.ec2_instance.as_deref()).collect();
    assert_eq!(names, [Some("i-0123456789abcdef0"), None, None, Some("i-0123456789abcdef0")]);
    assert_eq!(hosts[1].container_instance, machine(1));
    assert_eq!(instances.num_calls(), 1, "each machine is asked for once");
}

#[tokio::test]
async fn the_machines_of_others_need_not_be_named() {
    let denied = mock!(Client::describe_container_instances).then_error(|| {
        let meta = ErrorMetadata::builder().code("AccessDeniedException").message("not authorized").build();
        DescribeContainerInstancesError::generic(meta)
    });
    for (started_by, is_ours) in [("ecs-svc/1", false), ("ecs-warmstart/auth", true)] {
        let tasks = mock!(Client::describe_tasks).then_output(move || {
            let on_machine = Task::builder()
                .task_arn(task(0).as_str())
                .last_status("RUNNING")
                .started_by(started_by)
                .container_instance_arn("arn:aws:ecs:us-east-2:111122223333:container-instance/c/1");
            let ours = Task::builder()
                .task_arn(task(1).as_str())
                .last_status("RUNNING")
                .started_by("ecs-warmstart/auth");
            DescribeTasksOutput::builder().tasks(on_machine.build()).tasks(ours.build()).build()
        });
        let seen = ecs(&[&tasks, &denied]).observe_tasks(&cluster(), &[task(0), task(1)]).await;
        if is_ours {
            assert_eq!(seen.unwrap_err().kind(), ErrorKind::Denied);
        } else {
            assert_eq!(seen.unwrap()[0].host.as_ref().unwrap().ec2_instance, None);
        }
    }
}

#[tokio::test]
async fn stopping_what_is_not_there_is_not_found() {
    let refused = |code: &str, message: &str| {
        let body = format!(r#"{{"__type":"{code}","message":"{message}"}}"#);
        mock!(Client::stop_task).sequence().http_status(400, Some(body)).build()
    };
    let gone = refused("InvalidParameterException", "The referenced task was not found.");
    let error = ecs(&[&gone]).stop(&cluster(), &task(1), "over").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let other = refused("InvalidParameterException", "Invalid id.");
    let error = ecs(&[&other]).stop(&cluster(), &task(1), "over").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let cluster_gone = refused("ClusterNotFoundException", "Cluster not found.");
    let error = ecs(&[&cluster_gone]).stop(&cluster(), &task(1), "over").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_long_reason_is_cut() {
    let rule = mock!(Client::stop_task)
        .match_requests(|input| {
            input.task() == Some(&arn(1)) && input.reason().is_some_and(|reason| reason == "ü".repeat(255))
        })
        .then_output(|| StopTaskOutput::builder().build());
    ecs(&[&rule]).stop(&cluster(), &task(1), &"ü".repeat(300)).await.unwrap();
    assert_eq!(rule.num_calls(), 1);
}

#[tokio::test]
async fn a_task_definition_that_is_not_there_is_not_found() {
    let body = r#"{"__type":"ClientException","message":"Unable to describe task definition."}"#;
    let rule = mock!(Client::describe_task_definition).sequence().http_status(400, Some(body.into())).build();
    let error = ecs(&[&rule]).task_definition(&"web".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let empty = mock!(Client::describe_task_definition)
        .then_output(|| DescribeTaskDefinitionOutput::builder().build());
    let error = ecs(&[&empty]).task_definition(&"web".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
