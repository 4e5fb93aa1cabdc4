//! The one reader of the clock. Everything else is told the time, or asks a [`Clock`].

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::time::Timestamp;

/// Tells the time and waits for it. Monotone: it never goes back.
#[async_trait]
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Timestamp;

    /// Waits until then; at once where that has passed.
    ///
    /// # Cancel safety
    ///
    /// Safe: it does nothing but wait.
    async fn sleep_until(&self, at: Timestamp);
}

#[async_trait]
impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        (**self).sleep_until(at).await;
    }
}

/// Tokio's clock: begins at the machine's time, is monotone from there, and follows `tokio::time::pause`, so that hours
/// pass in milliseconds in a test with paused time.
#[derive(Clone, Debug)]
pub struct TokioClock {
    began_at: Timestamp,
    began: Instant,
    speed: u32,
}

impl TokioClock {
    /// A clock that begins at the machine's time.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the machine's clock")]
    pub fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::starting_at(Timestamp::EPOCH + since_epoch)
    }

    /// A clock that begins at the given time: for runs that have to be the same every time.
    #[expect(clippy::disallowed_methods, reason = "the one reader of tokio's clock")]
    pub fn starting_at(at: Timestamp) -> Self {
        Self { began_at: at, began: Instant::now(), speed: 1 }
    }

    /// The same clock running so many times as fast as real time, at least once: for a simulation that somebody watches.
    #[must_use]
    pub fn with_speed(mut self, speed: u32) -> Self {
        self.speed = speed.max(1);
        self
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.began_at + self.began.elapsed().saturating_mul(self.speed)
    }

    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let ahead = at.since(self.now());
            if ahead.is_zero() {
                return;
            }
            // Tokio's timer counts whole milliseconds: round up, or the last turns of this loop would spin.
            tokio::time::sleep((ahead / self.speed).max(Duration::from_millis(1))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn follows_paused_time_exactly() {
        let clock = TokioClock::starting_at(Timestamp::from_millis(1_000));
        clock.sleep_until(Timestamp::from_millis(3_601_000)).await;
        assert_eq!(clock.now(), Timestamp::from_millis(3_601_000));
        clock.sleep_until(Timestamp::EPOCH).await;
        assert_eq!(clock.now(), Timestamp::from_millis(3_601_000));
    }

    #[tokio::test(start_paused = true)]
    async fn runs_faster_when_asked() {
        let clock = TokioClock::starting_at(Timestamp::EPOCH).with_speed(30);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(clock.now(), Timestamp::from_millis(60_000));
        clock.sleep_until(Timestamp::from_millis(60_010)).await;
        assert!(clock.now() >= Timestamp::from_millis(60_010));
    }
}
