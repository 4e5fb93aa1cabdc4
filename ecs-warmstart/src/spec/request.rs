//! What to launch: the arguments of `RunTask`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::InvalidSpec;
use crate::ids::{ClusterId, ServiceName, TaskDefinitionId};
use crate::overrides::TaskOverride;

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
    /// What it changes of the definition. They may hold secrets: see [`overrides`](crate::overrides).
    #[serde(default, skip_serializing_if = "TaskOverride::is_empty")]
    pub overrides: TaskOverride,
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
            overrides: TaskOverride::default(),
        }
    }

    /// Checks what can be checked without AWS.
    ///
    /// # Errors
    ///
    /// [`InvalidSpec`]: subnets, security groups, overrides or capacity providers that `RunTask` refuses.
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
        if let Some(fault) = self.overrides.fault() {
            return Err(InvalidSpec::Overrides(fault));
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AwsVpc {
    /// 1 to 16, of one VPC. Several zones help where capacity is short.
    pub subnets: Vec<String>,
    /// At most 5; none means the VPC's default one.
    pub security_groups: Vec<String>,
    /// Whether it gets a public address: needed to pull images in a subnet without NAT. Default false.
    pub assign_public_ip: bool,
}
