//! Start ECS tasks that no ECS service runs, wait until they truly serve, and only then put them into load balancer
//! target groups.

pub mod address;
#[cfg(feature = "aws")]
pub mod aws;
pub mod clock;
pub mod driver;
pub mod error;
pub mod facts;
pub mod fleet;
pub mod ids;
pub mod machine;
pub mod memory;
pub mod observation;
pub mod policy;
pub mod ports;
pub mod spec;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;
pub mod time;
