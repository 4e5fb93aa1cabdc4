//! What really happened.

use std::fmt;

use crate::error::ErrorKind;
use crate::time::Timestamp;

/// A call to AWS, by AWS's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// `ecs:RunTask`
    RunTask,
    /// `ecs:ListTasks`, once for every 100 tasks of the answer.
    ListTasks,
    /// `ecs:DescribeTasks`, once for every 100 tasks.
    DescribeTasks,
    /// `ecs:StopTask`
    StopTask,
    /// `ecs:DescribeTaskDefinition`
    DescribeTaskDefinition,
    /// `ecs:RegisterTaskDefinition`
    RegisterTaskDefinition,
    /// `ecs:UpdateService`
    UpdateService,
    /// `elasticloadbalancing:RegisterTargets`, once for every 200 targets.
    RegisterTargets,
    /// `elasticloadbalancing:DeregisterTargets`, once for every 200 targets.
    DeregisterTargets,
    /// `elasticloadbalancing:DescribeTargetHealth`
    DescribeTargetHealth,
    /// `elasticloadbalancing:DescribeTargetGroups`, once for every 20 groups.
    DescribeTargetGroups,
    /// `elasticloadbalancing:DescribeTargetGroupAttributes`
    DescribeTargetGroupAttributes,
    /// `elasticloadbalancing:DescribeLoadBalancers`
    DescribeLoadBalancers,
    /// `ecs:DescribeServices`
    DescribeServices,
    /// `ecr:BatchGetImage`
    BatchGetImage,
    /// `logs:DescribeLogGroups`
    DescribeLogGroups,
    /// `logs:GetLogEvents`
    GetLogEvents,
}

impl Action {
    /// Whether the call changes something.
    pub fn is_write(self) -> bool {
        match self {
            Self::RunTask
            | Self::StopTask
            | Self::RegisterTaskDefinition
            | Self::UpdateService
            | Self::RegisterTargets
            | Self::DeregisterTargets => true,
            Self::ListTasks
            | Self::DescribeTasks
            | Self::DescribeTaskDefinition
            | Self::DescribeTargetHealth
            | Self::DescribeTargetGroups
            | Self::DescribeTargetGroupAttributes
            | Self::DescribeLoadBalancers
            | Self::DescribeServices
            | Self::BatchGetImage
            | Self::DescribeLogGroups
            | Self::GetLogEvents => false,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RunTask => "RunTask",
            Self::ListTasks => "ListTasks",
            Self::DescribeTasks => "DescribeTasks",
            Self::StopTask => "StopTask",
            Self::DescribeTaskDefinition => "DescribeTaskDefinition",
            Self::RegisterTaskDefinition => "RegisterTaskDefinition",
            Self::UpdateService => "UpdateService",
            Self::RegisterTargets => "RegisterTargets",
            Self::DeregisterTargets => "DeregisterTargets",
            Self::DescribeTargetHealth => "DescribeTargetHealth",
            Self::DescribeTargetGroups => "DescribeTargetGroups",
            Self::DescribeTargetGroupAttributes => "DescribeTargetGroupAttributes",
            Self::DescribeLoadBalancers => "DescribeLoadBalancers",
            Self::DescribeServices => "DescribeServices",
            Self::BatchGetImage => "BatchGetImage",
            Self::DescribeLogGroups => "DescribeLogGroups",
            Self::GetLogEvents => "GetLogEvents",
        })
    }
}

/// A call as the cloud saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When.
    pub at: Timestamp,
    /// Which.
    pub action: Action,
    /// Of what, in a few words: the cluster and the token, the group and its targets.
    pub about: String,
    /// What its caller was told: nothing where it succeeded, otherwise the kind of the error.
    pub failed: Option<ErrorKind>,
}

/// A span of time in which a target group sent traffic to a target behind which nobody served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostTraffic {
    /// From then.
    pub from: Timestamp,
    /// Until then.
    pub until: Timestamp,
}

/// When things really happened to a task, whatever anybody saw. What has not happened yet is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truth {
    /// Its launch.
    pub launched: Timestamp,
    /// RUNNING.
    pub running: Option<Timestamp>,
    /// Its address is shown.
    pub address: Option<Timestamp>,
    /// It began to serve.
    pub serving: Option<Timestamp>,
    /// Every container with a health check became HEALTHY; RUNNING where none has one.
    pub containers_healthy: Option<Timestamp>,
    /// ECS wanted it stopped.
    pub stop_requested: Option<Timestamp>,
    /// STOPPED.
    pub stopped: Option<Timestamp>,
}
