//! What the cloud says of definitions: task definitions and target groups. They do not change while a run waits.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::TaskDefinitionId;

/// What a run needs to know of a task definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDefinitionFacts {
    /// The revision that the name stands for now.
    pub id: TaskDefinitionId,
    /// How its containers meet the network.
    pub network_mode: NetworkMode,
    /// Its containers, in its order.
    pub containers: Vec<ContainerFacts>,
}

impl TaskDefinitionFacts {
    /// The container of that name.
    pub fn container(&self, name: &str) -> Option<&ContainerFacts> {
        self.containers.iter().find(|container| container.name == name)
    }
}

/// How a task's containers meet the network (ECS: `networkMode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// The task has a network interface and addresses of its own. The only mode on Fargate.
    AwsVpc,
    /// The containers sit behind ports of the machine.
    Bridge,
    /// The containers use the machine's own ports.
    Host,
    /// No network.
    None,
}

/// What a run needs to know of a container definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerFacts {
    /// Its name.
    pub name: String,
    /// Whether the task stops when it exits.
    pub essential: bool,
    /// Whether it has a health check: without one its health is unknown for ever.
    pub has_health_check: bool,
    /// The ports it declares.
    pub ports: Vec<u16>,
}

/// What a run needs to know of a target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroupFacts {
    /// What it takes as a target.
    pub target_type: TargetType,
    /// Whether a load balancer has a listener rule that leads to it. Without one its targets are never checked.
    pub in_use: bool,
    /// Time between two health checks of a target. AWS: 5 to 300 s, default 30 s.
    #[serde(with = "crate::time::as_millis", rename = "health_check_interval_ms")]
    pub health_check_interval: Duration,
}

/// What a target group takes as a target (ELBv2: `TargetType` and `IpAddressType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetType {
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
    /// EC2 instance ids.
    Instance,
    /// Lambda functions or load balancers: no task can be a target there.
    Unsupported,
}
