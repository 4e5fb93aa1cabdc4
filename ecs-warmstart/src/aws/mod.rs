//! The ports on the AWS SDK for Rust: ECS and Elastic Load Balancing v2.
//!
//! [`connect()`] makes both clients as a run needs them: with timeouts, a region and credentials that were looked at.
//! Whoever has clients of his own gives them to [`Aws::new`]; they should have an attempt timeout, which the SDK does
//! not set.

mod cloud;
mod connect;
mod convert;
mod definitions;
mod deployer;
#[cfg(feature = "ecr")]
mod download;
#[cfg(feature = "ecr")]
mod ecr;
mod ecs;
mod elb;
mod error;
#[cfg(feature = "logs")]
mod logs;
mod request;
mod revision;
#[cfg(test)]
mod tests;

pub use cloud::Aws;
pub use connect::{ATTEMPT_TIMEOUT, ConnectError, ConnectOptions, OPERATION_TIMEOUT, connect};
#[cfg(feature = "ecr")]
pub use ecr::Ecr;
pub use ecs::Ecs;
pub use elb::Elb;
#[cfg(feature = "logs")]
pub use logs::Logs;
