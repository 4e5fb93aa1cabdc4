//! Cases of [`Inspector`](crate::ports::Inspector).

#![expect(
    clippy::missing_panics_doc,
    reason = "a case panics where the contract is broken: that is what it is"
)]

use super::Backend;
use crate::error::ErrorKind;

/// Network mode, containers, their health checks and ports.
pub async fn a_task_definition_says_its_facts(backend: &dyn Backend) {
    let (inspector, world) = (backend.ports().inspector, backend.world());
    let facts = inspector.task_definition(&world.request.task_definition).await.expect("a definition");
    assert_eq!(facts, world.task_definition);
    let by_revision = inspector.task_definition(&facts.id).await.expect("a definition");
    assert_eq!(by_revision, world.task_definition);
}

/// A task definition that does not exist is `NotFound`.
pub async fn an_unknown_task_definition_is_not_found(backend: &dyn Backend) {
    let unknown = &backend.world().unknown_task_definition;
    let error = backend.ports().inspector.task_definition(unknown).await.expect_err("no definition");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// What it takes, whether a listener leads to it, and how often it checks.
pub async fn a_target_group_says_its_facts(backend: &dyn Backend) {
    let (inspector, world) = (backend.ports().inspector, backend.world());
    let facts = inspector.target_group(&world.target_group).await.expect("a group");
    assert_eq!(facts, world.target_group_facts);
    assert!(facts.in_use, "the world says that a listener leads there");
    // The same where several are asked for, in the order asked, also more than go into one call.
    let twice = [world.unused_group.clone(), world.target_group.clone()];
    let groups: Vec<_> = twice.iter().cycle().take(50).cloned().collect();
    let all = inspector.target_groups(&groups).await.expect("groups");
    assert!(all.iter().skip(1).step_by(2).all(|its| *its == facts), "{all:?}");
    assert_eq!(all.len(), 50);
    assert!(inspector.target_groups(&[]).await.expect("nothing").is_empty());
}

/// How long it lets its targets drain.
pub async fn a_target_group_says_its_deregistration_delay(backend: &dyn Backend) {
    let (inspector, world) = (backend.ports().inspector, backend.world());
    let delay = inspector.deregistration_delay(&world.target_group).await.expect("a group");
    assert_eq!(delay, world.deregistration_delay);
}

/// A target group that does not exist is `NotFound`.
pub async fn an_unknown_target_group_is_not_found(backend: &dyn Backend) {
    let unknown = &backend.world().unknown_group;
    let inspector = backend.ports().inspector;
    let error = inspector.target_group(unknown).await.expect_err("no group");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let known = backend.world().target_group.clone();
    let error = inspector.target_groups(&[known, unknown.clone()]).await.expect_err("no group");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let error = inspector.deregistration_delay(unknown).await.expect_err("no group");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}
