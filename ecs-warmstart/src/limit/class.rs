//! Which calls share which buckets.

use crate::spec::LaunchRequest;

/// Calls that AWS counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiClass {
    /// `RunTask` of a task on Fargate.
    LaunchOnFargate,
    /// `RunTask` of any other task, and `StopTask`.
    ClusterModify,
    /// `DescribeTasks`, `ListTasks`, `DescribeContainerInstances`.
    ClusterRead,
    /// `DescribeTaskDefinition`.
    DefinitionRead,
    /// `RegisterTargets`, `DeregisterTargets`.
    Registration,
    /// `DescribeTargetHealth`, `DescribeTargetGroups`, `DescribeTargetGroupAttributes`, and whatever else ELBv2 describes.
    ElbRead,
    /// `DescribeServices`.
    ServiceRead,
    /// What a registry says of images.
    ImageRead,
    /// `DescribeLogGroups`.
    LogGroups,
    /// `GetLogEvents`.
    LogEvents,
}

/// A bucket of AWS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BucketName {
    FargateLaunch,
    ClusterModify,
    ClusterRead,
    DefinitionRead,
    Registration,
    ElbRead,
    ElbAccount,
    ServiceRead,
    ImageRead,
    LogGroups,
    LogEvents,
}

impl BucketName {
    pub(super) const ALL: [Self; 11] = [
        Self::FargateLaunch,
        Self::ClusterModify,
        Self::ClusterRead,
        Self::DefinitionRead,
        Self::Registration,
        Self::ElbRead,
        Self::ElbAccount,
        Self::ServiceRead,
        Self::ImageRead,
        Self::LogGroups,
        Self::LogEvents,
    ];
}

impl ApiClass {
    /// That of the launch of this request.
    pub fn of_launch(request: &LaunchRequest) -> Self {
        if request.compute.is_fargate() { Self::LaunchOnFargate } else { Self::ClusterModify }
    }

    /// The buckets from which each call takes, its own first, then the one that it shares: always in this order, so that no
    /// two wait for each other.
    pub(super) fn buckets(self) -> &'static [BucketName] {
        match self {
            Self::LaunchOnFargate => &[BucketName::FargateLaunch, BucketName::ClusterModify],
            Self::ClusterModify => &[BucketName::ClusterModify],
            Self::ClusterRead => &[BucketName::ClusterRead],
            Self::DefinitionRead => &[BucketName::DefinitionRead],
            Self::Registration => &[BucketName::Registration, BucketName::ElbAccount],
            Self::ElbRead => &[BucketName::ElbRead, BucketName::ElbAccount],
            Self::ServiceRead => &[BucketName::ServiceRead],
            Self::ImageRead => &[BucketName::ImageRead],
            Self::LogGroups => &[BucketName::LogGroups],
            Self::LogEvents => &[BucketName::LogEvents],
        }
    }
}
