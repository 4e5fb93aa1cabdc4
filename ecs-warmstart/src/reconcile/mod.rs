//! What should be in target groups, what is, and the plan from one to the other. Pure: nothing is read or changed here.
//!
//! A target is removed only with positive proof that it is stale; whatever is not understood is kept and reported.

mod drift;
mod plan;
mod rules;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use crate::address::{may_be_behind, stands_in};
pub use drift::{Drift, RunningImage, different_digests, drifts};
pub use plan::{Action, Finding, Item, Keep, Plan, Stale};
pub use rules::reconcile;
pub use view::{GroupView, Removal, ServiceView, View};
