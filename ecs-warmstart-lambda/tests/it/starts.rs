//! One event, one start, however often it comes.

use ecs_warmstart::memory::{Action, Behaviour, Refusal, Stop};
use ecs_warmstart_lambda::failure::FailureKind;
use serde_json::json;

use crate::stage::{AMPLE, Stage, configuration, failed, fixture, start, task_of};

#[tokio::test(start_paused = true)]
async fn the_same_event_again_is_answered_with_the_same_task() {
    let stage = Stage::new();
    let first = stage.send(start("event-1", "auth")).await.unwrap();
    assert_eq!(first["report"]["services"][0]["outcome"], "ready");
    for _ in 0..2 {
        let again = stage.send(start("event-1", "auth")).await.unwrap();
        assert_eq!(task_of(&again), task_of(&first));
    }
    assert_eq!(stage.count(Action::RegisterTargets), 1);
    let other = stage.send(start("event-2", "auth")).await.unwrap();
    assert_ne!(task_of(&other), task_of(&first));
    assert_eq!(stage.standing().await, (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn the_same_event_twice_at_once_is_one_task() {
    let stage = Stage::new();
    let (one, other) =
        tokio::join!(stage.send(start("event-1", "auth")), stage.send(start("event-1", "auth")));
    assert_eq!(task_of(&one.unwrap()), task_of(&other.unwrap()));
    assert_eq!(stage.standing().await, (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_undone_is_tried_again_by_the_next_generation() {
    let stage = Stage::new();
    stage.cloud.behave_next("authapi-task-def", 1, &Behaviour::stops(Stop::image_not_found()));
    let why = failed(stage.send(start("event-1", "auth")).await, FailureKind::Undone);
    assert!(why.starts_with("auth: the image 111122223333.dkr.ecr.us-east-2.amazonaws.com/"), "{why}");
    assert!(why.contains(" does not exist"), "{why}");
    assert_eq!(stage.standing().await, (0, 0, 0));
    let again = stage.send(start("event-1", "auth")).await.unwrap();
    assert_eq!(again["report"]["services"][0]["outcome"], "ready");
    assert_eq!(stage.standing().await, (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_kind_of_a_failure_says_what_to_do() {
    let stage = Stage::new();
    stage.cloud.behave("authapi-task-def", &Behaviour::never_serves());
    failed(stage.send(start("event-1", "auth")).await, FailureKind::Undone);
    let long = stage.clock.now() + AMPLE;
    stage.cloud.refuse_until("pdfcreator-task-def", long, &Refusal::no_fargate_capacity());
    failed(stage.send(start("event-2", "pdf")).await, FailureKind::Capacity);
    let group = ecs_warmstart::memory::SAMPLE_SERVICES[2].target_group.parse().unwrap();
    stage.cloud.deny_group(&group);
    failed(stage.send(start("event-3", "fa")).await, FailureKind::Denied);
    let detail = json!({ "service": "users", "port": 1 });
    let event = json!({ "id": "event-4", "detail-type": "Start ECS Task", "detail": detail });
    let why = failed(stage.send(event).await, FailureKind::Misconfigured);
    assert!(why.contains("no container of task definition user-management-task-def:1 has port 1"), "{why}");
    assert_eq!(stage.standing().await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_kept_task_is_no_success() {
    let config = configuration(1).replace("[defaults]", "[defaults]\non_failure = \"keep\"");
    let stage = Stage::with(&[("WARMSTART_CONFIG", &config)], None);
    stage.cloud.behave("authapi-task-def", &Behaviour::never_serves());
    failed(stage.send(start("event-1", "auth")).await, FailureKind::Kept);
    assert_eq!(stage.cloud.running_tasks().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_overrules_what_is_configured() {
    let stage = Stage::new();
    let answer = stage.send(fixture("start_overrides")).await.unwrap();
    let service = &answer["report"]["services"][0];
    assert_eq!(service["outcome"], "registered", "waitForHealthy is false");
    assert_eq!(service["tasks"].as_array().unwrap().len(), 2, "count");
    assert_eq!(stage.standing().await, (2, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn an_event_may_name_everything_itself() {
    let allow = "cluster:pdf* task-definition:pdf* target-group:pdf";
    let stage = Stage::with(&[("WARMSTART_ALLOW", allow)], None);
    let answer = stage.send(fixture("start_unnamed")).await.unwrap();
    let service = &answer["report"]["services"][0];
    assert_eq!((&service["service"], &service["outcome"]), (&json!("pdfcreator-task-def"), &json!("ready")));
    assert_eq!(stage.standing().await, (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_environment_stands_in_for_what_an_event_leaves_out() {
    let pdf = &ecs_warmstart::memory::SAMPLE_SERVICES[1];
    let stage = Stage::with(
        &[
            ("ECS_CLUSTER", pdf.cluster),
            ("TASK_DEFINITION", pdf.task_definition),
            ("TARGET_GROUP_ARN", pdf.target_group),
            ("SUBNETS", "subnet-a"),
            ("SECURITY_GROUPS", "sg-1"),
            ("CONTAINER_PORT", "9080"),
        ],
        None,
    );
    let answer = stage.send(start("event-1", "invoices")).await.unwrap();
    assert_eq!(answer["report"]["services"][0]["service"], "invoices");
    let found = stage.send(json!({ "action": "stop", "detail": { "services": ["invoices"] } })).await;
    assert_eq!(found.unwrap()["report"]["services"][0]["outcome"], "drained");
    assert_eq!(stage.standing().await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn ensure_brings_to_the_count_and_no_further() {
    let stage = Stage::with(&[("WARMSTART_CONFIG", &configuration(2))], None);
    stage.send(start("event-1", "auth")).await.unwrap();
    assert_eq!(stage.standing().await, (2, 2, 0));
    for id in ["schedule-1", "schedule-2"] {
        let mut event = fixture("start_ensure");
        event["id"] = json!(id);
        let answer = stage.send(event).await.unwrap();
        assert_eq!(answer["report"]["services"][0]["outcome"], "ready");
        assert_eq!(stage.standing().await, (2, 2, 0));
    }
    let task = stage.cloud.running_tasks().remove(0);
    stage.cloud.stop_by_hand(&task, "gone");
    stage.send(fixture("start_ensure")).await.unwrap();
    assert_eq!(stage.cloud.running_tasks().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_service_is_named_with_the_nearest() {
    let stage = Stage::new();
    let why = failed(stage.send(start("event-1", "auht")).await, FailureKind::InvalidEvent);
    assert!(why.contains("did you mean auth?"), "{why}");
    assert!(stage.chaos.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_invocation_takes_as_much_of_the_quotas_as_it_is_told() {
    for (share, expected) in [(None, 0..1_000), (Some("0.02"), 9_000..12_000)] {
        let config = configuration(5);
        let mut variables = vec![("WARMSTART_CONFIG", config.as_str())];
        variables.extend(share.map(|share| ("WARMSTART_QUOTA_SHARE", share)));
        let stage = Stage::with(&variables, None);
        let detail = json!({ "service": "auth", "ensure": true });
        let event = json!({ "id": "event-1", "detail-type": "Start ECS Task", "detail": detail });
        stage.send(event).await.unwrap();
        let launches: Vec<_> =
            stage.cloud.calls().into_iter().filter(|call| call.action == Action::RunTask).collect();
        assert_eq!(launches.len(), 5);
        // Of 20/s on Fargate: the first of them at once, and then one in 2.5 s.
        let took = launches[4].at.since(launches[0].at).as_millis();
        assert!(expected.contains(&took), "{share:?}: {took} ms");
    }
}
