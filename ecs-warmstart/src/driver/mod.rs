//! Drives runs: asks the machine, performs what it asks for, saves before it acts.

mod cancel;
mod capacity;
mod checkpoint;
mod claims;
mod event;
mod narrate;
mod perform;
mod result;
mod schedule;
mod story;
#[cfg(test)]
mod tests;
mod warm_start;

pub use cancel::Cancel;
pub(crate) use capacity::Capacity;
pub use checkpoint::{Checkpoint, CheckpointError, NoCheckpoint};
pub(crate) use claims::Claims;
pub use event::{Event, EventKind, Observer, TracingObserver};
pub use result::{Error, Ready};
pub(crate) use schedule::Schedule;
pub use warm_start::{Driven, WarmStart};
