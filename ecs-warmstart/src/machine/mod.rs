//! The state machine of one run: a total, pure function. See [`step`].

mod cause;
mod operation;
mod phase;

pub use cause::{Cause, Leftover};
pub use operation::Operation;
pub use phase::PhaseName;
