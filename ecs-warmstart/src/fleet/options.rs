//! What a caller may ask beyond the configuration.

use std::time::Duration;

use super::service::Service;
use crate::ids::{RunId, TaskArn};
use crate::spec::Readiness;

/// How `up` goes about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpOptions {
    /// Launch `count` tasks more, whatever runs. Default false: what runs is adopted first.
    pub fresh: bool,
    /// Names the call: the same name again is the same call, and leads to the same tasks. Default: for `fresh` a random
    /// name, otherwise none, so that every caller fills the same slots.
    pub run_id: Option<RunId>,
    /// What must hold before a task counts as ready. Default healthy.
    pub readiness: Readiness,
    /// Whether definitions, images and health checks are checked first; an error keeps a service from being started.
    /// Default true.
    pub check: bool,
    /// Whether each image's tag is resolved to a digest first, and no task is registered that runs another. Default false.
    pub pin: bool,
    /// Services that are configured and not brought up now. An address that a task of theirs may have by the time of an undo
    /// stays in the groups that they share.
    pub neighbours: Vec<Service>,
}

impl Default for UpOptions {
    fn default() -> Self {
        Self {
            fresh: false,
            run_id: None,
            readiness: Readiness::Healthy,
            check: true,
            pin: false,
            neighbours: Vec::new(),
        }
    }
}

/// How `down` goes about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DownOptions {
    /// How long to wait for requests under way at most. Default: each group's own deregistration delay.
    pub drain_wait: Option<Duration>,
    /// Whether a group that is in use may be left without a healthy target. Default false: a load balancer sends traffic to
    /// unhealthy targets rather than to none.
    pub allow_empty: bool,
    /// Only this task, whoever started it. Default: every task of the service.
    pub task: Option<TaskArn>,
    /// Only the tasks that belong where the service is, not those that were
    /// [started elsewhere](Service::started_elsewhere). Default false: all of the service's in its cluster.
    pub only_here: bool,
    /// Services that are configured and not taken down now. An address that a task of theirs may have stays in the groups that
    /// they share.
    pub neighbours: Vec<Service>,
}

/// How `verify` goes about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyOptions {
    /// How long to wait until a task that is starting is RUNNING with an address. Default: the service's `running_timeout`.
    pub max_wait: Option<Duration>,
    /// How long to wait from there until every target is healthy. Default: the service's `healthy_timeout`.
    pub health_wait: Option<Duration>,
    /// What must hold before a task counts as serving. Default healthy.
    pub readiness: Readiness,
    /// Whether targets that are proved stale are taken out. Default false: they are named, since somebody should look at a
    /// group before something is taken out of it for the first time.
    pub prune: bool,
    /// Services that are configured and not verified now. Their tasks are no strangers in the groups they share.
    pub neighbours: Vec<Service>,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            max_wait: None,
            health_wait: None,
            readiness: Readiness::Healthy,
            prune: false,
            neighbours: Vec::new(),
        }
    }
}
