//! The state machines.

use serde_json::{Value, json};

use crate::cloud::{BROKEN, until};
use crate::stack::Stack;

/// Runs one to its end, and says how it ended.
fn execute(stack: &Stack, machine: &str, name: &str, input: &Value) -> Value {
    let start = json!({ "stateMachineArn": stack.output(machine), "name": name, "input": input.to_string() });
    let started = states(stack, "StartExecution", &start);
    until("the end of an execution", stack.cloud, || {
        let now = states(stack, "DescribeExecution", &json!({ "executionArn": started["executionArn"] }));
        Some(now).filter(|now| now["status"] != "RUNNING")
    })
}

fn states(stack: &Stack, action: &str, body: &Value) -> Value {
    stack.cloud.ministack.json("states", &format!("AWSStepFunctions.{action}"), body)
}

/// How often the execution came to each state of that name.
fn visits(stack: &Stack, execution: &Value, state: &str) -> usize {
    let asked = json!({ "executionArn": execution["executionArn"], "maxResults": 1000 });
    let history = states(stack, "GetExecutionHistory", &asked);
    let events = history["events"].as_array().unwrap();
    events.iter().filter(|event| event["stateEnteredEventDetails"]["name"] == state).count()
}

fn output(execution: &Value) -> Value {
    serde_json::from_str(execution["output"].as_str().unwrap_or_default()).unwrap_or_default()
}

#[test]
fn one_start_is_driven_to_its_end_through_several_waits() {
    let Some(stack) = Stack::shared() else { return };
    let input = json!({ "detail": { "service": "loop" }, "budget_seconds": 0 });
    let execution = execute(stack, "StartMachineArn", "loop-1", &input);
    assert_eq!(execution["status"], "SUCCEEDED", "{execution:#}");
    let answer = output(&execution);
    assert_eq!(answer["status"], "finished", "{answer:#}");
    assert_eq!(answer["report"]["outcome"], "succeeded", "{answer:#}");
    assert!(visits(stack, &execution, "Wait") >= 2, "it did not wait");
    assert_eq!((stack.cloud.tasks("loop").len(), stack.cloud.registrations("loop")), (1, 1));
}

#[test]
fn a_start_that_fails_fails_its_execution_under_the_errors_own_name() {
    let Some(stack) = Stack::shared() else { return };
    let execution =
        execute(stack, "StartMachineArn", "broken-1", &json!({ "detail": { "service": BROKEN } }));
    assert_eq!(execution["status"], "FAILED", "{execution:#}");
    assert_eq!(execution["error"], "WarmStart.Misconfigured", "{execution:#}");
}

#[test]
fn many_starts_go_on_when_one_fails_and_the_failure_is_named() {
    let Some(stack) = Stack::shared() else { return };
    let details: Vec<Value> =
        ["first", BROKEN, "second"].iter().map(|service| json!({ "service": service })).collect();
    let execution = execute(stack, "StartManyMachineArn", "many-1", &json!({ "details": details }));
    assert_eq!(
        (&execution["status"], &execution["error"]),
        (&json!("FAILED"), &json!("WarmStart.SomeFailed"))
    );
    let cause: Value = serde_json::from_str(execution["cause"].as_str().unwrap()).unwrap();
    assert_eq!(cause["ready"], 2, "{cause:#}");
    let failed = &cause["failed"][0];
    assert_eq!(failed["service"], BROKEN, "{cause:#}");
    // All failures of a map have to fit into 256 KiB.
    assert!(!failed["error"].as_str().unwrap().is_empty(), "{cause:#}");
    assert!(failed.to_string().len() < 600, "{cause:#}");
    for service in ["first", "second"] {
        assert_eq!(
            (stack.cloud.tasks(service).len(), stack.cloud.targets(service).len()),
            (1, 1),
            "{service}"
        );
    }

    let execution = execute(
        stack,
        "StartManyMachineArn",
        "many-2",
        &json!({ "details": [{ "service": "first", "ensure": true }, { "service": "second", "ensure": true }] }),
    );
    assert_eq!(execution["status"], "SUCCEEDED", "{execution:#}");
    assert_eq!(output(&execution), json!({ "ready": 2, "failed": [] }));
    assert_eq!(stack.cloud.tasks("first").len(), 1, "what ran was adopted");
}
