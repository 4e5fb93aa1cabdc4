//! What the cloud said about a task or a target: facts, typed once at the edge.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::ids::{TaskArn, TaskDefinitionId};
use crate::overrides::TaskOverride;
use crate::time::Timestamp;

#[cfg(test)]
mod tests;

/// Where a task stands in its life (ECS: `lastStatus`).
///
/// Polling may miss any of them. A status this version does not know is read as [`Pending`](Self::Pending): it is waited
/// out, never acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// ECS does not know the task. Normal for about a minute after `RunTask`, and for good some time after it stopped.
    Missing,
    /// ECS prepares what the task needs, such as its network interface.
    Provisioning,
    /// The task waits for the agent or for resources.
    Pending,
    /// The last steps before RUNNING.
    Activating,
    /// Its containers run; whether they serve is another question.
    Running,
    /// The first steps after RUNNING.
    Deactivating,
    /// Its containers have been told to stop.
    Stopping,
    /// Its containers have stopped; what it needed is given back.
    Deprovisioning,
    /// Over.
    Stopped,
}

impl TaskStatus {
    /// Reads ECS's word; one this version does not know is [`Pending`](Self::Pending), and so waited out.
    pub fn parse(word: &str) -> Self {
        match word {
            "PROVISIONING" => Self::Provisioning,
            "ACTIVATING" => Self::Activating,
            "RUNNING" => Self::Running,
            "DEACTIVATING" => Self::Deactivating,
            "STOPPING" => Self::Stopping,
            "DEPROVISIONING" => Self::Deprovisioning,
            // AWS: DELETED is what comes after STOPPED, and only DescribeTasks shows it.
            "STOPPED" | "DELETED" => Self::Stopped,
            _ => Self::Pending,
        }
    }

    /// Whether the task is on its way out or gone.
    pub fn is_ending(self) -> bool {
        match self {
            Self::Deactivating | Self::Stopping | Self::Deprovisioning | Self::Stopped => true,
            Self::Missing | Self::Provisioning | Self::Pending | Self::Activating | Self::Running => false,
        }
    }
}

impl fmt::Display for TaskStatus {
    /// As ECS writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "MISSING",
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        })
    }
}

/// What a container's own health check says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Not checked yet, no data, or no health check at all: then it stays so for ever.
    #[default]
    Unknown,
    /// The health check passes.
    Healthy,
    /// The health check fails.
    Unhealthy,
}

/// One look at a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskObservation {
    /// Which task.
    pub task: TaskArn,
    /// Where it stands.
    pub status: TaskStatus,
    /// ECS wants it stopped (`desiredStatus` STOPPED), whatever `status` still says.
    pub stop_requested: bool,
    /// Grows with every change of the task (ECS: `version`); 0 where unknown. Orders observations.
    pub version: u64,
    /// The revision it runs, where known.
    pub task_definition: Option<TaskDefinitionId>,
    /// Who started it (ECS: `startedBy`), where known.
    pub started_by: Option<String>,
    /// When ECS took it in (ECS: `createdAt`).
    pub created_at: Option<Timestamp>,
    /// When it became RUNNING (ECS: `startedAt`).
    pub started_at: Option<Timestamp>,
    /// The addresses of its own network interface (`awsvpc` mode), IPv4 first; empty until it is attached.
    pub addresses: Vec<IpAddr>,
    /// The container instance it runs on, where there is one.
    pub host: Option<Host>,
    /// Its containers, in the order in which ECS names them. There may be some that the task definition does not name.
    pub containers: Vec<ContainerObservation>,
    /// Why it stopped or stops, where ECS says so.
    pub stop: Option<StopInfo>,
    /// What it was launched with instead of what its definition says. Never written: they may hold secrets, and are looked at
    /// only where it is asked which launch a task came from.
    #[serde(skip)]
    pub overrides: TaskOverride,
}

impl TaskObservation {
    /// A look that saw no more than a status.
    pub fn new(task: TaskArn, status: TaskStatus) -> Self {
        Self {
            task,
            status,
            stop_requested: false,
            version: 0,
            task_definition: None,
            started_by: None,
            created_at: None,
            started_at: None,
            addresses: Vec::new(),
            host: None,
            containers: Vec::new(),
            stop: None,
            overrides: TaskOverride::default(),
        }
    }

    /// ECS does not know the task (yet, or any more).
    pub fn missing(task: TaskArn) -> Self {
        Self::new(task, TaskStatus::Missing)
    }

    /// Whether the task is over or will be: dead on arrival counts.
    pub fn is_ending(&self) -> bool {
        self.stop_requested || self.status.is_ending()
    }

    /// The container of that name.
    pub fn container(&self, name: &str) -> Option<&ContainerObservation> {
        self.containers.iter().find(|container| container.name == name)
    }
}

/// The machine under a task in `bridge` or `host` network mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The container instance's ARN.
    pub container_instance: String,
    /// Its EC2 instance id, which an `instance` target group takes; absent where the machine is none of EC2's.
    pub ec2_instance: Option<String>,
}

/// One look at a container of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerObservation {
    /// Its name in the task definition.
    pub name: String,
    /// What its health check says.
    pub health: HealthStatus,
    /// Its exit code; absent while it runs, and where it never started.
    pub exit_code: Option<i32>,
    /// Why it is in its state, in ECS's words.
    pub reason: Option<String>,
    /// The digest of the image it runs, where ECS knows it.
    pub image_digest: Option<String>,
    /// Ports of the host that lead to it (`bridge` and `host` mode).
    pub ports: Vec<PortBinding>,
}

/// A port of the host that leads to a container's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortBinding {
    /// The container's port.
    pub container_port: u16,
    /// The host's port; chosen by the host where the task definition says 0.
    pub host_port: u16,
}

/// Why a task stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopInfo {
    /// The coarse class.
    pub code: Option<StopCode>,
    /// ECS's sentence (`stoppedReason`).
    pub reason: String,
}

/// The coarse class of a stop (ECS: `stopCode`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopCode {
    /// It never got to RUNNING.
    TaskFailedToStart,
    /// A container without which it cannot be has exited.
    EssentialContainerExited,
    /// Somebody called `StopTask`.
    UserInitiated,
    /// An ECS service stopped it.
    ServiceSchedulerInitiated,
    /// Its Spot capacity was taken back.
    SpotInterruption,
    /// Its Spot capacity is about to be taken back.
    TerminationNotice,
    /// The infrastructure under it failed.
    InfrastructureHealth,
    /// One this version does not know.
    Other(String),
}

impl StopCode {
    /// Reads ECS's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "TaskFailedToStart" => Self::TaskFailedToStart,
            "EssentialContainerExited" => Self::EssentialContainerExited,
            "UserInitiated" => Self::UserInitiated,
            "ServiceSchedulerInitiated" => Self::ServiceSchedulerInitiated,
            "SpotInterruption" => Self::SpotInterruption,
            "TerminationNotice" => Self::TerminationNotice,
            "InfrastructureHealth" => Self::InfrastructureHealth,
            other => Self::Other(other.to_owned()),
        }
    }

    /// ECS's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::TaskFailedToStart => "TaskFailedToStart",
            Self::EssentialContainerExited => "EssentialContainerExited",
            Self::UserInitiated => "UserInitiated",
            Self::ServiceSchedulerInitiated => "ServiceSchedulerInitiated",
            Self::SpotInterruption => "SpotInterruption",
            Self::TerminationNotice => "TerminationNotice",
            Self::InfrastructureHealth => "InfrastructureHealth",
            Self::Other(word) => word,
        }
    }
}

/// An address in a target group: what is registered, and what is taken out again. The port is always given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Target {
    /// An IP address, or an EC2 instance id.
    pub id: String,
    /// The port that gets the traffic.
    pub port: u16,
}

impl Target {
    /// A target of that id and port.
    pub fn new(id: impl Into<String>, port: u16) -> Self {
        Self { id: id.into(), port }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id.contains(':') {
            write!(f, "[{}]:{}", self.id, self.port)
        } else {
            write!(f, "{}:{}", self.id, self.port)
        }
    }
}

/// One look at a target in a target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetObservation {
    /// What its health checks say.
    pub state: TargetState,
    /// Why, in a word; absent when healthy.
    pub reason: Option<TargetReason>,
    /// Why, in the load balancer's sentence.
    pub description: Option<String>,
}

impl TargetObservation {
    /// A look that saw a state and perhaps its reason.
    pub fn new(state: TargetState, reason: Option<TargetReason>) -> Self {
        Self { state, reason, description: None }
    }

    /// The group does not hold the target.
    pub fn not_registered() -> Self {
        Self::new(TargetState::Unused, Some(TargetReason::NotRegistered))
    }

    /// Whether the group does not hold the target.
    pub fn is_not_registered(&self) -> bool {
        self.reason == Some(TargetReason::NotRegistered)
    }
}

impl fmt::Display for TargetObservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.state.as_str())?;
        if let Some(reason) = &self.reason {
            write!(f, ", {}", reason.as_str())?;
        }
        if let Some(description) = &self.description {
            write!(f, ": {description}")?;
        }
        Ok(())
    }
}

/// The health of a target (ELBv2: `TargetHealth.State`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetState {
    /// Being registered, or not checked often enough yet.
    Initial,
    /// In service.
    Healthy,
    /// Its health checks fail.
    Unhealthy,
    /// Its health checks fail, and connections that exist are let run out (Network Load Balancers).
    UnhealthyDraining,
    /// Not registered, or registered where no traffic goes.
    Unused,
    /// Being taken out: shown for the whole deregistration delay.
    Draining,
    /// No health is known, or one this version does not know.
    Unavailable,
}

impl TargetState {
    /// Reads ELBv2's word; one this version does not know is [`Unavailable`](Self::Unavailable), and so waited out.
    pub fn parse(word: &str) -> Self {
        match word {
            "initial" => Self::Initial,
            "healthy" => Self::Healthy,
            "unhealthy" => Self::Unhealthy,
            "unhealthy.draining" => Self::UnhealthyDraining,
            "unused" => Self::Unused,
            "draining" => Self::Draining,
            _ => Self::Unavailable,
        }
    }

    /// ELBv2's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::UnhealthyDraining => "unhealthy.draining",
            Self::Unused => "unused",
            Self::Draining => "draining",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Why a target is in its state (ELBv2: `TargetHealth.Reason`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetReason {
    /// `Elb.RegistrationInProgress`
    RegistrationInProgress,
    /// `Elb.InitialHealthChecking`
    InitialHealthChecking,
    /// `Elb.InternalError`: a fault of the load balancer.
    InternalError,
    /// `Target.ResponseCodeMismatch`: it answers with the wrong HTTP code.
    ResponseCodeMismatch,
    /// `Target.Timeout`: it does not answer in time.
    Timeout,
    /// `Target.FailedHealthChecks`: no connection, or an answer that makes no sense.
    FailedHealthChecks,
    /// `Target.NotRegistered`: never was, or its deregistration is complete.
    NotRegistered,
    /// `Target.NotInUse`: no listener uses the group, or the target's zone is not enabled. Never gets healthy.
    NotInUse,
    /// `Target.DeregistrationInProgress`
    DeregistrationInProgress,
    /// `Target.InvalidState`: its instance is stopped or terminated.
    InvalidState,
    /// `Target.IpUnusable`: a load balancer has this address itself.
    IpUnusable,
    /// `Target.HealthCheckDisabled`
    HealthCheckDisabled,
    /// One this version does not know.
    Other(String),
}

impl TargetReason {
    /// Reads ELBv2's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "Elb.RegistrationInProgress" => Self::RegistrationInProgress,
            "Elb.InitialHealthChecking" => Self::InitialHealthChecking,
            "Elb.InternalError" => Self::InternalError,
            "Target.ResponseCodeMismatch" => Self::ResponseCodeMismatch,
            "Target.Timeout" => Self::Timeout,
            "Target.FailedHealthChecks" => Self::FailedHealthChecks,
            "Target.NotRegistered" => Self::NotRegistered,
            "Target.NotInUse" => Self::NotInUse,
            "Target.DeregistrationInProgress" => Self::DeregistrationInProgress,
            "Target.InvalidState" => Self::InvalidState,
            "Target.IpUnusable" => Self::IpUnusable,
            "Target.HealthCheckDisabled" => Self::HealthCheckDisabled,
            other => Self::Other(other.to_owned()),
        }
    }

    /// ELBv2's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::RegistrationInProgress => "Elb.RegistrationInProgress",
            Self::InitialHealthChecking => "Elb.InitialHealthChecking",
            Self::InternalError => "Elb.InternalError",
            Self::ResponseCodeMismatch => "Target.ResponseCodeMismatch",
            Self::Timeout => "Target.Timeout",
            Self::FailedHealthChecks => "Target.FailedHealthChecks",
            Self::NotRegistered => "Target.NotRegistered",
            Self::NotInUse => "Target.NotInUse",
            Self::DeregistrationInProgress => "Target.DeregistrationInProgress",
            Self::InvalidState => "Target.InvalidState",
            Self::IpUnusable => "Target.IpUnusable",
            Self::HealthCheckDisabled => "Target.HealthCheckDisabled",
            Self::Other(word) => word,
        }
    }

    /// Whether waiting cannot help: the target will never be healthy as things stand.
    pub fn is_final(&self) -> bool {
        match self {
            Self::NotInUse | Self::InvalidState | Self::IpUnusable => true,
            Self::RegistrationInProgress
            | Self::InitialHealthChecking
            | Self::InternalError
            | Self::ResponseCodeMismatch
            | Self::Timeout
            | Self::FailedHealthChecks
            | Self::NotRegistered
            | Self::DeregistrationInProgress
            | Self::HealthCheckDisabled
            | Self::Other(_) => false,
        }
    }
}
