//! A spec, its task and its targets, for tests of the machine alone.

use std::time::Duration;

use ecs_warmstart::ids::{ServiceName, TaskArn};
use ecs_warmstart::observation::{
    ContainerObservation, HealthStatus, StopCode, StopInfo, TaskObservation, TaskStatus,
};
use ecs_warmstart::spec::{
    AwsVpc, Binding, CapacityProvider, Compute, Gate, LaunchRequest, LaunchType, Pool, Spec, SpecBuilder,
};
use ecs_warmstart::time::Timestamp;

pub(crate) const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(crate) fn at(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

pub(crate) fn builder() -> SpecBuilder {
    let service: ServiceName = "auth".parse().unwrap();
    let request =
        LaunchRequest::new("authapi-cluster".parse().unwrap(), "authapi".parse().unwrap(), &service);
    Spec::builder(service, "auth/0".parse().unwrap(), request)
}

pub(crate) fn binding(name: &str, port: u16) -> Binding {
    let group =
        format!("arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/{name}/0123456789abcdef");
    Binding { health_check_interval: Duration::from_secs(10), ..Binding::new(group.parse().unwrap(), port) }
}

/// One binding, and a gate that waits for container `api`.
pub(crate) fn spec() -> Spec {
    let gate = Gate::ContainersHealthy { containers: vec!["api".into()] };
    builder().binding(binding("auth", 8080)).gate(gate).build().unwrap()
}

/// The same on Fargate Spot in one zone, and where that has no capacity on Fargate in another.
pub(crate) fn in_two_places() -> Spec {
    let service: ServiceName = "auth".parse().unwrap();
    let mut request =
        LaunchRequest::new("authapi-cluster".parse().unwrap(), "authapi".parse().unwrap(), &service);
    let network = |subnet: &str| Some(AwsVpc { subnets: vec![subnet.into()], ..AwsVpc::default() });
    let spot = CapacityProvider { name: "FARGATE_SPOT".into(), weight: 1, base: 0 };
    request.compute = Compute::CapacityProviders(vec![spot]);
    request.network = network("subnet-a");
    Spec::builder(service, "auth/0".parse().unwrap(), request)
        .fallback(Pool { compute: Compute::LaunchType(LaunchType::Fargate), network: network("subnet-b") })
        .binding(binding("auth", 8080))
        .gate(Gate::ContainersHealthy { containers: vec!["api".into()] })
        .build()
        .unwrap()
}

pub(crate) fn arn(id: &str) -> TaskArn {
    format!("arn:aws:ecs:us-east-2:111122223333:task/authapi-cluster/{id}").parse().unwrap()
}

pub(crate) fn task(id: &str, status: TaskStatus, version: u64) -> TaskObservation {
    let running = status == TaskStatus::Running;
    TaskObservation {
        version,
        created_at: Some(at(1)),
        addresses: if running { vec!["10.0.1.5".parse().unwrap()] } else { Vec::new() },
        containers: vec![ContainerObservation { name: "api".into(), ..ContainerObservation::default() }],
        ..TaskObservation::new(arn(id), status)
    }
}

pub(crate) fn healthy(id: &str, version: u64) -> TaskObservation {
    let mut task = task(id, TaskStatus::Running, version);
    task.containers[0].health = HealthStatus::Healthy;
    task
}

pub(crate) fn stopped(id: &str, version: u64, code: &str, reason: &str) -> TaskObservation {
    let mut task = task(id, TaskStatus::Stopped, version);
    task.stop = Some(StopInfo { code: Some(StopCode::parse(code)), reason: reason.into() });
    task
}
