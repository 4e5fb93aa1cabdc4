//! Whoever calls waits here for its turn.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bucket::Bucket;
use super::class::{ApiClass, BucketName};
use super::limits::Limits;
use crate::clock::Clock;
use crate::error::ErrorKind;
use crate::ports::{Result, Turn};

/// Lets calls through at the rate of its [`Limits`], in the order in which they come. Clones are handles on the same.
///
/// A crate for this would be `governor`; its rates are fixed when it is made, those who wait race for the next token instead
/// of standing in line, and they wait by a timer of its own that no simulated time moves.
#[derive(Clone)]
pub struct Limiter {
    /// None: nobody waits.
    shared: Option<Arc<Shared>>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    gates: [Gate; BucketName::ALL.len()],
}

struct Gate {
    /// Whoever is first in line holds it. Tokio's mutex is fair: it is given in the order of asking.
    line: tokio::sync::Mutex<()>,
    bucket: Mutex<Bucket>,
}

impl Limiter {
    /// At these limits, on this clock. The buckets are full.
    pub fn new(clock: Arc<dyn Clock>, limits: &Limits) -> Self {
        let now = clock.now();
        let gates = BucketName::ALL.map(|name| Gate {
            line: tokio::sync::Mutex::new(()),
            bucket: Mutex::new(Bucket::new(limits.quota(name), limits.share, now)),
        });
        Self { shared: Some(Arc::new(Shared { clock, gates })) }
    }

    /// One that lets every call through at once.
    pub fn unlimited() -> Self {
        Self { shared: None }
    }

    /// Waits until a call of that class may be made, and takes its token. First come, first served. The wait is written
    /// down in the caller's [`Turn`].
    ///
    /// # Cancel safety
    ///
    /// Safe: who stops waiting takes nothing, and the next in line moves up.
    pub async fn admit(&self, class: ApiClass) -> Pass {
        let Some(shared) = &self.shared else {
            return Pass { limiter: self.clone(), class };
        };
        let turn = Turn::current();
        let asked_at = shared.clock.now();
        turn.begin_waiting();
        shared.wait(class).await;
        turn.has_come(shared.clock.now().since(asked_at));
        Pass { limiter: self.clone(), class }
    }

    /// How many calls of that class go through in a second for long, at present; infinite where nobody waits.
    pub fn rate(&self, class: ApiClass) -> f64 {
        let Some(shared) = &self.shared else {
            return f64::INFINITY;
        };
        let rates = class.buckets().iter().map(|name| shared.bucket(*name).rate());
        rates.fold(f64::INFINITY, f64::min)
    }
}

impl Shared {
    async fn wait(&self, class: ApiClass) {
        let mut lines = Vec::with_capacity(2);
        for name in class.buckets() {
            lines.push(self.gate(*name).line.lock().await);
            loop {
                let ready_at = self.bucket(*name).ready_at(self.clock.now());
                match ready_at {
                    None => break,
                    Some(at) => self.clock.sleep_until(at).await,
                }
            }
        }
        // Whoever waited held each line, so the tokens that were there still are.
        for name in class.buckets() {
            self.bucket(*name).take(1);
        }
    }

    fn gate(&self, name: BucketName) -> &Gate {
        &self.gates[name as usize]
    }

    fn bucket(&self, name: BucketName) -> MutexGuard<'_, Bucket> {
        self.gate(name).bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(shared) = &self.shared else {
            return f.write_str("Limiter(unlimited)");
        };
        let rates = BucketName::ALL.map(|name| (name, shared.bucket(name).rate()));
        f.debug_map().entries(rates).finish()
    }
}

/// The right to make one call. Say what came of it: that is how the limiter learns.
#[derive(Debug)]
#[must_use = "the call it is for was not made"]
pub struct Pass {
    limiter: Limiter,
    class: ApiClass,
}

impl Pass {
    /// The call was answered so. A throttle slows the class down, a success brings it back to its rate.
    pub fn answered<T>(self, answer: &Result<T>) {
        let Some(shared) = &self.limiter.shared else {
            return;
        };
        let throttled = match answer {
            Ok(_) => false,
            Err(error) if error.kind() == ErrorKind::Throttled => true,
            // Neither says anything about rates.
            Err(_) => return,
        };
        let now = shared.clock.now();
        for name in self.class.buckets() {
            let mut bucket = shared.bucket(*name);
            if throttled { bucket.throttled(now) } else { bucket.succeeded() }
        }
    }

    /// It took so many calls more than one, such as further pages.
    pub fn took_more(&self, calls: u32) {
        if let Some(shared) = &self.limiter.shared {
            self.class.buckets().iter().for_each(|name| shared.bucket(*name).take(calls));
        }
    }

    /// The call is not made after all.
    pub fn give_back(self) {
        if let Some(shared) = &self.limiter.shared {
            self.class.buckets().iter().for_each(|name| shared.bucket(*name).give_back());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::task::JoinSet;

    use super::*;
    use crate::clock::TokioClock;
    use crate::error::PortError;
    use crate::time::Timestamp;

    fn limiter(share: f64) -> (Limiter, Arc<dyn Clock>) {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(Timestamp::from_millis(1_000_000)));
        (Limiter::new(Arc::clone(&clock), &Limits::of_published(share)), clock)
    }

    /// Makes so many calls at once, and says in which order and when each went through.
    async fn crowd(
        limiter: &Limiter,
        clock: &Arc<dyn Clock>,
        class: ApiClass,
        calls: u64,
    ) -> Vec<(u64, u64)> {
        let began = clock.now();
        let mut callers = JoinSet::new();
        for number in 0..calls {
            let (limiter, clock) = (limiter.clone(), Arc::clone(clock));
            callers.spawn(async move {
                limiter.admit(class).await.answered(&Ok(()));
                (number, clock.now().since(began).as_millis() as u64)
            });
            tokio::task::yield_now().await;
        }
        let mut through = callers.join_all().await;
        through.sort_by_key(|(number, at)| (*at, *number));
        through
    }

    #[tokio::test(start_paused = true)]
    async fn first_come_first_served_at_the_rate() {
        let (limiter, clock) = limiter(0.5);
        let through = crowd(&limiter, &clock, ApiClass::Registration, 50).await;
        assert!(through.is_sorted_by_key(|(number, _)| *number), "{through:?}");
        let (_, last) = through[49];
        // 10 at once, then 40 at 2/s.
        assert!((20_000..20_100).contains(&last), "{last} ms");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_two_classes_share_the_accounts_bucket_and_neither_starves() {
        let (limiter, clock) = limiter(1.0);
        let (reads, registrations) = tokio::join!(
            crowd(&limiter, &clock, ApiClass::ElbRead, 400),
            crowd(&limiter, &clock, ApiClass::Registration, 100),
        );
        let (last_read, last_registration) = (reads[399].1, registrations[99].1);
        // Together 10/s after 40 at once; registrations get their own 4/s all the time.
        assert!((45_000..47_000).contains(&last_read.max(last_registration)), "{last_read}");
        assert!((20_000..23_000).contains(&last_registration), "{last_registration}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_takes_nothing() {
        let (limiter, clock) = limiter(0.5);
        crowd(&limiter, &clock, ApiClass::Registration, 10).await;
        let mut leaving = JoinSet::new();
        for _ in 0..20 {
            let limiter = limiter.clone();
            leaving.spawn(async move {
                let waited = limiter.admit(ApiClass::Registration);
                tokio::time::timeout(Duration::from_millis(100), waited).await.is_err()
            });
        }
        assert!(leaving.join_all().await.into_iter().all(|left| left));
        let began = clock.now();
        limiter.admit(ApiClass::Registration).await.give_back();
        limiter.admit(ApiClass::Registration).await.answered(&Ok(()));
        assert!(clock.now().since(began) <= Duration::from_millis(500));
    }

    #[tokio::test(start_paused = true)]
    async fn throttles_slow_down_those_who_wait_already() {
        let (limiter, clock) = limiter(0.5);
        let throttled: Result<()> = Err(PortError::new(ErrorKind::Throttled, "Rate exceeded"));
        let pass = limiter.admit(ApiClass::ClusterRead).await;
        assert_eq!(limiter.rate(ApiClass::ClusterRead), 10.0);
        pass.answered(&throttled);
        assert_eq!(limiter.rate(ApiClass::ClusterRead), 5.0);
        let through = crowd(&limiter, &clock, ApiClass::ClusterRead, 100).await;
        // Restored as they succeed: more than 10/s would take, less than 5/s would.
        assert!((10_500..20_000).contains(&through[99].1), "{} ms", through[99].1);
        assert_eq!(limiter.rate(ApiClass::ClusterRead), 10.0);
    }

    #[tokio::test(start_paused = true)]
    async fn pages_count_too_and_the_wait_is_told() {
        let (limiter, _) = limiter(0.5);
        let pass = limiter.admit(ApiClass::ClusterRead).await;
        pass.took_more(69);
        pass.answered(&Ok(()));
        let turn = Turn::default();
        turn.of(async { limiter.admit(ApiClass::ClusterRead).await.answered(&Ok(())) }).await;
        // 50 at once: 20 are owed, and one is for this call.
        assert_eq!(turn.waited(), Duration::from_millis(2_101));
        assert!(!turn.is_waiting());
    }

    #[tokio::test]
    async fn without_limits_nobody_waits() {
        let limiter = Limiter::unlimited();
        for _ in 0..10_000 {
            limiter.admit(ApiClass::Registration).await.answered(&Ok(()));
        }
        assert_eq!(limiter.rate(ApiClass::Registration), f64::INFINITY);
    }
}
