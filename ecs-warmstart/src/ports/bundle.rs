//! The four ports of one cloud together.

use std::sync::Arc;

use super::{HealthWaiter, Inspector, TargetRegistrar, TaskLauncher};

/// The four ports of one cloud. Clones are handles on the same.
#[derive(Clone, Debug)]
pub struct Ports {
    /// Starts, finds and stops tasks.
    pub launcher: Arc<dyn TaskLauncher>,
    /// Registers targets.
    pub registrar: Arc<dyn TargetRegistrar>,
    /// Looks at tasks and targets.
    pub waiter: Arc<dyn HealthWaiter>,
    /// Reads definitions.
    pub inspector: Arc<dyn Inspector>,
}

impl Ports {
    /// All four from one thing that implements them all, such as [`crate::memory::InMemory`].
    pub fn from_one<T>(cloud: T) -> Self
    where
        T: TaskLauncher + TargetRegistrar + HealthWaiter + Inspector,
    {
        let cloud = Arc::new(cloud);
        Self {
            launcher: Arc::<T>::clone(&cloud),
            registrar: Arc::<T>::clone(&cloud),
            waiter: Arc::<T>::clone(&cloud),
            inspector: cloud,
        }
    }
}
