//! The waits for those who wait for one thing and do not want a whole run.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::ids::TaskArn;
use ecs_warmstart::memory::{Behaviour, GroupSettings, InMemory, Settings, Stop};
use ecs_warmstart::observation::{Target, TaskStatus};
use ecs_warmstart::ports::{HealthWaiterExt, Ports, WaitError};
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault, PortMethod};

use crate::worlds::{auth, clock};

const MINUTES: Duration = Duration::from_secs(300);

fn launched(behaviour: &Behaviour) -> (InMemory, Arc<dyn Clock>, TaskArn) {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    cloud.behave("authapi-task-def", behaviour);
    let task = cloud.run_by_hand(&auth(1).request).unwrap();
    (cloud, clock, task)
}

#[tokio::test(start_paused = true)]
async fn running_is_waited_for_through_missing_looks_and_throttling() {
    let (cloud, clock, task) = launched(&Behaviour::default());
    let cluster = auth(1).request.cluster;
    let throttled = ChaosPlan::none().at(0, Fault::Before(ErrorKind::Throttled));
    let chaos = Chaos::new(Ports::from_one(cloud.clone()), throttled);
    let seen = chaos.ports().waiter.wait_running(&*clock, &cluster, &task, MINUTES).await.unwrap();
    assert_eq!(seen.status, TaskStatus::Running);
    assert!(!seen.addresses.is_empty());
    let running = cloud.truth(&task).unwrap().running.unwrap();
    assert!(clock.now().since(running) <= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_ends_the_wait() {
    let (cloud, clock, task) = launched(&Behaviour::stops(Stop::wrong_platform()));
    let error = cloud.wait_running(&*clock, &auth(1).request.cluster, &task, MINUTES).await.unwrap_err();
    assert!(matches!(&error, WaitError::Stopped(seen) if seen.task == task), "{error}");
}

#[tokio::test(start_paused = true)]
async fn time_that_is_over_says_what_was_seen_last() {
    let (cloud, clock, task) = launched(&Behaviour::stuck_in(TaskStatus::Pending));
    let began = clock.now();
    let error = cloud.wait_running(&*clock, &auth(1).request.cluster, &task, MINUTES).await.unwrap_err();
    let WaitError::TimedOut { waited, looks, last } = error else { panic!("{error}") };
    assert_eq!((waited, last.as_str()), (MINUTES, "PENDING"));
    assert_eq!(clock.now().since(began), MINUTES);
    assert!((90..120).contains(&looks), "{looks}");
}

#[tokio::test(start_paused = true)]
async fn what_no_retry_mends_ends_the_wait_at_once() {
    let (cloud, clock, task) = launched(&Behaviour::default());
    let began = clock.now();
    let denied = ChaosPlan::none().every(PortMethod::ObserveTasks, Fault::Before(ErrorKind::Denied));
    let ports = Chaos::new(Ports::from_one(cloud), denied).ports();
    let error =
        ports.waiter.wait_running(&*clock, &auth(1).request.cluster, &task, MINUTES).await.unwrap_err();
    assert!(matches!(&error, WaitError::Port(port) if port.kind() == ErrorKind::Denied), "{error}");
    assert_eq!(clock.now(), began);
}

#[tokio::test(start_paused = true)]
async fn a_target_is_waited_for_until_it_is_healthy_or_never_can_be() {
    let (cloud, clock, task) = launched(&Behaviour::default());
    let (cluster, group) = (auth(1).request.cluster, auth(1).bindings[0].target_group.clone());
    let seen = cloud.wait_running(&*clock, &cluster, &task, MINUTES).await.unwrap();
    let target = Target::new(seen.addresses[0].to_string(), 8080);
    cloud.register_by_hand(&group, std::slice::from_ref(&target)).unwrap();
    cloud.wait_healthy(&*clock, &group, &target, MINUTES).await.unwrap();

    let idle = group.as_str().replace("/auth/", "/idle/").parse().unwrap();
    cloud.add_target_group(&idle, GroupSettings { in_use: false, ..GroupSettings::default() });
    cloud.register_by_hand(&idle, std::slice::from_ref(&target)).unwrap();
    let error = cloud.wait_healthy(&*clock, &idle, &target, MINUTES).await.unwrap_err();
    assert!(matches!(error, WaitError::Unusable { .. }), "{error}");
}
