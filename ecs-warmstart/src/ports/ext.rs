//! Conveniences for users of the ports: waits over single looks.

use std::future::Future;
use std::time::Duration;

use super::HealthWaiter;
use crate::clock::Clock;
use crate::error::{ErrorKind, PortError};
use crate::ids::{ClusterId, TargetGroupArn, TaskArn};
use crate::observation::{Target, TargetObservation, TargetState, TaskObservation, TaskStatus};
use crate::policy::Policy;

/// Why a wait ended without what was waited for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The task stops or has stopped.
    #[error("task {} is {}", .0.task.id(), .0.status)]
    Stopped(Box<TaskObservation>),
    /// The target can never be healthy as things stand.
    #[error("{target} can never be healthy: {observation}")]
    Unusable {
        /// Which target.
        target: Target,
        /// What its group says of it.
        observation: TargetObservation,
    },
    /// The time given is over.
    #[error("not there after {waited:?} and {looks} looks; last seen: {last}")]
    TimedOut {
        /// The time given.
        waited: Duration,
        /// How often was looked.
        looks: u32,
        /// What was seen last, in words.
        last: String,
    },
    /// A look failed in a way that no retry mends.
    #[error("a look failed")]
    Port(#[from] PortError),
}

/// Waits over single looks, for those who wait for one thing and do not want a whole run.
///
/// Implemented for every [`HealthWaiter`]; never implement it by hand.
pub trait HealthWaiterExt: HealthWaiter {
    /// Waits until the task is RUNNING with an address (or on a host). A task that is missing is waited for too.
    ///
    /// # Errors
    ///
    /// [`WaitError::Stopped`] as soon as the task ends, [`WaitError::TimedOut`] after `timeout`, [`WaitError::Port`] on
    /// an error that no retry mends; retryable ones are retried.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    fn wait_running(
        &self,
        clock: &dyn Clock,
        cluster: &ClusterId,
        task: &TaskArn,
        timeout: Duration,
    ) -> impl Future<Output = Result<TaskObservation, WaitError>> + Send {
        let tasks = [task.clone()];
        async move {
            let policy = Policy::default();
            let mut wait = Wait::new(clock, timeout);
            loop {
                let look = self.observe_tasks(cluster, &tasks).await;
                let Some(seen) = wait.look(look)? else {
                    continue_later(&mut wait, policy.poll_soon).await?;
                    continue;
                };
                if seen.is_ending() {
                    return Err(WaitError::Stopped(Box::new(seen)));
                }
                let reachable = !seen.addresses.is_empty() || seen.host.is_some();
                if seen.status == TaskStatus::Running && reachable {
                    return Ok(seen);
                }
                wait.last = seen.status.to_string();
                continue_later(&mut wait, policy.task_interval(seen.status)).await?;
            }
        }
    }

    /// Waits until the target is healthy.
    ///
    /// # Errors
    ///
    /// [`WaitError::Unusable`] at once where waiting cannot help, [`WaitError::TimedOut`] after `timeout`,
    /// [`WaitError::Port`] on an error that no retry mends; retryable ones are retried.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    fn wait_healthy(
        &self,
        clock: &dyn Clock,
        group: &TargetGroupArn,
        target: &Target,
        timeout: Duration,
    ) -> impl Future<Output = Result<TargetObservation, WaitError>> + Send {
        let targets = [target.clone()];
        async move {
            let policy = Policy::default();
            let mut wait = Wait::new(clock, timeout);
            loop {
                let look = self.observe_targets(group, &targets).await;
                let Some(seen) = wait.look(look)? else {
                    continue_later(&mut wait, policy.poll_soon).await?;
                    continue;
                };
                if seen.state == TargetState::Healthy {
                    return Ok(seen);
                }
                if seen.reason.as_ref().is_some_and(|reason| reason.is_final()) {
                    return Err(WaitError::Unusable { target: target.clone(), observation: seen });
                }
                wait.last = seen.to_string();
                continue_later(&mut wait, policy.poll_soon).await?;
            }
        }
    }
}

impl<T: HealthWaiter + ?Sized> HealthWaiterExt for T {}

struct Wait<'a> {
    clock: &'a dyn Clock,
    timeout: Duration,
    until: crate::time::Timestamp,
    looks: u32,
    last: String,
}

impl<'a> Wait<'a> {
    fn new(clock: &'a dyn Clock, timeout: Duration) -> Self {
        Self { clock, timeout, until: clock.now() + timeout, looks: 0, last: "nothing".to_owned() }
    }

    /// What a look saw; nothing where it failed and may be repeated.
    fn look<T>(&mut self, look: Result<Vec<T>, PortError>) -> Result<Option<T>, WaitError> {
        self.looks += 1;
        match look {
            Ok(seen) => match seen.into_iter().next() {
                Some(seen) => Ok(Some(seen)),
                None => Err(PortError::new(ErrorKind::Other, "the port answered nothing").into()),
            },
            Err(error) if error.kind().is_retryable() => {
                self.last = error.to_string();
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn continue_later(wait: &mut Wait<'_>, interval: Duration) -> Result<(), WaitError> {
    let now = wait.clock.now();
    if now >= wait.until {
        return Err(WaitError::TimedOut {
            waited: wait.timeout,
            looks: wait.looks,
            last: std::mem::take(&mut wait.last),
        });
    }
    wait.clock.sleep_until((now + interval).min(wait.until)).await;
    Ok(())
}
