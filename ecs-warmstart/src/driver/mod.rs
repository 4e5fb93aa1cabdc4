//! Drives runs: asks the machine, performs what it asks for, saves before it acts.

mod cancel;
mod event;

pub use cancel::Cancel;
pub use event::{Event, EventKind, Observer, TracingObserver};
