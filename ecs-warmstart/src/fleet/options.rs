//! What a caller may ask of `up` and `down` beyond the configuration.

use std::time::Duration;

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
}

impl Default for UpOptions {
    fn default() -> Self {
        Self { fresh: false, run_id: None, readiness: Readiness::Healthy }
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
}
