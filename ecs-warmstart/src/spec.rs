//! What one run needs, validated: what to launch, where to register it, and when it counts as ready.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::facts::{NetworkMode, TargetType};
use crate::ids::{ClusterId, RunId, ServiceName, TargetGroupArn, TaskDefinitionId};
use crate::observation::{HealthStatus, TaskObservation};

/// One run: one task, from its launch to ready targets. Made by [`Spec::builder`], which validates it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    service: ServiceName,
    run: RunId,
    request: LaunchRequest,
    network_mode: Option<NetworkMode>,
    bindings: Vec<Binding>,
    gate: Gate,
    readiness: Readiness,
    on_failure: OnFailure,
    #[serde(with = "crate::time::as_millis", rename = "running_timeout_ms")]
    running_timeout: Duration,
    #[serde(with = "crate::time::as_millis", rename = "healthy_timeout_ms")]
    healthy_timeout: Duration,
}

/// `--max-wait`: a Fargate task with a large image takes two to three minutes, an EC2 one that waits for a host more.
pub const DEFAULT_RUNNING_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// `--health-wait`: the first check of a target group with AWS's default interval, four times over.
pub const DEFAULT_HEALTHY_TIMEOUT: Duration = Duration::from_secs(2 * 60);

impl Spec {
    /// Begins a spec: a task of `service`, as `request` says, under the run id `run`.
    pub fn builder(service: ServiceName, run: RunId, request: LaunchRequest) -> SpecBuilder {
        SpecBuilder {
            spec: Self {
                service,
                run,
                request,
                network_mode: None,
                bindings: Vec::new(),
                gate: Gate::Running,
                readiness: Readiness::Healthy,
                on_failure: OnFailure::Undo,
                running_timeout: DEFAULT_RUNNING_TIMEOUT,
                healthy_timeout: DEFAULT_HEALTHY_TIMEOUT,
            },
        }
    }

    /// The same under another run id.
    #[must_use]
    pub fn with_run(&self, run: RunId) -> Self {
        Self { run, ..self.clone() }
    }

    /// The service that the task is of.
    pub fn service(&self) -> &ServiceName {
        &self.service
    }

    /// The run's id, which every client token of it begins with.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// What to launch.
    pub fn request(&self) -> &LaunchRequest {
        &self.request
    }

    /// The cluster it runs in.
    pub fn cluster(&self) -> &ClusterId {
        &self.request.cluster
    }

    /// The network mode, where the task definition or the request says it.
    pub fn network_mode(&self) -> Option<NetworkMode> {
        self.network_mode
    }

    /// Where it is registered; none means that it is ready once it is through its gate.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// What must hold before it is registered.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// What must hold before it counts as ready.
    pub fn readiness(&self) -> Readiness {
        self.readiness
    }

    /// What happens when it cannot get ready.
    pub fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    /// From the start of the run until the task is RUNNING with an address. Default 5 min.
    pub fn running_timeout(&self) -> Duration {
        self.running_timeout
    }

    /// From RUNNING until every target is healthy, the gate included. Default 2 min.
    pub fn healthy_timeout(&self) -> Duration {
        self.healthy_timeout
    }
}

/// Builds a [`Spec`].
#[derive(Clone, Debug)]
pub struct SpecBuilder {
    spec: Spec,
}

impl SpecBuilder {
    /// Registers the task there too.
    #[must_use]
    pub fn binding(mut self, binding: Binding) -> Self {
        self.spec.bindings.push(binding);
        self
    }

    /// What must hold before the task is registered. Default [`Gate::Running`].
    #[must_use]
    pub fn gate(mut self, gate: Gate) -> Self {
        self.spec.gate = gate;
        self
    }

    /// What must hold before the task counts as ready. Default [`Readiness::Healthy`].
    #[must_use]
    pub fn readiness(mut self, readiness: Readiness) -> Self {
        self.spec.readiness = readiness;
        self
    }

    /// What happens when the task cannot get ready. Default [`OnFailure::Undo`].
    #[must_use]
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.spec.on_failure = on_failure;
        self
    }

    /// The network mode, as the task definition has it. Default: awsvpc where the request has subnets, since only such a
    /// task takes them; otherwise unknown, and then it is read off the task.
    #[must_use]
    pub fn network_mode(mut self, mode: NetworkMode) -> Self {
        self.spec.network_mode = Some(mode);
        self
    }

    /// From the start of the run until RUNNING with an address. Default 5 min.
    #[must_use]
    pub fn running_timeout(mut self, timeout: Duration) -> Self {
        self.spec.running_timeout = timeout;
        self
    }

    /// From RUNNING until every target is healthy, the gate included. Default 2 min.
    #[must_use]
    pub fn healthy_timeout(mut self, timeout: Duration) -> Self {
        self.spec.healthy_timeout = timeout;
        self
    }

    /// The spec.
    ///
    /// # Errors
    ///
    /// [`InvalidSpec`] for what no call to AWS could mend.
    pub fn build(mut self) -> Result<Spec, InvalidSpec> {
        self.spec.request.validate()?;
        if self.spec.request.network.is_some() {
            self.spec.network_mode.get_or_insert(NetworkMode::AwsVpc);
        }
        let mut seen = BTreeSet::new();
        for binding in &self.spec.bindings {
            if binding.port == 0 {
                return Err(InvalidSpec::PortOutOfRange);
            }
            if !seen.insert((&binding.target_group, &binding.container, binding.port)) {
                return Err(InvalidSpec::SameBindingTwice(binding.target_group.clone()));
            }
        }
        Ok(self.spec)
    }
}

/// What no call to AWS could mend about a spec.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSpec {
    /// Fargate and every other awsvpc task needs at least one subnet.
    #[error("no subnets are given; a Fargate task needs at least one (`subnets = [\"subnet-…\"]`)")]
    NoSubnets,
    /// More than `RunTask` takes.
    #[error("{given} subnets are given; ECS takes at most 16")]
    TooManySubnets {
        /// How many are given.
        given: usize,
    },
    /// More than `RunTask` takes.
    #[error("{given} security groups are given; ECS takes at most 5")]
    TooManySecurityGroups {
        /// How many are given.
        given: usize,
    },
    /// `RunTask` takes between 1 and 20, with at least one weight or base above 0.
    #[error("the capacity providers are wrong: {0}")]
    CapacityProviders(&'static str),
    /// A port is 1 to 65535.
    #[error("port 0 is out of range; a port is 1 to 65535")]
    PortOutOfRange,
    /// The same group, container and port.
    #[error("two bindings name the same port of target group {}", .0.name())]
    SameBindingTwice(TargetGroupArn),
}

/// What to launch: the arguments of `RunTask`. The same token asks for the same of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaunchRequest {
    /// Where.
    pub cluster: ClusterId,
    /// What. A family without revision means its newest active one.
    pub task_definition: TaskDefinitionId,
    /// On which capacity. Default: the cluster's own strategy.
    pub compute: Compute,
    /// The network interface of an awsvpc task; absent for other network modes.
    pub network: Option<AwsVpc>,
    /// Fargate's platform version; absent means LATEST.
    pub platform_version: Option<String>,
    /// `startedBy`: how the task is found again. See [`ServiceName::started_by`].
    pub started_by: String,
    /// Tags of the task. Giving any needs the permission `ecs:TagResource`; `StopTask` deletes them.
    pub tags: BTreeMap<String, String>,
    /// Whether `ecs execute-command` may open a shell in it. Needs a task role. Default false.
    pub enable_execute_command: bool,
}

impl LaunchRequest {
    /// A request on the cluster's default capacity, without a network interface.
    pub fn new(cluster: ClusterId, task_definition: TaskDefinitionId, service: &ServiceName) -> Self {
        Self {
            cluster,
            task_definition,
            compute: Compute::ClusterDefault,
            network: None,
            platform_version: None,
            started_by: service.started_by(),
            tags: BTreeMap::new(),
            enable_execute_command: false,
        }
    }

    /// Checks what can be checked without AWS.
    ///
    /// # Errors
    ///
    /// [`InvalidSpec`]: subnets, security groups or capacity providers that `RunTask` refuses.
    pub fn validate(&self) -> Result<(), InvalidSpec> {
        match &self.network {
            None if self.compute.is_fargate() => return Err(InvalidSpec::NoSubnets),
            None => {}
            Some(AwsVpc { subnets, .. }) if subnets.is_empty() => return Err(InvalidSpec::NoSubnets),
            Some(AwsVpc { subnets, .. }) if subnets.len() > 16 => {
                return Err(InvalidSpec::TooManySubnets { given: subnets.len() });
            }
            Some(AwsVpc { security_groups, .. }) if security_groups.len() > 5 => {
                return Err(InvalidSpec::TooManySecurityGroups { given: security_groups.len() });
            }
            Some(_) => {}
        }
        let Compute::CapacityProviders(providers) = &self.compute else {
            return Ok(());
        };
        if providers.is_empty() || providers.len() > 20 {
            return Err(InvalidSpec::CapacityProviders("ECS takes 1 to 20 of them"));
        }
        if providers.iter().any(|provider| provider.weight > 1000 || provider.base > 100_000) {
            return Err(InvalidSpec::CapacityProviders("a weight is at most 1000, a base at most 100000"));
        }
        if providers.iter().filter(|provider| provider.base > 0).count() > 1 {
            return Err(InvalidSpec::CapacityProviders("only one may have a base"));
        }
        if providers.iter().all(|provider| provider.weight == 0) {
            return Err(InvalidSpec::CapacityProviders("at least one needs a weight above 0"));
        }
        Ok(())
    }
}

/// On which capacity a task runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compute {
    /// The cluster's default capacity provider strategy.
    ClusterDefault,
    /// A launch type (`launchType`).
    LaunchType(LaunchType),
    /// A capacity provider strategy; needed for `FARGATE_SPOT`.
    CapacityProviders(Vec<CapacityProvider>),
}

impl Compute {
    /// Whether the task runs on Fargate for certain, and so has a network interface of its own.
    pub fn is_fargate(&self) -> bool {
        match self {
            Self::ClusterDefault => false,
            Self::LaunchType(launch_type) => *launch_type == LaunchType::Fargate,
            Self::CapacityProviders(providers) => {
                providers.iter().any(|provider| matches!(provider.name.as_str(), "FARGATE" | "FARGATE_SPOT"))
            }
        }
    }
}

/// ECS's launch types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LaunchType {
    /// On Fargate.
    Fargate,
    /// On container instances of one's own.
    Ec2,
    /// On machines outside AWS.
    External,
    /// On instances that ECS manages.
    ManagedInstances,
}

/// One item of a capacity provider strategy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CapacityProvider {
    /// Its name: `FARGATE`, `FARGATE_SPOT`, or one of the cluster's.
    pub name: String,
    /// Its share, 0 to 1000. Default 1.
    #[serde(default = "one")]
    pub weight: u32,
    /// How many tasks it gets before the weights count, 0 to 100000. Default 0.
    #[serde(default)]
    pub base: u32,
}

fn one() -> u32 {
    1
}

/// The network interface of an awsvpc task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsVpc {
    /// 1 to 16, of one VPC. Several zones help where capacity is short.
    pub subnets: Vec<String>,
    /// At most 5; none means the VPC's default one.
    pub security_groups: Vec<String>,
    /// Whether it gets a public address: needed to pull images in a subnet without NAT. Default false.
    pub assign_public_ip: bool,
}

/// Where a task is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The target group.
    pub target_group: TargetGroupArn,
    /// Whose port it is. Absent: the one container that has it.
    pub container: Option<String>,
    /// The container's port, 1 to 65535.
    pub port: u16,
    /// What the group takes as a target. Absent: an address where the task has one of its own, else the instance.
    pub target_type: Option<TargetType>,
    /// The group's time between two health checks, by which targets are looked at. AWS: 5 to 300 s, default 30 s.
    #[serde(with = "crate::time::as_millis", rename = "health_check_interval_ms")]
    pub health_check_interval: Duration,
}

impl Binding {
    /// A binding whose group has AWS's default health check interval.
    pub fn new(target_group: TargetGroupArn, port: u16) -> Self {
        Self {
            target_group,
            container: None,
            port,
            target_type: None,
            health_check_interval: Duration::from_secs(30),
        }
    }
}

/// What must hold before a task is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// RUNNING, with an address.
    Running,
    /// And each of these containers HEALTHY: those that have a health check.
    ContainersHealthy {
        /// By name. An empty list is the same as [`Gate::Running`].
        containers: Vec<String>,
    },
}

impl Gate {
    /// The containers that hold the gate shut for a task that was seen so.
    pub fn holding_back<'a>(&'a self, task: &'a TaskObservation) -> impl Iterator<Item = &'a String> {
        let containers: &[String] = match self {
            Self::Running => &[],
            Self::ContainersHealthy { containers } => containers,
        };
        containers.iter().filter(|name| {
            let container = task.container(name);
            container.is_none_or(|container| container.health != HealthStatus::Healthy)
        })
    }
}

/// What must hold before a task counts as ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Every target is healthy.
    Healthy,
    /// Every target is registered.
    Registered,
}

/// What happens to a task that cannot get ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// It is taken out of its groups and stopped.
    #[default]
    Undo,
    /// It is left as it is, for somebody to look at.
    Keep,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> LaunchRequest {
        let service = ServiceName::new("auth").unwrap();
        let mut request = LaunchRequest::new("c".parse().unwrap(), "web".parse().unwrap(), &service);
        request.compute = Compute::LaunchType(LaunchType::Fargate);
        request.network = Some(AwsVpc { subnets: vec!["subnet-a".into()], ..AwsVpc::default() });
        request
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut LaunchRequest), expected: Result<(), InvalidSpec>) {
        let mut request = request();
        change(&mut request);
        assert_eq!(request.validate(), expected);
    }

    #[test]
    fn what_run_task_would_refuse_is_refused_here() {
        let provider = |weight, base| CapacityProvider { name: "FARGATE_SPOT".into(), weight, base };
        check(|_| {}, Ok(()));
        check(|request| request.network = None, Err(InvalidSpec::NoSubnets));
        check(|request| request.network = Some(AwsVpc::default()), Err(InvalidSpec::NoSubnets));
        check(
            |request| request.network.as_mut().unwrap().subnets = vec![String::new(); 17],
            Err(InvalidSpec::TooManySubnets { given: 17 }),
        );
        check(
            |request| request.network.as_mut().unwrap().security_groups = vec![String::new(); 6],
            Err(InvalidSpec::TooManySecurityGroups { given: 6 }),
        );
        check(|request| request.compute = Compute::CapacityProviders(vec![provider(1, 0)]), Ok(()));
        for wrong in [
            vec![],
            vec![provider(0, 0)],
            vec![provider(1001, 0)],
            vec![provider(1, 1), provider(1, 1)],
            vec![provider(1, 0); 21],
        ] {
            let mut request = request();
            request.compute = Compute::CapacityProviders(wrong);
            assert!(matches!(request.validate(), Err(InvalidSpec::CapacityProviders(_))));
        }
        check(
            |request| {
                request.compute = Compute::LaunchType(LaunchType::Ec2);
                request.network = None;
            },
            Ok(()),
        );
    }

    #[test]
    fn bindings_are_checked() {
        let group = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";
        let binding = |port| Binding::new(group.parse().unwrap(), port);
        let builder = || Spec::builder("auth".parse().unwrap(), "r".parse().unwrap(), request());
        assert_eq!(builder().binding(binding(0)).build().unwrap_err(), InvalidSpec::PortOutOfRange);
        let twice = builder().binding(binding(80)).binding(binding(80)).build();
        assert_eq!(twice.unwrap_err(), InvalidSpec::SameBindingTwice(group.parse().unwrap()));
        assert_eq!(builder().binding(binding(80)).binding(binding(81)).build().unwrap().bindings().len(), 2);
    }
}
