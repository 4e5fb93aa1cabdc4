//! What a run needs of a cloud: four small traits, in our own types.
//!
//! An implementation answers one question or performs one effect per call; it never waits for something to come about and
//! never decides. [`InMemory`](crate::memory::InMemory) and, with the feature `aws`, `aws::Aws` implement all four; the
//! conformance suite in `testing` (feature `test-util`) says what each has to hold to.

mod bundle;
mod deployer;
mod ext;
mod forward;
mod selector;
mod traits;
mod turn;

pub use bundle::Ports;
pub use deployer::Deployer;
pub use ext::{HealthWaiterExt, WaitError};
pub use selector::Selector;
pub use traits::{HealthWaiter, Inspector, Result, TargetRegistrar, TaskLauncher};
#[cfg(test)]
pub(crate) use traits::{MockHealthWaiter, MockTargetRegistrar, MockTaskLauncher};
pub use turn::Turn;
