//! The contract of the ports over real HTTP: the SDK's own clients against moto.
//!
//! Set `WARMSTART_EMULATOR=off` to leave these out.

mod moto_clients;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ecs_warmstart::clock::TokioClock;
use ecs_warmstart::facts::{ContainerFacts, NetworkMode, TargetGroupFacts, TargetType, TaskDefinitionFacts};
use ecs_warmstart::ids::{ServiceName, TargetGroupArn, TaskArn, TaskDefinitionId};
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
    moto.create_listener(&name, &target_group);
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
    World {
        unknown_task: TaskArn::new(format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task/{name}/0123456789abcdef"))
            .unwrap(),
        cluster,
        other_family: LaunchRequest { task_definition: other_family, ..request.clone() },
        no_capacity: request.clone(),
        on_host: request.clone(),
        request,
        port: 8080,
        task_definition: TaskDefinitionFacts {
            id,
            network_mode: NetworkMode::AwsVpc,
            containers: vec![ContainerFacts {
                name: "web".into(),
                essential: true,
                has_health_check: true,
                ports: vec![8080],
            }],
        },
        target_group,
        deregistration_delay: DEREGISTRATION_DELAY,
        target_group_facts: TargetGroupFacts {
            target_type: TargetType::Ipv4,
            in_use: true,
            health_check_interval: Duration::from_secs(30),
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
}
