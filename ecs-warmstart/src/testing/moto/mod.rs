//! moto, an emulator of AWS's APIs over real HTTP: installed, started and stopped by the tests themselves.
//!
//! What it does not do as AWS does: client tokens are ignored, a task is RUNNING at once, a target healthy at once. It
//! proves the wire.

#![expect(
    clippy::missing_panics_doc,
    reason = "a test that cannot have its emulator fails: that is what panics are for"
)]

mod seed;
mod server;

pub use super::emulator::{Note, SWITCH};
pub use seed::{ACCOUNT, REGION};
pub use server::Moto;
