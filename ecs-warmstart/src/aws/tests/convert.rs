//! From the SDK's types to ours.

use std::time::Duration;

use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::{
    Attachment, Compatibility, Container, ContainerDefinition, HealthCheck, HealthStatus as EcsHealth,
    KeyValuePair, NetworkBinding, NetworkInterface, NetworkMode as EcsMode, PortMapping, Task,
    TaskDefinition, TransportProtocol,
};
use aws_sdk_elasticloadbalancingv2::types::{
    TargetDescription, TargetGroup, TargetGroupAttribute, TargetGroupIpAddressTypeEnum, TargetHealth,
    TargetHealthDescription, TargetHealthReasonEnum, TargetHealthStateEnum, TargetTypeEnum,
};

use super::super::{convert, definitions};
use crate::error::ErrorKind;
use crate::facts::{ContainerFacts, ContainerHealthCheck, NetworkMode, TargetType, TaskDefinitionFacts};
use crate::observation::{
    HealthStatus, PortBinding, StopCode, StopInfo, Target, TargetObservation, TargetReason, TargetState,
    TaskObservation, TaskStatus,
};
use crate::time::Timestamp;

const TASK: &str = "arn:aws:ecs:us-east-2:111122223333:task/c/0a1b";

fn task() -> aws_sdk_ecs::types::builders::TaskBuilder {
    Task::builder().task_arn(TASK)
}

fn seen(task: aws_sdk_ecs::types::builders::TaskBuilder) -> TaskObservation {
    convert::task(&task.build()).unwrap()
}

fn interface(kind: &str, status: &str, address: &str) -> Attachment {
    let detail = KeyValuePair::builder().name("privateIPv4Address").value(address).build();
    let subnet = KeyValuePair::builder().name("subnetId").value("subnet-a").build();
    Attachment::builder().r#type(kind).status(status).details(subnet).details(detail).build()
}

fn addresses(task: aws_sdk_ecs::types::builders::TaskBuilder) -> Vec<String> {
    seen(task).addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn a_status_that_is_unknown_is_waited_out() {
    for (word, status) in [
        ("PROVISIONING", TaskStatus::Provisioning),
        ("PENDING", TaskStatus::Pending),
        ("ACTIVATING", TaskStatus::Activating),
        ("RUNNING", TaskStatus::Running),
        ("DEACTIVATING", TaskStatus::Deactivating),
        ("STOPPING", TaskStatus::Stopping),
        ("DEPROVISIONING", TaskStatus::Deprovisioning),
        ("STOPPED", TaskStatus::Stopped),
        ("DELETED", TaskStatus::Stopped),
        ("MISSING", TaskStatus::Pending),
        ("DREAMING", TaskStatus::Pending),
        ("", TaskStatus::Pending),
    ] {
        assert_eq!(seen(task().last_status(word)).status, status, "{word}");
    }
    assert_eq!(seen(task()).status, TaskStatus::Pending);
}

#[test]
fn a_bare_answer_is_a_bare_observation() {
    let bare = TaskObservation::new(TASK.parse().unwrap(), TaskStatus::Pending);
    assert_eq!(seen(task()), bare);
    assert!(convert::task(&Task::builder().build()).is_err());
    assert!(convert::task(&Task::builder().task_arn("0a1b").build()).is_err());
}

#[test]
fn the_rest_of_a_task() {
    let whole = seen(
        task()
            .last_status("STOPPING")
            .desired_status("STOPPED")
            .version(7)
            .started_by("ecs-warmstart/auth")
            .task_definition_arn("arn:aws:ecs:us-east-2:111122223333:task-definition/web:3")
            .created_at(DateTime::from_millis(1_500))
            .started_at(DateTime::from_millis(2_500))
            .stop_code("InfrastructureHealth".into())
            .stopped_reason("the rack is on fire"),
    );
    assert!(whole.stop_requested);
    assert_eq!(whole.version, 7);
    assert_eq!(whole.started_by.as_deref(), Some("ecs-warmstart/auth"));
    assert_eq!(whole.task_definition.unwrap().family(), "web");
    assert_eq!(whole.created_at, Some(Timestamp::from_millis(1_500)));
    assert_eq!(whole.started_at, Some(Timestamp::from_millis(2_500)));
    let reason = "the rack is on fire".to_owned();
    assert_eq!(whole.stop, Some(StopInfo { code: Some(StopCode::InfrastructureHealth), reason }));

    let odd = seen(task().version(-1).created_at(DateTime::from_millis(-1)).stop_code("Ennui".into()));
    assert_eq!((odd.version, odd.created_at, odd.stop_requested), (0, None, false));
    assert_eq!(odd.stop.unwrap().code, Some(StopCode::Other("Ennui".into())));
}

#[test]
fn addresses_come_from_attachment_and_containers() {
    let own = |kind, status| task().attachments(interface(kind, status, "10.0.1.5"));
    assert_eq!(addresses(own("ElasticNetworkInterface", "ATTACHED")), ["10.0.1.5"]);
    assert_eq!(addresses(own("eni", "ATTACHED")), ["10.0.1.5"]);
    assert_eq!(addresses(own("Service Connect", "ATTACHED")), [] as [&str; 0]);
    assert_eq!(addresses(own("ElasticNetworkInterface", "DELETED")), ["10.0.1.5"], "ECS keeps the details");
    assert_eq!(addresses(own("ElasticNetworkInterface", "FAILED")), [] as [&str; 0]);

    let both =
        NetworkInterface::builder().private_ipv4_address("10.0.1.5").ipv6_address("2001:db8::5").build();
    let container = Container::builder().network_interfaces(both).build();
    let six_first = NetworkInterface::builder().ipv6_address("2001:db8::5").build();
    let guard = Container::builder().network_interfaces(six_first).build();
    assert_eq!(addresses(task().containers(guard.clone())), ["2001:db8::5"]);
    let six_before_four = task().containers(guard.clone()).containers(container.clone());
    assert_eq!(addresses(six_before_four), ["10.0.1.5", "2001:db8::5"]);
    assert_eq!(
        addresses(own("ElasticNetworkInterface", "ATTACHED").containers(guard).containers(container)),
        ["10.0.1.5", "2001:db8::5"]
    );
}

#[test]
fn a_deregistration_delay_is_in_seconds() {
    let attribute = |key: &str, value: &str| TargetGroupAttribute::builder().key(key).value(value).build();
    let delay = |value| {
        convert::deregistration_delay(&[
            attribute("slow_start.duration_seconds", "7"),
            attribute("deregistration_delay.timeout_seconds", value),
        ])
    };
    assert_eq!(delay("0").unwrap(), Duration::ZERO);
    assert_eq!(delay("3600").unwrap(), Duration::from_secs(3600));
    assert_eq!(delay("soon").unwrap_err().kind(), ErrorKind::Other);
    assert_eq!(convert::deregistration_delay(&[]).unwrap(), Duration::from_secs(300), "AWS's default");
}

#[test]
fn only_a_task_that_ran_without_interface_has_a_host() {
    let on_machine =
        || task().container_instance_arn("arn:aws:ecs:us-east-2:111122223333:container-instance/c/9");
    assert!(seen(on_machine().last_status("PENDING")).host.is_none());
    assert!(seen(on_machine().last_status("RUNNING")).host.is_some());
    assert!(seen(on_machine().last_status("STOPPED")).host.is_none());
    let started_at = DateTime::from_millis(2_500);
    assert!(seen(on_machine().last_status("STOPPED").started_at(started_at)).host.is_some());
    assert!(seen(task().last_status("RUNNING")).host.is_none());
    let attaching = Attachment::builder().r#type("ElasticNetworkInterface").status("ATTACHING").build();
    assert!(seen(on_machine().last_status("RUNNING").attachments(attaching)).host.is_none());
}

#[test]
fn a_container_says_health_exit_and_ports() {
    let binding = |container, host, protocol| {
        NetworkBinding::builder().container_port(container).host_port(host).protocol(protocol).build()
    };
    let range =
        NetworkBinding::builder().container_port_range("9000-9001").host_port_range("40000-40001").build();
    let container = Container::builder()
        .name("web")
        .health_status(EcsHealth::Healthy)
        .last_status("STOPPED")
        .exit_code(137)
        .reason("OutOfMemoryError: Container killed due to memory usage")
        .image_digest("sha256:00")
        .network_bindings(binding(53, 33_000, TransportProtocol::Udp))
        .network_bindings(binding(53, 32_768, TransportProtocol::Tcp))
        .network_bindings(binding(53, 32_768, TransportProtocol::Tcp))
        .network_bindings(binding(80, 0, TransportProtocol::Tcp))
        .network_bindings(range);
    let observed = seen(task().containers(container.build()));
    let web = observed.container("web").unwrap();
    assert_eq!(web.health, HealthStatus::Healthy);
    assert_eq!(web.exit_code, Some(137));
    assert_eq!(web.reason.as_deref(), Some("OutOfMemoryError: Container killed due to memory usage"));
    assert_eq!(web.image_digest.as_deref(), Some("sha256:00"));
    let port = |container_port, host_port| PortBinding { container_port, host_port };
    assert_eq!(
        web.ports,
        [port(53, 32_768), port(9000, 40_000), port(9001, 40_001), port(53, 33_000)],
        "TCP first, none twice, none without a port"
    );

    let alive =
        Container::builder().name("web").last_status("RUNNING").exit_code(0).health_status("ILL".into());
    let observed = seen(task().containers(alive.build()));
    assert_eq!(observed.containers[0].exit_code, None);
    assert_eq!(observed.containers[0].health, HealthStatus::Unknown);
}

#[test]
fn a_task_definition_without_a_mode_has_the_default_of_its_platform() {
    let definition = || {
        TaskDefinition::builder()
            .task_definition_arn("arn:aws:ecs:us-east-2:111122223333:task-definition/web:3")
    };
    for (definition, mode) in [
        (definition(), NetworkMode::Bridge),
        (definition().requires_compatibilities(Compatibility::Ec2), NetworkMode::Bridge),
        (definition().requires_compatibilities(Compatibility::Fargate), NetworkMode::AwsVpc),
        (definition().network_mode(EcsMode::Awsvpc), NetworkMode::AwsVpc),
        (definition().network_mode(EcsMode::Host), NetworkMode::Host),
        (definition().network_mode(EcsMode::None), NetworkMode::None),
        (definition().network_mode(EcsMode::Bridge), NetworkMode::Bridge),
        (definition().network_mode("default".into()), NetworkMode::Bridge),
    ] {
        assert_eq!(definitions::task_definition(&definition.build()).unwrap().network_mode, mode);
    }
    assert!(definitions::task_definition(&TaskDefinition::builder().build()).is_err());
}

#[test]
fn a_container_definition_is_essential_unless_it_says_no() {
    let mapping = |port| PortMapping::builder().container_port(port).build();
    let range = PortMapping::builder().container_port_range("9000-9002").build();
    let check = HealthCheck::builder().command("CMD").build().unwrap();
    let web = ContainerDefinition::builder()
        .name("web")
        .health_check(check)
        .port_mappings(mapping(8080))
        .port_mappings(range);
    let sidecar = ContainerDefinition::builder().name("sidecar").essential(false);
    let definition = TaskDefinition::builder()
        .task_definition_arn("arn:aws:ecs:us-east-2:111122223333:task-definition/web:3")
        .container_definitions(web.build())
        .container_definitions(sidecar.build());
    let facts = |name: &str, essential, has_health_check: bool, ports| ContainerFacts {
        name: name.to_owned(),
        essential,
        health_check: has_health_check
            .then(|| ContainerHealthCheck { command: vec!["CMD".into()], ..Default::default() }),
        ports,
        ..ContainerFacts::default()
    };
    assert_eq!(
        definitions::task_definition(&definition.build()).unwrap(),
        TaskDefinitionFacts::new(
            "arn:aws:ecs:us-east-2:111122223333:task-definition/web:3".parse().unwrap(),
            NetworkMode::Bridge,
            vec![
                facts("web", true, true, vec![8080, 9000, 9001, 9002]),
                facts("sidecar", false, false, vec![]),
            ],
        )
    );
    for (cpu, memory, expected) in [
        ("256", "512", (Some(256), Some(512))),
        (".5 vCPU", "1 GB", (Some(512), Some(1024))),
        ("1vcpu", "0.5GB", (Some(1024), Some(512))),
        ("much", "-1 GB", (None, None)),
    ] {
        let sized = TaskDefinition::builder().task_definition_arn("web:3").cpu(cpu).memory(memory).build();
        let facts = definitions::task_definition(&sized).unwrap();
        assert_eq!((facts.cpu, facts.memory), expected);
    }
}

#[test]
fn a_target_group_says_what_it_takes() {
    let ip = || TargetGroup::builder().target_type(TargetTypeEnum::Ip);
    for (group, target_type) in [
        (ip(), TargetType::Ipv4),
        (ip().ip_address_type(TargetGroupIpAddressTypeEnum::Ipv4), TargetType::Ipv4),
        (ip().ip_address_type(TargetGroupIpAddressTypeEnum::Ipv6), TargetType::Ipv6),
        (TargetGroup::builder(), TargetType::Instance),
        (TargetGroup::builder().target_type(TargetTypeEnum::Instance), TargetType::Instance),
        (TargetGroup::builder().target_type(TargetTypeEnum::Lambda), TargetType::Unsupported),
        (TargetGroup::builder().target_type(TargetTypeEnum::Alb), TargetType::Unsupported),
        (TargetGroup::builder().target_type("satellite".into()), TargetType::Unsupported),
    ] {
        assert_eq!(definitions::target_group(&group.build()).target_type, target_type);
    }
    let idle = definitions::target_group(&ip().build());
    assert!(!idle.in_use);
    assert_eq!(idle.health_check_interval, Duration::from_secs(30));
    let busy = ip().load_balancer_arns("arn").health_check_interval_seconds(5).build();
    assert!(definitions::target_group(&busy).in_use);
    assert_eq!(definitions::target_group(&busy).health_check_interval, Duration::from_secs(5));
}

#[test]
fn a_target_s_health() {
    let described = |health: aws_sdk_elasticloadbalancingv2::types::builders::TargetHealthBuilder| {
        let target = TargetDescription::builder().id("10.0.1.5").port(8080).build();
        let description =
            TargetHealthDescription::builder().target(target).target_health(health.build()).build();
        convert::target_health(&description).unwrap()
    };
    let target = Target::new("10.0.1.5", 8080);
    let healthy = TargetHealth::builder().state(TargetHealthStateEnum::Healthy);
    assert_eq!(described(healthy), (target.clone(), TargetObservation::new(TargetState::Healthy, None)));
    let failing = TargetHealth::builder()
        .state(TargetHealthStateEnum::Unhealthy)
        .reason(TargetHealthReasonEnum::ResponseCodeMismatch)
        .description("Health checks failed with these codes: [502]");
    assert_eq!(
        described(failing).1.to_string(),
        "unhealthy, Target.ResponseCodeMismatch: Health checks failed with these codes: [502]"
    );
    let absent = TargetHealth::builder()
        .state(TargetHealthStateEnum::Unavailable)
        .reason(TargetHealthReasonEnum::NotRegistered);
    assert_eq!(described(absent), (target.clone(), TargetObservation::not_registered()));
    let odd = TargetHealth::builder().state("confused".into()).reason("Elb.Mood".into());
    let observation =
        TargetObservation::new(TargetState::Unavailable, Some(TargetReason::Other("Elb.Mood".into())));
    assert_eq!(described(odd), (target, observation));
    let function = TargetDescription::builder().id("arn:aws:lambda:f").build();
    assert_eq!(convert::target_health(&TargetHealthDescription::builder().target(function).build()), None);
}
