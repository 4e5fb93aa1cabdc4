//! Whether a deployment may be taken back. Pure.

use super::judge::{Failed, Goal, Standing, is_of, judge};
use crate::facts::EcsServiceFacts;
use crate::ids::TaskDefinitionId;
use crate::time::Timestamp;

/// Whose the service is, for somebody who would take his deployment back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// It should run what we deployed: that may be taken back.
    Ours,
    /// ECS itself went back already.
    TakenBack {
        /// To which revision.
        to: TaskDefinitionId,
    },
    /// Somebody else deployed meanwhile, and that is never taken back.
    Overtaken {
        /// The revision that the service should run now.
        by: TaskDefinitionId,
    },
    /// The service is being deleted, or is.
    NotActive {
        /// ECS's word.
        status: String,
    },
    /// ECS does not show it, or not yet: what it shows may be from before our change, or from before somebody else's.
    NotShown,
}

/// Whose the service is at `now`. The same looks as in [`judge`], so what ECS shows late is not taken for what is so.
pub fn way_back(goal: &Goal, service: &EcsServiceFacts, now: Timestamp) -> WayBack {
    match judge(goal, service, &[], now) {
        Standing::Failed(Failed::NotActive { status }) => WayBack::NotActive { status },
        Standing::Failed(Failed::WentBack { to }) => WayBack::TakenBack { to },
        Standing::Failed(Failed::Overtaken { by }) => WayBack::Overtaken { by },
        Standing::Failed(_) | Standing::Done { .. } | Standing::Underway { .. } => {
            let ours = service.primary().is_some_and(|primary| is_of(goal, primary));
            if ours { WayBack::Ours } else { WayBack::NotShown }
        }
    }
}
