//! A backend made of its parts, and the one on the simulated cloud.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Backend, Capabilities, World};
use crate::clock::{Clock, TokioClock};
use crate::facts::{
    ContainerFacts, Dependency, Deployment, EcsServiceFacts, LogQuery, NetworkMode, ServiceEvent,
    ServiceTargetGroup, StartCondition, TaskDefinitionFacts,
};
use crate::ids::{TargetGroupArn, TaskDefinitionId};
use crate::memory::{GroupSettings, InMemory, Refusal, SAMPLE_SERVICES, SampleService, Settings};
use crate::observation::Target;
use crate::ports::Ports;
use crate::spec::{Compute, LaunchRequest, LaunchType};
use crate::time::Timestamp;

/// A backend made of its parts.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The ports under test.
    pub ports: Ports,
    /// The clock by which the cases wait.
    pub clock: Arc<dyn Clock>,
    /// What is there, and what is not.
    pub world: World,
    /// What the backend cannot do.
    pub capabilities: Capabilities,
}

impl Backend for Fixture {
    fn ports(&self) -> Ports {
        self.ports.clone()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    fn world(&self) -> &World {
        &self.world
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }
}

impl Fixture {
    /// The simulated cloud on tokio's clock, which a test should pause. It can do everything.
    pub fn memory() -> Self {
        Self::memory_with(Settings::default())
    }

    /// The same with other settings.
    pub fn memory_with(settings: Settings) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
        let cloud = InMemory::sample_with(Arc::clone(&clock), settings);
        let world = world_of(&cloud);
        Self { ports: Ports::from_one(cloud), clock, world, capabilities: Capabilities::all() }
    }

    /// The same through a wrapper of its ports.
    #[must_use]
    pub fn wrapped(self, wrap: impl FnOnce(Ports) -> Ports) -> Self {
        Self { ports: wrap(self.ports), ..self }
    }
}

/// Adds to the sample what the cases need besides.
fn world_of(cloud: &InMemory) -> World {
    let service = &SAMPLE_SERVICES[0];
    let request = service.request().expect("a sample is well-formed");
    let sample = service.definition().expect("a sample is well-formed");
    let define = |family: &str, network_mode, containers| {
        let id = family.parse().expect("a family");
        let facts = TaskDefinitionFacts { id, network_mode, containers, ..sample.clone() };
        TaskDefinitionFacts { id: cloud.add_task_definition(facts.clone()), ..facts }
    };
    let app = || sample.containers[0].clone();
    let beside = ContainerFacts {
        name: "beside".to_owned(),
        depends_on: vec![Dependency {
            container: service.container.to_owned(),
            condition: StartCondition::Healthy,
        }],
        command: vec!["serve".to_owned()],
        entry_point: vec!["/bin/sh".to_owned(), "-c".to_owned()],
        environment: vec!["LEVEL".to_owned()],
        secrets: vec!["arn:aws:ssm:us-east-2:111122223333:parameter/key".to_owned()],
        has_registry_credentials: true,
        memory: Some(128),
        start_timeout: Some(Duration::from_secs(60)),
        stop_timeout: Some(Duration::from_secs(90)),
        ..ContainerFacts::default()
    };
    let task_definition = define("conformance", NetworkMode::AwsVpc, vec![app(), beside]);
    // Its name begins like the other's: a family is found by its whole name.
    let other_family = define("conformance-too", NetworkMode::AwsVpc, vec![app()]);
    let scarce = define("scarce", NetworkMode::AwsVpc, vec![app()]);
    let on_host = define("on-host", NetworkMode::Bridge, vec![app()]);
    let end_of_time = Timestamp::from_millis(u64::MAX);
    cloud.refuse_until("scarce", end_of_time, &Refusal::no_fargate_capacity());

    let arn = |name: &str| {
        let arn = format!(
            "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/{name}/0123456789abcdef"
        );
        arn.parse().expect("an ARN")
    };
    let target_group = service.target_group.parse().expect("an ARN");
    let group = GroupSettings {
        health_check_interval: Duration::from_secs(10),
        deregistration_delay: Duration::from_secs(120),
        ..cloud.group_settings(&target_group).expect("a group of the sample")
    };
    cloud.add_target_group(&target_group, group.clone());
    let image = sample.containers[0].image.parse().expect("a reference");
    let image_facts = cloud.image_facts(&image).expect("an image of the sample");
    let log = LogQuery { group: "conformance".to_owned(), stream: "ecs/app/1".to_owned(), lines: 10 };
    let log_lines: Vec<String> = (0..5).map(|line| format!("line {line}")).collect();
    for line in &log_lines {
        cloud.write_log(&log.group, &log.stream, line);
    }
    let ecs_service = ecs_service(service, &task_definition.id, &target_group);
    cloud.add_ecs_service(&request.cluster, ecs_service.clone());
    let unused_group = arn("unused");
    cloud.add_target_group(&unused_group, GroupSettings { in_use: false, ..GroupSettings::default() });
    let of = |definition: &TaskDefinitionFacts| {
        let family = definition.id.family().parse().expect("a family");
        LaunchRequest { task_definition: family, ..request.clone() }
    };
    World {
        cluster: request.cluster.clone(),
        port: service.port,
        other_family: of(&other_family),
        no_capacity: of(&scarce),
        on_host: LaunchRequest {
            compute: Compute::LaunchType(LaunchType::Ec2),
            network: None,
            tags: BTreeMap::new(),
            ..of(&on_host)
        },
        request: of(&task_definition),
        task_definition,
        target_group_facts: group.facts(),
        image,
        image_facts,
        log,
        log_lines,
        ecs_service,
        deregistration_delay: group.deregistration_delay,
        target_group,
        unused_group,
        // Far from the addresses that tasks get.
        idle_targets: (0..=250).map(|host| Target::new(format!("10.9.0.{host}"), service.port)).collect(),
        unknown_cluster: "nowhere".parse().expect("a name"),
        unknown_task:
            "arn:aws:ecs:us-east-2:111122223333:task/authapi-cluster/0000000000000000000000000000dead"
                .parse()
                .expect("an ARN"),
        unknown_task_definition: "never-defined:1".parse().expect("a revision"),
        unknown_group: arn("nowhere"),
        patience: Duration::from_secs(600),
        poll: Duration::from_millis(500),
    }
}

/// An ECS service with a deployment that goes on and one that goes.
fn ecs_service(
    sample: &SampleService,
    task_definition: &TaskDefinitionId,
    target_group: &TargetGroupArn,
) -> EcsServiceFacts {
    let at = |secs: u64| Some(Timestamp::from_millis(secs * 1000));
    let deployment = |id: &str, status: &str, failed| Deployment {
        id: id.to_owned(),
        status: status.to_owned(),
        rollout: Some("IN_PROGRESS".to_owned()),
        rollout_reason: Some(format!("ECS deployment {id} in progress.")),
        task_definition: Some(task_definition.clone()),
        desired: 2,
        running: 1,
        pending: 1,
        failed,
        created_at: at(100),
        updated_at: at(200),
    };
    EcsServiceFacts {
        name: "web".to_owned(),
        status: "ACTIVE".to_owned(),
        task_definition: Some(task_definition.clone()),
        desired: 2,
        running: 2,
        pending: 1,
        deployments: vec![deployment("ecs-svc/2", "PRIMARY", 3), deployment("ecs-svc/1", "ACTIVE", 0)],
        events: vec![ServiceEvent { at: at(150), message: "(service web) has started 1 tasks".to_owned() }],
        target_groups: vec![ServiceTargetGroup {
            target_group: target_group.clone(),
            container: Some(sample.container.to_owned()),
            port: Some(sample.port),
        }],
        health_check_grace_period: Some(Duration::from_secs(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Chaos, ChaosPlan};

    crate::conformance! {
        #[tokio::test(start_paused = true)]
        mod memory => Fixture::memory()
    }

    crate::conformance! {
        #[tokio::test(start_paused = true)]
        mod memory_with_latency => {
            let millis = Duration::from_millis;
            Fixture::memory_with(Settings { seed: 7, latency: millis(20)..=millis(200), ..Settings::default() })
        }
    }

    crate::conformance! {
        #[tokio::test(start_paused = true)]
        mod chaos_without_a_plan =>
            Fixture::memory().wrapped(|ports| Chaos::new(ports, ChaosPlan::none()).ports())
    }

    crate::conformance! {
        #[tokio::test(start_paused = true)]
        mod every_effect_twice =>
            Fixture::memory().wrapped(|ports| Chaos::new(ports, ChaosPlan::none().twice()).ports())
    }

    crate::conformance! {
        #[tokio::test(start_paused = true)]
        mod through_arc_and_box => Fixture::memory().wrapped(|ports| Ports {
            launcher: Arc::new(Box::new(ports.launcher)),
            registrar: Arc::new(Box::new(ports.registrar)),
            waiter: Arc::new(Box::new(ports.waiter)),
            inspector: Arc::new(Box::new(ports.inspector)),
        })
    }
}
