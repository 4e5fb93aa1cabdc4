//! Messages of a queue: one fails alone.

use ecs_warmstart_lambda::failure::FailureKind;
use serde_json::{Value, json};

use crate::stage::{Stage, failed, fixture, message};

#[tokio::test(start_paused = true)]
async fn those_that_failed_are_named() {
    let stage = Stage::new();
    let answer = stage.send(fixture("sqs_batch")).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "m-2" }] }));
    assert_eq!(stage.standing().await, (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_message_again_is_the_same_start() {
    let stage = Stage::new();
    for _ in 0..2 {
        let answer = stage.send(fixture("sqs_one")).await.unwrap();
        assert_eq!(answer, json!({ "batchItemFailures": [] }));
    }
    assert_eq!(stage.standing().await, (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn one_that_failed_alone_is_an_error() {
    let stage = Stage::new();
    failed(stage.send(message("{}")).await, FailureKind::InvalidEvent);
    let records: Vec<Value> = ["a", "b"]
        .iter()
        .map(|id| json!({ "eventSource": "aws:sqs", "messageId": id, "body": "{\"action\":\"no\"}" }))
        .collect();
    let why = failed(stage.send(json!({ "Records": records })).await, FailureKind::InvalidEvent);
    assert_eq!(why.lines().count(), 2, "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_within_a_batch_is_refused() {
    let stage = Stage::new();
    let inner = message("{\"action\":\"stop\",\"detail\":{}}").to_string();
    let why = failed(stage.send(message(&inner)).await, FailureKind::InvalidEvent);
    assert!(why.contains("neither `action` nor `detail-type`"), "{why}");
}
