//! Every shape of event, from its fixture; and what is said where a field is missing or does not fit.

use std::time::Duration;

use ecs_warmstart::fleet::GateKind;
use ecs_warmstart::observation::TaskStatus;
use ecs_warmstart_lambda::event::{Call, Event, Request, StartDetail, parse};
use ecs_warmstart_lambda::failure::FailureKind;
use serde_json::{Value, json};

use crate::stage::{SECRET, Stage, fixture, fixtures};

fn call(name: &str) -> Call {
    match parse(fixture(name), "request-1").unwrap() {
        Event::One(call) => *call,
        Event::Batch(_) => panic!("{name} is a batch"),
    }
}

#[track_caller]
fn started(call: &Call) -> (&str, &StartDetail) {
    match &call.request {
        Request::Start { run, detail } => (run.as_str(), detail),
        other => panic!("{other:?}"),
    }
}

#[test]
fn starts() {
    let event = call("start_service");
    let (run, detail) = started(&event);
    assert_eq!(run, "0d079340-135a-c8c6-95c2-41fb8f496c53");
    assert_eq!(detail.service.as_ref().unwrap().as_str(), "auth");
    assert!(!event.reads_answer && detail.cluster.is_none() && detail.wait_for_healthy.is_none());

    let event = call("start_overrides");
    let (run, detail) = started(&event);
    assert_eq!((run, detail.port, detail.count), ("a1b2", Some(9080), Some(2)));
    assert_eq!((detail.gate, detail.wait_for_healthy), (Some(GateKind::Running), Some(false)));
    assert_eq!(detail.task_definition.as_ref().unwrap().family(), "pdfcreator-task-def");
    assert_eq!(detail.target_group_arn.as_ref().unwrap().name(), "pdf");
    assert_eq!(detail.subnets.as_deref().unwrap(), ["subnet-b"]);
    assert_eq!(detail.security_groups.as_deref().unwrap(), ["sg-2"]);

    let event = call("start_task_overrides");
    let overrides = started(&event).1.overrides.as_ref().unwrap();
    assert_eq!(overrides.task_role_arn.as_ref().unwrap().name(), "job");
    assert_eq!(overrides.container_overrides[0].command.as_ref().unwrap().len(), 3);
    assert_eq!(overrides.container_overrides[0].environment[1].value, SECRET);
    assert!(!format!("{event:?}").contains(SECRET), "{event:?}");

    assert_eq!(started(&call("start_with_run_id")).0, "order-4711");
    let event = call("start_from_schedule");
    let (run, detail) = started(&event);
    assert_eq!((run, detail.ensure), ("scheduler-execution-1", Some(true)));

    let event = call("direct_start");
    assert_eq!(started(&event).0, "execution-7");
    assert_eq!((event.reads_answer, event.budget), (true, Some(Duration::from_secs(5))));
    let nameless = json!({ "action": "start", "detail": { "service": "auth" } });
    let Event::One(event) = parse(nameless, "request-1").unwrap() else { panic!() };
    assert_eq!(started(&event).0, "request-1");
}

#[test]
fn stops() {
    let Request::Stop(detail) = call("stop_service").request else { panic!() };
    assert_eq!(detail.services.unwrap()[0].as_str(), "auth");
    assert_eq!((detail.allow_empty, detail.drain_wait_seconds), (Some(false), Some(5)));
    let Request::Stop(detail) = call("stop_all").request else { panic!() };
    assert!(detail.services.unwrap().is_empty() && detail.allow_empty.is_none());
    assert!(call("direct_stop").reads_answer);
}

#[test]
fn changes_of_tasks() {
    let Request::TaskChange(task) = call("task_running").request else { panic!() };
    assert_eq!((task.status, task.version, task.is_ending()), (TaskStatus::Running, 3, false));
    assert_eq!(task.addresses, ["10.0.1.163".parse::<std::net::IpAddr>().unwrap()]);
    assert_eq!(task.started_by.as_deref(), Some("ecs-warmstart/auth"));
    assert_eq!(task.started_at.unwrap().to_string(), "2026-01-31T11:59:34.325Z");
    assert!(task.host.is_none());

    let Request::TaskChange(task) = call("task_stopped").request else { panic!() };
    assert_eq!((task.status, task.version, task.is_ending()), (TaskStatus::Stopped, 7, true));
    assert_eq!(task.stop.as_ref().unwrap().reason, "Essential container in task exited");
    assert_eq!(task.containers[0].exit_code, Some(137));
    assert_eq!(task.addresses.len(), 1, "the address it had");

    let Request::TaskChange(task) = call("task_running_on_instance").request else { panic!() };
    assert!(task.addresses.is_empty() && task.host.is_some());
    assert_eq!(task.containers[0].ports[0].host_port, 32768);
}

#[test]
fn messages() {
    let Event::Batch(messages) = parse(fixture("sqs_batch"), "request-1").unwrap() else { panic!() };
    let kinds: Vec<_> = messages
        .iter()
        .map(|message| message.call.as_ref().map(|call| call.reads_answer).map_err(|failure| failure.kind()))
        .collect();
    assert_eq!(kinds, [Ok(false), Err(FailureKind::InvalidEvent), Ok(false)]);
    let Event::Batch(messages) = parse(fixture("sqs_one"), "request-1").unwrap() else { panic!() };
    assert_eq!(started(messages[0].call.as_ref().unwrap()).0, "m-1");
}

/// The state that a function of this version hands on. A later one has to go on with it, since messages are under way when it
/// is deployed.
#[tokio::test(start_paused = true)]
async fn a_state_of_this_version_is_gone_on_with() {
    for (name, event) in [("step", "start_service"), ("step_task_overrides", "start_task_overrides")] {
        let stage = Stage::with_overrides();
        let detail = fixture(event)["detail"].take();
        let first = json!({ "action": "start", "run_id": "r", "budget_seconds": 8, "detail": detail });
        let answer = stage.send(first).await.unwrap();
        let step = json!({ "action": "step", "state": answer["state"] });
        let path = fixtures().join(format!("{name}.json"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, format!("{step:#}\n")).unwrap();
        }
        assert_eq!(step, fixture(name), "UPDATE_GOLDEN=1 writes it anew; then keep the old one beside it");
        assert_eq!(step["state"]["version"], 1);
        let answer = stage.send(fixture(name)).await.unwrap();
        assert_eq!(answer["report"]["services"][0]["outcome"], "ready", "{answer:#}");
        assert!(!answer.to_string().contains(SECRET), "{answer:#}");
    }
    let stage = Stage::new();

    let mut unknown = fixture("step");
    unknown["state"]["version"] = json!(2);
    let why = stage.send(unknown).await.unwrap_err().to_string();
    assert!(why.contains("version 2; this program reads version 1"), "{why}");
}

#[track_caller]
fn refused(event: Value, why: &str) {
    let failure = parse(event, "request-1").unwrap_err();
    assert_eq!(failure.kind(), FailureKind::InvalidEvent);
    let message = failure.to_string();
    assert!(message.contains(why), "{message}");
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let with = |path: &str, value: Value| {
        let mut event = fixture("start_overrides");
        *event.pointer_mut(path).unwrap() = value;
        event
    };
    refused(json!({}), "neither `action` nor `detail-type`");
    refused(json!(null), "it is null, not an object");
    refused(json!([1]), "a list, not an object");
    refused(json!("{"), "not JSON");
    refused(json!("\"text\""), "text within text");
    refused(json!({ "action": "fly" }), "one of start, step, stop");
    refused(json!({ "action": 1 }), "`action` is a number, not text");
    refused(json!({ "action": "start" }), "it has no `detail`");
    refused(json!({ "action": "start", "detail": [] }), "`detail`");
    refused(json!({ "action": "step" }), "it has no `state`");
    refused(json!({ "action": "stop", "budget_seconds": -1, "detail": {} }), "`budget_seconds`");
    refused(json!({ "detail-type": "Start EC2 Task", "detail": {} }), "one of Start ECS Task");
    refused(json!({ "detail-type": "Scheduled Event", "detail": {} }), "aws.scheduler.execution-id");
    refused(with("/detail/cluster", json!("a b")), "`detail.cluster`");
    refused(with("/detail/port", json!(70000)), "`detail.port`");
    refused(with("/detail/port", json!("80")), "`detail.port`");
    refused(with("/detail/subnets", json!(["a", 1])), "`detail.subnets[1]`");
    refused(with("/detail/gate", json!("open")), "`detail.gate`");
    refused(with("/detail/targetGroupArn", json!("auth")), "`detail.targetGroupArn`");
    refused(with("/detail", json!(null)), "it has no `detail`");
    refused(with("/id", json!("a b")), "`id`");
    refused(json!({ "action": "stop", "detail": { "services": ["ok", "a b"] } }), "`detail.services[1]`");
    refused(json!({ "Records": [] }), "`Records` is empty");
    refused(json!({ "Records": [{ "eventSource": "aws:sns" }] }), "records of aws:sqs");
    refused(json!({ "Records": [{ "eventSource": "aws:sqs" }] }), "Records[0] has no `messageId`");
    let overridden = |path: &str, value: Value| {
        let mut event = fixture("start_task_overrides");
        *event.pointer_mut(&format!("/detail/overrides{path}")).unwrap() = value;
        event
    };
    let secret = || json!("TOKEN=hunter2");
    for (path, value, why) in [
        ("", secret(), "`detail.overrides` is text, not an object"),
        ("", json!([secret()]), "`detail.overrides` is a list, not an object"),
        ("/containerOverrides/0", json!([secret()]), "containerOverrides[0]` is a list, not an object"),
        (
            "/containerOverrides/0/environment/1",
            json!(["TOKEN", "hunter2"]),
            "environment[1]` is a list, not an object",
        ),
        (
            "/taskRoleArn",
            json!("job"),
            "`detail.overrides.taskRoleArn`: what stands there is not a role's ARN",
        ),
        ("/executionRoleArn", secret(), "it begins with arn:aws:iam::ACCOUNT:role/"),
        ("/containerOverrides/0/command", secret(), "command`: expected a sequence"),
        ("/containerOverrides/0/environment", secret(), "environment`: expected a sequence"),
        ("/containerOverrides/0/environment/1", secret(), "environment[1]` is text, not an object"),
        (
            "/containerOverrides/0/environment",
            json!({ "TOKEN": "hunter2" }),
            "environment`: invalid type: map",
        ),
        ("/containerOverrides/0", json!({ "name": "a", "image": "hunter2" }), "unknown field `image`"),
        ("", json!({ "ephemeralStorage": {} }), "unknown field `ephemeralStorage`"),
    ] {
        let event = overridden(path, value);
        refused(event.clone(), why);
        let said = parse(event, "request-1").unwrap_err().to_string();
        assert!(!said.contains("hunter2"), "{said}");
    }
    let mut event = fixture("task_stopped");
    event["source"] = json!("my.app");
    refused(event, "not aws.ecs");
    let mut event = fixture("task_stopped");
    event["detail"].as_object_mut().unwrap().remove("taskArn");
    refused(event, "taskArn");
}

#[test]
fn unknown_fields_are_ignored() {
    let mut event = fixture("start_service");
    event["detail"]["colour"] = json!({ "deep": [1, 2] });
    event["new"] = json!(null);
    parse(event, "request-1").unwrap();
}
