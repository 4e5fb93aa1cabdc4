//! The real binary under a runtime API, against a real HTTP server that speaks AWS's APIs.
//!
//! Set `WARMSTART_EMULATOR=off` to leave out what needs the emulator.

#![cfg(unix)]

mod function;
mod http;
mod wire;

use std::collections::HashMap;
use std::time::Duration;

use ecs_warmstart::ids::TargetGroupArn;
use ecs_warmstart::testing::moto::Moto;
use serde_json::{Value, json};

use crate::function::Function;
use crate::http::Message;
use crate::wire::{Tokens, Wire};

const AMPLE: Duration = Duration::from_secs(300);

/// One service on an emulator of its own, and what is sent to it.
struct Scene {
    moto: Moto,
    wire: Wire,
    group: TargetGroupArn,
    environment: HashMap<String, String>,
}

impl Scene {
    /// None where emulators are left out.
    fn new(tokens: Tokens) -> Option<Self> {
        let moto = Moto::start()?;
        let wire = Wire::before(moto.endpoint(), tokens);
        moto.create_cluster("auth");
        moto.register_task_definition(&json!({
            "family": "auth",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "containerDefinitions": [{
                "name": "main", "image": "main:1", "memory": 256, "essential": true,
                "portMappings": [{ "containerPort": 8080 }],
            }],
        }));
        let group = moto.create_target_group("auth", 8080);
        moto.create_listener("auth", &group);
        let mut environment: HashMap<String, String> = moto
            .environment()
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        for (name, value) in [
            ("AWS_ENDPOINT_URL", wire.endpoint()),
            ("AWS_SECRET_ACCESS_KEY", "secret-of-the-role"),
            ("ECS_CLUSTER", "auth"),
            ("TASK_DEFINITION", "auth"),
            ("TARGET_GROUP_ARN", group.as_str()),
            ("SUBNETS", &moto.subnets().remove(0)),
            ("SECURITY_GROUPS", &moto.security_group()),
            ("CONTAINER_PORT", "8080"),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        Some(Self { moto, wire, group, environment })
    }

    /// How often the emulator was called so.
    fn calls(&self, action: &str) -> usize {
        self.moto.calls().iter().filter(|call| *call == action).count()
    }

    /// The tasks that run.
    fn running(&self) -> Vec<Value> {
        let listed = self.moto.ecs("ListTasks", &json!({ "cluster": "auth" }));
        if listed["taskArns"].as_array().unwrap().is_empty() {
            return Vec::new();
        }
        let described =
            self.moto.ecs("DescribeTasks", &json!({ "cluster": "auth", "tasks": listed["taskArns"] }));
        let mut tasks = described["tasks"].as_array().unwrap().clone();
        tasks.retain(|task| task["desiredStatus"] == "RUNNING");
        tasks
    }

    /// How many targets the group holds that do not drain.
    fn registered(&self) -> usize {
        let health = self.moto.elb("DescribeTargetHealth", &[("TargetGroupArn", self.group.as_str())]);
        health.matches("<State>healthy</State>").count()
    }

    fn queue(&self) -> String {
        let request = Message {
            first: "POST / HTTP/1.1".to_owned(),
            headers: vec![
                ("X-Amz-Target".to_owned(), "AmazonSQS.CreateQueue".to_owned()),
                ("Content-Type".to_owned(), "application/x-amz-json-1.0".to_owned()),
                (
                    "Authorization".to_owned(),
                    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, \
                     Signature=0"
                        .to_owned(),
                ),
            ],
            body: br#"{"QueueName":"continue"}"#.to_vec(),
        };
        let answer = http::send(self.moto.endpoint().trim_start_matches("http://"), &request).unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        answer["QueueUrl"].as_str().unwrap().to_owned()
    }
}

fn start(id: &str) -> Value {
    json!({ "id": id, "detail-type": "Start ECS Task", "source": "test", "detail": { "service": "auth" } })
}

/// What EventBridge tells of the task, from what ECS says of it.
fn change(mut task: Value, started_by: &str) -> Value {
    for attachment in task["attachments"].as_array_mut().unwrap() {
        attachment["type"] = json!("eni");
    }
    task["startedBy"] = json!(started_by);
    // Times are text in events.
    for time in ["createdAt", "startedAt", "stoppedAt"] {
        task.as_object_mut().unwrap().remove(time);
    }
    json!({ "id": "change", "detail-type": "ECS Task State Change", "source": "aws.ecs", "detail": task })
}

#[test]
fn start_state_change_and_stop() {
    let Some(scene) = Scene::new(Tokens::Ignored) else { return };
    let mut function = Function::start(&scene.environment);

    let mut event = start("event-1");
    event["detail"]["note"] = json!("never-to-be-logged");
    let answer = function.invoke(event, AMPLE).unwrap();
    assert_eq!(answer["status"], "finished", "{answer:#}");
    let task = &answer["report"]["services"][0]["tasks"][0];
    assert_eq!((&task["outcome"], &task["targets"][0]["state"]), (&json!("ready"), &json!("healthy")));
    assert_eq!((scene.running().len(), scene.registered()), (1, 1));
    assert_eq!(scene.wire.tokens(), ["event-1/auth/0#0"]);

    // Told that it runs: it is registered already.
    let seen = scene.running().remove(0);
    let answer = function.invoke(change(seen.clone(), "ecs-warmstart/auth"), AMPLE).unwrap();
    assert_eq!(answer["status"], "ignored", "{answer:#}");
    let answer = function.invoke(change(seen.clone(), "somebody"), AMPLE).unwrap();
    assert_eq!(answer["status"], "ignored", "{answer:#}");

    // Told that it stopped.
    scene.moto.ecs("StopTask", &json!({ "cluster": "auth", "task": seen["taskArn"] }));
    let mut stopped = seen.clone();
    for (field, value) in [("lastStatus", "STOPPED"), ("desiredStatus", "STOPPED")] {
        stopped[field] = json!(value);
    }
    stopped["version"] = json!(1_000);
    let answer = function.invoke(change(stopped, "ecs-warmstart/auth"), AMPLE).unwrap();
    assert_eq!(answer["report"]["services"][0]["outcome"], "drained", "{answer:#}");
    assert_eq!((scene.registered(), scene.calls("DeregisterTargets")), (0, 1));

    function.invoke(start("event-2"), AMPLE).unwrap();
    let stop = json!({ "action": "stop", "detail": { "services": ["auth"], "drainWaitSeconds": 0 } });
    let answer = function.invoke(stop, AMPLE).unwrap();
    assert_eq!(answer["report"]["services"][0]["outcome"], "drained", "{answer:#}");
    assert_eq!((scene.running().len(), scene.registered()), (0, 0));

    let said = function.said();
    assert!(said.contains("start") && said.contains("phase entered"), "{said}");
    for secret in ["never-to-be-logged", "secret-of-the-role"] {
        assert!(!said.contains(secret), "{said}");
    }
    let metrics = function.metrics();
    let ready: u64 = metrics.iter().filter_map(|document| document["StartsReady"].as_u64()).sum();
    assert_eq!(ready, 2, "{metrics:#?}");
    assert!(metrics.iter().any(|document| document["RunningToRegistered"].as_u64() < Some(60_000)));
}

#[test]
fn an_event_that_needs_three_invocations_ends_with_one_task() {
    let Some(mut scene) = Scene::new(Tokens::Known) else { return };
    let url = scene.queue();
    scene.environment.insert("WARMSTART_CONTINUE_QUEUE_URL".to_owned(), url);
    // What finds the target first finds it being checked, and the next look is a second later at least.
    scene.wire.slow_target(1);
    // Three quarters of it are for driving: less than the first look at a target takes.
    let short = Duration::from_secs(1);
    let answer = Function::start(&scene.environment).invoke(start("event-1"), short).unwrap();
    assert_eq!(answer["status"], "continued", "{answer:#}");

    let message = |number: usize| {
        let sent: Value = serde_json::from_str(&scene.wire.sent("SendMessage")[number]).unwrap();
        assert!(sent["DelaySeconds"].as_u64().unwrap() <= 900);
        let body = sent["MessageBody"].as_str().unwrap();
        json!({ "Records": [{ "eventSource": "aws:sqs", "messageId": "m", "body": body }] })
    };
    // Each on a machine of its own; the second before it is due or not, it hands on once more.
    let short = Duration::from_millis(800);
    let answer = Function::start(&scene.environment).invoke(message(0), short).unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    assert_eq!(scene.wire.sent("SendMessage").len(), 2, "two invocations were enough");
    let mut handled = 1;
    while handled < scene.wire.sent("SendMessage").len() {
        Function::start(&scene.environment).invoke(message(handled), AMPLE).unwrap();
        handled += 1;
    }
    assert_eq!(handled, 2, "a third has ample time");
    assert_eq!((scene.running().len(), scene.registered()), (1, 1));
    assert_eq!((scene.calls("RunTask"), scene.calls("RegisterTargets")), (1, 1));
}

#[test]
fn an_event_that_comes_twice_asks_with_the_same_token() {
    for (tokens, tasks) in [(Tokens::Ignored, 2), (Tokens::Known, 1)] {
        let Some(scene) = Scene::new(tokens) else { return };
        for _ in 0..2 {
            let answer = Function::start(&scene.environment).invoke(start("event-1"), AMPLE).unwrap();
            assert_eq!(answer["report"]["services"][0]["outcome"], "ready", "{answer:#}");
        }
        assert_eq!(scene.wire.tokens(), ["event-1/auth/0#0", "event-1/auth/0#0"]);
        // The emulator ignores tokens; what answers them as ECS does has one task, registered once.
        assert_eq!(scene.running().len(), tasks, "{tokens:?}");
        if tokens == Tokens::Known {
            assert_eq!((scene.registered(), scene.calls("RegisterTargets")), (1, 1));
        }
    }
}

#[test]
fn overrides_are_on_the_wire_and_in_no_log() {
    let Some(mut scene) = Scene::new(Tokens::Known) else { return };
    for (name, value) in [
        ("WARMSTART_ALLOW", "task-role:job execution-role:job command:main environment:main/*"),
        ("LOG_LEVEL", "TRACE"),
    ] {
        scene.environment.insert(name.to_owned(), value.to_owned());
    }
    let role = "arn:aws:iam::123456789012:role/job";
    let overrides = json!({
        "taskRoleArn": role,
        "executionRoleArn": role,
        "containerOverrides": [{
            "name": "main",
            "command": ["serve", "secret-of-the-command"],
            "environment": [{ "name": "TOKEN", "value": "secret-of-the-task" }],
        }],
    });
    let mut event = start("event-1");
    event["detail"]["overrides"] = overrides.clone();
    let mut function = Function::start(&scene.environment);
    for _ in 0..2 {
        let answer = function.invoke(event.clone(), AMPLE).unwrap();
        assert_eq!(answer["report"]["services"][0]["outcome"], "ready", "{answer:#}");
        assert!(!answer.to_string().contains("secret-of"), "{answer:#}");
    }
    let sent = scene.wire.sent("RunTask");
    let first: Value = serde_json::from_str(&sent[0]).unwrap();
    assert_eq!((&first["overrides"], sent.len()), (&overrides, 2));
    assert_eq!(sent[0], sent[1], "a token stands for one request");
    assert_eq!(scene.running()[0]["overrides"]["containerOverrides"][0]["command"][0], "serve");

    event["id"] = json!("event-2");
    event["detail"]["overrides"]["containerOverrides"][0]["environment"][0] = json!("secret-of-the-task");
    let error = function.invoke(event.clone(), AMPLE).unwrap_err();
    assert_eq!(error["errorType"], "WarmStart.InvalidEvent", "{error:#}");
    event["detail"]["overrides"] = json!({ "cpu": "4096" });
    let error = function.invoke(event, AMPLE).unwrap_err();
    assert_eq!(error["errorType"], "WarmStart.Denied", "{error:#}");
    assert!(!function.said().contains("secret-of"), "{}", function.said());
    assert!(function.said().contains("DEBUG") || function.said().contains("TRACE"), "nothing was logged");
}

#[test]
fn a_failure_is_an_error_of_the_function() {
    let Some(scene) = Scene::new(Tokens::Known) else { return };
    let mut function = Function::start(&scene.environment);
    let mut event = start("event-1");
    event["detail"]["port"] = json!(1);
    let error = function.invoke(event, AMPLE).unwrap_err();
    assert_eq!(error["errorType"], "WarmStart.Misconfigured", "{error:#}");
    assert!(error["errorMessage"].as_str().unwrap().contains("has port 1"), "{error:#}");
    let error = function.invoke(json!({ "hello": "world" }), AMPLE).unwrap_err();
    assert_eq!(error["errorType"], "WarmStart.InvalidEvent");
    let mut event = start("event-1");
    event["detail"]["cluster"] = json!("prod");
    let error = function.invoke(event, AMPLE).unwrap_err();
    assert_eq!(error["errorType"], "WarmStart.Denied");
    assert_eq!((scene.calls("RunTask"), scene.calls("RegisterTargets")), (0, 0));
    assert!(function.said().contains("WarmStart.Denied"), "a refusal is logged");
    // And it lives on.
    function.invoke(start("event-2"), AMPLE).unwrap();
}

#[test]
fn a_wrong_environment_is_answered_to_every_event() {
    let environment = [("CONTAINER_PORT", "http"), ("AWS_REGION", "us-east-1")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let mut function = Function::start(&environment);
    for _ in 0..2 {
        let error = function.invoke(start("event-1"), AMPLE).unwrap_err();
        assert_eq!(error["errorType"], "WarmStart.InvalidConfiguration");
        assert!(error["errorMessage"].as_str().unwrap().contains("CONTAINER_PORT"), "{error:#}");
    }
    assert!(function.said().contains("WarmStart.InvalidConfiguration"));
}
