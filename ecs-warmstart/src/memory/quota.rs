//! The API quotas as token buckets: beyond them a call is throttled.

use super::ledger::Action;
use crate::quota::{Quota, Quotas};
use crate::time::Timestamp;

/// The buckets as they stand.
#[derive(Debug)]
pub(super) struct Buckets {
    cluster_modify: Bucket,
    fargate_launch: Bucket,
    cluster_read: Bucket,
    definition_read: Bucket,
    registration: Bucket,
    elb_read: Bucket,
    elb_account: Bucket,
    service_read: Bucket,
    image_read: Bucket,
    log_groups: Bucket,
    log_events: Bucket,
}

impl Buckets {
    pub(super) fn new(quotas: &Quotas) -> Self {
        Self {
            cluster_modify: Bucket::new(quotas.cluster_modify),
            fargate_launch: Bucket::new(quotas.fargate_launch),
            cluster_read: Bucket::new(quotas.cluster_read),
            definition_read: Bucket::new(quotas.definition_read),
            registration: Bucket::new(quotas.registration),
            elb_read: Bucket::new(quotas.elb_read),
            elb_account: Bucket::new(quotas.elb_account),
            service_read: Bucket::new(quotas.service_read),
            image_read: Bucket::new(quotas.image_read),
            log_groups: Bucket::new(quotas.log_groups),
            log_events: Bucket::new(quotas.log_events),
        }
    }

    /// Whether Fargate takes one more launch.
    pub(super) fn take_fargate_launch(&mut self, now: Timestamp) -> bool {
        self.fargate_launch.take(now)
    }

    /// Whether the call is answered.
    pub(super) fn take(&mut self, action: Action, now: Timestamp) -> bool {
        let (bucket, elb) = match action {
            Action::RunTask | Action::StopTask => (&mut self.cluster_modify, false),
            Action::DescribeTasks | Action::ListTasks => (&mut self.cluster_read, false),
            Action::DescribeTaskDefinition => (&mut self.definition_read, false),
            Action::RegisterTargets | Action::DeregisterTargets => (&mut self.registration, true),
            Action::DescribeTargetHealth
            | Action::DescribeTargetGroups
            | Action::DescribeTargetGroupAttributes
            | Action::DescribeLoadBalancers => (&mut self.elb_read, true),
            Action::DescribeServices => (&mut self.service_read, false),
            Action::BatchGetImage => (&mut self.image_read, false),
            Action::DescribeLogGroups => (&mut self.log_groups, false),
            Action::GetLogEvents => (&mut self.log_events, false),
            // One deployment makes one of each.
            Action::RegisterTaskDefinition | Action::UpdateService => return true,
        };
        bucket.take(now) && (!elb || self.elb_account.take(now))
    }
}

#[derive(Debug)]
struct Bucket {
    quota: Quota,
    left: f64,
    at: Timestamp,
}

impl Bucket {
    fn new(quota: Quota) -> Self {
        Self { quota, left: f64::from(quota.burst), at: Timestamp::EPOCH }
    }

    fn take(&mut self, now: Timestamp) -> bool {
        let refilled = now.since(self.at).as_secs_f64() * self.quota.per_second;
        self.left = (self.left + refilled).min(f64::from(self.quota.burst));
        self.at = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(buckets: &mut Buckets, action: Action, at_millis: u64, calls: u32) -> u32 {
        (0..calls).map(|_| u32::from(buckets.take(action, Timestamp::from_millis(at_millis)))).sum()
    }

    #[test]
    fn bursts_then_refills() {
        let mut buckets = Buckets::new(&Quotas::published());
        assert_eq!(answered(&mut buckets, Action::RunTask, 1_000, 150), 100);
        assert_eq!(answered(&mut buckets, Action::StopTask, 1_000, 1), 0, "they share a bucket");
        assert_eq!(answered(&mut buckets, Action::ListTasks, 1_000, 1), 1, "another bucket");
        assert_eq!(answered(&mut buckets, Action::RunTask, 1_500, 150), 20);
        assert_eq!(answered(&mut buckets, Action::RunTask, 1_000_000, 150), 100, "never more than the burst");
    }

    #[test]
    fn the_load_balancers_share_a_bucket_of_the_account() {
        let mut buckets = Buckets::new(&Quotas::published());
        assert_eq!(answered(&mut buckets, Action::RegisterTargets, 1_000, 30), 20);
        assert_eq!(answered(&mut buckets, Action::DescribeTargetHealth, 1_000, 40), 20);
        assert_eq!(answered(&mut buckets, Action::DescribeTargetHealth, 2_000, 40), 10);
    }
}
