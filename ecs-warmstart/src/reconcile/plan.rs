//! What is to be done, item by item, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Failure;
use crate::ids::{ServiceName, TargetGroupArn, TaskArn};
use crate::observation::{Target, TargetObservation};

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Removals first, so that they make room, then registrations, then what is kept and reported; each by group.
    pub items: Vec<Item>,
}

impl Plan {
    /// Whether anything would be changed.
    pub fn is_empty(&self) -> bool {
        !self.items.iter().any(|item| item.action.is_change())
    }

    /// What a person should know, with its item.
    pub fn findings(&self) -> impl Iterator<Item = (&Item, &Finding)> {
        self.items.iter().filter_map(|item| match &item.action {
            Action::Report(finding) => Some((item, finding)),
            Action::Register | Action::Deregister(_) | Action::Keep(_) => None,
        })
    }
}

/// One target, or one group, and what is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The group.
    pub target_group: TargetGroupArn,
    /// The target; absent where it is about the whole group or about a task that can have none.
    pub target: Option<Target>,
    /// The service it is about, where that is known.
    pub service: Option<ServiceName>,
    /// The task it is about, where that is known.
    pub task: Option<TaskArn>,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done about a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Its task runs, is through its gate, and is not registered.
    Register,
    /// It is proved to be stale.
    Deregister(Stale),
    /// It is left alone.
    Keep(Keep),
    /// It is left alone, and somebody should know.
    Report(Finding),
}

impl Action {
    /// Whether this changes anything.
    pub fn is_change(&self) -> bool {
        match self {
            Self::Register | Self::Deregister(_) => true,
            Self::Keep(_) | Self::Report(_) => false,
        }
    }
}

/// The proof that a target is stale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stale {
    /// This task of the service stood behind it, and has stopped.
    TaskStopped(TaskArn),
    /// This task stands behind it now, and is of no service that is registered in the group.
    OtherTask(TaskArn),
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TaskStopped(task) => write!(f, "its task {} has stopped", task.id()),
            Self::OtherTask(task) => {
                write!(f, "its address now belongs to task {}, of another service", task.id())
            }
        }
    }
}

/// Why a target is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// It is where it should be, and healthy.
    Healthy,
    /// It is where it should be, and its first health checks are under way.
    Starting,
    /// It is where it should be, and its health checks fail: that is for the task to mend.
    Unhealthy(TargetObservation),
    /// It is on its way out.
    Draining,
    /// It should be there, and is on its way out: it is registered again once its drain has ended, since AWS refuses an
    /// address until its deregistration delay has passed.
    Returning,
}

/// What somebody should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// Nobody knows what stands behind the target.
    UnknownTarget,
    /// A task of somebody else is behind the target, and nothing says that it was not put there on purpose.
    OtherTask {
        /// Which task.
        task: TaskArn,
    },
    /// The target is proved to be stale, and nothing is removed.
    StaleTarget(Stale),
    /// The target's task is of the service, but this is not the port it should be registered with.
    WrongPort {
        /// The ports it should be registered with.
        expected: Vec<u16>,
    },
    /// The target's task is not RUNNING yet.
    NotRunningYet,
    /// The target's task is on its way to STOPPED: until then nothing is proved.
    StoppingTask,
    /// The task runs, and its gate is still shut.
    NotThroughGate {
        /// The containers that are not HEALTHY.
        containers: Vec<String>,
    },
    /// The task runs, and has no address yet.
    NoAddressYet,
    /// The task can never be a target of the group.
    WrongTargetType {
        /// Why.
        why: String,
    },
    /// The group holds as many targets as it can.
    QuotaReached {
        /// How many that is.
        quota: usize,
    },
    /// No listener leads to the group, so none of its targets is ever checked or sent traffic.
    GroupNotInUse,
    /// There is no such group.
    GroupNotFound,
    /// The group could not be read.
    GroupUnreadable {
        /// Why.
        failure: Failure,
    },
    /// The binding does not fit the task definition or the group.
    Misconfigured {
        /// What does not fit, with its remedy.
        why: String,
    },
}

impl Finding {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownTarget => "unknown_target",
            Self::OtherTask { .. } => "other_task",
            Self::StaleTarget(_) => "stale_target",
            Self::WrongPort { .. } => "wrong_port",
            Self::NotRunningYet => "not_running_yet",
            Self::StoppingTask => "stopping_task",
            Self::NotThroughGate { .. } => "not_through_gate",
            Self::NoAddressYet => "no_address_yet",
            Self::WrongTargetType { .. } => "wrong_target_type",
            Self::QuotaReached { .. } => "quota_reached",
            Self::GroupNotInUse => "group_not_in_use",
            Self::GroupNotFound => "group_not_found",
            Self::GroupUnreadable { .. } => "group_unreadable",
            Self::Misconfigured { .. } => "misconfigured",
        }
    }

    /// Whether it keeps a task of the service out of the group, or keeps from seeing whether it does.
    pub fn keeps_out(&self) -> bool {
        match self {
            Self::WrongTargetType { .. }
            | Self::QuotaReached { .. }
            | Self::GroupNotFound
            | Self::GroupUnreadable { .. }
            | Self::Misconfigured { .. } => true,
            Self::UnknownTarget
            | Self::OtherTask { .. }
            | Self::StaleTarget(_)
            | Self::WrongPort { .. }
            | Self::NotRunningYet
            | Self::StoppingTask
            | Self::NotThroughGate { .. }
            | Self::NoAddressYet
            | Self::GroupNotInUse => false,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::UnknownTarget => "find out who registered it; if nobody needs it, deregister it by hand",
            Self::OtherTask { .. } => "give that task a group of its own, or deregister it by hand",
            Self::StaleTarget(_) => "remove it with verify --prune",
            Self::WrongPort { .. } => {
                "correct the port of the binding if this one serves, otherwise deregister it by hand"
            }
            Self::NotRunningYet | Self::NotThroughGate { .. } | Self::NoAddressYet => {
                "run verify again a little later"
            }
            Self::StoppingTask => {
                "run verify --prune once it is STOPPED; `down` takes tasks out of traffic first"
            }
            Self::WrongTargetType { .. } => {
                "use a target group whose target type fits the task's network mode"
            }
            Self::QuotaReached { .. } => {
                "remove stale targets with verify --prune, or have the quota of targets per target group raised"
            }
            Self::GroupNotInUse => "add a listener rule that forwards to the group",
            Self::GroupNotFound => "correct the ARN in target_group, or create the group",
            Self::GroupUnreadable { .. } => {
                "allow elasticloadbalancing:DescribeTargetHealth, or run verify again where the call failed otherwise"
            }
            Self::Misconfigured { .. } => "correct the binding, the task definition or the target group",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTarget => {
                f.write_str("no task of the service is known to be behind this target; it is kept")
            }
            Self::OtherTask { task } => {
                write!(f, "task {} is behind this target, and is not of the service; it is kept", task.id())
            }
            Self::StaleTarget(proof) => write!(f, "this target is stale: {proof}"),
            Self::WrongPort { expected } => {
                let expected: Vec<String> = expected.iter().map(u16::to_string).collect();
                write!(f, "the task is registered with this port, but should be with {}", expected.join(", "))
            }
            Self::NotRunningYet => f.write_str("the target is registered, but its task is not RUNNING yet"),
            Self::StoppingTask => f.write_str("the target is registered, but its task is stopping"),
            Self::NotThroughGate { containers } => {
                write!(
                    f,
                    "the task is not registered yet: container {} is not HEALTHY",
                    containers.join(", ")
                )
            }
            Self::NoAddressYet => f.write_str("the task has no address yet"),
            Self::WrongTargetType { why } => f.write_str(why),
            Self::QuotaReached { quota } => {
                write!(f, "the group holds {quota} targets, as many as it can; the task is not registered")
            }
            Self::GroupNotInUse => {
                f.write_str("no listener leads to the group, so no target in it gets traffic")
            }
            Self::GroupNotFound => f.write_str("there is no such target group"),
            Self::GroupUnreadable { failure } => write!(f, "the group could not be read: {failure}"),
            Self::Misconfigured { why } => f.write_str(why),
        }
    }
}
