//! How long a call waited on this side before it was made.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::time::millis;

tokio::task_local! {
    static TURN: Turn;
}

/// Waits for a turn, seen by both sides: a wrapper of ports that lets calls wait, for a share of a quota for instance,
/// says so here; whoever made the call and counts its time takes that off. Clones are handles on the same.
///
/// ```
/// # use std::time::Duration;
/// # use ecs_warmstart::ports::Turn;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let turn = Turn::default();
/// turn.of(async {
///     // In the wrapper:
///     let turn = Turn::current();
///     turn.begin_waiting();
///     turn.has_come(Duration::from_secs(3));
/// })
/// .await;
/// assert_eq!(turn.waited(), Duration::from_secs(3));
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Turn {
    waits: Arc<Waits>,
}

#[derive(Debug, Default)]
struct Waits {
    /// How many waits are under way.
    waiting: AtomicU32,
    millis: AtomicU64,
}

impl Turn {
    /// Makes the calls of this future: whatever waits in them is written down here.
    pub async fn of<F: Future>(&self, calls: F) -> F::Output {
        TURN.scope(self.clone(), calls).await
    }

    /// That of the call under way; one that nobody looks at where there is none.
    pub fn current() -> Self {
        TURN.try_with(Self::clone).unwrap_or_default()
    }

    /// The call begins to wait: nothing has been sent.
    pub fn begin_waiting(&self) {
        self.waits.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// The call is made now, after it waited for so long.
    pub fn has_come(&self, waited: Duration) {
        self.waits.millis.fetch_add(millis(waited), Ordering::Relaxed);
        let _ = self.waits.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
    }

    /// How long all calls together have waited.
    pub fn waited(&self) -> Duration {
        Duration::from_millis(self.waits.millis.load(Ordering::Relaxed))
    }

    /// Whether a call waits, and nothing of it has been sent.
    pub fn is_waiting(&self) -> bool {
        self.waits.waiting.load(Ordering::Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_is_seen_by_who_made_the_call_and_by_nobody_else() {
        let (mine, other) = (Turn::default(), Turn::default());
        mine.of(async {
            let seen = Turn::current();
            seen.begin_waiting();
            assert!(mine.is_waiting() && !other.is_waiting());
            seen.has_come(Duration::from_millis(1_500));
            assert!(!mine.is_waiting());
        })
        .await;
        assert_eq!((mine.waited(), other.waited()), (Duration::from_millis(1_500), Duration::ZERO));
        // Outside of any call nobody looks, and nothing breaks.
        Turn::current().has_come(Duration::from_secs(1));
        assert_eq!(mine.waited(), Duration::from_millis(1_500));
    }
}
