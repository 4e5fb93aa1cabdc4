//! Launches: late visibility, tokens, refusals, scripts.

use std::sync::Arc;
use std::time::Duration;

use super::kit::{FAMILY, Kit, exact, exactly, seconds};
use crate::clock::TokioClock;
use crate::error::{ErrorKind, Failure};
use crate::ids::TaskArn;
use crate::memory::{Action, Behaviour, InMemory, Refusal, SAMPLE_SERVICES, Settings, Shortage, Stop};
use crate::observation::{HealthStatus, StopCode, TaskObservation, TaskStatus};
use crate::ports::{HealthWaiter, Inspector, TaskLauncher};
use crate::quota::Quotas;
use crate::spec::{CapacityProvider, Compute, LaunchRequest};

#[tokio::test]
async fn a_task_is_missing_at_first_and_long_after_its_end() {
    let kit = Kit::new();
    let launched = kit.launch("t#0").await;
    assert_eq!((launched.status, launched.version), (TaskStatus::Provisioning, 1));
    let task = launched.task;
    assert_eq!(kit.observe(&task).await, TaskObservation::missing(task.clone()));
    assert_eq!(kit.find().await, []);
    kit.go_to(2);
    assert_eq!(kit.observe(&task).await.status, TaskStatus::Provisioning);
    assert_eq!(kit.find().await, std::slice::from_ref(&task));
    kit.go_to(100);
    kit.stop(&task, "over").await;
    assert_eq!(kit.find().await, [], "it is found only while ECS wants it running");
    kit.go_to(110 + 3600);
    assert_eq!(kit.observe(&task).await.status, TaskStatus::Stopped);
    kit.go_to(110 + 3601);
    assert_eq!(kit.observe(&task).await.status, TaskStatus::Missing);
}

#[tokio::test]
async fn what_is_seen_of_a_life() {
    let kit = Kit::new();
    let task = kit.launch("t#0").await.task;
    kit.go_to(9);
    assert!(kit.observe(&task).await.addresses.is_empty(), "no address before its interface");
    kit.go_to(10);
    let pending = kit.observe(&task).await;
    assert_eq!((pending.status, pending.addresses.len()), (TaskStatus::Pending, 1));
    kit.go_to(33);
    let running = kit.observe(&task).await;
    assert_eq!((running.status, running.started_at), (TaskStatus::Running, Some(kit.at(33))));
    assert_eq!(running.containers[0].health, HealthStatus::Unknown);
    kit.go_to(38);
    assert_eq!(kit.observe(&task).await.containers[0].health, HealthStatus::Healthy);
    kit.stop(&task, "first").await;
    kit.stop(&task, "second").await;
    assert!(kit.observe(&task).await.is_ending());
    kit.go_to(48);
    let stopped = kit.observe(&task).await;
    let stop = stopped.stop.unwrap();
    assert_eq!((stop.code, stop.reason.as_str()), (Some(StopCode::UserInitiated), "first"));
    assert_eq!((stopped.status, stopped.containers[0].exit_code), (TaskStatus::Stopped, Some(143)));
    let truth = kit.cloud.truth(&task).unwrap();
    let expected = [33, 10, 37, 38, 38, 48].map(|second| Some(kit.at(second)));
    assert_eq!(
        [
            truth.running,
            truth.address,
            truth.serving,
            truth.containers_healthy,
            truth.stop_requested,
            truth.stopped
        ],
        expected
    );
}

#[tokio::test]
async fn an_address_may_come_after_running() {
    let kit = Kit::with(Settings { address_lag: exactly(30), ..exact() });
    let task = kit.launch("t#0").await.task;
    kit.go_to(39);
    let running = kit.observe(&task).await;
    assert_eq!((running.status, running.addresses.len()), (TaskStatus::Running, 0));
    kit.go_to(40);
    assert_eq!(kit.observe(&task).await.addresses.len(), 1);
}

#[tokio::test]
async fn a_token_outlives_its_task_by_an_hour() {
    let kit = Kit::new();
    let task = kit.launch("t#0").await.task;
    kit.go_to(100);
    kit.stop(&task, "over").await;
    kit.go_to(110 + 3599);
    let replay = kit.launch("t#0").await;
    assert_eq!((&replay.task, replay.status), (&task, TaskStatus::Stopped));
    assert_eq!(replay.stop, None, "a replay says no more than the status");
    let other = LaunchRequest { platform_version: Some("1.4.0".into()), ..kit.request.clone() };
    let conflict = kit.try_launch("t#0", &other).await.unwrap_err().into_failure();
    assert_eq!((conflict.kind, &conflict.tasks), (ErrorKind::Conflict, &vec![task.clone()]));
    assert_eq!(conflict.code.as_deref(), Some("ConflictException"));
    kit.go_to(110 + 3600);
    assert_ne!(kit.launch("t#0").await.task, task);
}

#[tokio::test]
async fn a_token_keeps_failures_but_no_errors() {
    let kit = Kit::new();
    kit.cloud.refuse_next(FAMILY, 1, &Refusal::Failures("RESOURCE:MEMORY".into()));
    for _ in 0..2 {
        let failure = kit.try_launch("t#0", &kit.request).await.unwrap_err().into_failure();
        assert_eq!((failure.kind, failure.code.as_deref()), (ErrorKind::Capacity, Some("RESOURCE:MEMORY")));
    }
    kit.launch("t#1").await;
    kit.cloud.refuse_next(FAMILY, 1, &Refusal::wrapped_throttle());
    let failure = kit.try_launch("t#2", &kit.request).await.unwrap_err().into_failure();
    assert_eq!(
        (failure.kind, failure.code.as_deref()),
        (ErrorKind::Throttled, Some("InvalidParameterException"))
    );
    kit.launch("t#2").await;
    assert_eq!(kit.cloud.tasks().len(), 2);
}

#[tokio::test]
async fn capacity_comes_back() {
    let kit = Kit::new();
    kit.cloud.refuse_until(FAMILY, kit.at(60), &Refusal::no_fargate_capacity());
    for second in [0, 30, 59] {
        kit.go_to(second);
        let error = kit.try_launch(&format!("t#{second}"), &kit.request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Capacity);
    }
    kit.go_to(60);
    kit.launch("t#60").await;
}

#[tokio::test]
async fn capacity_is_of_a_provider_a_subnet_and_a_size_and_may_run_out() {
    let kit = Kit::new();
    let spot = CapacityProvider { name: "FARGATE_SPOT".into(), weight: 1, base: 0 };
    let on_spot = LaunchRequest { compute: Compute::CapacityProviders(vec![spot]), ..kit.request.clone() };
    let spot_in = |task: &TaskArn| {
        let spot = kit.cloud.placed(task).unwrap();
        format!("{} {}", spot.provider, spot.subnet)
    };
    kit.cloud.exhaust_after(Shortage::of("FARGATE_SPOT").in_subnet("subnet-a"), 1);
    let first = kit.try_launch("a#0", &on_spot).await.unwrap().task;
    let second = kit.try_launch("a#1", &on_spot).await.unwrap().task;
    assert_eq!(
        (spot_in(&first), spot_in(&second)),
        ("FARGATE_SPOT subnet-a".into(), "FARGATE_SPOT subnet-b".into())
    );
    // Of another size there is no capacity on demand, of this one there is.
    kit.cloud.exhaust(Shortage::of("FARGATE").for_size(1024, 2048));
    let third = kit.try_launch("a#2", &kit.request).await.unwrap().task;
    assert_eq!(spot_in(&third), "FARGATE subnet-a");
    kit.cloud.exhaust_until(Shortage::of("FARGATE_SPOT"), kit.at(60));
    for _ in 0..2 {
        let refused = kit.try_launch("b#0", &on_spot).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Capacity);
    }
    kit.go_to(60);
    let replayed = kit.try_launch("b#0", &on_spot).await.unwrap_err();
    assert_eq!(replayed.kind(), ErrorKind::Capacity, "the token keeps its answer");
    let later = kit.try_launch("b#1", &on_spot).await.unwrap().task;
    assert_eq!(spot_in(&later), "FARGATE_SPOT subnet-b", "subnet-a had capacity for one");
    kit.cloud.replenish();
    let last = kit.try_launch("b#2", &on_spot).await.unwrap().task;
    assert_eq!(spot_in(&last), "FARGATE_SPOT subnet-a");
}

#[tokio::test]
async fn scripts_are_used_up_in_order() {
    let kit = Kit::new();
    kit.cloud.behave(FAMILY, &Behaviour::stuck_in(TaskStatus::Pending));
    kit.cloud.behave_next(FAMILY, 1, &Behaviour::stops(Stop::image_not_found()));
    kit.cloud.behave_next(FAMILY, 1, &Behaviour::default());
    kit.cloud.behave_next(FAMILY, 1, &Behaviour::lost());
    let mut seen = Vec::new();
    for number in 0..4 {
        seen.push(kit.launch(&format!("t#{number}")).await.task);
    }
    kit.go_to(60);
    let looks = kit.cloud.observe_tasks(&kit.request.cluster, &seen).await.unwrap();
    let statuses: Vec<TaskStatus> = looks.iter().map(|look| look.status).collect();
    assert_eq!(
        statuses,
        [TaskStatus::Stopped, TaskStatus::Running, TaskStatus::Missing, TaskStatus::Pending]
    );
    let failed = &looks[0];
    assert_eq!(failed.stop.as_ref().unwrap().code, Some(StopCode::TaskFailedToStart));
    assert_eq!(failed.containers[0].exit_code, None, "it never started");
    assert!(failed.containers[0].reason.as_ref().unwrap().starts_with("CannotPullContainerError"));
    assert_eq!(kit.cloud.running_tasks(), [seen[1].clone(), seen[3].clone()]);
}

#[tokio::test]
async fn a_fate_never_changes_the_past() {
    let kit = Kit::new();
    let task = kit.launch("t#0").await.task;
    kit.go_to(50);
    kit.cloud.stop_by_fate(&task, &Stop::essential_exit(seconds(1), 1)).unwrap();
    assert_eq!(kit.observe(&task).await.status, TaskStatus::Running);
    kit.cloud.stop_by_fate(&task, &Stop::out_of_memory(seconds(20))).unwrap();
    kit.go_to(53);
    let ended = kit.observe(&task).await;
    assert_eq!(ended.status, TaskStatus::Deprovisioning);
    assert_eq!(ended.containers[0].exit_code, Some(137));
    assert!(ended.containers[0].reason.as_ref().unwrap().starts_with("OutOfMemoryError"));
}

#[tokio::test]
async fn requests_that_ecs_refuses() {
    let kit = Kit::new();
    let change = |change: fn(&mut LaunchRequest)| {
        let mut request = kit.request.clone();
        change(&mut request);
        request
    };
    for (request, kind, code) in [
        (change(|r| r.cluster = "x".parse().unwrap()), ErrorKind::NotFound, "ClusterNotFoundException"),
        (change(|r| r.task_definition = "x".parse().unwrap()), ErrorKind::Invalid, "ClientException"),
        (
            change(|r| r.task_definition = format!("{FAMILY}:9").parse().unwrap()),
            ErrorKind::Invalid,
            "ClientException",
        ),
        (change(|r| r.network = None), ErrorKind::Invalid, "InvalidParameterException"),
        (change(|r| r.started_by = "x".repeat(129)), ErrorKind::Invalid, "InvalidParameterException"),
    ] {
        let failure = kit.try_launch("t#0", &request).await.unwrap_err().into_failure();
        assert_eq!((failure.kind, failure.code.as_deref()), (kind, Some(code)));
    }
    assert_eq!(kit.cloud.tasks(), []);
}

#[tokio::test]
async fn a_family_stands_for_its_newest_revision() {
    let kit = Kit::new();
    let first = kit.cloud.task_definition(&FAMILY.parse().unwrap()).await.unwrap();
    assert_eq!(first.id.as_str(), format!("{FAMILY}:1"));
    let mut second = first.clone();
    second.id = FAMILY.parse().unwrap();
    second.containers[0].health_check = None;
    let id = kit.cloud.add_task_definition(second);
    assert_eq!(id.as_str(), format!("{FAMILY}:2"));
    assert_eq!(kit.cloud.task_definition(&FAMILY.parse().unwrap()).await.unwrap().id, id);
    let by_arn = format!("arn:aws:ecs:us-east-2:111122223333:task-definition/{FAMILY}:1");
    assert_eq!(kit.cloud.task_definition(&by_arn.parse().unwrap()).await.unwrap(), first);
    kit.launch("t#0").await;
    kit.go_to(2);
    assert_eq!(kit.observe(&kit.cloud.tasks()[0]).await.task_definition, Some(id));
}

#[tokio::test]
async fn calls_fail_or_lose_their_answer() {
    let kit = Kit::new();
    let denied = Failure::new(ErrorKind::Denied, "not authorized");
    kit.cloud.fail_next(Action::RunTask, 1, &denied);
    kit.cloud.lose_answer_of_next(Action::RunTask, 1);
    assert_eq!(kit.try_launch("t#0", &kit.request).await.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(kit.cloud.tasks().len(), 0);
    assert_eq!(kit.try_launch("t#0", &kit.request).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(kit.cloud.tasks(), [kit.launch("t#0").await.task]);
    let answers: Vec<_> = kit.cloud.calls().iter().map(|call| (call.action, call.failed)).collect();
    assert_eq!(
        answers,
        [
            (Action::RunTask, Some(ErrorKind::Denied)),
            (Action::RunTask, Some(ErrorKind::Timeout)),
            (Action::RunTask, None)
        ]
    );
}

#[tokio::test]
async fn fargate_takes_fewer_launches() {
    let kit = Kit::with(Settings { quotas: Some(Quotas::published()), ..exact() });
    for number in 0..20 {
        kit.launch(&format!("t#{number}")).await;
    }
    let error = kit.try_launch("t#20", &kit.request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    kit.go_to(1);
    kit.launch("t#20").await;
}

#[tokio::test]
async fn quotas_count_every_page() {
    let mut kit = Kit::with(Settings { quotas: Some(Quotas::published()), ..exact() });
    kit.request.compute = Compute::ClusterDefault;
    let mut tasks = Vec::new();
    for number in 0..100 {
        tasks.push(kit.launch(&format!("t#{number}")).await.task);
    }
    let error = kit.try_launch("t#100", &kit.request).await.unwrap_err().into_failure();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Throttled, Some("ThrottlingException")));
    kit.go_to(10);
    tasks.push(kit.launch("t#100").await.task);
    kit.cloud.observe_tasks(&kit.request.cluster, &tasks).await.unwrap();
    assert_eq!(kit.cloud.count(Action::DescribeTasks), 2);
    kit.go_to(20);
    assert_eq!(kit.find().await.len(), 101);
    assert_eq!(kit.cloud.count(Action::ListTasks), 2);
    assert_eq!(kit.cloud.count_writes(), 102);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_that_race_with_one_token_start_one_task() {
    let cloud = InMemory::sample(Arc::new(TokioClock::new()));
    let request = SAMPLE_SERVICES[0].request().unwrap();
    let mut threads = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (cloud, request) = (cloud.clone(), request.clone());
        threads.spawn(async move { cloud.launch(&"t#0".parse().unwrap(), &request).await.unwrap().task });
    }
    let answers = threads.join_all().await;
    assert_eq!(cloud.tasks().len(), 1);
    assert!(answers.iter().all(|task| *task == cloud.tasks()[0]));
}

#[tokio::test(start_paused = true)]
async fn a_call_may_take_its_time() {
    let clock = Arc::new(TokioClock::new());
    let latency = Duration::from_millis(100)..=Duration::from_millis(100);
    let cloud = InMemory::sample_with(clock, Settings { latency, ..exact() });
    let request = SAMPLE_SERVICES[0].request().unwrap();
    let token = "t#0".parse().unwrap();
    let launch = cloud.launch(&token, &request);
    let dropped = tokio::time::timeout(Duration::from_millis(150), launch).await;
    assert!(dropped.is_err(), "its answer is on the way");
    assert_eq!(cloud.tasks().len(), 1, "and its effect has taken place");
}

#[tokio::test]
async fn the_seed_decides() {
    let world = |seed| async move {
        let kit = Kit::with(Settings::with_seed(seed));
        let tasks = [kit.launch("t#0").await.task, kit.launch("t#1").await.task];
        let mut seen = Vec::new();
        for second in 0..60 {
            kit.go_to(second);
            seen.push(kit.cloud.observe_tasks(&kit.request.cluster, &tasks).await.unwrap());
        }
        seen
    };
    assert_eq!(world(3).await, world(3).await);
    let (a, b) = (world(3).await, world(4).await);
    let statuses = |world: &[Vec<TaskObservation>]| -> Vec<TaskStatus> {
        world.iter().flatten().map(|look| look.status).collect()
    };
    assert_ne!(statuses(&a), statuses(&b));
}
