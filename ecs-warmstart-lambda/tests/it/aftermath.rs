//! What becomes of a start that was handed on and fails: nobody reads its answer any more.

use std::time::Duration;

use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::memory::{Action, Behaviour, Refusal, Stop};
use ecs_warmstart::testing::{ChaosPlan, Fault, PortMethod};
use ecs_warmstart_lambda::failure::FailureKind;
use serde_json::{Value, json};

use crate::stage::{Mail, Stage, failed, message, start, task_of};

const FAMILY: &str = "authapi-task-def";

/// Shorter than what a start waits for, so that it is handed on.
const SHORT: Duration = Duration::from_secs(8);

/// Sends an event to a function that hands it on, and lets it come to its end.
async fn send_and_deliver(stage: &Stage, event: Value) {
    let answer = stage.send_within(event, SHORT).await.unwrap();
    assert_eq!(answer["status"], "continued", "{answer:#}");
    for answer in stage.deliver_all(SHORT, 1).await {
        assert_eq!(answer.unwrap()["batchItemFailures"], json!([]), "the queue would deliver it again");
    }
}

fn message_of(event: &Value) -> Value {
    message(&event.to_string())
}

#[track_caller]
fn only(letters: Vec<Value>) -> Value {
    assert_eq!(letters.len(), 1, "{letters:#?}");
    letters.into_iter().next().unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_cannot_pass_is_a_dead_letter_at_once_and_its_event_can_be_sent_again() {
    let stage = Stage::with_dead_letters();
    stage.cloud.behave_next(FAMILY, 1, &Behaviour::stops(Stop::image_not_found()));
    let event = start("event-1", "auth");
    send_and_deliver(&stage, event.clone()).await;
    let letter = only(stage.dead_letters());
    assert_eq!(letter["responsePayload"]["errorType"], "WarmStart.Undone");
    let why = letter["responsePayload"]["errorMessage"].as_str().unwrap();
    assert!(why.contains("does not exist"), "{why}");
    assert_eq!(letter["requestContext"]["approximateInvokeCount"], 1);
    let again = letter["requestPayload"].clone();
    assert_eq!((&again["id"], &again["detail"]["service"]), (&event["id"], &event["detail"]["service"]));
    assert_eq!(stage.count(Action::RunTask), 1, "it was not tried again");
    assert_eq!(stage.standing().await, (0, 0, 0));

    let answer = stage.send(again).await.unwrap();
    task_of(&answer);
    let same = stage.send(event).await.unwrap();
    assert_eq!(task_of(&same), task_of(&answer), "the event and its letter are one start");
    assert_eq!(stage.standing().await, (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_lack_of_capacity_is_given_time_and_then_it_is_a_dead_letter() {
    let stage = Stage::with_dead_letters();
    // Longer than one start waits for capacity, and shorter than two.
    let soon = stage.clock.now() + Duration::from_secs(400);
    stage.cloud.refuse_until(FAMILY, soon, &Refusal::no_fargate_capacity());
    send_and_deliver(&stage, start("event-1", "auth")).await;
    assert_eq!(stage.dead_letters(), [] as [Value; 0]);
    assert_eq!(stage.standing().await, (1, 1, 0));

    let stage = Stage::with_dead_letters();
    let began = stage.clock.now();
    stage.cloud.refuse_until(FAMILY, began + Duration::from_secs(86_400), &Refusal::no_fargate_capacity());
    send_and_deliver(&stage, start("event-1", "auth")).await;
    let letter = only(stage.dead_letters());
    assert_eq!(letter["responsePayload"]["errorType"], "WarmStart.Capacity");
    assert_eq!(letter["requestContext"]["approximateInvokeCount"], 3);
    // ECS answers each of those as before for a day; sent again it asks something new.
    assert!(letter["requestPayload"]["detail"]["attempts"][0].as_u64().unwrap() > 30, "{letter:#}");
    let took = stage.clock.now().since(began);
    assert!(took < Duration::from_secs(3 * 310 + 2 * 60), "{took:?}");
    assert_eq!(stage.standing().await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_start_that_came_without_a_name_keeps_the_one_it_was_given() {
    let stage = Stage::with_dead_letters();
    stage.cloud.behave_next(FAMILY, 1, &Behaviour::never_serves());
    let nameless = json!({ "detail-type": "Start ECS Task", "detail": { "service": "auth" } });
    send_and_deliver(&stage, nameless).await;
    let letter = only(stage.dead_letters());
    assert_eq!(letter["requestPayload"]["detail"]["runId"], "request-1", "the invocation's");
}

/// Sent again it has to be understood, and to be the same start, whichever way its name was written.
#[tokio::test(start_paused = true)]
async fn a_name_is_kept_however_it_is_written() {
    let event = |detail: Value| json!({ "id": "event-1", "detail-type": "Start ECS Task", "detail": detail });
    for (first, name) in [
        (event(json!({ "service": "auth", "run_id": "order-1" })), "order-1"),
        (event(json!({ "service": "auth", "runId": "order-1" })), "order-1"),
        (event(json!({ "service": "auth", "run_id": null })), "event-1"),
        (message_of(&json!({ "action": "start", "run_id": "r", "detail": { "service": "auth" } })), "r"),
    ] {
        let stage = Stage::with_dead_letters();
        let soon = stage.clock.now() + Duration::from_secs(400);
        stage.cloud.refuse_until(FAMILY, soon, &Refusal::no_fargate_capacity());
        stage.send_within(first, SHORT).await.unwrap();
        for answer in stage.deliver_all(SHORT, 1).await {
            assert_eq!(answer.unwrap()["batchItemFailures"], json!([]));
        }
        assert_eq!((stage.standing().await, stage.dead_letters()), ((1, 1, 0), vec![]), "{name}");

        stage.cloud.behave(FAMILY, &Behaviour::never_serves());
        let other = event(json!({ "service": "auth", "run_id": format!("{name}-2") }));
        stage.send_within(other, SHORT).await.unwrap();
        stage.deliver_all(SHORT, 1).await;
        let again = only(stage.dead_letters())["requestPayload"].clone();
        assert_eq!(again["detail"]["runId"], format!("{name}-2"));
        stage.cloud.behave(FAMILY, &Behaviour::default());
        assert_eq!(
            stage.send(again).await.unwrap()["status"],
            "finished",
            "nobody reads what would be waiting"
        );
        assert_eq!(stage.standing().await, (2, 2, 0));
    }
}

/// Neither does a second message of the same, nor a step that is delivered twice.
#[tokio::test(start_paused = true)]
async fn what_is_begun_again_twice_is_one_start() {
    let stage = Stage::with_dead_letters();
    let soon = stage.clock.now() + Duration::from_secs(320);
    stage.cloud.refuse_until(FAMILY, soon, &Refusal::no_fargate_capacity());
    let time = Duration::from_secs(400);
    stage.send_within(start("event-1", "auth"), SHORT).await.unwrap();
    // The step fails twice, and both times it is begun again.
    stage.deliver_once(time, 2).await;
    assert_eq!(stage.waiting(), 2);
    for answer in stage.deliver_once(time, 2).await {
        answer.unwrap();
    }
    assert_eq!((stage.standing().await, stage.dead_letters()), ((1, 1, 0), vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_not_begun_again_for_it_would_stop_what_came_since() {
    let stage = Stage::with_dead_letters();
    stage.send(start("event-1", "auth")).await.unwrap();
    let stop = json!({ "detail-type": "Stop ECS Tasks", "detail": {} });
    let throttled = Fault::Before(ErrorKind::Throttled);
    stage.chaos.follow(ChaosPlan::none().every(PortMethod::Find, throttled));
    let again = json!({ "action": "again", "event": stop, "tries": 1 });
    stage.send_within(message_of(&again), SHORT).await.unwrap();
    let letter = only(stage.dead_letters());
    assert_eq!(letter["responsePayload"]["errorType"], "WarmStart.Unavailable");
    assert_eq!((&letter["requestPayload"], stage.waiting()), (&stop, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_nobody_takes_comes_again() {
    for mail in [Mail::Refused, Mail::Hangs, Mail::AnswerLost] {
        let stage = Stage::with_dead_letters();
        stage.cloud.behave(FAMILY, &Behaviour::stops(Stop::image_not_found()));
        stage.send_within(start("event-1", "auth"), SHORT).await.unwrap();
        stage.letters.set(mail);
        let last = stage.deliver_all(SHORT, 1).await.pop().unwrap();
        failed(last, FailureKind::Undone);
        assert_eq!(stage.dead_letters().len(), usize::from(mail == Mail::AnswerLost), "{mail:?}");
        assert_eq!(stage.standing().await, (0, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_of_somebody_elses_queue_fails_there() {
    let stage = Stage::with_dead_letters();
    stage.cloud.behave(FAMILY, &Behaviour::stops(Stop::image_not_found()));
    failed(stage.send(message(&start("event-1", "auth").to_string())).await, FailureKind::Undone);
    failed(stage.send(start("event-2", "auth")).await, FailureKind::Undone);
    assert_eq!(stage.dead_letters(), [] as [Value; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_was_handed_on_and_fails_is_a_dead_letter_too() {
    let stage = Stage::with_dead_letters();
    stage.send(start("event-1", "auth")).await.unwrap();
    let stop = json!({ "detail-type": "Stop ECS Tasks", "detail": { "services": ["auth"] } });
    let answer = stage.send_within(stop.clone(), SHORT).await.unwrap();
    assert_eq!(answer["status"], "continued", "{answer:#}");
    stage.chaos.follow(ChaosPlan::none().every(PortMethod::Stop, Fault::Before(ErrorKind::Denied)));
    for answer in stage.deliver_all(SHORT, 1).await {
        answer.unwrap();
    }
    let letter = only(stage.dead_letters());
    assert_eq!(letter["requestPayload"], stop);
    assert_eq!(letter["responsePayload"]["errorType"], "WarmStart.Leaked");
}

#[tokio::test(start_paused = true)]
async fn what_begins_nothing_is_not_begun_again() {
    let stage = Stage::with_dead_letters();
    for event in [
        json!({ "action": "again", "event": {}, "tries": 1 }),
        json!({ "action": "step", "state": {} }),
        json!([]),
        json!({ "detail": {} }),
    ] {
        let again = json!({ "action": "again", "event": event, "tries": 2 });
        failed(stage.send(again).await, FailureKind::InvalidEvent);
    }
    for incomplete in
        [json!({ "action": "again" }), json!({ "action": "again", "event": start("e", "auth") })]
    {
        failed(stage.send(incomplete).await, FailureKind::InvalidEvent);
    }
    assert_eq!(stage.cloud.count_writes(), 0);
}
