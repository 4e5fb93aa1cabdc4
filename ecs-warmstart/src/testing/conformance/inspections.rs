//! Cases of [`Inspector`](crate::ports::Inspector) about images, logs, load balancers and ECS services.

#![expect(
    clippy::missing_panics_doc,
    reason = "a case panics where the contract is broken: that is what it is"
)]

use super::Backend;
use crate::error::ErrorKind;
use crate::facts::LogQuery;
use crate::ports::Selector;
use crate::spec::LaunchRequest;

/// Digest and platforms, by its tag and by its digest.
pub async fn an_image_says_its_digest_and_platforms(backend: &dyn Backend) {
    let (inspector, world) = (backend.ports().inspector, backend.world());
    assert_eq!(inspector.image(&world.image).await.expect("an image"), world.image_facts);
    let pinned = world.image.pinned_to(world.image_facts.digest.clone());
    assert_eq!(inspector.image(&pinned).await.expect("an image"), world.image_facts);
}

/// A tag and a repository that do not exist are `NotFound`.
pub async fn an_unknown_image_is_not_found(backend: &dyn Backend) {
    let (inspector, world) = (backend.ports().inspector, backend.world());
    let (registry, repository) = (world.image.registry(), world.image.repository());
    for unknown in
        [format!("{registry}/{repository}:no-such-tag"), format!("{registry}/no-such-repository:1")]
    {
        let unknown = unknown.parse().expect("a reference");
        let error = inspector.image(&unknown).await.expect_err("no image");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
}

/// One that is there, and one whose name only begins like it.
pub async fn a_log_group_is_there_or_not(backend: &dyn Backend) {
    let (inspector, world) = (backend.ports().inspector, backend.world());
    let group = &world.log.group;
    assert!(inspector.log_group_exists(group).await.expect("an answer"));
    let beginning = &group[..group.len() - 1];
    assert!(!inspector.log_group_exists(beginning).await.expect("an answer"));
    assert!(!inspector.log_group_exists("no-such-group").await.expect("an answer"));
}

/// Its last lines, in order.
pub async fn a_log_says_its_end(backend: &dyn Backend) {
    let (inspector, world) = (backend.ports().inspector, backend.world());
    let said =
        |lines: Vec<crate::facts::LogLine>| lines.into_iter().map(|line| line.message).collect::<Vec<_>>();
    let all = LogQuery { lines: 1_000, ..world.log.clone() };
    assert_eq!(said(inspector.log_tail(&all).await.expect("a log")), world.log_lines);
    let two = LogQuery { lines: 2, ..world.log.clone() };
    let last = &world.log_lines[world.log_lines.len() - 2..];
    assert_eq!(said(inspector.log_tail(&two).await.expect("a log")), last);
}

/// A stream that nobody wrote is empty.
pub async fn a_log_that_nobody_wrote_is_empty(backend: &dyn Backend) {
    let (inspector, world) = (backend.ports().inspector, backend.world());
    let silent = LogQuery { stream: "ecs/silent/1".to_owned(), ..world.log.clone() };
    assert_eq!(inspector.log_tail(&silent).await.expect("an answer"), []);
}

/// A log group that does not exist is `NotFound`.
pub async fn an_unknown_log_group_is_not_found(backend: &dyn Backend) {
    let (inspector, world) = (backend.ports().inspector, backend.world());
    let nowhere = LogQuery { group: "no-such-group".to_owned(), ..world.log.clone() };
    let error = inspector.log_tail(&nowhere).await.expect_err("no group");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// Among all load balancers is the one of the group, in its VPC, with its subnets.
pub async fn load_balancers_say_where_they_are(backend: &dyn Backend) {
    let (inspector, world) = (backend.ports().inspector, backend.world());
    let all = inspector.load_balancers().await.expect("load balancers");
    let group = &world.target_group_facts;
    let its = all.iter().find(|it| group.load_balancers.contains(&it.arn)).expect("the group's own");
    assert!(its.vpc.is_some() && its.vpc == group.vpc, "{its:?}");
    assert!(its.subnets.len() > 1, "{its:?}");
}

/// Name, counts, definition, deployments and target groups.
pub async fn an_ecs_service_says_its_facts(backend: &dyn Backend) {
    let (inspector, world) = (backend.ports().inspector, backend.world());
    let expected = &world.ecs_service;
    let facts = inspector.ecs_service(&world.cluster, &expected.name).await.expect("an ECS service");
    assert_eq!((&facts.name, &facts.status), (&expected.name, &expected.status));
    assert_eq!((facts.desired, &facts.task_definition), (expected.desired, &expected.task_definition));
    assert_eq!(facts.target_groups, expected.target_groups);
    let primary = facts.primary().expect("a primary deployment");
    assert_eq!(primary.task_definition, expected.task_definition);
    assert!(!primary.id.is_empty() && primary.created_at.is_some(), "{primary:?}");
}

/// One that does not exist is `NotFound`.
pub async fn an_unknown_ecs_service_is_not_found(backend: &dyn Backend) {
    let (inspector, world) = (backend.ports().inspector, backend.world());
    let error = inspector.ecs_service(&world.cluster, "no-such-service").await.expect_err("no ECS service");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// The tasks of its deployments are found by its name, and no others.
pub async fn tasks_are_found_by_their_ecs_service(backend: &dyn Backend) {
    let (ports, world) = (backend.ports(), backend.world());
    let primary = world.ecs_service.primary().expect("a primary deployment");
    let its = LaunchRequest { started_by: primary.id.clone(), ..world.request.clone() };
    let token = "of-a-service#0".parse().expect("a token");
    let its = ports.launcher.launch(&token, &its).await.expect("a task").task;
    let token = "of-nobody#0".parse().expect("a token");
    ports.launcher.launch(&token, &world.request).await.expect("a task");
    let name = world.ecs_service.name.clone();
    let clock = backend.clock();
    let until = clock.now() + world.patience;
    loop {
        let selector = Selector::OfEcsService { name: name.clone(), stopped: false };
        let found = ports.launcher.find(&world.cluster, &selector).await.expect("an answer");
        if found == [its.clone()] {
            break;
        }
        assert!(found.is_empty() && clock.now() < until, "{found:?}");
        clock.sleep_until(clock.now() + world.poll).await;
    }
    let stopped = Selector::OfEcsService { name, stopped: true };
    assert_eq!(ports.launcher.find(&world.cluster, &stopped).await.expect("an answer"), []);
}
