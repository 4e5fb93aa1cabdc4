//! AWS's published API quotas: token buckets, per account and region.

/// The rates at which AWS answers calls; beyond them it throttles. All can be raised in Service Quotas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quotas {
    /// `RunTask` and `StopTask`. Published: 100, then 40/s.
    pub cluster_modify: Quota,
    /// `RunTask` on Fargate, besides. Published: 20/s, and no more at once. A call that launches one task never meets
    /// Fargate's quota of launches (100, then 20/s) before this one.
    pub fargate_launch: Quota,
    /// `DescribeTasks`, `ListTasks` and `DescribeContainerInstances`. Published: 100, then 20/s.
    pub cluster_read: Quota,
    /// `DescribeTaskDefinition`. Published: 50, then 20/s.
    pub definition_read: Quota,
    /// `DescribeServices`. Published: 100, then 20/s.
    pub service_read: Quota,
    /// `RegisterTargets` and `DeregisterTargets`. Published: 20, then 4/s.
    pub registration: Quota,
    /// `DescribeTargetHealth`, `DescribeTargetGroups`, `DescribeTargetGroupAttributes` and `DescribeLoadBalancers`. Published:
    /// 40, then 10/s.
    pub elb_read: Quota,
    /// All calls to ELBv2 together. Published: 40, then 10/s.
    pub elb_account: Quota,
    /// `BatchGetImage` of ECR. Published: 2000/s.
    pub image_read: Quota,
    /// `DescribeLogGroups`. Published: 10/s.
    pub log_groups: Quota,
    /// `GetLogEvents`. Published: 10/s and, in some regions, more; it cannot be raised.
    pub log_events: Quota,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quota {
    /// How many calls at once.
    pub burst: u32,
    /// How many calls per second for long.
    pub per_second: f64,
}

impl Quotas {
    /// The quotas that AWS publishes for a new account ("Request throttling for the Amazon ECS API", "AWS Fargate
    /// throttling quotas", "Throttling for the Elastic Load Balancing API", "Amazon ECR service quotas", "CloudWatch Logs
    /// quotas").
    pub fn published() -> Self {
        let quota = |burst, per_second| Quota { burst, per_second };
        Self {
            cluster_modify: quota(100, 40.0),
            fargate_launch: quota(20, 20.0),
            cluster_read: quota(100, 20.0),
            definition_read: quota(50, 20.0),
            service_read: quota(100, 20.0),
            registration: quota(20, 4.0),
            elb_read: quota(40, 10.0),
            elb_account: quota(40, 10.0),
            image_read: quota(2000, 2000.0),
            log_groups: quota(10, 10.0),
            log_events: quota(10, 10.0),
        }
    }
}
