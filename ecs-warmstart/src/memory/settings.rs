//! The knobs of the simulated cloud.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::facts::{TargetGroupFacts, TargetType};
use crate::quota::Quotas;

/// How the cloud behaves where nobody says otherwise. Every range is drawn from anew for each task, by the seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The same seed and the same calls at the same times give the same world. Default 0.
    pub seed: u64,
    /// The region in ARNs. Default `us-east-2`.
    pub region: String,
    /// The account in ARNs, 12 digits. Default `111122223333`.
    pub account: String,
    /// How long a call is on its way, each way. Default nothing: then no call ever waits.
    pub latency: RangeInclusive<Duration>,
    /// After a launch, how long `DescribeTasks` and `ListTasks` (each for itself) do not know the task: both are eventually
    /// consistent. Default 0 to 3 s.
    pub invisible: RangeInclusive<Duration>,
    /// After a launch, how long `StopTask` does not know the task. Default nothing.
    pub unstoppable: RangeInclusive<Duration>,
    /// How long an awsvpc task is PROVISIONING: its network interface is made. Default 8 to 15 s.
    pub provisioning_awsvpc: RangeInclusive<Duration>,
    /// How long any other task is PROVISIONING. Default 0 to 1 s.
    pub provisioning_other: RangeInclusive<Duration>,
    /// How long a task is PENDING: its images are pulled. Default 8 to 25 s.
    pub pending: RangeInclusive<Duration>,
    /// How long a task is ACTIVATING. Default 1 to 4 s.
    pub activating: RangeInclusive<Duration>,
    /// How long after the end of PROVISIONING the address of an awsvpc task is shown. Default nothing; more than PENDING
    /// and ACTIVATING take makes tasks RUNNING that have no address yet.
    pub address_lag: RangeInclusive<Duration>,
    /// From RUNNING until the application serves. Default 2 to 6 s.
    pub serving: RangeInclusive<Duration>,
    /// How long a RUNNING task that is told to stop is DEACTIVATING. Default 0 to 1 s.
    pub deactivating: RangeInclusive<Duration>,
    /// How long a task that handles SIGTERM takes to exit; it no longer serves then. Default 2 to 5 s.
    pub stopping: RangeInclusive<Duration>,
    /// After what time a task that ignores SIGTERM is killed. Default 30 s (ECS: `stopTimeout`).
    pub stop_timeout: Duration,
    /// How long a task is DEPROVISIONING: what it needed is given back. Default 3 to 8 s.
    pub deprovisioning: RangeInclusive<Duration>,
    /// How long a task that has stopped is still described. Default 1 h, as ECS has it.
    pub stopped_kept: Duration,
    /// The health check of every container that has one.
    pub container_check: ContainerCheck,
    /// How many addresses the subnets have. Default 1000. Where none is free a task fails to start, as on EC2; with few of
    /// them addresses are soon used again.
    pub addresses: u32,
    /// Whether awsvpc tasks have an IPv6 address too. Default false.
    pub ipv6: bool,
    /// How many container instances there are for tasks in `bridge` and `host` mode. Default 3.
    pub container_instances: u16,
    /// How long a client token is known at most. Default 24 h, as ECS has it; less when its task stopped an hour before.
    pub token_lifetime: Duration,
    /// The rates at which calls are answered. Default none: no call is throttled.
    pub quotas: Option<Quotas>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 0,
            region: "us-east-2".to_owned(),
            account: "111122223333".to_owned(),
            latency: seconds(0, 0),
            invisible: seconds(0, 3),
            unstoppable: seconds(0, 0),
            provisioning_awsvpc: seconds(8, 15),
            provisioning_other: seconds(0, 1),
            pending: seconds(8, 25),
            activating: seconds(1, 4),
            address_lag: seconds(0, 0),
            serving: seconds(2, 6),
            deactivating: seconds(0, 1),
            stopping: seconds(2, 5),
            stop_timeout: Duration::from_secs(30),
            deprovisioning: seconds(3, 8),
            stopped_kept: Duration::from_secs(3600),
            container_check: ContainerCheck::default(),
            addresses: 1000,
            ipv6: false,
            container_instances: 3,
            token_lifetime: Duration::from_secs(24 * 3600),
            quotas: None,
        }
    }
}

impl Settings {
    /// The defaults with another seed.
    pub fn with_seed(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

/// The health check of a container. It says HEALTHY at the first check that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerCheck {
    /// Between checks; the first is one interval after the start. Default 5 s (ECS: 5 to 300 s, default 30 s).
    pub interval: Duration,
    /// How many checks in a row have to fail for UNHEALTHY. Default 3, as in ECS (1 to 10).
    pub retries: u32,
    /// How long failures do not count. Default nothing, as in ECS (0 to 300 s).
    pub start_period: Duration,
}

impl Default for ContainerCheck {
    fn default() -> Self {
        Self { interval: Duration::from_secs(5), retries: 3, start_period: Duration::ZERO }
    }
}

/// A target group as it is set up.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSettings {
    /// What it takes as a target. Default IPv4 addresses.
    pub target_type: TargetType,
    /// Whether a listener leads to it. Default true. Without one its targets are `unused` for ever.
    pub in_use: bool,
    /// What targets are spoken to in, and checked in. Default `HTTP`.
    pub protocol: String,
    /// The VPC that its targets are in. Default none is known.
    pub vpc: Option<String>,
    /// The ARN of the load balancer that it is in use by. Default none is known.
    pub load_balancer: Option<String>,
    /// The path that is asked for. Default `/`, as in ELBv2.
    pub health_check_path: String,
    /// The codes that pass. Default `200`, as of an application load balancer.
    pub matcher: String,
    /// Between health checks of a target. Default 30 s, as in ELBv2 (5 to 300 s).
    pub health_check_interval: Duration,
    /// After what time a check that gets no answer has failed. Default 5 s; never more than the interval.
    pub health_check_timeout: Duration,
    /// How many checks in a row an unhealthy target has to pass. Default 5, as in ELBv2 (2 to 10). A new target has to
    /// pass one, whatever this says.
    pub healthy_threshold: u32,
    /// How many checks in a row have to fail for `unhealthy`. Default 2, as in ELBv2 (2 to 10).
    pub unhealthy_threshold: u32,
    /// How long a target drains after its deregistration. Default 300 s, as in ELBv2 (0 to 3600 s).
    pub deregistration_delay: Duration,
    /// How long a registration takes; the first check is within one interval from then. Default 1 to 2 s.
    pub registration: RangeInclusive<Duration>,
    /// How many targets fit in, those that drain included. Default 1000, as ELBv2's quota.
    pub quota: usize,
}

impl Default for GroupSettings {
    fn default() -> Self {
        Self {
            target_type: TargetType::Ipv4,
            in_use: true,
            protocol: "HTTP".to_owned(),
            vpc: None,
            load_balancer: None,
            health_check_path: "/".to_owned(),
            matcher: "200".to_owned(),
            health_check_interval: Duration::from_secs(30),
            health_check_timeout: Duration::from_secs(5),
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            deregistration_delay: Duration::from_secs(300),
            registration: seconds(1, 2),
            quota: 1000,
        }
    }
}

impl GroupSettings {
    /// What `DescribeTargetGroups` says of it.
    pub fn facts(&self) -> TargetGroupFacts {
        TargetGroupFacts {
            target_type: self.target_type,
            in_use: self.in_use,
            load_balancers: self.load_balancer.iter().filter(|_| self.in_use).cloned().collect(),
            protocol: Some(self.protocol.clone()),
            port: None,
            vpc: self.vpc.clone(),
            health_check_enabled: true,
            health_check_protocol: Some(self.protocol.clone()),
            health_check_port: None,
            health_check_path: Some(self.health_check_path.clone()),
            matcher: Some(self.matcher.clone()),
            health_check_interval: self.health_check_interval,
            health_check_timeout: self.health_check_timeout,
            healthy_threshold: self.healthy_threshold,
            unhealthy_threshold: self.unhealthy_threshold,
        }
    }
}

fn seconds(from: u64, to: u64) -> RangeInclusive<Duration> {
    Duration::from_secs(from)..=Duration::from_secs(to)
}
