//! Events on the bus, and messages in the queues.

use serde_json::{Value, json};

use crate::cloud::{BROKEN, Cloud, until};
use crate::stack::Stack;

const OURS: &str = "ecs-warmstart";

#[test]
fn an_event_on_the_bus_starts_one_task_and_registers_it_once() {
    let Some(stack) = Stack::shared() else { return };
    // Not of a source that is obeyed: had it been, there would be two.
    stack.put_event("somebody.else", "Start ECS Task", &json!({ "service": "event" }));
    stack.put_event(OURS, "Start ECS Task", &json!({ "service": "event" }));
    let targets = registered(stack.cloud, "event");
    assert_eq!((targets.len(), stack.cloud.registrations("event")), (1, 1));
    assert_eq!(stack.cloud.tasks("event").len(), 1);
}

#[test]
fn what_cannot_start_is_tried_twice_and_reaches_the_dead_letter_queue() {
    let Some(stack) = Stack::shared() else { return };
    stack.put_event(OURS, "Start ECS Task", &json!({ "service": BROKEN }));
    let letter = until("a dead letter", stack.cloud, || {
        let letters = stack.receive("DeadLetterQueueUrl");
        letters.into_iter().find(|letter| {
            let event = &letter["requestPayload"];
            event["source"] == OURS && event["detail"]["service"] == BROKEN
        })
    });
    let error = letter["responsePayload"]["errorType"].as_str().unwrap_or_default();
    assert!(error.starts_with("WarmStart."), "{letter:#}");
    let tries = stack.cloud.calls_of_the_function();
    let tries = tries.iter().filter(|call| call.parameters["taskDefinition"] == BROKEN).count();
    assert!(tries >= 2, "it was tried {tries} times");
    assert_eq!(stack.cloud.tasks(BROKEN), [] as [&str; 0]);
}

#[test]
fn a_task_that_stopped_is_taken_out_of_its_group() {
    let Some(stack) = Stack::shared() else { return };
    let cloud = stack.cloud;
    let started =
        stack.invoke(&json!({ "action": "start", "run_id": "change-1", "detail": { "service": "change" } }));
    assert_eq!((&started["status"], cloud.targets("change").len()), (&json!("finished"), 1), "{started:#}");
    let task = cloud.tasks("change").remove(0);
    cloud.moto.ecs("StopTask", &json!({ "cluster": "warm", "task": task }));
    let event = state_change(cloud, &task);
    // Somebody else's task is none of our business, and its event does not get to us.
    let mut strange = event.clone();
    strange["startedBy"] = json!("ecs-svc/1234567890");
    stack.put_event("aws.ecs", "ECS Task State Change", &strange);
    stack.put_event("aws.ecs", "ECS Task State Change", &event);
    until("its target out of the group", cloud, || cloud.targets("change").is_empty().then_some(()));
}

#[test]
fn what_does_not_fit_into_one_invocation_goes_on_through_the_queue() {
    let Some(stack) = Stack::shared() else { return };
    let cloud = stack.cloud;
    let start = json!({
        "action": "start", "run_id": "handed-on-1", "budget_seconds": 0,
        "detail": { "service": "handed-on" },
    });
    stack.send("ContinueQueueUrl", &start);
    let targets = registered(cloud, "handed-on");
    assert_eq!((targets.len(), cloud.registrations("handed-on")), (1, 1));
    assert_eq!(cloud.tasks("handed-on").len(), 1);
    let handed_on = cloud.ministack.notes().into_iter().any(|note| {
        note.action == "SendMessage"
            && note.access_key != "test"
            && note.parameters["MessageBody"].as_str().is_some_and(|body| body.contains("handed-on"))
    });
    assert!(handed_on, "it was done in one invocation: {}", cloud.ministack.said());
    until("an empty queue", cloud, || (stack.depth("ContinueQueueUrl") == 0).then_some(()));
}

#[test]
fn what_was_handed_on_and_fails_is_a_dead_letter_at_once() {
    let Some(stack) = Stack::shared() else { return };
    let start = json!({ "id": "handed-on-in-vain", "detail-type": "Start ECS Task", "detail": { "service": BROKEN } });
    // As the function itself begins something once more.
    stack.send("ContinueQueueUrl", &json!({ "action": "again", "event": start, "tries": 1 }));
    let letter = until("a dead letter", stack.cloud, || {
        let letters = stack.receive("DeadLetterQueueUrl");
        letters.into_iter().find(|letter| letter["requestPayload"]["detail"]["runId"] == "handed-on-in-vain")
    });
    assert_eq!(letter["requestContext"]["condition"], "WarmStartFailed", "{letter:#}");
    // What SQS gives up has no error.
    let error = letter["responsePayload"]["errorType"].as_str().unwrap_or_default();
    assert!(error.starts_with("WarmStart."), "{letter:#}");
    assert_eq!(letter["requestContext"]["approximateInvokeCount"], 1, "{letter:#}");
    until("an empty queue", stack.cloud, || (stack.depth("ContinueQueueUrl") == 0).then_some(()));
}

#[test]
fn a_stack_is_removed_with_everything_in_it() {
    let Some(cloud) = Cloud::shared() else { return };
    let stack = Stack::deploy(cloud, "brief", "nobody");
    let function = stack.output("FunctionName").to_owned();
    let is_there = || {
        let (status, _) =
            cloud.ministack.rest("lambda", "GET", &format!("/2015-03-31/functions/{function}"), "");
        let queues =
            cloud.ministack.json("sqs", "AmazonSQS.ListQueues", &json!({ "QueueNamePrefix": "brief-" }));
        let queues = queues["QueueUrls"].as_array().map_or(0, Vec::len);
        let rules = cloud.ministack.json("events", "AWSEvents.ListRules", &json!({ "NamePrefix": "brief-" }));
        let rules = rules["Rules"].as_array().map_or(0, Vec::len);
        (status, queues, rules)
    };
    assert_eq!(is_there(), (200, 2, 2));
    stack.remove("brief");
    assert_eq!(is_there(), (404, 0, 0));
}

/// The addresses of the service's group, as soon as there are some.
fn registered(cloud: &Cloud, service: &str) -> Vec<String> {
    until("a target in the group", cloud, || {
        Some(cloud.targets(service)).filter(|targets| !targets.is_empty())
    })
}

/// What ECS says of a task that stopped. There an address is that of an attachment of type `eni`, with other names than in
/// the API.
fn state_change(cloud: &Cloud, task: &str) -> Value {
    let answer = cloud.moto.ecs("DescribeTasks", &json!({ "cluster": "warm", "tasks": [task] }));
    let known = &answer["tasks"][0];
    let address = known["attachments"][0]["details"]
        .as_array()
        .and_then(|details| details.iter().find(|detail| detail["name"] == "privateIPv4Address"))
        .expect("an address");
    json!({
        "taskArn": task,
        "clusterArn": known["clusterArn"],
        "taskDefinitionArn": known["taskDefinitionArn"],
        "startedBy": known["startedBy"],
        "group": known["group"],
        "lastStatus": "STOPPED",
        "desiredStatus": "STOPPED",
        "stopCode": "UserInitiated",
        "stoppedReason": "Task stopped by user",
        "version": 5,
        "attachments": [{ "id": "a", "type": "eni", "status": "DELETED", "details": [address] }],
        "containers": [{ "name": "main", "lastStatus": "STOPPED", "exitCode": 0 }],
    })
}
