//! Twenty thousand events that are almost right: no panic, never cut off, and always a typed answer.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::stage::{SECRET, Stage, all_fixtures, message};

const CASES: u32 = 20_000;

/// What becomes of one place of an event.
#[derive(Clone, Debug)]
enum Mutation {
    Remove,
    Replace(Value),
    Wrap,
    Nest,
    Rename(String),
    AsText,
}

fn values() -> impl Strategy<Value = Value> {
    let words = [
        "",
        "auth",
        "pdf",
        "a b",
        "ecs-warmstart/auth",
        "ecs-warmstart/",
        "STOPPED",
        "RUNNING",
        "PENDING",
        "Start ECS Task",
        "Stop ECS Tasks",
        "ECS Task State Change",
        "start",
        "stop",
        "step",
        "aws:sqs",
        "running",
        "container-healthy",
        "10.0.0.4",
        "::1",
        "arn:aws:ecs:us-east-2:111122223333:task/authapi-cluster/0a1b",
        "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef",
        "ready",
        "launching",
        "awaiting_healthy",
        "undo_task",
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0_u64..5).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(words.to_vec()).prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        Just(json!("x".repeat(400))),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{ "name": "privateIPv4Address", "value": "10.0.0.4" }])),
    ]
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        2 => Just(Mutation::Remove),
        6 => values().prop_map(Mutation::Replace),
        1 => Just(Mutation::Wrap),
        1 => Just(Mutation::Nest),
        1 => "[a-zA-Z_-]{1,12}".prop_map(Mutation::Rename),
        1 => Just(Mutation::AsText),
    ]
}

/// The paths to every place of a value.
fn paths(value: &Value, here: &str, all: &mut Vec<String>) {
    all.push(here.to_owned());
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                let key = key.replace('~', "~0").replace('/', "~1");
                paths(inner, &format!("{here}/{key}"), all);
            }
        }
        Value::Array(list) => {
            for (place, inner) in list.iter().enumerate() {
                paths(inner, &format!("{here}/{place}"), all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn mutate(event: &mut Value, place: prop::sample::Index, mutation: &Mutation) {
    let mut all = Vec::new();
    paths(event, "", &mut all);
    let path = place.get(&all).clone();
    let (parent, key) = path.rsplit_once('/').unwrap_or(("", ""));
    let key = key.replace("~1", "/").replace("~0", "~");
    match mutation {
        Mutation::Remove | Mutation::Rename(_) => {
            let Some(parent) = event.pointer_mut(parent) else { return };
            match parent {
                Value::Object(object) => {
                    let value = object.remove(&key);
                    if let (Mutation::Rename(name), Some(value)) = (mutation, value) {
                        object.insert(name.clone(), value);
                    }
                }
                Value::Array(list) => {
                    if let Ok(place) = key.parse::<usize>() {
                        list.remove(place.min(list.len().saturating_sub(1)));
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        Mutation::Replace(value) => *event.pointer_mut(&path).unwrap() = value.clone(),
        Mutation::Wrap => {
            let inner = event.pointer_mut(&path).unwrap();
            *inner = json!([inner.take()]);
        }
        Mutation::Nest => {
            let inner = event.pointer_mut(&path).unwrap();
            *inner = json!({ "detail": inner.take() });
        }
        Mutation::AsText => {
            let inner = event.pointer_mut(&path).unwrap();
            *inner = json!(inner.to_string());
        }
    }
}

/// What an event comes to, in a word.
fn answered(event: Value, seconds: u64) -> Result<String, TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let answer = runtime.unwrap().block_on(async {
        let stage = Stage::with_overrides();
        stage.send_within(event, Duration::from_secs(seconds)).await
    });
    match answer {
        Ok(answer) if answer["batchItemFailures"].is_array() => Ok("batch".to_owned()),
        Ok(answer) => {
            let status = answer["status"].as_str().unwrap_or_default().to_owned();
            let known = ["waiting", "finished", "ignored"].contains(&status.as_str());
            prop_assert!(known, "{answer}");
            // A state has to have it; nobody else sees what a variable says.
            prop_assert!(status == "waiting" || !answer.to_string().contains(SECRET), "{answer}");
            Ok(status)
        }
        Err(failure) => {
            prop_assert!(
                !failure.to_string().is_empty() && !failure.to_string().contains(SECRET),
                "{failure}"
            );
            Ok(failure.kind().error_type().to_owned())
        }
    }
}

#[test]
fn twenty_thousand_mutated_events_have_typed_answers() {
    let fixtures = all_fixtures();
    assert!(fixtures.len() >= 15, "{}", fixtures.len());
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let seen = std::sync::Mutex::new(std::collections::BTreeMap::<String, u32>::new());
    let strategy = (
        proptest::sample::select(fixtures),
        proptest::collection::vec((any::<prop::sample::Index>(), mutation()), 1..5),
        any::<bool>(),
        1_u64..30,
    );
    let done = runner.run(&strategy, |((_, mut event), mutations, in_message, seconds)| {
        for (place, mutation) in &mutations {
            mutate(&mut event, *place, mutation);
        }
        let event = if in_message { message(&event.to_string()) } else { event };
        let word = answered(event, seconds)?;
        *seen.lock().unwrap().entry(word).or_default() += 1;
        Ok(())
    });
    done.unwrap();
    let seen = seen.into_inner().unwrap();
    // Not all of them are refused at the door.
    for word in ["finished", "ignored", "waiting", "batch", "WarmStart.InvalidEvent", "WarmStart.OutOfTime"] {
        assert!(seen.get(word).is_some_and(|times| *times > 20), "{word}: {seen:?}");
    }
}
