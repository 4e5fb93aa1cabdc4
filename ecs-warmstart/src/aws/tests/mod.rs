//! The adapters on the real clients of the SDK, with answers of our own.

mod connect;
mod convert;
mod deployer;
#[cfg(feature = "ecr")]
mod ecr;
mod ecs;
mod elb;
mod error;
mod wire;
