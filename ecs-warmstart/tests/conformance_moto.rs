//! The contract of the ports over real HTTP: the SDK's own clients against moto.
//!
//! Set `WARMSTART_EMULATOR=off` to leave these out.

mod moto_clients;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ecs_warmstart::clock::{Clock, TokioClock};
use ecs_warmstart::facts::{
    Compatibility, ContainerFacts, ContainerHealthCheck, Deployment, EcsServiceFacts, ImageFacts,
    ImageVariant, LogQuery, NetworkMode, ServiceTargetGroup, TargetGroupFacts, TargetType,
    TaskDefinitionFacts,
};
use ecs_warmstart::ids::{ClusterId, ServiceName, TargetGroupArn, TaskArn, TaskDefinitionId};
use ecs_warmstart::image::{Digest, Platform};
use ecs_warmstart::observation::Target;
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::{AwsVpc, Compute, LaunchRequest, LaunchType};
use ecs_warmstart::testing::conformance::{Capabilities, Capability, Fixture, World};
use ecs_warmstart::testing::moto::{ACCOUNT, Moto, REGION};
use serde_json::json;

ecs_warmstart::conformance! {
    #[tokio::test]
    mod moto => match fixture() {
        Some(fixture) => fixture,
        None => return,
    }
}

/// Not the default, 300 s.
const DEREGISTRATION_DELAY: Duration = Duration::from_secs(120);

/// A cluster, a task definition and two target groups of its own on the server that all tests share.
fn fixture() -> Option<Fixture> {
    let moto = Moto::shared()?;
    Some(Fixture {
        ports: Ports::from_one(moto_clients::aws(moto)),
        clock: Arc::new(TokioClock::new()),
        world: world(moto),
        capabilities: capabilities(),
    })
}

fn world(moto: &Moto) -> World {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("conformance-{:03}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let cluster = moto.create_cluster(&name);
    let id = define(moto, &name);
    // Its name begins like the other's: a family is found by its whole name.
    let other_family = define(moto, &format!("{name}-too"));
    let target_group = moto.create_target_group(&name, 8080);
    let load_balancer = moto.create_listener(&name, &target_group);
    moto.set_deregistration_delay(&target_group, DEREGISTRATION_DELAY);
    let unused_group = moto.create_target_group(&format!("{name}-unused"), 8080);
    let mut request =
        LaunchRequest::new(cluster.clone(), name.parse().unwrap(), &ServiceName::new("conformance").unwrap());
    request.compute = Compute::LaunchType(LaunchType::Fargate);
    request.network = Some(AwsVpc {
        subnets: moto.subnets(),
        security_groups: vec![moto.security_group()],
        assign_public_ip: false,
    });
    let container = ContainerFacts {
        name: "web".into(),
        image: "web:1".into(),
        health_check: Some(ContainerHealthCheck {
            command: vec!["CMD".into(), "true".into()],
            ..ContainerHealthCheck::default()
        }),
        ports: vec![8080],
        memory: Some(256),
        ..ContainerFacts::default()
    };
    let (image, image_facts) = image(moto, &name);
    let log = LogQuery { group: name.clone(), stream: "ecs/web/1".into(), lines: 10 };
    let log_lines: Vec<String> = (0..5).map(|line| format!("line {line}")).collect();
    moto.create_log(&log.group, &log.stream, &log_lines, TokioClock::new().now().as_millis());
    World {
        unknown_task: TaskArn::new(format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task/{name}/0123456789abcdef"))
            .unwrap(),
        cluster: cluster.clone(),
        other_family: LaunchRequest { task_definition: other_family, ..request.clone() },
        no_capacity: request.clone(),
        on_host: request.clone(),
        request,
        port: 8080,
        task_definition: TaskDefinitionFacts {
            compatibilities: vec![Compatibility::Ec2, Compatibility::Fargate],
            cpu: Some(256),
            memory: Some(512),
            ..TaskDefinitionFacts::new(id.clone(), NetworkMode::AwsVpc, vec![container])
        },
        ecs_service: ecs_service(moto, &cluster, &id, &target_group),
        image: image.parse().unwrap(),
        image_facts,
        log,
        log_lines,
        target_group: target_group.clone(),
        deregistration_delay: DEREGISTRATION_DELAY,
        target_group_facts: TargetGroupFacts {
            load_balancers: vec![load_balancer],
            protocol: Some("HTTP".into()),
            port: Some(8080),
            vpc: Some(moto.vpc()),
            health_check_protocol: Some("HTTP".into()),
            health_check_path: Some("/".into()),
            matcher: Some("200".into()),
            ..TargetGroupFacts::new(TargetType::Ipv4)
        },
        unused_group,
        idle_targets: (0..=250).map(|number| Target::new(format!("10.99.0.{number}"), 8080)).collect(),
        unknown_cluster: "no-such-cluster".parse().unwrap(),
        unknown_task_definition: "no-such-definition".parse().unwrap(),
        unknown_group: TargetGroupArn::new(format!(
            "arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/none/0123456789abcdef"
        ))
        .unwrap(),
        patience: Duration::from_secs(5),
        poll: Duration::from_millis(50),
    }
}

/// An index of two platforms in a repository of ECR's.
fn image(moto: &Moto, name: &str) -> (String, ImageFacts) {
    moto.create_repository(name);
    let digest = |number: u8| Digest::of(&[number]);
    let entry = |number: u8, architecture: &str| {
        json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest(number).as_str(),
            "size": 1,
            "platform": { "os": "linux", "architecture": architecture },
        })
    };
    let index = "application/vnd.oci.image.index.v1+json";
    let manifests = [entry(1, "amd64"), entry(2, "arm64")];
    let manifest = json!({ "schemaVersion": 2, "mediaType": index, "manifests": manifests });
    let put = moto.put_image(name, "1.0", index, &manifest);
    let variant = |number, platform| ImageVariant { digest: digest(number), platform: Some(platform) };
    let facts = ImageFacts {
        digest: put.parse().unwrap(),
        is_index: true,
        images: vec![variant(1, Platform::linux_amd64()), variant(2, Platform::linux_arm64())],
    };
    (format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}:1.0"), facts)
}

fn ecs_service(
    moto: &Moto,
    cluster: &ClusterId,
    definition: &TaskDefinitionId,
    group: &TargetGroupArn,
) -> EcsServiceFacts {
    moto.create_ecs_service(cluster, "web", definition, (group, "web", 8080));
    EcsServiceFacts {
        name: "web".into(),
        status: "ACTIVE".into(),
        task_definition: Some(definition.clone()),
        desired: 0,
        running: 0,
        pending: 0,
        deployments: vec![Deployment {
            id: "ecs-svc/0".into(),
            status: "PRIMARY".into(),
            task_definition: Some(definition.clone()),
            ..Deployment::default()
        }],
        events: Vec::new(),
        target_groups: vec![ServiceTargetGroup {
            target_group: group.clone(),
            container: Some("web".into()),
            port: Some(8080),
        }],
        health_check_grace_period: None,
    }
}

fn define(moto: &Moto, family: &str) -> TaskDefinitionId {
    // One container: moto shows no more of a task.
    moto.register_task_definition(&json!({
        "family": family,
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {
                "name": "web", "image": "web:1", "memory": 256, "essential": true,
                "portMappings": [{ "containerPort": 8080 }],
                "healthCheck": { "command": ["CMD", "true"] },
            },
        ],
    }))
}

/// Where moto is not like AWS.
fn capabilities() -> Capabilities {
    Capabilities::all()
        .without(Capability::ClientTokens, "moto ignores clientToken")
        .without(Capability::CapacityFailures, "moto always has capacity on Fargate")
        .without(Capability::Lifecycle, "a task of moto is RUNNING at once")
        .without(Capability::FindsOnlyRunning, "moto's ListTasks has no default for desiredStatus")
        .without(Capability::HostNetworking, "moto has no host ports")
        .without(Capability::StopUnknown, "moto answers HTTP 500")
        .without(Capability::HealthTakesTime, "a target of moto is healthy at once")
        .without(Capability::UnhealthyTargets, "moto checks no health")
        .without(Capability::NotInUse, "moto checks no listener")
        .without(Capability::Draining, "a target of moto is out at once")
        .without(Capability::TargetTypes, "moto takes any target")
        .without(Capability::SilentStreams, "moto says of a missing stream that its group does not exist")
        .without(
            Capability::ServiceTasks,
            "moto's services start their own tasks and are known by nothing else",
        )
}
