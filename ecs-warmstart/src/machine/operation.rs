//! The calls a run makes, by AWS's names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A call to AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// `RunTask`
    RunTask,
    /// `ListTasks`
    ListTasks,
    /// `DescribeTasks`
    DescribeTasks,
    /// `StopTask`
    StopTask,
    /// `RegisterTargets`
    RegisterTargets,
    /// `DescribeTargetHealth`
    DescribeTargetHealth,
    /// `DeregisterTargets`
    DeregisterTargets,
    /// `DescribeTaskDefinition`
    DescribeTaskDefinition,
    /// `DescribeTargetGroups`
    DescribeTargetGroups,
    /// `DescribeTargetGroupAttributes`
    DescribeTargetGroupAttributes,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RunTask => "RunTask",
            Self::ListTasks => "ListTasks",
            Self::DescribeTasks => "DescribeTasks",
            Self::StopTask => "StopTask",
            Self::RegisterTargets => "RegisterTargets",
            Self::DescribeTargetHealth => "DescribeTargetHealth",
            Self::DeregisterTargets => "DeregisterTargets",
            Self::DescribeTaskDefinition => "DescribeTaskDefinition",
            Self::DescribeTargetGroups => "DescribeTargetGroups",
            Self::DescribeTargetGroupAttributes => "DescribeTargetGroupAttributes",
        })
    }
}
