//! Changes of tasks, as ECS tells of them: late, twice, and out of order.

use std::time::Duration;

use ecs_warmstart::ids::TargetGroupArn;
use ecs_warmstart::memory::{Action, SAMPLE_SERVICES, SampleService, Stop};
use ecs_warmstart::observation::Target;
use ecs_warmstart_lambda::failure::FailureKind;
use serde_json::{Value, json};

use crate::stage::{Stage, fixture, start};

const AUTH: &SampleService = &SAMPLE_SERVICES[0];

fn group() -> TargetGroupArn {
    AUTH.target_group.parse().unwrap()
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_stopped_is_taken_out_at_once() {
    let stage = Stage::new();
    stage.send(start("event-1", "auth")).await.unwrap();
    let task = stage.cloud.running_tasks().remove(0);
    let running = stage.told(&task).await;
    stage.cloud.stop_by_fate(&task, &Stop::out_of_memory(Duration::ZERO)).unwrap();
    stage.cloud.stop_by_hand(&task, "gone");
    pass(60).await;
    assert_eq!(stage.cloud.stale_targets().len(), 1);

    let began = stage.clock.now();
    let stopped = stage.told(&task).await;
    let answer = stage.send(stopped.clone()).await.unwrap();
    assert_eq!(answer["report"]["services"][0]["outcome"], "drained", "{answer:#}");
    assert!(stage.clock.now().since(began) < Duration::from_secs(5), "nobody waits for its drain");
    assert_eq!(stage.cloud.registered(), []);
    assert_eq!(stage.count(Action::StopTask), 0);

    let writes = stage.cloud.count_writes();
    for repeated in [stopped.clone(), running, stopped] {
        let answer = stage.send(repeated).await.unwrap();
        assert_eq!(answer["status"], "ignored", "{answer:#}");
    }
    assert_eq!(stage.cloud.count_writes(), writes);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ecs_has_told_to_stop_is_taken_out_before_it_stops() {
    let stage = Stage::new();
    stage.send(start("event-1", "auth")).await.unwrap();
    let task = stage.cloud.running_tasks().remove(0);
    let mut warning = stage.told(&task).await;
    warning["detail"]["desiredStatus"] = json!("STOPPED");
    warning["detail"]["stopCode"] = json!("TerminationNotice");
    warning["detail"]["version"] = json!(warning["detail"]["version"].as_u64().unwrap() + 1);
    stage.send(warning).await.unwrap();
    assert_eq!(stage.cloud.registered(), []);
}

#[tokio::test(start_paused = true)]
async fn an_event_alone_is_no_proof() {
    let stage = Stage::new();
    stage.send(start("event-1", "auth")).await.unwrap();
    let task = stage.cloud.running_tasks().remove(0);
    // Said of a task that runs, at a version that ECS has passed.
    let mut stopped = stage.told(&task).await;
    stopped["detail"]["lastStatus"] = json!("STOPPED");
    stopped["detail"]["desiredStatus"] = json!("STOPPED");
    let answer = stage.send(stopped).await.unwrap();
    assert_eq!(answer["status"], "ignored", "{answer:#}");
    assert_eq!(stage.standing().await, (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_address_that_another_task_has_by_now_stays() {
    let stage = Stage::new();
    stage.send(start("event-1", "auth")).await.unwrap();
    stage.send(start("event-2", "auth")).await.unwrap();
    let [first, second] = <[_; 2]>::try_from(stage.cloud.running_tasks()).unwrap();
    stage.cloud.stop_by_hand(&first, "gone");
    pass(60).await;
    let mut stopped = stage.told(&first).await;
    // It had the address that the other has now.
    let address = stage.cloud.addresses(&second)[0].to_string();
    stopped["detail"]["attachments"][0]["details"][0]["value"] = json!(address);
    stopped["detail"]["version"] = json!(1_000_000);
    let answer = stage.send(stopped).await.unwrap();
    assert_eq!(answer["status"], "ignored", "{answer:#}");
    let left = Target::new(address, AUTH.port);
    assert!(stage.cloud.registered().contains(&(group(), left)));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_runs_is_registered_once_its_gate_is_open() {
    let stage = Stage::new();
    stage.cloud.run_by_hand(&AUTH.request().unwrap()).unwrap();
    let task = stage.cloud.running_tasks().remove(0);
    let event = loop {
        pass(1).await;
        let event = stage.told(&task).await;
        if event["detail"]["lastStatus"] == "RUNNING" {
            break event;
        }
        let answer = stage.send(event).await.unwrap();
        assert_eq!(answer["status"], "ignored", "{answer:#}");
    };
    assert_eq!(stage.cloud.count_writes(), 0);
    let answer = stage.send(event.clone()).await.unwrap();
    assert_eq!(answer["report"]["services"][0]["outcome"], "registered", "{answer:#}");
    assert_eq!(answer["report"]["services"][0]["tasks"][0]["adopted"], true);
    let again = stage.send(event.clone()).await.unwrap();
    assert_eq!(again["status"], "ignored", "{again:#}");
    assert_eq!((stage.cloud.count_writes(), stage.count(Action::RegisterTargets)), (1, 1));
    assert_eq!(stage.standing().await, (1, 1, 0));
    assert_eq!(stage.cloud.lost_traffic_in_all(), Duration::ZERO);

    // Out again, and told of it once more while it drains.
    let target = stage.cloud.registered().remove(0).1;
    stage.cloud.deregister_by_hand(&group(), &[target]).unwrap();
    let again = stage.send(event).await.unwrap();
    assert_eq!(again["status"], "ignored", "{again:#}");
    assert_eq!(stage.count(Action::RegisterTargets), 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_runs_and_dies_at_its_gate_is_not_replaced() {
    let stage = Stage::new();
    stage.cloud.run_by_hand(&AUTH.request().unwrap()).unwrap();
    let task = stage.cloud.running_tasks().remove(0);
    stage.cloud.stop_serving(&task).unwrap();
    let event = loop {
        pass(1).await;
        let event = stage.told(&task).await;
        if event["detail"]["lastStatus"] == "RUNNING" {
            break event;
        }
    };
    let failure = stage.send(event).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Kept, "{failure}");
    assert_eq!((stage.count(Action::RunTask), stage.count(Action::StopTask)), (0, 0));
    assert_eq!(stage.cloud.running_tasks(), [task]);
}

#[tokio::test(start_paused = true)]
async fn tasks_of_others_are_none_of_ours() {
    let stage = Stage::new();
    for started_by in [Value::Null, json!("ecs-svc/123"), json!("ecs-warmstart/other"), json!("")] {
        let mut event = fixture("task_stopped");
        event["detail"]["startedBy"] = started_by;
        let answer = stage.send(event).await.unwrap();
        assert_eq!(answer["status"], "ignored", "{answer:#}");
    }
    let mut event = fixture("task_stopped");
    event["detail"]["taskArn"] = json!("arn:aws:ecs:us-east-2:111122223333:task/other-cluster/0a1b");
    assert_eq!(stage.send(event).await.unwrap()["status"], "ignored");
    assert!(stage.chaos.calls().is_empty());
}
