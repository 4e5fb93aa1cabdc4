//! Cases of [`TaskLauncher`](crate::ports::TaskLauncher) and of looks at tasks.

#![expect(
    clippy::missing_panics_doc,
    reason = "a case panics where the contract is broken: that is what it is"
)]

use std::collections::BTreeSet;

use super::Backend;
use super::steps::{Steps, token};
use crate::error::ErrorKind;
use crate::observation::{TaskObservation, TaskStatus};
use crate::overrides::TaskOverride;
use crate::ports::Selector;
use crate::spec::LaunchRequest;

/// The same token and the same request: one task.
pub async fn one_token_is_one_task(backend: &dyn Backend) {
    let steps = Steps::new(backend, "one-token");
    let first = steps.launch("t#0").await;
    let second = steps.launch("t#0").await;
    assert_eq!(first.task, second.task);
    assert_eq!(steps.found_at_last(1).await, [first.task]);
}

/// Another token asks for another task.
pub async fn different_tokens_are_different_tasks(backend: &dyn Backend) {
    let steps = Steps::new(backend, "two-tokens");
    let (first, second) = (steps.launch("t#0").await, steps.launch("t#1").await);
    assert_ne!(first.task, second.task);
}

/// The same token for something else is a conflict that names the task.
pub async fn a_token_with_another_request_conflicts(backend: &dyn Backend) {
    let steps = Steps::new(backend, "conflict");
    let first = steps.launch("t#0").await;
    let other = LaunchRequest { enable_execute_command: true, ..steps.request() };
    let failure =
        steps.ports.launcher.launch(&token("t#0"), &other).await.expect_err("a conflict").into_failure();
    assert_eq!(failure.kind, ErrorKind::Conflict);
    assert_eq!(failure.tasks, [first.task]);
}

/// Role, command and environment of one launch are those of its task, and of no other.
pub async fn overrides_are_those_of_their_task(backend: &dyn Backend) {
    let steps = Steps::new(backend, "overrides");
    let request = LaunchRequest { overrides: steps.overrides("1"), ..steps.request() };
    let plain = steps.launch("t#0").await;
    let changed = steps.ports.launcher.launch(&token("t#1"), &request).await.expect("a launch");
    for (task, overrides) in [(plain.task, TaskOverride::default()), (changed.task, request.overrides)] {
        let known = |seen: &TaskObservation| seen.status != TaskStatus::Missing;
        let seen = steps.task_until(&task, known).await;
        assert!(seen.overrides.runs_the_same_as(&overrides), "{:?}", seen.overrides);
    }
}

/// The same token with other overrides, or without, is a conflict that names the task.
pub async fn a_token_with_other_overrides_conflicts(backend: &dyn Backend) {
    let steps = Steps::new(backend, "other-overrides");
    let with = |number: &str| LaunchRequest { overrides: steps.overrides(number), ..steps.request() };
    let first = steps.ports.launcher.launch(&token("t#0"), &with("1")).await.expect("a launch");
    let again = steps.ports.launcher.launch(&token("t#0"), &with("1")).await.expect("the same launch");
    assert_eq!(again.task, first.task);
    for other in [with("2"), steps.request()] {
        let answer = steps.ports.launcher.launch(&token("t#0"), &other).await;
        let failure = answer.expect_err("a conflict").into_failure();
        assert_eq!((failure.kind, failure.tasks), (ErrorKind::Conflict, vec![first.task.clone()]));
    }
}

/// A token whose task has stopped answers with that task, and says that it has stopped.
pub async fn a_token_answers_with_the_stopped_task(backend: &dyn Backend) {
    let steps = Steps::new(backend, "stopped-token");
    let first = steps.launch("t#0").await;
    steps.stop(&first.task, "over").await;
    steps.task_until(&first.task, |seen| seen.status == TaskStatus::Stopped).await;
    let again = steps.launch("t#0").await;
    assert_eq!((again.task, again.status), (first.task, TaskStatus::Stopped));
}

/// Callers that race with one token are all given the same task.
pub async fn many_callers_with_one_token_start_one_task(backend: &dyn Backend) {
    let steps = Steps::new(backend, "race");
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (launcher, request) = (std::sync::Arc::clone(&steps.ports.launcher), steps.request());
        callers.spawn(async move { launcher.launch(&token("t#0"), &request).await.map(|seen| seen.task) });
    }
    let answers: BTreeSet<_> =
        callers.join_all().await.into_iter().map(|answer| answer.expect("a launch")).collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(steps.found_at_last(1).await, Vec::from_iter(answers));
}

/// `failures[]` without a task is an error of kind `Capacity`.
pub async fn a_failed_placement_is_no_capacity(backend: &dyn Backend) {
    let steps = Steps::new(backend, "no-capacity");
    let request = steps.named(&backend.world().no_capacity);
    let error = steps.ports.launcher.launch(&token("t#0"), &request).await.expect_err("no capacity");
    assert_eq!(error.kind(), ErrorKind::Capacity, "{error}");
    assert_eq!(steps.find().await, []);
}

/// The same token gets the same failure again.
pub async fn a_token_replays_its_failure(backend: &dyn Backend) {
    let steps = Steps::new(backend, "replayed-failure");
    let request = steps.named(&backend.world().no_capacity);
    let mut answers = Vec::new();
    for _ in 0..2 {
        let error = steps.ports.launcher.launch(&token("t#0"), &request).await.expect_err("no capacity");
        answers.push(error.into_failure());
    }
    assert_eq!(answers[0], answers[1]);
}

/// Only tasks of that `startedBy`, and all of them.
pub async fn tasks_are_found_by_started_by(backend: &dyn Backend) {
    let (ours, others) = (Steps::new(backend, "ours"), Steps::new(backend, "others"));
    let mut expected = vec![ours.launch("ours#0").await.task, ours.launch("ours#1").await.task];
    let other = others.launch("others#0").await.task;
    expected.sort();
    assert_eq!(ours.found_at_last(2).await, expected);
    assert_eq!(others.found_at_last(1).await, [other]);
}

/// ECS wants it stopped: then it is not found any more.
pub async fn a_stopped_task_is_not_found(backend: &dyn Backend) {
    let steps = Steps::new(backend, "not-found");
    let launched = steps.launch("t#0").await;
    steps.found_at_last(1).await;
    steps.stop(&launched.task, "over").await;
    assert_eq!(steps.found_at_last(0).await, []);
}

/// Tasks that have stopped are found by their family, whoever started them; those that run and those of other families are
/// not.
pub async fn stopped_tasks_are_found_by_family(backend: &dyn Backend) {
    let (steps, others) = (Steps::new(backend, "stopped"), Steps::new(backend, "stopped-too"));
    let family = backend.world().task_definition.id.family();
    let selector = Selector::StoppedOf { family: family.to_owned() };
    let mut stopped = Vec::new();
    for (steps, name) in [(&steps, "stopped#0"), (&others, "stopped#1")] {
        let running = steps.running(name).await;
        assert_eq!(steps.find_by(&selector).await, stopped, "before one more stops");
        steps.stop(&running.task, "over").await;
        steps.task_until(&running.task, |seen| seen.status == TaskStatus::Stopped).await;
        stopped.push(running.task);
        stopped.sort();
    }
    let request = steps.named(&backend.world().other_family);
    let other = steps.ports.launcher.launch(&token("stopped#2"), &request).await.expect("a launch").task;
    steps.task_until(&other, |seen| seen.status == TaskStatus::Running).await;
    steps.stop(&other, "over").await;
    steps.task_until(&other, |seen| seen.status == TaskStatus::Stopped).await;
    assert_eq!(steps.find_by(&selector).await, stopped);
    let family = backend.world().other_family.task_definition.family().to_owned();
    assert_eq!(steps.find_by(&Selector::StoppedOf { family }).await, [other]);
}

/// All that ECS wants running in the cluster, whoever started it, and all pages of it.
pub async fn all_running_tasks_are_found(backend: &dyn Backend) {
    let hands = ["first", "second", "third"].map(|name| Steps::new(backend, name));
    let stopped = hands[0].running("all#stopped").await.task;
    hands[0].stop(&stopped, "over").await;
    let mut expected = Vec::new();
    for number in 0..104 {
        expected.push(hands[number % 3].launch(&format!("all#{number}")).await.task);
    }
    let request = hands[0].named(&backend.world().other_family);
    let other = hands[0].ports.launcher.launch(&token("all#other"), &request).await.expect("a launch");
    expected.push(other.task);
    expected.sort();
    assert_eq!(hands[0].found_by_at_last(&Selector::Running, 105).await, expected);
}

/// A target is known for stale by the address of its task that has stopped: so that address stays known.
pub async fn a_stopped_task_still_says_its_address(backend: &dyn Backend) {
    let steps = Steps::new(backend, "still-says");
    let running = steps.running("t#0").await;
    steps.stop(&running.task, "over").await;
    let stopped = steps.task_until(&running.task, |seen| seen.status == TaskStatus::Stopped).await;
    assert_eq!(stopped.addresses, running.addresses);
    assert_eq!(stopped.started_by, running.started_by);
    assert_eq!(stopped.task_definition, running.task_definition);
}

/// ECS answers at most 100 tasks per call, both ways; the ports have no such limit.
pub async fn all_pages_are_found_and_observed_in_order(backend: &dyn Backend) {
    let steps = Steps::new(backend, "pages");
    let mut launched = Vec::new();
    for number in 0..103 {
        launched.push(steps.launch(&format!("pages#{number}")).await.task);
    }
    let mut expected = launched.clone();
    expected.sort();
    assert_eq!(steps.found_at_last(103).await, expected);

    launched.reverse();
    launched.insert(101, backend.world().unknown_task.clone());
    let seen = steps.observe(&launched).await;
    assert_eq!(seen.iter().map(|seen| &seen.task).collect::<Vec<_>>(), Vec::from_iter(&launched));
    assert_eq!(seen[101].status, TaskStatus::Missing);
}

/// What ECS does not know is an observation, not an error; asked for nothing, nothing is answered.
pub async fn an_unknown_task_is_missing(backend: &dyn Backend) {
    let steps = Steps::new(backend, "unknown-task");
    let unknown = backend.world().unknown_task.clone();
    assert_eq!(
        steps.observe(std::slice::from_ref(&unknown)).await,
        [TaskObservation::missing(unknown.clone())]
    );
    assert_eq!(steps.observe(&[]).await, []);
}

/// RUNNING with an address of its own, and with what identifies it.
pub async fn a_task_gets_running_with_an_address(backend: &dyn Backend) {
    let steps = Steps::new(backend, "running");
    let seen = steps.running("t#0").await;
    assert!(seen.addresses[0].is_ipv4(), "IPv4 comes first: {:?}", seen.addresses);
    assert_eq!(seen.started_by.as_deref(), Some(steps.started_by.as_str()));
    assert!(!seen.is_ending());
    let revision = seen.task_definition.expect("a running task has a revision");
    assert_eq!(revision.family(), backend.world().task_definition.id.family());
    for container in &backend.world().task_definition.containers {
        let seen = seen.containers.iter().find(|seen| seen.name == container.name);
        assert_eq!(seen.and_then(|seen| seen.exit_code), None);
        assert!(seen.is_some(), "{} is not there", container.name);
    }
}

/// The launch itself does not wait.
pub async fn a_task_is_not_running_at_once(backend: &dyn Backend) {
    let steps = Steps::new(backend, "at-once");
    let launched = steps.launch("t#0").await;
    assert!(launched.status < TaskStatus::Running, "{}", launched.status);
    let look = &steps.observe(std::slice::from_ref(&launched.task)).await[0];
    assert!(look.status < TaskStatus::Running, "{}", look.status);
}

/// From launch to STOPPED, status and version only grow.
pub async fn a_status_never_goes_back(backend: &dyn Backend) {
    let steps = Steps::new(backend, "forward");
    let mut last = steps.running("t#0").await;
    steps.stop(&last.task, "over").await;
    while last.status != TaskStatus::Stopped {
        let seen = steps
            .task_until(&last.task, |seen| seen.status != last.status || seen.version != last.version)
            .await;
        assert!(seen.status >= last.status, "{} after {}", seen.status, last.status);
        assert!(seen.version >= last.version, "version {} after {}", seen.version, last.version);
        last = seen;
    }
    assert!(last.is_ending());
}

/// Behind ports of the machine: the instance's id and the port it chose.
pub async fn a_task_on_a_host_names_instance_and_ports(backend: &dyn Backend) {
    let steps = Steps::new(backend, "host");
    let request = steps.named(&backend.world().on_host);
    let launched = steps.ports.launcher.launch(&token("t#0"), &request).await.expect("a launch");
    let seen = steps.task_until(&launched.task, |seen| seen.status == TaskStatus::Running).await;
    let host = seen.host.expect("it runs on a machine");
    assert!(host.ec2_instance.is_some_and(|id| id.starts_with("i-")));
    let ports: Vec<_> = seen.containers.iter().flat_map(|container| &container.ports).collect();
    assert!(ports.iter().any(|port| port.container_port != 0 && port.host_port != 0), "{ports:?}");
    assert_eq!(seen.addresses, [] as [std::net::IpAddr; 0]);
}

/// Stopping what stops, or has stopped, succeeds.
pub async fn stopping_twice_is_fine(backend: &dyn Backend) {
    let steps = Steps::new(backend, "stop-twice");
    let launched = steps.running("t#0").await;
    steps.stop(&launched.task, "first").await;
    steps.stop(&launched.task, "second").await;
    steps.task_until(&launched.task, |seen| seen.status == TaskStatus::Stopped).await;
    steps.stop(&launched.task, "third").await;
}

/// The first reason given is the one that is kept.
pub async fn a_stop_keeps_its_reason(backend: &dyn Backend) {
    let steps = Steps::new(backend, "stop-reason");
    let launched = steps.running("t#0").await;
    steps.stop(&launched.task, "not needed any more").await;
    let seen = steps.task_until(&launched.task, |seen| seen.status == TaskStatus::Stopped).await;
    let stop = seen.stop.expect("a stopped task says why");
    assert!(stop.reason.contains("not needed any more"), "{stop:?}");
}

/// Whether a task that ECS does not know is gone, or was launched a moment ago, is for the caller to say.
pub async fn stopping_an_unknown_task_is_not_found(backend: &dyn Backend) {
    let steps = Steps::new(backend, "stop-unknown");
    let world = backend.world();
    let stop = steps.ports.launcher.stop(&world.cluster, &world.unknown_task, "over").await;
    let error = stop.expect_err("no such task");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// A cluster that does not exist is `NotFound`, whatever is asked of it.
pub async fn an_unknown_cluster_is_not_found(backend: &dyn Backend) {
    let steps = Steps::new(backend, "unknown-cluster");
    let cluster = backend.world().unknown_cluster.clone();
    let request = LaunchRequest { cluster: cluster.clone(), ..steps.request() };
    let launch = steps.ports.launcher.launch(&token("t#0"), &request).await.expect_err("no cluster");
    assert_eq!(launch.kind(), ErrorKind::NotFound, "{launch}");
    let find = steps.ports.launcher.find(&cluster, &steps.ours()).await.expect_err("no cluster");
    assert_eq!(find.kind(), ErrorKind::NotFound, "{find}");
    let tasks = [backend.world().unknown_task.clone()];
    let look = steps.ports.waiter.observe_tasks(&cluster, &tasks).await.expect_err("no cluster");
    assert_eq!(look.kind(), ErrorKind::NotFound, "{look}");
}

/// No retry can launch what has no definition.
pub async fn an_unknown_task_definition_cannot_be_launched(backend: &dyn Backend) {
    let steps = Steps::new(backend, "unknown-definition");
    let task_definition = backend.world().unknown_task_definition.clone();
    let request = LaunchRequest { task_definition, ..steps.request() };
    let error = steps.ports.launcher.launch(&token("t#0"), &request).await.expect_err("no definition");
    assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound), "{error}");
    assert_eq!(steps.find().await, []);
}
