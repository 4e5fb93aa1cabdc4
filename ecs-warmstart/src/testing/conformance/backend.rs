//! What the suite runs on.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::facts::{EcsServiceFacts, ImageFacts, LogQuery, TargetGroupFacts, TaskDefinitionFacts};
use crate::ids::{ClusterId, TargetGroupArn, TaskArn, TaskDefinitionId};
use crate::image::ImageRef;
use crate::observation::Target;
use crate::ports::Ports;
use crate::spec::LaunchRequest;

/// An implementation of the ports, with a world in it that the cases may use.
pub trait Backend: Debug + Send + Sync + 'static {
    /// The ports under test.
    fn ports(&self) -> Ports;

    /// The clock by which the cases wait.
    fn clock(&self) -> Arc<dyn Clock>;

    /// What is there, and what is not.
    fn world(&self) -> &World;

    /// What the backend cannot do.
    fn capabilities(&self) -> &Capabilities;
}

/// What a backend holds before a case begins. No task runs and no target is registered.
#[derive(Clone, Debug)]
pub struct World {
    /// A cluster.
    pub cluster: ClusterId,
    /// A launch that succeeds there: an awsvpc task whose containers serve on `port`. The cases change `started_by`.
    pub request: LaunchRequest,
    /// The port on which the task of `request` serves.
    pub port: u16,
    /// What the definition of `request` says.
    pub task_definition: TaskDefinitionFacts,
    /// A launch in the same cluster that succeeds too, of a task definition of another family.
    pub other_family: LaunchRequest,
    /// A launch in the same cluster that finds no capacity, whatever its token. Needs [`Capability::CapacityFailures`].
    pub no_capacity: LaunchRequest,
    /// A launch in the same cluster whose task runs on a container instance, behind ports of the machine
    /// (`bridge` mode). Needs [`Capability::HostNetworking`].
    pub on_host: LaunchRequest,
    /// A target group of type `ip` (IPv4) that a listener leads to and that takes the tasks of `request`. At least 250
    /// targets fit in.
    pub target_group: TargetGroupArn,
    /// What the group says of itself.
    pub target_group_facts: TargetGroupFacts,
    /// An image in a registry that the backend can ask.
    pub image: ImageRef,
    /// What its registry says of it. An index, and no tag `no-such-tag` in its repository.
    pub image_facts: ImageFacts,
    /// A log with something in it.
    pub log: LogQuery,
    /// What stands in it, the oldest line first; at least three lines.
    pub log_lines: Vec<String>,
    /// An ECS service of `cluster`, whose deployments' ids start no task before a case does. What an emulator makes up, such
    /// as times, is compared as far as it goes: its name, counts, definition and target groups.
    pub ecs_service: EcsServiceFacts,
    /// How long its targets drain. Best not ELBv2's default of 300 s, which an implementation may guess, and less than
    /// `patience`.
    pub deregistration_delay: Duration,
    /// A target group of type `ip` that no listener leads to. Needs [`Capability::NotInUse`].
    pub unused_group: TargetGroupArn,
    /// More than 200 different targets that the group takes and that nobody serves, each with an address of its own.
    pub idle_targets: Vec<Target>,
    /// A cluster that does not exist.
    pub unknown_cluster: ClusterId,
    /// A task of `cluster` that never existed.
    pub unknown_task: TaskArn,
    /// A task definition that does not exist.
    pub unknown_task_definition: TaskDefinitionId,
    /// A target group that does not exist.
    pub unknown_group: TargetGroupArn,
    /// How long a case waits for what should come about, on the backend's clock. It has to be more than a launch takes
    /// and more than the group's checks take.
    pub patience: Duration,
    /// Between two looks of a case that waits.
    pub poll: Duration,
}

/// Something of AWS that an emulator may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// `RunTask` honours `clientToken`.
    ClientTokens,
    /// `RunTask` can answer with `failures[]` and no task.
    CapacityFailures,
    /// A task passes through PROVISIONING or PENDING on its way to RUNNING.
    Lifecycle,
    /// A task that is stopped keeps the reason that `StopTask` was given.
    StopReason,
    /// Tasks run on container instances too, with host ports.
    HostNetworking,
    /// A target is `initial` for a while after its registration.
    HealthTakesTime,
    /// A target that nobody serves becomes `unhealthy`.
    UnhealthyTargets,
    /// A target of a group without listener is `unused`.
    NotInUse,
    /// A target that is deregistered drains for a while.
    Draining,
    /// A group refuses targets of a type that it does not take.
    TargetTypes,
    /// A search leaves out the tasks that ECS wants stopped.
    FindsOnlyRunning,
    /// `StopTask` of a task that never was is answered as AWS answers it.
    StopUnknown,
    /// `DeregisterTargets` of a target that is not registered succeeds.
    DeregisterAbsent,
    /// A target group that does not exist is an error.
    UnknownGroups,
    /// A cluster that does not exist is an error.
    UnknownClusters,
    /// A task definition that does not exist is an error.
    UnknownDefinitions,
    /// A log stream that does not exist is told from a log group that does not.
    SilentStreams,
    /// Whoever launches a task may say which ECS service's deployment it is of.
    ServiceTasks,
}

/// What a backend can do: all, but for what is declared missing.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    missing: BTreeMap<Capability, String>,
}

impl Capabilities {
    /// Nothing is missing.
    pub fn all() -> Self {
        Self::default()
    }

    /// Declares that something is missing, with the reason.
    #[must_use]
    pub fn without(mut self, capability: Capability, reason: impl Into<String>) -> Self {
        self.missing.insert(capability, reason.into());
        self
    }

    /// The reason for which it is missing, where it is.
    pub fn missing(&self, capability: Capability) -> Option<&str> {
        self.missing.get(&capability).map(String::as_str)
    }
}
