//! Every cause that is known, with what follows from its being that one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// When in the life of a task a cause strikes. What strikes earlier keeps everything later from happening, so of two
/// causes that are equally sure the earlier one is the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The call itself: who asks for what.
    Calling,
    /// Finding a place for the task.
    Placing,
    /// Its network interface and storage.
    Provisioning,
    /// Secrets, environment files, log driver, volumes.
    Preparing,
    /// Getting the image.
    Pulling,
    /// Creating and starting containers.
    Starting,
    /// The application at work.
    Running,
    /// Something from outside ends the task.
    Outside,
    /// The health checks of its containers.
    ContainerHealth,
    /// Its targets in their groups.
    Registering,
    /// The health checks of its targets.
    TargetHealth,
    /// The ECS service or the run as a whole.
    Whole,
}

/// Whether the same start may succeed later with nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lasting {
    /// It may pass by itself. A task that dies of it before it serves is launched again, a few times.
    Transient,
    /// It would happen again until somebody changes something.
    Permanent,
}

/// Whether it can be the end of the question "why".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It explains itself.
    Cause,
    /// It always has a cause, which may not be known.
    Symptom,
}

/// Makes the enum and its table from one list, so that no code can be without its row.
macro_rules! codes {
    ($($(#[$doc:meta])+ $variant:ident = $word:literal, $stage:ident, $lasting:ident, $role:ident;)+) => {
        /// A cause, by a stable word for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])+ $variant,)+ }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in reports. It never changes its meaning.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// When it strikes.
            pub fn stage(self) -> Stage {
                match self { $(Self::$variant => Stage::$stage,)+ }
            }

            /// Whether it may pass by itself.
            pub fn lasting(self) -> Lasting {
                match self { $(Self::$variant => Lasting::$lasting,)+ }
            }

            /// Whether it explains itself.
            pub fn role(self) -> Role {
                match self { $(Self::$variant => Role::$role,)+ }
            }
        }
    };
}

codes! {
    /// Who asks may not, or is not known.
    Denied = "denied", Calling, Permanent, Cause;
    /// The request is wrong.
    Invalid = "invalid", Calling, Permanent, Cause;
    /// What the request names does not exist.
    NotFound = "not_found", Calling, Permanent, Cause;
    /// The client token was used with another request.
    Conflict = "conflict", Calling, Permanent, Cause;
    /// Too many calls.
    Throttled = "throttled", Calling, Transient, Cause;
    /// No answer in time.
    Timeout = "timeout", Calling, Transient, Cause;
    /// AWS failed, or the connection broke.
    Unavailable = "unavailable", Calling, Transient, Cause;
    /// A call failed in a way that is not understood.
    CallFailed = "call_failed", Calling, Transient, Cause;
    /// Configuration, task definition and target group do not fit.
    Misconfigured = "misconfigured", Calling, Permanent, Cause;
    /// The run was asked to end.
    Cancelled = "cancelled", Calling, Transient, Cause;
    /// Another run holds the task.
    SlotTaken = "slot_taken", Calling, Transient, Cause;
    /// A group in use would be left without a healthy target.
    LastHealthyTarget = "last_healthy_target", Calling, Permanent, Cause;
    /// The cluster does not exist.
    ClusterMissing = "cluster_missing", Calling, Permanent, Cause;
    /// The cluster has no ECS service of that name.
    EcsServiceMissing = "ecs_service_missing", Calling, Permanent, Cause;
    /// The ECS service is being deleted, or was.
    EcsServiceInactive = "ecs_service_inactive", Calling, Permanent, Cause;
    /// The task definition is deregistered.
    TaskDefinitionInactive = "task_definition_inactive", Calling, Permanent, Cause;
    /// A role of the task definition cannot be assumed.
    RoleNotAssumable = "role_not_assumable", Calling, Permanent, Cause;

    /// No capacity at this time.
    Capacity = "capacity", Placing, Transient, Cause;
    /// The container instances have not enough of something.
    InstanceResources = "instance_resources", Placing, Transient, Cause;
    /// The agent of the container instance is not connected.
    AgentDisconnected = "agent_disconnected", Placing, Transient, Cause;
    /// No container instance has an attribute that the task needs.
    InstanceAttribute = "instance_attribute", Placing, Permanent, Cause;
    /// No container instance satisfies the placement constraint.
    PlacementConstraint = "placement_constraint", Placing, Permanent, Cause;
    /// The container instance is in another zone than the subnets.
    InstanceZone = "instance_zone", Placing, Permanent, Cause;
    /// The container instance is not there, or not active.
    InstanceUnknown = "instance_unknown", Placing, Permanent, Cause;
    /// There is no container instance to place on.
    NoInstances = "no_instances", Placing, Permanent, Cause;
    /// The task definition does not fit the launch type or capacity provider.
    ComputeIncompatible = "compute_incompatible", Placing, Permanent, Cause;
    /// A quota of the account is used up.
    QuotaReached = "quota_reached", Placing, Permanent, Cause;
    /// No task was launched in the time given.
    NotLaunchedInTime = "not_launched_in_time", Placing, Transient, Symptom;

    /// The network interface did not come in time.
    InterfaceTimeout = "interface_timeout", Provisioning, Transient, Cause;
    /// EC2 failed to make the network interface this time.
    InterfaceFailed = "interface_failed", Provisioning, Transient, Cause;
    /// EC2 refuses the network interface.
    InterfaceRefused = "interface_refused", Provisioning, Permanent, Cause;
    /// The subnet has no free address.
    SubnetFull = "subnet_full", Provisioning, Transient, Cause;
    /// The instance has no place for another network interface.
    InterfaceLimit = "interface_limit", Provisioning, Transient, Cause;
    /// The ephemeral storage did not come in time.
    StorageTimeout = "storage_timeout", Provisioning, Transient, Cause;
    /// ECS could not provide what the task needs, and says no more.
    ProvisioningFailed = "provisioning_failed", Provisioning, Transient, Cause;
    /// Service discovery could not take the task in.
    ServiceDiscoveryFailed = "service_discovery_failed", Provisioning, Transient, Cause;
    /// A fault inside ECS.
    InternalError = "internal_error", Provisioning, Transient, Cause;

    /// An AWS endpoint that the start needs (secrets, registry authorization, logs) is out of reach of the network.
    EndpointUnreachable = "endpoint_unreachable", Preparing, Transient, Cause;
    /// The execution role may not read a secret or registry authorization.
    SecretsDenied = "secrets_denied", Preparing, Permanent, Cause;
    /// A secret or parameter does not exist.
    SecretNotFound = "secret_not_found", Preparing, Permanent, Cause;
    /// Environment files cannot be read from S3.
    EnvironmentFiles = "environment_files", Preparing, Permanent, Cause;
    /// The log group does not exist.
    LogGroupMissing = "log_group_missing", Preparing, Permanent, Cause;
    /// The execution role may not write logs.
    LogsDenied = "logs_denied", Preparing, Permanent, Cause;
    /// The log driver does not take its options.
    LogDriverInvalid = "log_driver_invalid", Preparing, Permanent, Cause;
    /// The EFS file system cannot be mounted.
    EfsMountFailed = "efs_mount_failed", Preparing, Permanent, Cause;
    /// A volume cannot be made or mounted.
    VolumeFailed = "volume_failed", Preparing, Permanent, Cause;
    /// What the task needs could not be got ready, and the words are not known.
    InitializationFailed = "initialization_failed", Preparing, Permanent, Symptom;

    /// The registry is out of reach of the network.
    RegistryUnreachable = "registry_unreachable", Pulling, Transient, Cause;
    /// The registry's name does not resolve.
    RegistryUnknown = "registry_unknown", Pulling, Permanent, Cause;
    /// Layers are out of reach: ECR keeps them in S3.
    LayersUnreachable = "layers_unreachable", Pulling, Permanent, Cause;
    /// The registry's certificate is not trusted.
    RegistryUntrusted = "registry_untrusted", Pulling, Permanent, Cause;
    /// The registry's rate limit.
    RegistryRateLimited = "registry_rate_limited", Pulling, Transient, Cause;
    /// The pull broke off.
    PullInterrupted = "pull_interrupted", Pulling, Transient, Cause;
    /// The role may not pull the image.
    PullDenied = "pull_denied", Pulling, Permanent, Cause;
    /// The registry does not know who asks.
    RegistryAuthFailed = "registry_auth_failed", Pulling, Permanent, Cause;
    /// The repository, tag or digest does not exist.
    ImageNotFound = "image_not_found", Pulling, Permanent, Cause;
    /// The image is not made for the task's platform.
    ImagePlatformMismatch = "image_platform_mismatch", Pulling, Permanent, Cause;
    /// The manifest cannot be read.
    ImageManifestInvalid = "image_manifest_invalid", Pulling, Permanent, Cause;
    /// A task runs another image than the one that was wanted.
    AnotherImage = "another_image", Pulling, Permanent, Cause;
    /// Tasks of one revision run different images.
    ImageDrift = "image_drift", Pulling, Permanent, Cause;
    /// No space is left on the disk.
    DiskFull = "disk_full", Pulling, Permanent, Cause;
    /// The image could not be pulled, and the words are not known.
    PullFailed = "pull_failed", Pulling, Permanent, Symptom;

    /// The command or entry point is not in the image.
    CommandNotFound = "command_not_found", Starting, Permanent, Cause;
    /// The command or entry point may not be executed.
    CommandNotExecutable = "command_not_executable", Starting, Permanent, Cause;
    /// The container did not start in time.
    StartTimeout = "start_timeout", Starting, Transient, Cause;
    /// The container runtime failed.
    RuntimeFailed = "runtime_failed", Starting, Transient, Cause;
    /// The container's state got lost or could not be changed.
    RuntimeState = "runtime_state", Starting, Permanent, Cause;
    /// The host cannot give the container what its definition says.
    HostConfigInvalid = "host_config_invalid", Starting, Permanent, Cause;
    /// The container's network could not be set up.
    ContainerNetworkFailed = "container_network_failed", Starting, Permanent, Cause;
    /// A container waits for another one that did not get there.
    ContainerDependency = "container_dependency", Starting, Permanent, Symptom;
    /// The container could not be created, and the words are not known.
    CreateFailed = "create_failed", Starting, Permanent, Symptom;
    /// The container could not be started, and the words are not known.
    StartFailed = "start_failed", Starting, Permanent, Symptom;
    /// The task never got to RUNNING.
    TaskFailedToStart = "task_failed_to_start", Starting, Permanent, Symptom;
    /// The task is not RUNNING yet.
    TaskNotRunning = "task_not_running", Starting, Transient, Symptom;
    /// The task was not RUNNING in the time given.
    NotRunningInTime = "not_running_in_time", Starting, Transient, Symptom;

    /// A container used more memory than it may.
    OutOfMemory = "out_of_memory", Running, Permanent, Cause;
    /// The application's own heap limit is too small.
    HeapExhausted = "heap_exhausted", Running, Permanent, Cause;
    /// A file that the application needs is not in the image.
    ImageIncomplete = "image_incomplete", Running, Permanent, Cause;
    /// An environment variable that the application needs is not set.
    EnvironmentMissing = "environment_missing", Running, Permanent, Cause;
    /// The task role may not do what the application does.
    TaskRoleDenied = "task_role_denied", Running, Permanent, Cause;
    /// A database or another dependency refuses the application's credentials.
    DependencyDenied = "dependency_denied", Running, Permanent, Cause;
    /// A database or another dependency does not answer.
    DependencyUnreachable = "dependency_unreachable", Running, Transient, Cause;
    /// The entry point waits for something without an end.
    EntrypointWaits = "entrypoint_waits", Running, Permanent, Cause;
    /// The port is taken already.
    PortInUse = "port_in_use", Running, Permanent, Cause;
    /// The application listens on the loopback interface only.
    ListensOnLoopback = "listens_on_loopback", Running, Permanent, Cause;
    /// The application listens on another port than its target has.
    ListensOnOtherPort = "listens_on_other_port", Running, Permanent, Cause;
    /// A segmentation fault.
    SegmentationFault = "segmentation_fault", Running, Permanent, Cause;
    /// The application aborted itself.
    Aborted = "aborted", Running, Permanent, Cause;
    /// An instruction that the processor does not know.
    IllegalInstruction = "illegal_instruction", Running, Permanent, Cause;
    /// Killed, and nobody says by whom.
    Killed = "killed", Running, Permanent, Cause;
    /// Ended by SIGTERM, and nobody says by whom.
    Terminated = "terminated", Running, Permanent, Cause;
    /// The application exited with an error.
    ApplicationFailed = "application_failed", Running, Permanent, Cause;
    /// The application came to its end, which a server should not.
    ApplicationEnded = "application_ended", Running, Permanent, Cause;
    /// The task stopped.
    TaskStopped = "task_stopped", Running, Permanent, Symptom;

    /// Somebody stopped it.
    StoppedByUser = "stopped_by_user", Outside, Permanent, Cause;
    /// ecs-warmstart drained it.
    Drained = "drained", Outside, Permanent, Cause;
    /// The ECS service needs it no more.
    ScaledIn = "scaled_in", Outside, Permanent, Cause;
    /// Spot capacity was taken back.
    SpotInterruption = "spot_interruption", Outside, Transient, Cause;
    /// The EC2 instance under it stopped.
    HostGone = "host_gone", Outside, Transient, Cause;
    /// The container instance was deregistered by force.
    InstanceDeregistered = "instance_deregistered", Outside, Transient, Cause;
    /// The infrastructure under it failed.
    InfrastructureHealth = "infrastructure_health", Outside, Transient, Cause;
    /// ECS no longer knows the task.
    TaskLost = "task_lost", Outside, Transient, Cause;
    /// It was not STOPPED in the time given.
    NotStoppedInTime = "not_stopped_in_time", Outside, Transient, Symptom;

    /// The health check calls a program that the image lacks.
    HealthCheckProgram = "health_check_program", ContainerHealth, Permanent, Cause;
    /// The health check asks `localhost`, where the application does not listen.
    HealthCheckLocalhost = "health_check_localhost", ContainerHealth, Permanent, Cause;
    /// The health check gives up before the application is up.
    HealthCheckImpatient = "health_check_impatient", ContainerHealth, Permanent, Cause;
    /// The run gave up before the container could be HEALTHY.
    WaitTooShort = "wait_too_short", ContainerHealth, Permanent, Cause;
    /// A container is UNHEALTHY.
    ContainerUnhealthy = "container_unhealthy", ContainerHealth, Permanent, Symptom;
    /// The health check of a container has neither passed nor failed for good.
    ContainerHealthUnknown = "container_health_unknown", ContainerHealth, Transient, Symptom;
    /// The gate did not open in the time given.
    GateNotOpenInTime = "gate_not_open_in_time", ContainerHealth, Transient, Symptom;

    /// No listener leads to the target group.
    TargetGroupUnused = "target_group_unused", Registering, Permanent, Cause;
    /// The load balancer is not enabled in the target's zone.
    TargetZoneDisabled = "target_zone_disabled", Registering, Permanent, Cause;
    /// The target's instance is stopped or terminated.
    TargetInvalidState = "target_invalid_state", Registering, Permanent, Cause;
    /// A load balancer has the target's address itself.
    TargetIpUnusable = "target_ip_unusable", Registering, Permanent, Cause;
    /// The task has nothing that the group could take.
    NoTarget = "no_target", Registering, Permanent, Cause;
    /// The target is not in the group.
    TargetNotRegistered = "target_not_registered", Registering, Transient, Symptom;
    /// The target drains.
    TargetDraining = "target_draining", Registering, Transient, Symptom;
    /// The target was not registered in the time given.
    NotRegisteredInTime = "not_registered_in_time", Registering, Transient, Symptom;

    /// The health path is not there.
    HealthPathMissing = "health_path_missing", TargetHealth, Permanent, Cause;
    /// The health path wants a login.
    HealthPathGuarded = "health_path_guarded", TargetHealth, Permanent, Cause;
    /// The health path leads elsewhere.
    HealthPathRedirects = "health_path_redirects", TargetHealth, Permanent, Cause;
    /// A fault of the load balancer.
    LoadBalancerError = "load_balancer_error", TargetHealth, Transient, Cause;
    /// The target answers with a code that does not count as healthy.
    TargetWrongCode = "target_wrong_code", TargetHealth, Permanent, Symptom;
    /// The target does not answer in time.
    TargetTimeout = "target_timeout", TargetHealth, Permanent, Symptom;
    /// The target takes no connection.
    TargetRefuses = "target_refuses", TargetHealth, Permanent, Symptom;
    /// The target is being registered or was not checked often enough.
    TargetInitial = "target_initial", TargetHealth, Transient, Symptom;
    /// The group does not check its targets.
    TargetUnchecked = "target_unchecked", TargetHealth, Permanent, Symptom;
    /// The target is not healthy, and the reason is not known.
    TargetUnhealthy = "target_unhealthy", TargetHealth, Permanent, Symptom;
    /// The target can never be healthy as things stand.
    TargetUnusable = "target_unusable", TargetHealth, Permanent, Symptom;
    /// The target was not healthy in the time given.
    NotHealthyInTime = "not_healthy_in_time", TargetHealth, Transient, Symptom;

    /// ecs-warmstart took it back.
    TakenBack = "taken_back", Whole, Transient, Symptom;
    /// It did not exit on SIGTERM within its stop timeout.
    StopTimeoutExceeded = "stop_timeout_exceeded", Whole, Permanent, Symptom;
    /// Tasks are started and stopped again and again.
    RestartLoop = "restart_loop", Whole, Permanent, Symptom;
    /// The ECS service cannot start its tasks.
    ServiceUnstable = "service_unstable", Whole, Permanent, Symptom;
    /// The deployment failed.
    DeploymentFailed = "deployment_failed", Whole, Permanent, Symptom;
    /// Fewer tasks run and are well than there should be.
    TooFewTasks = "too_few_tasks", Whole, Permanent, Symptom;
    /// No task of the service runs, and none stopped lately.
    NotStarted = "not_started", Whole, Permanent, Symptom;
    /// The evidence does not say why.
    Unexplained = "unexplained", Whole, Permanent, Symptom;
    /// The evidence shows nothing that is wrong.
    NothingWrong = "nothing_wrong", Whole, Permanent, Symptom;
}

impl Code {
    /// Whether the same start may succeed later with nothing changed.
    pub fn is_transient(self) -> bool {
        self.lasting() == Lasting::Transient
    }

    /// Whether it always has another cause.
    pub fn is_symptom(self) -> bool {
        self.role() == Role::Symptom
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().copied().find(|code| code.as_str() == word);
        known.ok_or_else(|| format!("there is no code {word:?}"))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
