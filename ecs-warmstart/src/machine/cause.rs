//! Why a run did not get ready, and what it left behind: data that a state keeps and a report prints.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Operation;
use crate::error::{ErrorKind, Failure};
use crate::ids::{ClientToken, ClusterId, TargetGroupArn, TaskArn};
use crate::observation::{ContainerObservation, StopInfo, Target, TargetObservation, TaskStatus};

/// Why a run did not get ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cause {
    /// A call failed in a way that no retry mends, or until the time was over.
    CallFailed {
        /// Which call.
        call: Operation,
        /// How.
        failure: Failure,
    },
    /// The task stopped.
    TaskStopped {
        /// Which task.
        task: TaskArn,
        /// Why, in ECS's words.
        stop: StopInfo,
        /// Its containers, with exit codes and reasons.
        containers: Vec<ContainerObservation>,
    },
    /// ECS does not know the task although it was launched a while ago.
    TaskLost {
        /// Which task.
        task: TaskArn,
    },
    /// No task in the time given.
    NotLaunchedInTime {
        /// The time given.
        #[serde(with = "crate::time::as_millis", rename = "waited_ms")]
        waited: Duration,
        /// How the last try failed, where it did.
        last: Option<Failure>,
        /// Where there was no capacity, where there was more than one place to go to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tried: Vec<ShortOf>,
    },
    /// Not RUNNING with an address in the time given.
    NotRunningInTime {
        /// The time given.
        #[serde(with = "crate::time::as_millis", rename = "waited_ms")]
        waited: Duration,
        /// Where the task stood when it was last seen.
        last: Option<TaskStatus>,
    },
    /// The gate did not open in the time given.
    GateNotOpenInTime {
        /// The time given.
        #[serde(with = "crate::time::as_millis", rename = "waited_ms")]
        waited: Duration,
        /// The containers that were not HEALTHY.
        containers: Vec<String>,
    },
    /// Not registered in the time given.
    NotRegisteredInTime {
        /// The time given.
        #[serde(with = "crate::time::as_millis", rename = "waited_ms")]
        waited: Duration,
        /// Where it was to be registered.
        target_group: TargetGroupArn,
        /// What was to be registered.
        target: Target,
        /// What the group said of it last, where it did.
        last: Option<TargetObservation>,
    },
    /// Registered, but not healthy in the time given.
    NotHealthyInTime {
        /// The time given.
        #[serde(with = "crate::time::as_millis", rename = "waited_ms")]
        waited: Duration,
        /// Where it is registered.
        target_group: TargetGroupArn,
        /// What is registered.
        target: Target,
        /// What the group said of it last, where it did.
        last: Option<TargetObservation>,
    },
    /// Told to stop, but not STOPPED in the time given.
    NotStoppedInTime {
        /// The time given.
        #[serde(with = "crate::time::as_millis", rename = "waited_ms")]
        waited: Duration,
        /// Where the task stood when it was last seen.
        last: Option<TaskStatus>,
    },
    /// The target can never be healthy as things stand.
    TargetUnusable {
        /// Where it is registered.
        target_group: TargetGroupArn,
        /// What is registered.
        target: Target,
        /// What the group says of it.
        observation: TargetObservation,
    },
    /// The task has nothing that the group could take as a target.
    NoTarget {
        /// Where it was to be registered.
        target_group: TargetGroupArn,
        /// What is missing.
        why: String,
    },
    /// A container runs another image than the one it was pinned to, so the task was not registered.
    AnotherImage {
        /// Which task.
        task: TaskArn,
        /// Which container.
        container: String,
        /// The digest that it runs.
        runs: String,
        /// The digest that was wanted.
        wanted: String,
    },
    /// The task definition or target group cannot work together with the configuration.
    Misconfigured {
        /// What does not fit, in one sentence with its remedy.
        why: String,
    },
    /// A group that is in use would be left without a healthy target; nothing was done.
    LastHealthyTarget {
        /// Which group.
        target_group: TargetGroupArn,
    },
    /// Somebody asked to end the run.
    Cancelled,
    /// The task that the run was given is held by another run of the same fleet; nothing was done.
    SlotTaken {
        /// The task.
        task: TaskArn,
    },
}

/// That somewhere there was no capacity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortOf {
    /// Where: "FARGATE_SPOT in subnet-a".
    pub pool: String,
    /// What was said, the last time.
    pub failure: Failure,
}

impl fmt::Display for ShortOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pool, self.failure)
    }
}

impl Cause {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::CallFailed { failure, .. } => match failure.kind {
                ErrorKind::Capacity => "capacity",
                ErrorKind::Denied => "denied",
                ErrorKind::Invalid => "invalid",
                ErrorKind::NotFound => "not_found",
                ErrorKind::Conflict => "conflict",
                ErrorKind::Throttled => "throttled",
                ErrorKind::Timeout => "timeout",
                ErrorKind::Unavailable => "unavailable",
                ErrorKind::Other => "call_failed",
            },
            Self::TaskStopped { .. } => "task_stopped",
            Self::TaskLost { .. } => "task_lost",
            Self::NotLaunchedInTime { last: Some(failure), .. } if failure.kind == ErrorKind::Capacity => {
                "capacity"
            }
            Self::NotLaunchedInTime { .. } => "not_launched_in_time",
            Self::NotRunningInTime { .. } => "not_running_in_time",
            Self::GateNotOpenInTime { .. } => "gate_not_open_in_time",
            Self::NotRegisteredInTime { .. } => "not_registered_in_time",
            Self::NotHealthyInTime { .. } => "not_healthy_in_time",
            Self::NotStoppedInTime { .. } => "not_stopped_in_time",
            Self::TargetUnusable { .. } => "target_unusable",
            Self::NoTarget { .. } => "no_target",
            Self::AnotherImage { .. } => "another_image",
            Self::Misconfigured { .. } => "misconfigured",
            Self::LastHealthyTarget { .. } => "last_healthy_target",
            Self::Cancelled => "cancelled",
            Self::SlotTaken { .. } => "slot_taken",
        }
    }

    /// What it rests on, in the cloud's own words.
    pub fn evidence(&self) -> Vec<String> {
        match self {
            Self::CallFailed { call, failure } => vec![format!("{call}: {failure}")],
            Self::NotLaunchedInTime { tried, .. } if !tried.is_empty() => {
                tried.iter().map(|short| format!("RunTask on {short}")).collect()
            }
            Self::NotLaunchedInTime { last, .. } => {
                last.iter().map(|failure| format!("RunTask: {failure}")).collect()
            }
            Self::TaskStopped { stop, containers, .. } => stop_evidence(stop, containers),
            Self::NotRunningInTime { last, .. } | Self::NotStoppedInTime { last, .. } => {
                last.iter().map(|status| format!("lastStatus: {status}")).collect()
            }
            Self::NotRegisteredInTime { last, .. } | Self::NotHealthyInTime { last, .. } => {
                last.iter().map(|observation| format!("target health: {observation}")).collect()
            }
            Self::TargetUnusable { observation, .. } => vec![format!("target health: {observation}")],
            Self::GateNotOpenInTime { containers, .. } => {
                containers.iter().map(|container| format!("container {container}: not HEALTHY")).collect()
            }
            Self::AnotherImage { container, runs, .. } => {
                vec![format!("container {container}: imageDigest {runs}")]
            }
            Self::TaskLost { .. }
            | Self::NoTarget { .. }
            | Self::Misconfigured { .. }
            | Self::LastHealthyTarget { .. }
            | Self::Cancelled
            | Self::SlotTaken { .. } => Vec::new(),
        }
    }
}

fn stop_evidence(stop: &StopInfo, containers: &[ContainerObservation]) -> Vec<String> {
    let mut evidence = Vec::new();
    if let Some(code) = &stop.code {
        evidence.push(format!("stopCode: {}", code.as_str()));
    }
    if !stop.reason.is_empty() {
        evidence.push(format!("stoppedReason: {}", stop.reason));
    }
    for container in containers {
        if let Some(exit_code) = container.exit_code {
            evidence.push(format!("container {}: exit code {exit_code}", container.name));
        }
        if let Some(reason) = &container.reason {
            evidence.push(format!("container {}: {reason}", container.name));
        }
    }
    evidence
}

impl fmt::Display for Cause {
    /// One sentence without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CallFailed { call, failure } => write!(f, "{call} failed: {failure}"),
            Self::TaskStopped { stop, containers, .. } => {
                f.write_str("the task stopped")?;
                if !stop.reason.is_empty() {
                    write!(f, ": {}", stop.reason)?;
                }
                let exited = containers.iter().find_map(|it| it.exit_code.map(|code| (&it.name, code)));
                match exited {
                    Some((name, code)) => write!(f, " (container {name} exited with {code})"),
                    None => Ok(()),
                }
            }
            Self::TaskLost { task } => write!(f, "ECS no longer knows task {}", task.id()),
            Self::NotLaunchedInTime { waited, tried, .. } if !tried.is_empty() => {
                let tried: Vec<String> = tried.iter().map(ToString::to_string).collect();
                write!(f, "no task was launched in {}: {}", secs(*waited), tried.join("; "))
            }
            Self::NotLaunchedInTime { waited, last: None, .. } => {
                write!(f, "no task was launched in {}", secs(*waited))
            }
            Self::NotLaunchedInTime { waited, last: Some(failure), .. } => {
                write!(f, "no task was launched in {}; the last try: {failure}", secs(*waited))
            }
            Self::NotRunningInTime { waited, last: None } => {
                write!(f, "the task was not RUNNING in {}", secs(*waited))
            }
            Self::NotRunningInTime { waited, last: Some(TaskStatus::Running) } => {
                write!(f, "the task had no address in {}", secs(*waited))
            }
            Self::NotRunningInTime { waited, last: Some(status) } => {
                write!(f, "the task was not RUNNING in {}; it was {status} when last seen", secs(*waited))
            }
            Self::GateNotOpenInTime { waited, containers } => {
                write!(f, "not HEALTHY in {}: container {}", secs(*waited), containers.join(", "))
            }
            Self::NotRegisteredInTime { waited, target_group, target, last } => {
                write!(
                    f,
                    "{target} could not be registered in {} in {}",
                    target_group.name(),
                    secs(*waited)
                )?;
                last_seen(f, last.as_ref())
            }
            Self::NotHealthyInTime { waited, target_group, target, last } => {
                write!(f, "{target} was not healthy in {} in {}", target_group.name(), secs(*waited))?;
                last_seen(f, last.as_ref())
            }
            Self::NotStoppedInTime { waited, last: None } => {
                write!(f, "the task was not STOPPED in {}", secs(*waited))
            }
            Self::NotStoppedInTime { waited, last: Some(status) } => {
                write!(f, "the task was not STOPPED in {}; it was {status} when last seen", secs(*waited))
            }
            Self::TargetUnusable { target_group, target, observation } => {
                write!(f, "{target} can never be healthy in {}: {observation}", target_group.name())
            }
            Self::NoTarget { target_group, why } => {
                write!(f, "nothing to register in {}: {why}", target_group.name())
            }
            Self::AnotherImage { task, container, runs, wanted } => write!(
                f,
                "container {container} of task {} runs {runs}, not {wanted}: its tag was moved; name the digest in the task \
                 definition",
                task.id()
            ),
            Self::Misconfigured { why } => f.write_str(why),
            Self::LastHealthyTarget { target_group } => write!(
                f,
                "target group {} is in use and would be left without a healthy target, and then the load balancer sends \
                 traffic to whatever is left; --allow-empty allows it",
                target_group.name()
            ),
            Self::Cancelled => f.write_str("cancelled"),
            Self::SlotTaken { task } => write!(f, "task {} is held by another run", task.id()),
        }
    }
}

fn last_seen(f: &mut fmt::Formatter<'_>, last: Option<&TargetObservation>) -> fmt::Result {
    match last {
        Some(observation) => write!(f, "; when last seen it was {observation}"),
        None => Ok(()),
    }
}

fn secs(duration: Duration) -> String {
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}

/// What a run did or may have done and could not take back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "leftover", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Leftover {
    /// A task that runs, or may.
    Task {
        /// Its cluster.
        cluster: ClusterId,
        /// The task.
        task: TaskArn,
    },
    /// A target that is registered, or may be.
    Target {
        /// The group.
        target_group: TargetGroupArn,
        /// The target.
        target: Target,
    },
    /// A launch whose every answer was lost: there may be a task that nobody named.
    Launch {
        /// Its cluster.
        cluster: ClusterId,
        /// `startedBy` of such a task.
        started_by: String,
        /// The token; asking again with it within a day names the task.
        token: ClientToken,
    },
}

impl fmt::Display for Leftover {
    /// What is left over, and the command that removes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task { cluster, task } => {
                write!(f, "task {task} may still run: aws ecs stop-task --cluster {cluster} --task {task}")
            }
            Self::Target { target_group, target } => write!(
                f,
                "target {target} may still be in {target_group}: aws elbv2 deregister-targets --target-group-arn \
                 {target_group} --targets Id={},Port={}",
                target.id, target.port
            ),
            Self::Launch { cluster, started_by, token } => write!(
                f,
                "a task may have been launched in {cluster} with client token {token}: aws ecs list-tasks --cluster \
                 {cluster} --started-by {started_by}"
            ),
        }
    }
}
