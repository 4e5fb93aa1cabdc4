//! ministack, an emulator of what calls a Lambda function and of CloudFormation: installed, started and stopped by the tests
//! themselves. A function of the runtime `provided.al2023` is run as a process; its calls of ECS and ELBv2 go to moto.
//!
//! What it does not do as AWS does: no policy is enforced, a metric makes no alarm, a wait of Step Functions is over in a
//! hundredth of its time.

#![expect(
    clippy::missing_panics_doc,
    reason = "a test that cannot have its emulator fails: that is what panics are for"
)]

mod calls;
mod server;

pub use server::{Ministack, tool};
