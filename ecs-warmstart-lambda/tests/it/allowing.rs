//! Who may start what: checked before any call.

use ecs_warmstart_lambda::failure::{Failure, FailureKind};
use serde_json::{Value, json};

use crate::stage::{Stage, configuration, failed, fixture};

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
async fn an_event_overrides_no_role_command_or_environment() {
    let stage = Stage::new();
    for field in ["overrides", "command", "environment", "taskRoleArn", "executionRoleArn"] {
        for value in [json!({}), json!("x"), json!(["sh", "-c", "x"]), json!(false)] {
            let mut event = fixture("start_service");
            event["detail"][field] = value;
            denied(&stage, stage.send(event).await, field);
        }
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
