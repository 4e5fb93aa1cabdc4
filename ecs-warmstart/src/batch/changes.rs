//! Registrations and deregistrations.

use std::sync::Arc;

use async_trait::async_trait;

use super::merger::Merged;
use crate::ids::TargetGroupArn;
use crate::limit::ApiClass;
use crate::observation::Target;
use crate::ports::{Result, TargetRegistrar};

/// What is done to targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Register,
    Deregister,
}

/// `RegisterTargets` and `DeregisterTargets`, 200 targets of one group in a call. AWS names no limit; its own Load Balancer
/// Controller sends 200.
///
/// One call of a group is over before the next begins, and what is asked of a target keeps its order: a registration that
/// still waits, or is on its way, never comes after the deregistration that takes it back.
#[derive(Debug)]
pub(super) struct Changes(pub(super) Arc<dyn TargetRegistrar>);

#[async_trait]
impl Merged for Changes {
    type Key = TargetGroupArn;
    type Kind = Change;
    type Item = Target;
    type Answer = ();

    const AT_ONCE: usize = 200;
    const IN_ORDER: bool = true;
    const CLASS: ApiClass = ApiClass::Registration;

    async fn call(&self, group: &TargetGroupArn, change: Change, targets: &[Target]) -> Result<Vec<()>> {
        match change {
            Change::Register => self.0.register(group, targets).await?,
            Change::Deregister => self.0.deregister(group, targets).await?,
        }
        Ok(vec![(); targets.len()])
    }
}
