//! Out of traffic first, then stopped.

use std::time::Duration;

use ecs_warmstart::memory::Action;
use ecs_warmstart_lambda::failure::FailureKind;
use serde_json::json;

use crate::stage::{Stage, failed, fixture, start};

#[tokio::test(start_paused = true)]
async fn an_empty_list_stops_all_services_and_the_same_again_changes_nothing() {
    let stage = Stage::new();
    for service in ["auth", "pdf"] {
        stage.send(start("event-1", service)).await.unwrap();
    }
    for _ in 0..2 {
        let answer = stage.send(fixture("stop_all")).await.unwrap();
        assert_eq!((&answer["status"], &answer["report"]["command"]), (&json!("finished"), &json!("down")));
        assert_eq!(answer["report"]["summary"]["succeeded"], 5);
    }
    assert_eq!((stage.count(Action::DeregisterTargets), stage.count(Action::StopTask)), (2, 2));
    assert_eq!(stage.standing().await, (0, 0, 0));
    assert_eq!(stage.cloud.lost_traffic_in_all(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_last_healthy_target_is_guarded_where_the_event_says_so() {
    let stage = Stage::new();
    stage.send(start("event-1", "auth")).await.unwrap();
    let why = failed(stage.send(fixture("stop_service")).await, FailureKind::Refused);
    assert!(why.contains("without a healthy target"), "{why}");
    assert_eq!(stage.standing().await, (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_never_in_traffic() {
    let stage = Stage::new();
    let event = json!({ "action": "stop", "detail": { "services": ["auth"], "deregister_targets": false } });
    let why = failed(stage.send(event).await, FailureKind::InvalidEvent);
    assert!(why.contains("never stopped while traffic goes to it"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_does_not_fit_goes_on_through_the_queue_or_when_repeated() {
    let time = Duration::from_secs(20);
    let stage = Stage::with_queue();
    stage.send(start("event-1", "auth")).await.unwrap();
    let answer = stage.send_within(fixture("stop_all"), time).await.unwrap();
    assert_eq!(answer["status"], "continued");
    let last = stage.deliver_all(time, 1).await.pop().unwrap();
    last.unwrap();
    assert_eq!(stage.standing().await, (0, 0, 0));

    let stage = Stage::new();
    stage.send(start("event-1", "auth")).await.unwrap();
    for repeats in 0.. {
        match stage.send_within(fixture("stop_all"), time).await {
            Ok(_) => break,
            Err(failure) => assert_eq!(failure.kind(), FailureKind::OutOfTime, "{failure}"),
        }
        assert!(repeats < 60, "it never ends");
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    assert_eq!((stage.count(Action::DeregisterTargets), stage.count(Action::StopTask)), (1, 1));
    assert_eq!(stage.standing().await, (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_service_named_twice_is_stopped_once() {
    let stage = Stage::new();
    stage.send(start("event-1", "auth")).await.unwrap();
    let event = json!({ "action": "stop", "detail": { "services": ["auth", "pdf", "auth"] } });
    let answer = stage.send(event).await.unwrap();
    assert_eq!(answer["report"]["summary"]["services"], 2);
    assert_eq!(stage.count(Action::StopTask), 1);
}
