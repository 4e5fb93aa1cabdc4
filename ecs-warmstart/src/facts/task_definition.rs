//! Task definitions.

use serde::{Deserialize, Serialize};

use super::ContainerFacts;
use crate::ids::TaskDefinitionId;
use crate::image::Platform;

/// What a task definition says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDefinitionFacts {
    /// The revision that the name stands for now.
    pub id: TaskDefinitionId,
    /// Whether it is ACTIVE: from one that is INACTIVE no task can be launched.
    pub active: bool,
    /// How its containers meet the network.
    pub network_mode: NetworkMode,
    /// What it was found to run on (ECS: `compatibilities`). Empty where ECS does not say.
    pub compatibilities: Vec<Compatibility>,
    /// The CPU units of the whole task, 1024 to a virtual CPU. Needed on Fargate.
    pub cpu: Option<u32>,
    /// The memory of the whole task, in MiB. Needed on Fargate.
    pub memory: Option<u32>,
    /// Operating system and processor, where it says any.
    pub runtime_platform: Option<RuntimePlatform>,
    /// The ARN of the role that the containers act as.
    pub task_role: Option<String>,
    /// The ARN of the role by which images are pulled, logs written and secrets read.
    pub execution_role: Option<String>,
    /// Its containers, in its order.
    pub containers: Vec<ContainerFacts>,
}

impl TaskDefinitionFacts {
    /// An active one of these containers that says nothing else.
    pub fn new(id: TaskDefinitionId, network_mode: NetworkMode, containers: Vec<ContainerFacts>) -> Self {
        Self {
            id,
            active: true,
            network_mode,
            compatibilities: Vec::new(),
            cpu: None,
            memory: None,
            runtime_platform: None,
            task_role: None,
            execution_role: None,
            containers,
        }
    }

    /// The container of that name.
    pub fn container(&self, name: &str) -> Option<&ContainerFacts> {
        self.containers.iter().find(|container| container.name == name)
    }

    /// The platform that it names; none where it leaves it to where the task runs.
    pub fn platform(&self) -> Option<Platform> {
        self.runtime_platform.as_ref()?.platform()
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

/// What a task definition can run on (ECS: `compatibilities`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compatibility {
    /// Fargate.
    Fargate,
    /// EC2 instances of the cluster's.
    Ec2,
    /// Machines outside AWS.
    External,
    /// EC2 instances that ECS manages.
    ManagedInstances,
    /// One this version does not know.
    Other(String),
}

impl Compatibility {
    /// Reads ECS's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "FARGATE" => Self::Fargate,
            "EC2" => Self::Ec2,
            "EXTERNAL" => Self::External,
            "MANAGED_INSTANCES" => Self::ManagedInstances,
            other => Self::Other(other.to_owned()),
        }
    }

    /// ECS's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Fargate => "FARGATE",
            Self::Ec2 => "EC2",
            Self::External => "EXTERNAL",
            Self::ManagedInstances => "MANAGED_INSTANCES",
            Self::Other(word) => word,
        }
    }
}

/// Operating system and processor of a task (ECS: `runtimePlatform`), in ECS's words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimePlatform {
    /// `X86_64` or `ARM64`.
    pub cpu_architecture: Option<String>,
    /// `LINUX`, `WINDOWS_SERVER_2022_CORE`, ...
    pub operating_system_family: Option<String>,
}

impl RuntimePlatform {
    /// As images name it. Where only the processor is named, the system is Linux; none where no processor is.
    pub fn platform(&self) -> Option<Platform> {
        let os = match self.operating_system_family.as_deref() {
            Some(family) if family.starts_with("WINDOWS") => "windows",
            Some(_) | None => "linux",
        };
        Some(Platform::new(os, self.cpu_architecture.as_deref()?, None))
    }
}
