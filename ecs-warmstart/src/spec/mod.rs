//! What one run needs, validated: what to launch, where to register it, and when it counts as ready.

mod binding;
mod pins;
mod pool;
mod request;
mod revision;
mod run;
mod shared;
#[cfg(test)]
mod tests;

pub use binding::{Binding, Gate, OnFailure, Readiness};
pub use pins::Pins;
pub use pool::{MAX_FALLBACKS, Pool, TaskSize};
pub use request::{AwsVpc, CapacityProvider, Compute, LaunchRequest, LaunchType};
pub use revision::{ContainerChange, HealthCheckChange, Revision};
pub use run::{DEFAULT_HEALTHY_TIMEOUT, DEFAULT_RUNNING_TIMEOUT, InvalidSpec, Spec, SpecBuilder};
