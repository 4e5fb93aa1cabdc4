//! The contract of the ports as tests, for every implementation of them.
//!
//! Each case is an `async fn(&dyn Backend)` that panics where the contract is broken. [`conformance!`](crate::conformance)
//! makes a test of each, with a fresh backend. What a backend cannot do it declares in its [`Capabilities`], with the
//! reason; a case never asks who it runs on.

mod backend;
pub mod definitions;
mod fixture;
pub mod inspections;
mod run;
mod steps;
pub mod targets;
pub mod tasks;

pub use backend::{Backend, Capabilities, Capability, World};
pub use fixture::Fixture;
pub use run::run;
