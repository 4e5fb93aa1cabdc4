//! Cases of [`TargetRegistrar`](crate::ports::TargetRegistrar) and of looks at targets.

#![expect(
    clippy::missing_panics_doc,
    reason = "a case panics where the contract is broken: that is what it is"
)]

use std::slice::from_ref;

use super::Backend;
use super::steps::Steps;
use crate::error::ErrorKind;
use crate::observation::{Target, TargetObservation, TargetReason, TargetState};

/// Registering what is registered changes nothing.
pub async fn registering_twice_is_once(backend: &dyn Backend) {
    let steps = Steps::new(backend, "register-twice");
    let target = steps.idle_targets(1)[0].clone();
    steps.register(from_ref(&target)).await;
    steps.register(from_ref(&target)).await;
    let held = steps.targets().await;
    assert_eq!(held.iter().map(|(target, _)| target).collect::<Vec<_>>(), [&target]);
    assert!(!steps.look(&target).await.is_not_registered());
}

/// What the group does not hold is an observation, not an error; asked for nothing, nothing is answered.
pub async fn an_absent_target_is_not_registered(backend: &dyn Backend) {
    let steps = Steps::new(backend, "absent");
    let target = steps.idle_targets(1)[0].clone();
    let seen = steps.look(&target).await;
    assert!(seen.is_not_registered(), "{seen}");
    assert_eq!(seen.state, TargetState::Unused);
    assert_eq!(steps.look_at(&[]).await, []);
    assert_eq!(steps.targets().await, []);
}

/// One answer for each target asked, in that order, also for those that are not there.
pub async fn observations_come_in_the_order_asked(backend: &dyn Backend) {
    let steps = Steps::new(backend, "order");
    let targets = steps.idle_targets(4);
    steps.register(&[targets[0].clone(), targets[2].clone()]).await;
    let asked = [&targets[3], &targets[2], &targets[1], &targets[0]].map(Target::clone);
    let absent: Vec<bool> =
        steps.look_at(&asked).await.iter().map(TargetObservation::is_not_registered).collect();
    assert_eq!(absent, [true, false, true, false]);
}

/// The ports have no limit of their own.
pub async fn more_than_two_hundred_targets_at_once(backend: &dyn Backend) {
    let steps = Steps::new(backend, "many-targets");
    let mut targets = steps.idle_targets(201);
    steps.register(&targets).await;
    let mut held: Vec<Target> = steps.targets().await.into_iter().map(|(target, _)| target).collect();
    held.sort();
    let seen = steps.look_at(&targets).await;
    assert_eq!(seen.len(), targets.len());
    assert!(seen.iter().all(|seen| !seen.is_not_registered()));
    targets.sort();
    assert_eq!(held, targets);
}

/// After its deregistration a target is draining, then gone.
pub async fn a_deregistered_target_is_out(backend: &dyn Backend) {
    let steps = Steps::new(backend, "deregister");
    let targets = steps.idle_targets(2);
    steps.register(&targets).await;
    steps.deregister(&targets[..1]).await;
    let seen = steps.look(&targets[0]).await;
    assert!(seen.state == TargetState::Draining || seen.is_not_registered(), "{seen}");
    let other = steps.look(&targets[1]).await;
    assert!(other.state != TargetState::Draining && !other.is_not_registered(), "{other}");
}

/// Deregistering what is being taken out, or is out, succeeds.
pub async fn deregistering_twice_is_fine(backend: &dyn Backend) {
    let steps = Steps::new(backend, "deregister-twice");
    let targets = steps.idle_targets(1);
    steps.register(&targets).await;
    steps.deregister(&targets).await;
    steps.deregister(&targets).await;
}

/// A target that never was registered need not be taken out.
pub async fn deregistering_an_absent_target_is_fine(backend: &dyn Backend) {
    let steps = Steps::new(backend, "deregister-absent");
    steps.deregister(&steps.idle_targets(1)).await;
}

/// A target that is deregistered is still listed, as draining, until the deregistration delay is over; then it is gone, and
/// may come back.
pub async fn a_deregistered_target_drains_and_is_gone(backend: &dyn Backend) {
    let steps = Steps::new(backend, "drain");
    let serving = steps.serving_target("t#0").await;
    steps.register(from_ref(&serving)).await;
    steps.target_until(&serving, |seen| seen.state == TargetState::Healthy).await;
    let began = backend.clock().now();
    steps.deregister(from_ref(&serving)).await;
    let seen = steps.look(&serving).await;
    assert_eq!(seen.state, TargetState::Draining);
    assert_eq!(seen.reason, Some(TargetReason::DeregistrationInProgress));
    assert_eq!(steps.targets().await.len(), 1);
    steps.target_until(&serving, TargetObservation::is_not_registered).await;
    let drained = backend.clock().now().since(began);
    assert!(drained >= backend.world().deregistration_delay, "gone after {drained:?}");
    assert_eq!(steps.targets().await, []);
    steps.register(from_ref(&serving)).await;
    assert!(!steps.look(&serving).await.is_not_registered());
}

/// Nobody is healthy before a health check.
pub async fn a_target_is_initial_first(backend: &dyn Backend) {
    let steps = Steps::new(backend, "initial");
    let serving = steps.serving_target("t#0").await;
    steps.register(from_ref(&serving)).await;
    let seen = steps.look(&serving).await;
    assert_eq!(seen.state, TargetState::Initial, "{seen}");
    assert!(seen.reason.is_some());
}

/// A target behind which a task serves becomes healthy, and then has no reason to give.
pub async fn a_target_that_serves_gets_healthy(backend: &dyn Backend) {
    let steps = Steps::new(backend, "healthy");
    let serving = steps.serving_target("t#0").await;
    steps.register(from_ref(&serving)).await;
    let seen = steps.target_until(&serving, |seen| seen.state == TargetState::Healthy).await;
    assert_eq!(seen.reason, None);
    let held = steps.targets().await;
    assert_eq!(held, [(serving, seen)]);
}

/// A target behind which nobody serves becomes unhealthy, and its group says why.
pub async fn a_target_that_nobody_serves_gets_unhealthy(backend: &dyn Backend) {
    let steps = Steps::new(backend, "unhealthy");
    let idle = steps.idle_targets(1)[0].clone();
    steps.register(from_ref(&idle)).await;
    let seen = steps.target_until(&idle, |seen| seen.state == TargetState::Unhealthy).await;
    assert!(seen.reason.is_some() && seen.description.is_some(), "{seen}");
}

/// Without a listener no target is ever checked.
pub async fn a_group_without_listener_is_not_in_use(backend: &dyn Backend) {
    let steps = Steps::new(backend, "not-in-use");
    let group = &backend.world().unused_group;
    let targets = steps.idle_targets(1);
    steps.ports.registrar.register(group, &targets).await.expect("a registration");
    let seen = steps.ports.waiter.observe_targets(group, &targets).await.expect("a look");
    assert_eq!(seen[0].state, TargetState::Unused);
    assert_eq!(seen[0].reason, Some(TargetReason::NotInUse));
}

/// An instance is nothing for a group of addresses.
pub async fn a_group_refuses_what_it_does_not_take(backend: &dyn Backend) {
    let steps = Steps::new(backend, "wrong-type");
    let wrong = [Target::new("i-0123456789abcdef0", 80)];
    let error =
        steps.ports.registrar.register(&backend.world().target_group, &wrong).await.expect_err("an instance");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

/// A group that does not exist is `NotFound`.
pub async fn an_unknown_group_is_not_found(backend: &dyn Backend) {
    let steps = Steps::new(backend, "unknown-group");
    let group = &backend.world().unknown_group;
    let targets = steps.idle_targets(1);
    let error = steps.ports.registrar.register(group, &targets).await.expect_err("no group");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let error = steps.ports.waiter.observe_targets(group, &targets).await.expect_err("no group");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let error = steps.ports.registrar.targets(group).await.expect_err("no group");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// What is not there need not be taken out.
pub async fn deregistering_from_an_unknown_group_is_fine(backend: &dyn Backend) {
    let steps = Steps::new(backend, "deregister-unknown");
    let group = &backend.world().unknown_group;
    steps.ports.registrar.deregister(group, &steps.idle_targets(1)).await.expect("a deregistration");
}
