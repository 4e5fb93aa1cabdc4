//! The machine that takes a task out of traffic and stops it only then, or takes out addresses that nobody stands behind.
//!
//! ```text
//! Deregistering ─ Draining ─ Stopping ─ AwaitingStopped ─ Drained
//!       └────────────┴───────────┴─────────────┴──────── Halted, with what is left named
//! ```
//!
//! A drain is never undone: where it halts, draining the same again finishes it.

mod phases;
mod state;
mod step;

pub(super) use state::DrainRun;
pub use state::{Drain, DrainPlace, DrainSpec};
pub use step::{DrainStep, drain_step};
