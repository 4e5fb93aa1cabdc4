//! Every way in which a deployment may stand.

use super::*;
use crate::facts::{Deployment, EcsServiceFacts};
use crate::ids::TaskDefinitionId;
use crate::image::Digest;
use crate::observation::{ContainerObservation, TargetObservation, TargetState, TaskObservation, TaskStatus};
use crate::spec::Pins;
use crate::time::Timestamp;
use std::time::Duration;

const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/web/0123456789abcdef";

fn revision(number: u32) -> TaskDefinitionId {
    format!("arn:aws:ecs:us-east-2:111122223333:task-definition/web:{number}").parse().unwrap()
}

/// From revision 1 to revision 2, whose container runs one image.
fn goal() -> Goal {
    let mut pins = Pins::default();
    pins.pin("web", [Digest::of(b"2")]);
    Goal { task_definition: revision(2), former: Some(revision(1)), pins, since: Timestamp::from_millis(0) }
}

fn deployment(number: u32, status: &str, running: u32) -> Deployment {
    Deployment {
        id: format!("ecs-svc/{number}"),
        status: status.to_owned(),
        rollout: Some("COMPLETED".to_owned()),
        task_definition: Some(revision(number)),
        desired: 2,
        running,
        ..Deployment::default()
    }
}

fn service(deployments: Vec<Deployment>) -> EcsServiceFacts {
    EcsServiceFacts {
        name: "web".to_owned(),
        status: "ACTIVE".to_owned(),
        task_definition: None,
        desired: 2,
        running: deployments.iter().map(|it| it.running).sum(),
        pending: deployments.iter().map(|it| it.pending).sum(),
        deployments,
        events: Vec::new(),
        target_groups: Vec::new(),
        health_check_grace_period: None,
    }
}

fn task(id: u32, number: u32, state: TargetState) -> SeenTask {
    let arn = format!("arn:aws:ecs:us-east-2:111122223333:task/c/{id}");
    let mut task = TaskObservation::new(arn.parse().unwrap(), TaskStatus::Running);
    task.task_definition = Some(revision(number));
    task.containers = vec![ContainerObservation {
        name: "web".to_owned(),
        image_digest: Some(Digest::of(number.to_string().as_bytes()).to_string()),
        ..ContainerObservation::default()
    }];
    let seen = Some(TargetObservation::new(state, None));
    SeenTask { task, targets: vec![SeenTarget { target_group: GROUP.parse().unwrap(), seen }] }
}

fn healthy() -> Vec<SeenTask> {
    vec![task(1, 2, TargetState::Healthy), task(2, 2, TargetState::Healthy)]
}

fn at(secs: u64) -> Timestamp {
    Timestamp::from_millis(0) + Duration::from_secs(secs)
}

#[track_caller]
fn is_underway(service: &EcsServiceFacts, tasks: &[SeenTask], expected: &str) {
    match judge(&goal(), service, tasks, at(300)) {
        Standing::Underway { why } => assert!(why.contains(expected), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn has_failed(service: &EcsServiceFacts, tasks: &[SeenTask], secs: u64, code: &str) {
    match judge(&goal(), service, tasks, at(secs)) {
        Standing::Failed(failed) => assert_eq!(failed.code(), code, "{failed}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn stable_healthy_and_of_the_image() {
    let service = service(vec![deployment(2, "PRIMARY", 2)]);
    assert_eq!(judge(&goal(), &service, &healthy(), at(9)), Standing::Done { unproved: vec![] });
}

#[test]
fn ecs_need_not_say_which_image_runs() {
    let mut tasks = healthy();
    tasks[1].task.containers[0].image_digest = None;
    let unproved = vec![tasks[1].task.task.clone()];
    let service = service(vec![deployment(2, "PRIMARY", 2)]);
    assert_eq!(judge(&goal(), &service, &tasks, at(9)), Standing::Done { unproved });
}

#[test]
fn stable_is_not_enough() {
    let stable = service(vec![deployment(2, "PRIMARY", 2)]);
    is_underway(
        &stable,
        &[task(1, 2, TargetState::Healthy), task(2, 2, TargetState::Initial)],
        "initial in web",
    );
    is_underway(&stable, &[task(1, 2, TargetState::Healthy)], "ECS lists 1 of 2 tasks");
    let mut unknown = healthy();
    unknown[0].targets[0].seen = None;
    is_underway(&stable, &unknown, "no address yet");
    let mut starting = healthy();
    starting[0].task.status = TaskStatus::Pending;
    is_underway(&stable, &starting, "is PENDING");
}

#[test]
fn healthy_is_not_enough() {
    let two = service(vec![deployment(2, "PRIMARY", 2), deployment(1, "ACTIVE", 1)]);
    is_underway(&two, &healthy(), "1 tasks of the former deployment are left");
    is_underway(&service(vec![deployment(2, "PRIMARY", 1)]), &healthy(), "1 of 2 tasks run");
    let mut rolling = deployment(2, "PRIMARY", 2);
    rolling.rollout = Some("IN_PROGRESS".to_owned());
    is_underway(&service(vec![rolling]), &healthy(), "ECS says IN_PROGRESS");
    let mut pending = deployment(2, "PRIMARY", 2);
    pending.pending = 1;
    is_underway(&service(vec![pending]), &healthy(), "1 are pending");
}

#[test]
fn a_read_may_be_late_but_not_for_long() {
    let before = service(vec![deployment(1, "PRIMARY", 2)]);
    let standing = judge(&goal(), &before, &[], at(59));
    assert!(matches!(standing, Standing::Underway { .. }), "{standing:?}");
    has_failed(&before, &[], 60, "rolled_back_by_ecs");
}

#[test]
fn a_circuit_breaker_that_went_back_is_no_success() {
    let back = service(vec![deployment(1, "PRIMARY", 2), deployment(2, "ACTIVE", 0)]);
    has_failed(&back, &[], 1, "rolled_back_by_ecs");
    let mut given_up = deployment(2, "PRIMARY", 0);
    given_up.rollout = Some("FAILED".to_owned());
    has_failed(&service(vec![given_up, deployment(1, "ACTIVE", 2)]), &[], 1, "deployment_failed");
}

#[test]
fn somebody_else_may_deploy() {
    let other = service(vec![deployment(3, "PRIMARY", 0), deployment(2, "ACTIVE", 2)]);
    has_failed(&other, &healthy(), 1, "overtaken");
}

#[test]
fn tasks_that_fail_for_ever_are_a_failure_where_nothing_else_gives_up() {
    let failing = |failed, desired| {
        let primary = Deployment { failed, desired, ..deployment(2, "PRIMARY", 0) };
        service(vec![primary, deployment(1, "ACTIVE", 2)])
    };
    is_underway(&failing(3, 2), &[], "0 of 2 tasks run");
    has_failed(&failing(4, 2), &[], 1, "tasks_fail");
    is_underway(&failing(11, 21), &[], "0 of 2 tasks run");
    has_failed(&failing(12, 21), &[], 1, "tasks_fail");
}

#[test]
fn another_image_is_seen_at_once() {
    let mut tasks = healthy();
    tasks[0].task.containers[0].image_digest = Some(Digest::of(b"moved").to_string());
    has_failed(&service(vec![deployment(2, "PRIMARY", 1)]), &tasks, 1, "another_image");
    let mut former = healthy();
    former.push(task(3, 1, TargetState::Healthy));
    let both = service(vec![deployment(2, "PRIMARY", 2), deployment(1, "ACTIVE", 1)]);
    is_underway(&both, &former, "1 tasks of the former");
}

#[test]
fn a_service_that_is_deleted_has_failed() {
    let draining = EcsServiceFacts { status: "DRAINING".to_owned(), ..service(vec![]) };
    has_failed(&draining, &[], 1, "service_not_active");
}

#[test]
fn only_what_is_ours_is_taken_back() {
    let newest = |number| service(vec![deployment(number, "PRIMARY", 2)]);
    let given_up = Deployment { rollout: Some("FAILED".to_owned()), ..deployment(2, "PRIMARY", 0) };
    let unnamed = Deployment { task_definition: None, ..deployment(1, "PRIMARY", 2) };
    let went_back = service(vec![deployment(1, "PRIMARY", 2), deployment(2, "ACTIVE", 1)]);
    let draining = EcsServiceFacts { status: "DRAINING".to_owned(), ..newest(2) };
    for (service, secs, expected) in [
        (newest(2), 1, WayBack::Ours),
        (service(vec![given_up]), 1, WayBack::Ours),
        // From before our change, or for good: only time tells.
        (newest(1), 59, WayBack::NotShown),
        (newest(1), 60, WayBack::TakenBack { to: revision(1) }),
        (went_back, 1, WayBack::TakenBack { to: revision(1) }),
        (newest(3), 59, WayBack::NotShown),
        (newest(3), 60, WayBack::Overtaken { by: revision(3) }),
        (service(vec![unnamed]), 300, WayBack::NotShown),
        (service(vec![]), 300, WayBack::NotShown),
        (draining, 1, WayBack::NotActive { status: "DRAINING".to_owned() }),
    ] {
        assert_eq!(way_back(&goal(), &service, at(secs)), expected, "{secs} s: {service:?}");
    }
}
