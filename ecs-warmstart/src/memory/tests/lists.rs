//! What a search finds, and what ECS says of a task that has stopped.

use super::kit::{FAMILY, Kit, exact};
use crate::error::ErrorKind;
use crate::facts::{ContainerFacts, NetworkMode, TargetType, TaskDefinitionFacts};
use crate::memory::{Action, GroupSettings, Settings};
use crate::observation::{Target, TargetState, TaskStatus};
use crate::ports::{HealthWaiter, Inspector, Selector, TargetRegistrar};
use crate::spec::{Compute, LaunchRequest, LaunchType};

fn stopped_of(family: &str) -> Selector {
    Selector::StoppedOf { family: family.to_owned() }
}

#[tokio::test]
async fn a_stopped_task_says_its_address_for_an_hour() {
    let kit = Kit::new();
    let task = kit.launch("t#0").await.task;
    kit.go_to(40);
    let before = kit.observe(&task).await;
    assert_eq!(kit.find_by(&stopped_of(FAMILY)).await, []);
    kit.stop(&task, "over").await;
    let stops = kit.observe(&task).await;
    assert_eq!((stops.status, &stops.addresses), (TaskStatus::Deactivating, &before.addresses));
    assert_eq!(kit.find_by(&stopped_of(FAMILY)).await, std::slice::from_ref(&task), "ECS wants it stopped");
    // It is STOPPED at 50.
    for second in [50, 50 + 3600] {
        kit.go_to(second);
        let stopped = kit.observe(&task).await;
        assert_eq!((stopped.status, stopped.addresses), (TaskStatus::Stopped, before.addresses.clone()));
        assert_eq!(kit.find_by(&stopped_of(FAMILY)).await, std::slice::from_ref(&task));
    }
    kit.go_to(50 + 3601);
    assert_eq!(kit.observe(&task).await.status, TaskStatus::Missing);
    assert_eq!(kit.find_by(&stopped_of(FAMILY)).await, []);
}

#[tokio::test]
async fn two_tasks_say_one_address_where_it_was_used_again() {
    let kit = Kit::with(Settings { addresses: 1, ..exact() });
    let first = kit.launch("t#0").await.task;
    kit.go_to(40);
    kit.stop(&first, "over").await;
    kit.go_to(50);
    let next = kit.launch("t#1").await.task;
    kit.go_to(100);
    let (dead, alive) = (kit.observe(&first).await, kit.observe(&next).await);
    assert_eq!((dead.status, alive.status), (TaskStatus::Stopped, TaskStatus::Running));
    assert_eq!(dead.addresses, alive.addresses);
    assert_eq!(kit.cloud.addresses(&next), alive.addresses);
}

#[tokio::test]
async fn a_stopped_task_says_machine_and_ports() {
    let kit = Kit::new();
    kit.group_with(GroupSettings { target_type: TargetType::Instance, ..GroupSettings::default() });
    let web = ContainerFacts { name: "web".into(), ports: vec![80], ..ContainerFacts::default() };
    let id = "bridge".parse().unwrap();
    kit.cloud.add_task_definition(TaskDefinitionFacts::new(id, NetworkMode::Bridge, vec![web]));
    let request = LaunchRequest {
        task_definition: "bridge".parse().unwrap(),
        compute: Compute::LaunchType(LaunchType::Ec2),
        network: None,
        ..kit.request.clone()
    };
    let task = kit.try_launch("t#0", &request).await.unwrap().task;
    assert_eq!(kit.cloud.addresses(&task), [] as [std::net::IpAddr; 0]);
    kit.go_to(40);
    let running = kit.observe(&task).await;
    let port = running.containers[0].ports[0].host_port;
    let target = Target::new(running.host.as_ref().unwrap().ec2_instance.as_deref().unwrap(), port);
    kit.register(&target).await.unwrap();
    kit.seconds_until(&target, |seen| seen.state == TargetState::Healthy).await;
    kit.stop(&task, "over").await;
    kit.clock.advance(super::kit::seconds(60));
    let stopped = kit.observe(&task).await;
    assert_eq!(stopped.status, TaskStatus::Stopped);
    assert_eq!((stopped.host, &stopped.containers[0].ports), (running.host, &running.containers[0].ports));
    assert_eq!(kit.cloud.stale_targets(), [(kit.group.clone(), target)]);
}

#[tokio::test]
async fn all_that_runs_is_found_by_the_hundred() {
    let kit = Kit::new();
    let mut running = Vec::new();
    for number in 0..101 {
        let started_by = ["ecs-svc/1", "", "ecs-warmstart/other"][number % 3].to_owned();
        let theirs = LaunchRequest { started_by, ..kit.request.clone() };
        running.push(kit.cloud.run_by_hand(&theirs).unwrap());
    }
    assert_eq!(kit.find_by(&Selector::Running).await, [], "a search lags behind");
    kit.go_to(40);
    let calls = kit.cloud.count(Action::ListTasks);
    let found = kit.find_by(&Selector::Running).await;
    assert_eq!((found, kit.cloud.count(Action::ListTasks) - calls), (running.clone(), 2));
    let by: Vec<_> = kit.cloud.observe_tasks(&kit.request.cluster, &running[..3]).await.unwrap();
    let by: Vec<_> = by.iter().map(|seen| seen.started_by.as_deref()).collect();
    assert_eq!(by, [Some("ecs-svc/1"), None, Some("ecs-warmstart/other")]);

    running.iter().for_each(|task| kit.cloud.stop_by_hand(task, "over"));
    let calls = kit.cloud.count(Action::ListTasks);
    assert_eq!(kit.find_by(&stopped_of(FAMILY)).await, running);
    assert_eq!(kit.cloud.count(Action::ListTasks) - calls, 2);
    assert_eq!(kit.find_by(&Selector::Running).await, []);
    assert_eq!(kit.find_by(&stopped_of("authapi")).await, [], "a family has its whole name");
}

#[tokio::test]
async fn a_denied_group_answers_nothing() {
    let kit = Kit::new();
    let (target, group) = (kit.target(0), &kit.group);
    kit.register(&target).await.unwrap();
    assert_eq!(kit.cloud.deregistration_delay(group).await.unwrap(), super::kit::seconds(300));
    kit.cloud.deny_group(group);
    let one = std::slice::from_ref(&target);
    for failed in [
        kit.cloud.register(group, one).await.unwrap_err(),
        kit.cloud.deregister(group, one).await.unwrap_err(),
        kit.cloud.targets(group).await.unwrap_err(),
        kit.cloud.observe_targets(group, one).await.unwrap_err(),
        kit.cloud.target_group(group).await.unwrap_err(),
        kit.cloud.deregistration_delay(group).await.unwrap_err(),
    ] {
        assert_eq!(failed.kind(), ErrorKind::Denied, "{failed}");
    }
    assert_eq!(kit.cloud.registered(), [(group.clone(), target)]);
}
