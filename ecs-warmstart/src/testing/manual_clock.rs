//! A clock moved by hand.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::time::Timestamp;

/// A clock that stands still until it is moved. Whoever sleeps wakes when it has been moved far enough.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

impl ManualClock {
    /// A clock that stands at that time.
    pub fn new(at: Timestamp) -> Self {
        Self { now: watch::Sender::new(at) }
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = *now + by);
    }

    /// Moves the clock on to that time; it never goes back.
    pub fn advance_to(&self, at: Timestamp) {
        self.now.send_modify(|now| *now = (*now).max(at));
    }

    /// How many sleep now, and wait for the clock to be moved.
    pub fn sleepers(&self) -> usize {
        self.now.receiver_count()
    }
}

impl Default for ManualClock {
    /// Stands at the beginning of 2026.
    fn default() -> Self {
        Self::new(Timestamp::from_millis(1_767_225_600_000))
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        let mut receiver = self.now.subscribe();
        // The sender lives as long as `self`, so the wait ends only by the time that is waited for.
        let reached = receiver.wait_for(|now| *now >= at).await.is_ok();
        debug_assert!(reached, "the clock outlives its sleepers");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn wakes_whoever_has_slept_long_enough() {
        let clock = Arc::new(ManualClock::default());
        let began = clock.now();
        let sleeper = |seconds| {
            let clock = Arc::clone(&clock);
            tokio::spawn(async move { clock.sleep_until(began + Duration::from_secs(seconds)).await })
        };
        let (short, long) = (sleeper(1), sleeper(60));
        tokio::task::yield_now().await;
        assert_eq!(clock.sleepers(), 2);
        clock.advance(Duration::from_secs(59));
        short.await.expect("it woke");
        assert!(!long.is_finished());
        clock.advance_to(began);
        assert_eq!(clock.now(), began + Duration::from_secs(59), "it never goes back");
        clock.advance_to(began + Duration::from_secs(60));
        long.await.expect("it woke");
        clock.sleep_until(began).await;
    }
}
