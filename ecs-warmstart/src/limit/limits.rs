//! How much of the quotas one process takes.

use super::class::BucketName;
use crate::quota::{Quota, Quotas};

/// How much of which quotas to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The part of every quota that this process takes, burst and rate alike. Default 0.5: the account's other half is for
    /// ECS services, consoles and other callers. Above 1 where the account's quotas were raised; never below one call at
    /// once.
    pub share: f64,
    /// The quotas of the account. Default those that AWS publishes.
    pub quotas: Quotas,
}

impl Default for Limits {
    fn default() -> Self {
        Self { share: 0.5, quotas: Quotas::published() }
    }
}

impl Limits {
    /// This share of the published quotas.
    pub fn of_published(share: f64) -> Self {
        Self { share, ..Self::default() }
    }

    pub(super) fn quota(&self, name: BucketName) -> Quota {
        match name {
            BucketName::FargateLaunch => self.quotas.fargate_launch,
            BucketName::ClusterModify => self.quotas.cluster_modify,
            BucketName::ClusterRead => self.quotas.cluster_read,
            BucketName::DefinitionRead => self.quotas.definition_read,
            BucketName::Registration => self.quotas.registration,
            BucketName::ElbRead => self.quotas.elb_read,
            BucketName::ElbAccount => self.quotas.elb_account,
            BucketName::ServiceRead => self.quotas.service_read,
            BucketName::ImageRead => self.quotas.image_read,
            BucketName::LogGroups => self.quotas.log_groups,
            BucketName::LogEvents => self.quotas.log_events,
        }
    }
}
