//! What a caller may ask of `up` beyond the configuration.

use crate::ids::RunId;
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
