//! Health in time, draining, and what a group refuses.

use super::kit::{FAMILY, Kit, exact, seconds};
use crate::error::ErrorKind;
use crate::memory::{Behaviour, GroupSettings, Settings};
use crate::observation::{Target, TargetReason, TargetState};
use crate::ports::TargetRegistrar;

fn healthy(seen: &crate::observation::TargetObservation) -> bool {
    seen.state == TargetState::Healthy
}

#[tokio::test]
async fn a_new_target_needs_one_passing_check() {
    let mut moments = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let kit = Kit::with(Settings { seed, ..exact() });
        kit.launch("t#0").await;
        kit.go_to(100);
        let target = kit.target(0);
        kit.register(&target).await.unwrap();
        let first = kit.look(&target).await;
        assert_eq!(first.reason, Some(TargetReason::RegistrationInProgress));
        kit.go_to(101);
        let second = kit.look(&target).await;
        assert_eq!(second.reason, Some(TargetReason::InitialHealthChecking));
        let at = kit.seconds_until(&target, healthy).await;
        assert!((101..=112).contains(&at), "within one interval of its registration, not at {at}");
        moments.insert(at);
    }
    assert!(moments.len() > 4, "the seed decides when it is checked first: {moments:?}");
}

#[tokio::test]
async fn one_that_failed_first_needs_the_whole_threshold() {
    for seed in 0..20 {
        let kit = Kit::with(Settings { seed, ..exact() });
        kit.launch("t#0").await;
        // Registered at 11, so checked two or three times before it serves at 37.
        kit.go_to(10);
        let target = kit.target(0);
        kit.register(&target).await.unwrap();
        let unhealthy = kit.seconds_until(&target, |seen| seen.state == TargetState::Unhealthy).await;
        assert!((20..=32).contains(&unhealthy), "after two failing checks, not at {unhealthy}");
        // The first check from 37 on, and two more; a second more because looks are whole seconds.
        let again = kit.seconds_until(&target, healthy).await;
        assert!((57..=68).contains(&again), "after three passing checks, not at {again}");
        assert_eq!(again % 10, unhealthy % 10, "checks are one interval apart");
    }
}

#[tokio::test]
async fn what_failing_checks_say() {
    let silent = Target::new("10.9.9.9", 8080);
    let kit = Kit::new();
    for (behaviour, port, reason, description) in [
        (Behaviour::never_serves(), 8080, TargetReason::FailedHealthChecks, "Health checks failed"),
        (
            Behaviour::answers_with(503),
            8080,
            TargetReason::ResponseCodeMismatch,
            "Health checks failed with these codes: [503]",
        ),
        (Behaviour::default(), 81, TargetReason::FailedHealthChecks, "Health checks failed"),
    ] {
        kit.cloud.behave_next(FAMILY, 1, &behaviour);
        let number = kit.cloud.tasks().len();
        kit.launch(&format!("t#{number}")).await;
        kit.clock.advance(seconds(40));
        let target = Target { port, ..kit.target(u8::try_from(number).unwrap()) };
        kit.register(&target).await.unwrap();
        kit.seconds_until(&target, |seen| seen.state == TargetState::Unhealthy).await;
        let seen = kit.look(&target).await;
        assert_eq!((seen.reason, seen.description.as_deref()), (Some(reason), Some(description)));
    }
    kit.register(&silent).await.unwrap();
    kit.seconds_until(&silent, |seen| seen.state == TargetState::Unhealthy).await;
    let seen = kit.look(&silent).await;
    assert_eq!(
        (seen.reason, seen.description.as_deref()),
        (Some(TargetReason::Timeout), Some("Request timed out"))
    );
}

#[tokio::test]
async fn silence_takes_the_timeout() {
    let kit = Kit::new();
    let (silent, refused) = (Target::new("10.9.9.9", 8080), Target { port: 81, ..kit.target(0) });
    kit.launch("t#0").await;
    kit.go_to(100);
    kit.cloud.register(&kit.group, &[silent.clone(), refused.clone()]).await.unwrap();
    let unhealthy = |seen: &crate::observation::TargetObservation| seen.state == TargetState::Unhealthy;
    let first = kit.seconds_until(&refused, unhealthy).await;
    assert!((111..=122).contains(&first), "{first}");
    let second = kit.seconds_until(&silent, unhealthy).await;
    assert!((116..=127).contains(&second), "{second}");
}

#[tokio::test]
async fn a_healthy_target_that_stops_serving_becomes_unhealthy() {
    let kit = Kit::new();
    let task = kit.launch("t#0").await.task;
    kit.go_to(40);
    let target = kit.target(0);
    kit.register(&target).await.unwrap();
    let was_healthy = kit.seconds_until(&target, healthy).await;
    let moment = kit.cloud.healthy_at(&kit.group, &target).unwrap();
    assert!(moment <= kit.at(was_healthy) && kit.at(was_healthy) < moment + seconds(1));
    kit.cloud.stop_serving(&task).unwrap();
    let unhealthy = kit.seconds_until(&target, |seen| seen.state == TargetState::Unhealthy).await;
    assert!((was_healthy + 19..=was_healthy + 21).contains(&unhealthy), "{was_healthy}, {unhealthy}");
}

#[tokio::test]
async fn draining_lasts_the_whole_delay() {
    let kit = Kit::new();
    kit.launch("t#0").await;
    kit.go_to(100);
    let target = kit.target(0);
    kit.register(&target).await.unwrap();
    kit.go_to(120);
    assert!(healthy(&kit.look(&target).await));
    kit.deregister(&target).await;
    kit.go_to(200);
    kit.deregister(&target).await;
    let seen = kit.look(&target).await;
    assert_eq!(
        (seen.state, seen.reason),
        (TargetState::Draining, Some(TargetReason::DeregistrationInProgress))
    );
    kit.go_to(419);
    let failure = kit.register(&target).await.unwrap_err().into_failure();
    assert_eq!((failure.kind, failure.code.as_deref()), (ErrorKind::Invalid, Some("InvalidTarget")));
    assert_eq!(kit.cloud.targets(&kit.group).await.unwrap().len(), 1);
    kit.go_to(420);
    assert!(kit.look(&target).await.is_not_registered());
    assert_eq!(kit.cloud.targets(&kit.group).await.unwrap(), []);
    kit.register(&target).await.unwrap();
    assert_eq!(kit.look(&target).await.state, TargetState::Initial);
}

#[tokio::test]
async fn nobody_drains_without_a_listener() {
    let kit = Kit::new();
    kit.group_with(GroupSettings { in_use: false, ..GroupSettings::default() });
    let target = kit.target(0);
    kit.register(&target).await.unwrap();
    kit.go_to(100);
    let seen = kit.look(&target).await;
    assert_eq!(seen.reason, Some(TargetReason::NotInUse));
    assert_eq!(
        seen.description.as_deref(),
        Some("Target group is not configured to receive traffic from the load balancer")
    );
    kit.deregister(&target).await;
    assert!(kit.look(&target).await.is_not_registered());
}

#[tokio::test]
async fn an_address_of_a_load_balancer_is_unusable() {
    let kit = Kit::new();
    kit.launch("t#0").await;
    let target = kit.target(0);
    kit.cloud.make_unusable(&target.id);
    kit.register(&target).await.unwrap();
    kit.go_to(100);
    let seen = kit.look(&target).await;
    assert_eq!((seen.state, seen.reason), (TargetState::Unused, Some(TargetReason::IpUnusable)));
}

#[tokio::test]
async fn a_group_is_full_at_its_quota() {
    let kit = Kit::new();
    kit.group_with(GroupSettings { quota: 2, ..GroupSettings::default() });
    let targets = [kit.target(0), kit.target(1), kit.target(2)];
    let failure = kit.cloud.register(&kit.group, &targets).await.unwrap_err().into_failure();
    assert_eq!((failure.kind, failure.code.as_deref()), (ErrorKind::Invalid, Some("TooManyTargets")));
    assert_eq!(kit.cloud.registered(), [], "all or nothing");
    kit.cloud.register(&kit.group, &targets[..2]).await.unwrap();
    kit.cloud.register(&kit.group, &targets[..2]).await.unwrap();
    kit.deregister(&targets[0]).await;
    assert!(kit.register(&targets[2]).await.is_err(), "those that drain count");
    kit.go_to(300);
    kit.register(&targets[2]).await.unwrap();
}
