//! Never cut off: what does not fit into an invocation is handed on, or undone in time.

use std::collections::BTreeSet;
use std::time::Duration;

use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::memory::{Action, Behaviour};
use ecs_warmstart::observation::TaskStatus;
use ecs_warmstart::testing::{ChaosPlan, Fault, PortMethod};
use ecs_warmstart_lambda::failure::{Failure, FailureKind};
use serde_json::{Value, json};

use crate::stage::{Mail, Stage, configuration, failed, start, task_of};

/// Calls again with the state of each answer, until it is over; answers the last answer and how many invocations it took.
async fn step_to_end(stage: &Stage, first: Value, time: Duration, early: bool) -> (Value, usize) {
    let mut answer = stage.send_within(first, time).await.unwrap();
    for invocations in 1..2_000 {
        if answer["status"] != "waiting" {
            return (answer, invocations);
        }
        let seconds = answer["resume_in_seconds"].as_u64().unwrap();
        tokio::time::sleep(if early { Duration::from_millis(50) } else { Duration::from_secs(seconds) })
            .await;
        let text = answer.to_string();
        let written: Value = serde_json::from_str(&text).unwrap();
        answer =
            stage.send_within(json!({ "action": "step", "state": written["state"] }), time).await.unwrap();
    }
    panic!("it never ends: {answer:#}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_reads_the_answer_goes_on_with_the_state() {
    for early in [false, true] {
        let stage = Stage::new();
        let first =
            json!({ "action": "start", "run_id": "r", "budget_seconds": 2, "detail": { "service": "auth" } });
        let (answer, invocations) = step_to_end(&stage, first, Duration::from_secs(4), early).await;
        task_of(&answer);
        assert!(invocations >= 3, "{invocations}");
        assert_eq!(answer["report"]["services"][0]["outcome"], "ready");
        assert!(answer["report"]["elapsed_ms"].as_u64().unwrap() > 10_000, "from the first invocation on");
        assert_eq!((stage.count(Action::RunTask), stage.count(Action::RegisterTargets)), (1, 1));
        assert_eq!(stage.standing().await, (1, 1, 0));

        let first = json!({ "action": "stop", "detail": { "services": ["auth"] } });
        let (answer, invocations) = step_to_end(&stage, first, Duration::from_secs(8), early).await;
        assert!(invocations >= 3, "{invocations}");
        assert_eq!(answer["report"]["services"][0]["outcome"], "drained");
        assert_eq!(stage.standing().await, (0, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_may_come_back_as_text() {
    let stage = Stage::new();
    let first =
        json!({ "action": "start", "run_id": "r", "budget_seconds": 0, "detail": { "service": "auth" } });
    let answer = stage.send(first).await.unwrap();
    assert_eq!(answer["status"], "waiting");
    let answer = stage.send(json!({ "action": "step", "state": answer["state"].to_string() })).await.unwrap();
    task_of(&answer);
}

#[tokio::test(start_paused = true)]
async fn an_event_goes_on_through_the_queue() {
    for times in [1, 2] {
        let stage = Stage::with_queue();
        let time = Duration::from_secs(8);
        let answer = stage.send_within(start("event-1", "auth"), time).await.unwrap();
        assert_eq!(answer["status"], "continued");
        assert!(answer["state"].is_null());
        // A message that comes twice sends the next one twice; only the first of these is delivered on.
        let answers =
            if times == 1 { stage.deliver_all(time, 1).await } else { deliver_doubled(&stage, time).await };
        assert!(answers.len() >= 3, "{answers:?}");
        for answer in answers {
            answer.unwrap();
        }
        assert_eq!(stage.cloud.tasks().len(), 1);
        assert_eq!(stage.standing().await, (1, 1, 0));
    }
}

/// Delivers every message twice, at most sixteen copies of a generation: copies of copies are no news.
async fn deliver_doubled(stage: &Stage, time: Duration) -> Vec<Result<Value, Failure>> {
    let mut answers = Vec::new();
    while stage.waiting() > 0 {
        stage.forget_all_but(8);
        answers.extend(stage.deliver_once(time, 2).await);
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn a_message_of_which_nobody_knows_whether_it_was_sent_does_no_harm() {
    for deadline in [3, 8, 20] {
        let stage = Stage::with_queue();
        let time = Duration::from_secs(deadline);
        stage.set_mail(Mail::AnswerLost);
        let first = stage.send_within(start("event-1", "auth"), time).await;
        failed(first, FailureKind::OutOfTime);
        // The message was sent all the same, and Lambda sends the event again.
        assert_eq!(stage.waiting(), 1);
        stage.set_mail(Mail::Delivered);
        let again = stage.send(start("event-1", "auth")).await.unwrap();
        let task = task_of(&again);
        for answer in stage.deliver_all(time, 1).await {
            answer.unwrap();
        }
        assert_eq!(stage.standing().await, (1, 1, 0), "deadline {deadline}");
        assert_eq!(stage.cloud.running_tasks()[0].as_str(), task);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_it_is_undone_in_time() {
    let mut ways = BTreeSet::new();
    for millis in (200..70_000).step_by(700) {
        let stage = Stage::new();
        let answer = stage.send_within(start("event-1", "auth"), Duration::from_millis(millis)).await;
        let expected = match &answer {
            Ok(_) => (1, 1, 0),
            Err(failure) => {
                let kinds = [FailureKind::OutOfTime, FailureKind::Unavailable];
                assert!(kinds.contains(&failure.kind()), "{millis}: {failure}");
                (0, 0, 0)
            }
        };
        assert_eq!(stage.standing().await, expected, "{millis} ms: {answer:?}");
        ways.insert(answer.is_ok());
    }
    assert_eq!(ways.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_fails_is_as_none() {
    for mail in [Mail::Refused, Mail::Hangs] {
        for seconds in [2, 5, 15, 30] {
            let stage = Stage::with_queue();
            stage.set_mail(mail);
            let answer = stage.send_within(start("event-1", "auth"), Duration::from_secs(seconds)).await;
            failed(answer, FailureKind::OutOfTime);
            assert_eq!(stage.standing().await, (0, 0, 0), "{mail:?} {seconds}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_answers_cuts_nothing_off() {
    let mut ways = BTreeSet::new();
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for index in 0..14 {
            for (mail, seconds) in [(None, 12), (None, 60), (Some(Mail::Delivered), 12)] {
                let config = configuration(1);
                let stage = Stage::with(&[("WARMSTART_CONFIG", &config)], mail);
                stage.chaos.follow(ChaosPlan::none().at(index, fault));
                let time = Duration::from_secs(seconds);
                let answer = stage.send_within(start("event-1", "auth"), time).await;
                let last = stage.deliver_all(time, 1).await.pop().unwrap_or(answer);
                let what = format!("{fault:?} at {index}, {seconds} s, {mail:?}: {last:?}");
                match &last {
                    Ok(_) => assert_eq!(stage.standing().await, (1, 1, 0), "{what}"),
                    Err(failure) if failure.kind() == FailureKind::Leaked => {
                        let (tasks, ..) = stage.standing().await;
                        assert!(tasks == 0 || failure.to_string().contains("aws ecs"), "{what}");
                    }
                    Err(_) => assert_eq!(stage.standing().await, (0, 0, 0), "{what}"),
                }
                ways.insert(last.map(|_| ()).map_err(|failure| failure.kind()));
                // Whatever came of it: the same event again gets there, with one task.
                stage.chaos.follow(ChaosPlan::none());
                task_of(&stage.send(start("event-1", "auth")).await.unwrap());
                assert_eq!(stage.standing().await, (1, 1, 0), "{what}");
            }
        }
    }
    assert!(ways.len() >= 3, "{ways:?}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_undone_in_time_is_named() {
    let stage = Stage::new();
    stage.chaos.follow(ChaosPlan::none().every(PortMethod::Stop, Fault::Before(ErrorKind::Throttled)));
    let answer = stage.send_within(start("event-1", "auth"), Duration::from_secs(20)).await;
    let why = failed(answer, FailureKind::Leaked);
    let task = stage.cloud.running_tasks().remove(0);
    assert!(why.contains(&format!("aws ecs stop-task --cluster authapi-cluster --task {task}")), "{why}");
}

#[tokio::test(start_paused = true)]
async fn definitions_that_cannot_be_read_in_time_fail_before_anything_is_begun() {
    let stage = Stage::new();
    let throttled = Fault::Before(ErrorKind::Throttled);
    stage.chaos.follow(ChaosPlan::none().every(PortMethod::TaskDefinition, throttled));
    let answer = stage.send_within(start("event-1", "auth"), Duration::from_secs(20)).await;
    failed(answer, FailureKind::Unavailable);
    assert_eq!(stage.cloud.count_writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_no_answer_can_carry_is_undone() {
    let tags = format!("tags = {{ note = \"{}\" }}", "x".repeat(4_000));
    let config = configuration(100).replace("[defaults]", &format!("[defaults]\n{tags}"));
    let stage = Stage::with(&[("WARMSTART_CONFIG", &config)], None);
    let first =
        json!({ "action": "start", "run_id": "r", "budget_seconds": 5, "detail": { "service": "auth" } });
    failed(stage.send(first).await, FailureKind::OutOfTime);
    assert_eq!(stage.standing().await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_ensure_begins_ends_after_a_bounded_time() {
    let stage = Stage::with_queue();
    stage.cloud.behave("authapi-task-def", &Behaviour::stuck_in(TaskStatus::Pending));
    let began = stage.clock.now();
    let event = json!({ "id": "e", "detail-type": "Start ECS Task", "detail": { "service": "auth", "ensure": true } });
    let time = Duration::from_secs(15);
    stage.send_within(event, time).await.unwrap();
    let last = stage.deliver_all(time, 1).await.pop().unwrap();
    failed(last, FailureKind::Undone);
    assert!(stage.clock.now().since(began) < Duration::from_secs(5 * 60 + 30));
}
