//! What proves an implementation of the ports, and what breaks one on purpose: a conformance suite, fault injection,
//! a crowd of other people's tasks and targets, and a clock moved by hand.
//!
//! **Not a stable API**: it may change with any release. It is public so that implementations of the ports outside this
//! crate can be held to the same contract.

mod chaos;
pub mod conformance;
mod crowd;
mod emulator;
mod manual_clock;
pub mod ministack;
pub mod moto;
mod plan;

pub use chaos::Chaos;
pub use crowd::{Crowd, CrowdTarget, STRANGERS};
pub use manual_clock::ManualClock;
pub use plan::{ChaosPlan, Fault, PortCall, PortMethod};
