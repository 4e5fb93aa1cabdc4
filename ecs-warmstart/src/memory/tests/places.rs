//! Addresses, machines, and what other people run.

use super::kit::{FAMILY, Kit, exact};
use crate::error::ErrorKind;
use crate::facts::{ContainerFacts, NetworkMode, TargetType, TaskDefinitionFacts};
use crate::memory::{GroupSettings, Settings};
use crate::observation::{Target, TargetState, TaskStatus};
use crate::ports::TargetRegistrar;
use crate::spec::{Compute, LaunchRequest, LaunchType};

#[tokio::test]
async fn addresses_are_used_again() {
    let kit = Kit::with(Settings { addresses: 1, ..exact() });
    let first = kit.launch("t#0").await.task;
    kit.go_to(40);
    let address = kit.observe(&first).await.addresses;
    let starved = kit.launch("t#1").await.task;
    kit.go_to(50);
    let starved = kit.observe(&starved).await;
    assert_eq!((starved.status, &starved.addresses[..]), (TaskStatus::Deprovisioning, &[][..]));
    assert!(starved.stop.unwrap().reason.contains("InsufficientFreeAddressesInSubnet"));
    kit.stop(&first, "over").await;
    kit.go_to(60);
    let next = kit.launch("t#2").await.task;
    kit.go_to(70);
    assert_eq!(kit.observe(&next).await.addresses, address);
}

#[tokio::test]
async fn a_target_serves_again_with_the_next_owner_of_its_address() {
    let kit = Kit::with(Settings { addresses: 1, ..exact() });
    let first = kit.launch("t#0").await.task;
    kit.go_to(40);
    let target = kit.target(0);
    kit.register(&target).await.unwrap();
    kit.seconds_until(&target, |seen| seen.state == TargetState::Healthy).await;
    kit.stop(&first, "over").await;
    kit.seconds_until(&target, |seen| seen.state == TargetState::Unhealthy).await;
    assert_eq!(kit.cloud.stale_targets(), [(kit.group.clone(), target.clone())]);
    kit.launch("t#1").await;
    kit.seconds_until(&target, |seen| seen.state == TargetState::Healthy).await;
    assert_eq!(kit.cloud.stale_targets(), []);
}

#[tokio::test]
async fn two_addresses_where_the_subnets_have_ipv6() {
    let kit = Kit::with(Settings { ipv6: true, ..exact() });
    kit.group_with(GroupSettings { target_type: TargetType::Ipv6, ..GroupSettings::default() });
    let task = kit.launch("t#0").await.task;
    kit.go_to(40);
    let addresses = kit.observe(&task).await.addresses;
    assert!(addresses[0].is_ipv4() && addresses[1].is_ipv6());
    let error = kit.register(&kit.target(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let target = Target::new(addresses[1].to_string(), 8080);
    kit.register(&target).await.unwrap();
    kit.seconds_until(&target, |seen| seen.state == TargetState::Healthy).await;
}

/// A request whose tasks run on container instances.
fn on_machines(kit: &Kit, family: &str, network_mode: NetworkMode) -> LaunchRequest {
    let container = |name: &str, ports: &[u16]| ContainerFacts {
        name: name.into(),
        ports: ports.to_vec(),
        ..ContainerFacts::default()
    };
    let containers = vec![container("web", &[80, 443]), container("beside", &[80])];
    let id = family.parse().unwrap();
    kit.cloud.add_task_definition(TaskDefinitionFacts::new(id, network_mode, containers));
    LaunchRequest {
        task_definition: family.parse().unwrap(),
        compute: Compute::LaunchType(LaunchType::Ec2),
        network: None,
        ..kit.request.clone()
    }
}

#[tokio::test]
async fn bridge_tasks_share_a_machine_by_dynamic_ports() {
    let kit = Kit::with(Settings { container_instances: 1, ..exact() });
    kit.group_with(GroupSettings { target_type: TargetType::Instance, ..GroupSettings::default() });
    let request = on_machines(&kit, "bridge", NetworkMode::Bridge);
    let mut targets = Vec::new();
    for token in ["t#0", "t#1"] {
        let task = kit.try_launch(token, &request).await.unwrap().task;
        kit.clock.advance(super::kit::seconds(30));
        let seen = kit.observe(&task).await;
        let instance = seen.host.unwrap().ec2_instance.unwrap();
        let of = |name: usize| seen.containers[name].ports.iter().map(|port| port.container_port);
        assert_eq!(of(0).collect::<Vec<_>>(), [80, 443]);
        assert_eq!(of(1).collect::<Vec<_>>(), [80]);
        for port in seen.containers.iter().flat_map(|container| &container.ports) {
            targets.push(Target::new(&*instance, port.host_port));
        }
    }
    let mut different = targets.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 6, "{targets:?}");
    kit.cloud.register(&kit.group, &targets).await.unwrap();
    for target in &targets {
        kit.seconds_until(target, |seen| seen.state == TargetState::Healthy).await;
    }
    // An instance may be registered again while it drains.
    kit.deregister(&targets[0]).await;
    kit.register(&targets[0]).await.unwrap();
    assert_eq!(kit.look(&targets[0]).await.state, TargetState::Initial);
    let unknown = Target::new("i-0123456789abcdef0", 80);
    assert_eq!(kit.register(&unknown).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn host_ports_run_out() {
    let kit = Kit::with(Settings { container_instances: 2, ..exact() });
    let mut request = on_machines(&kit, "bridge", NetworkMode::Bridge);
    // Two containers of one task cannot both have port 80 of the machine.
    on_machines(&kit, "crowded", NetworkMode::Host);
    request.task_definition = "crowded".parse().unwrap();
    let error = kit.try_launch("t#0", &request).await.unwrap_err().into_failure();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Capacity, Some("RESOURCE:PORTS")));

    let web = ContainerFacts { name: "web".into(), ports: vec![80], ..ContainerFacts::default() };
    let id = "host".parse().unwrap();
    kit.cloud.add_task_definition(TaskDefinitionFacts::new(id, NetworkMode::Host, vec![web]));
    request.task_definition = "host".parse().unwrap();
    let first = kit.try_launch("t#1", &request).await.unwrap().task;
    kit.try_launch("t#2", &request).await.unwrap();
    let error = kit.try_launch("t#3", &request).await.unwrap_err().into_failure();
    assert_eq!(error.code.as_deref(), Some("RESOURCE:PORTS"));
    kit.stop(&first, "over").await;
    kit.go_to(30);
    kit.try_launch("t#4", &request).await.unwrap();

    let fargate = LaunchRequest { network: kit.request.network.clone(), ..request.clone() };
    assert_eq!(kit.try_launch("t#5", &fargate).await.unwrap_err().kind(), ErrorKind::Invalid);
    let fargate = LaunchRequest { compute: kit.request.compute.clone(), ..request };
    assert_eq!(kit.try_launch("t#6", &fargate).await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn what_other_people_do() {
    let kit = Kit::new();
    let theirs = LaunchRequest { started_by: "ecs-svc/123".into(), ..kit.request.clone() };
    let foreign = kit.cloud.run_by_hand(&theirs).unwrap();
    let ours = kit.launch("t#0").await.task;
    kit.go_to(40);
    assert_eq!(kit.find().await, std::slice::from_ref(&ours));
    assert_eq!(kit.observe(&foreign).await.started_by.as_deref(), Some("ecs-svc/123"));
    let by_hand = Target::new("10.7.7.7", 80);
    kit.cloud.register_by_hand(&kit.group, std::slice::from_ref(&by_hand)).unwrap();
    assert_eq!(kit.cloud.stale_targets(), [(kit.group.clone(), by_hand.clone())]);
    kit.cloud.stop_by_hand(&ours, "by hand");
    assert_eq!(kit.cloud.running_tasks(), [foreign]);
    kit.cloud.deregister_by_hand(&kit.group, &[by_hand]).unwrap();
    assert_eq!(kit.cloud.registered(), []);
    assert_eq!(kit.cloud.count_writes(), 1, "what is done by hand is no call of ours");
    let stop = kit.observe(&ours).await.stop.unwrap();
    assert_eq!(stop.reason, "by hand");
    let wrong = LaunchRequest { task_definition: "x".parse().unwrap(), ..theirs };
    assert!(kit.cloud.run_by_hand(&wrong).is_err());
    assert!(kit.cloud.stop_serving(&"arn:aws:ecs:us-east-2:111122223333:task/c/x".parse().unwrap()).is_err());
    assert_eq!(kit.request.task_definition.family(), FAMILY);
}
