//! Who may start what: checked before any call.

use ecs_warmstart::overrides::TaskOverride;
use ecs_warmstart_lambda::failure::{Failure, FailureKind};
use serde_json::{Value, json};

use crate::stage::{Stage, configuration, failed, fixture, task_of};

#[track_caller]
fn denied(stage: &Stage, answer: Result<Value, Failure>, why: &str) {
    let said = failed(answer, FailureKind::Denied);
    assert!(said.contains(why), "{said}");
    assert!(stage.chaos.calls().is_empty(), "{:?}", stage.chaos.calls());
}

#[tokio::test(start_paused = true)]
async fn an_event_names_nothing_that_is_not_configured() {
    let stage = Stage::new();
    for (field, value, why) in [
        ("cluster", json!("prod"), "cluster:prod"),
        ("taskDefinition", json!("root-shell"), "task-definition:root-shell"),
        (
            "targetGroupArn",
            json!("arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/prod/0123456789abcdef"),
            "WARMSTART_ALLOW",
        ),
    ] {
        let mut event = fixture("start_service");
        event["detail"][field] = value;
        denied(&stage, stage.send(event).await, why);
    }
    denied(&stage, Stage::with(&[], None).send(fixture("start_unnamed")).await, "cluster:pdfcreator-cluster");
}

#[tokio::test(start_paused = true)]
async fn an_event_overrides_no_role_command_or_environment_unless_that_is_allowed() {
    let stage = Stage::new();
    for field in ["command", "environment", "taskRoleArn", "executionRoleArn"] {
        for value in [json!({}), json!("x"), json!(["sh", "-c", "x"]), json!(false)] {
            let mut event = fixture("start_service");
            event["detail"][field] = value;
            denied(&stage, stage.send(event).await, &format!("detail.{field}"));
        }
    }
    let needed = [
        "task-role:arn:aws:iam::111122223333:role/job",
        "execution-role:arn:aws:iam::111122223333:role/job-execution",
        "cpu:512",
        "memory:1024",
        "command:authapi-container",
        "environment:authapi-container/TENANT",
        "environment:authapi-container/TOKEN",
    ];
    let config = configuration(1);
    // Each refusal says what to add, and that alone is what is missing.
    for (given, missing) in needed.iter().enumerate() {
        let allowed = needed[..given].join(" ");
        let stage =
            Stage::with(&[("WARMSTART_CONFIG", config.as_str()), ("WARMSTART_ALLOW", &allowed)], None);
        let answer = stage.send(fixture("start_task_overrides")).await;
        denied(&stage, answer, &format!("add {missing} to WARMSTART_ALLOW"));
    }
    let all = needed.join(",");
    let stage = Stage::with(&[("WARMSTART_CONFIG", config.as_str()), ("WARMSTART_ALLOW", &all)], None);
    stage.send(fixture("start_task_overrides")).await.unwrap();
    // Other kinds are as they were.
    let mut event = fixture("start_task_overrides");
    event["detail"]["cluster"] = json!("prod");
    assert!(failed(stage.send(event).await, FailureKind::Denied).contains("cluster:prod"));
}

#[tokio::test(start_paused = true)]
async fn overrides_are_those_of_the_task_and_of_a_repeated_event() {
    let stage = Stage::with_overrides();
    let event = || fixture("start_task_overrides");
    let task = task_of(&stage.send(event()).await.unwrap());
    let asked: TaskOverride = serde_json::from_value(event()["detail"]["overrides"].take()).unwrap();
    assert_eq!(stage.cloud.overrides(&task.parse().unwrap()), Some(asked));
    assert_eq!(task_of(&stage.send(event()).await.unwrap()), task);

    // The same event with something else in it is no event that EventBridge repeats.
    let mut other = event();
    other["detail"]["overrides"]["containerOverrides"][0]["command"] = json!(["serve"]);
    let said = failed(stage.send(other.clone()).await, FailureKind::Kept);
    assert!(said.contains("was begun with other overrides"), "{said}");
    assert_eq!(stage.standing().await, (1, 1, 0));
    other["detail"]["runId"] = json!("another");
    assert_ne!(task_of(&stage.send(other).await.unwrap()), task);

    let mut ensure = event();
    ensure["detail"]["ensure"] = json!(true);
    assert!(failed(stage.send(ensure).await, FailureKind::InvalidEvent).contains("are for one start"));
    let mut twice = event();
    let variables =
        twice["detail"]["overrides"]["containerOverrides"][0]["environment"].as_array_mut().unwrap();
    variables.push(variables[1].clone());
    assert!(failed(stage.send(twice).await, FailureKind::InvalidEvent).contains("TOKEN twice"));
    let mut unknown = event();
    unknown["detail"]["overrides"]["containerOverrides"] = json!([{ "name": "sidecar" }, { "name": "x" }]);
    unknown["detail"]["runId"] = json!("unknown-container");
    let said = failed(stage.send(unknown).await, FailureKind::Misconfigured);
    assert!(said.contains("sidecar"), "{said}");
}

/// Overrides in a state are forged, or were allowed when it was begun and are no longer.
#[tokio::test(start_paused = true)]
async fn overrides_in_a_state_are_checked_wherever_they_stand() {
    let refused = Stage::new();
    denied(&refused, refused.send(fixture("step_task_overrides")).await, "add task-role:");
    let places = ["/starts/spec", "/starts/runs/0/run/spec"];
    for place in places {
        let mut step = fixture("step");
        let path = format!("/state/runs/services/0/work{place}/request");
        let request = step.pointer_mut(&path).unwrap();
        request["overrides"] =
            json!({ "containerOverrides": [{ "name": "authapi-container", "command": ["sh"] }] });
        let stage = Stage::new();
        denied(&stage, stage.send(step).await, "add command:authapi-container");
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_is_checked_like_an_event() {
    let stage = Stage::new();
    let first =
        json!({ "action": "start", "run_id": "r", "budget_seconds": 0, "detail": { "service": "auth" } });
    let start = stage.send(first).await.unwrap()["state"].clone();
    for (from, to) in [
        ("\"authapi-cluster\"", "\"prod\""),
        ("\"authapi-task-def\"", "\"root-shell\""),
        ("targetgroup/auth/", "targetgroup/prod/"),
    ] {
        let text = start.to_string();
        assert!(text.contains(from), "{text}");
        let state: Value = serde_json::from_str(&text.replace(from, to)).unwrap();
        let other = Stage::new();
        let answer = other.send(json!({ "action": "step", "state": state })).await;
        denied(&other, answer, "is not allowed");
    }
    stage.send(json!({ "action": "step", "state": start })).await.unwrap();
    let first = json!({ "action": "stop", "budget_seconds": 0, "detail": { "services": ["auth"] } });
    let stop = stage.send(first).await.unwrap()["state"].to_string();
    let state: Value = serde_json::from_str(&stop.replace("\"authapi-cluster\"", "\"prod\"")).unwrap();
    let other = Stage::new();
    denied(&other, other.send(json!({ "action": "step", "state": state })).await, "cluster prod");
}

#[tokio::test(start_paused = true)]
async fn patterns_allow_more() {
    let config = configuration(1);
    let stage = Stage::with(
        &[
            ("WARMSTART_CONFIG", config.as_str()),
            ("WARMSTART_ALLOW", "cluster:* task-definition:* target-group:*"),
        ],
        None,
    );
    stage.send(fixture("start_unnamed")).await.unwrap();
}
