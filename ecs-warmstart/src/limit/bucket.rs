//! A token bucket whose rate gives way. Pure: the time is told.

use std::time::Duration;

use crate::quota::Quota;
use crate::time::Timestamp;

/// What is left of the rate at the least, however often AWS throttles: then a call comes through now and then, and finds
/// out when it is over.
const SLOWEST: f64 = 1.0 / 32.0;

/// How much of the whole rate one success gives back. After one halving 25 calls restore it.
const RESTORED: f64 = 0.02;

/// Throttles within that time are one: they were all sent at the rate before.
const ONE_THROTTLE: Duration = Duration::from_secs(1);

/// A token bucket at a share of a quota.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    burst: f64,
    per_second: f64,
    /// The part of the rate that is used now, up to 1.
    pace: f64,
    left: f64,
    at: Timestamp,
    slowed_at: Option<Timestamp>,
}

impl Bucket {
    pub(super) fn new(quota: Quota, share: f64, now: Timestamp) -> Self {
        let burst = (f64::from(quota.burst) * share).floor().max(1.0);
        // A rate of nothing, or what is no number, would wait for ever.
        let per_second = (quota.per_second * share).max(0.01);
        Self { burst, per_second, pace: 1.0, left: burst, at: now, slowed_at: None }
    }

    /// When there is a token: nothing where there is one.
    pub(super) fn ready_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.refill(now);
        let lacking = 1.0 - self.left;
        if lacking <= 0.0 {
            return None;
        }
        let wait = Duration::from_secs_f64(lacking / self.rate());
        // Timestamps have whole milliseconds: rounded down, it would be too early by a part of one.
        Some(self.at + wait + Duration::from_millis(1))
    }

    /// Takes tokens; more than there are is a debt that the next callers wait for.
    pub(super) fn take(&mut self, calls: u32) {
        self.left -= f64::from(calls);
    }

    pub(super) fn give_back(&mut self) {
        self.left = (self.left + 1.0).min(self.burst);
    }

    /// AWS throttled a call: others are at it too.
    pub(super) fn throttled(&mut self, now: Timestamp) {
        self.refill(now);
        self.left = self.left.min(0.0);
        if self.slowed_at.is_none_or(|at| now.since(at) >= ONE_THROTTLE) {
            self.slowed_at = Some(now);
            self.pace = (self.pace / 2.0).max(SLOWEST);
        }
    }

    pub(super) fn succeeded(&mut self) {
        self.pace = (self.pace + RESTORED).min(1.0);
    }

    /// How many calls a second it lets through at present.
    pub(super) fn rate(&self) -> f64 {
        self.per_second * self.pace
    }

    fn refill(&mut self, now: Timestamp) {
        let gained = now.since(self.at).as_secs_f64() * self.rate();
        self.left = (self.left + gained).min(self.burst);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    const QUOTA: Quota = Quota { burst: 20, per_second: 4.0 };

    /// How many calls go through from `from` to `to`, if somebody always waits.
    fn calls(bucket: &mut Bucket, from: u64, to: u64) -> u32 {
        let (mut now, mut calls) = (at(from), 0);
        while now <= at(to) {
            match bucket.ready_at(now) {
                None => {
                    bucket.take(1);
                    calls += 1;
                }
                Some(later) => now = later,
            }
        }
        calls
    }

    #[test]
    fn half_of_a_quota_is_half_its_burst_and_half_its_rate() {
        let mut bucket = Bucket::new(QUOTA, 0.5, at(0));
        assert_eq!(calls(&mut bucket, 0, 0), 10);
        let then = calls(&mut bucket, 0, 100_000);
        assert!((195..=200).contains(&then), "{then} calls in 100 s at 2/s");
    }

    #[test]
    fn a_throttle_halves_the_rate_and_success_restores_it() {
        let mut bucket = Bucket::new(QUOTA, 1.0, at(0));
        bucket.throttled(at(5_000));
        assert_eq!((bucket.rate(), bucket.left), (2.0, 0.0));
        // Sent at the same rate, so no news.
        bucket.throttled(at(5_500));
        assert_eq!(bucket.rate(), 2.0);
        bucket.throttled(at(6_000));
        assert_eq!(bucket.rate(), 1.0);
        for second in 7..60 {
            bucket.throttled(at(second * 1_000));
        }
        assert_eq!(bucket.rate(), 4.0 / 32.0);
        for _ in 0..25 {
            bucket.succeeded();
        }
        assert!((2.0..2.2).contains(&bucket.rate()), "{}", bucket.rate());
        for _ in 0..100 {
            bucket.succeeded();
        }
        assert_eq!(bucket.rate(), 4.0);
    }

    #[test]
    fn a_debt_is_waited_for() {
        let mut bucket = Bucket::new(QUOTA, 1.0, at(0));
        bucket.take(24);
        assert_eq!(bucket.ready_at(at(0)), Some(at(1_251)));
        bucket.give_back();
        assert_eq!(bucket.ready_at(at(0)), Some(at(1_001)));
    }

    #[test]
    fn senseless_shares_neither_stop_it_nor_open_it() {
        for share in [0.0, -1.0, f64::NAN] {
            let mut bucket = Bucket::new(QUOTA, share, at(0));
            assert_eq!(calls(&mut bucket, 0, 99_000), 1, "{share}");
            assert!(bucket.ready_at(at(99_000)).is_some());
        }
    }

    proptest! {
        /// Whatever happens, no span of time sees more calls than the burst and the rate allow.
        #[test]
        fn never_more_than_the_quota(
            share in 0.05_f64..1.0,
            events in prop::collection::vec((0_u64..3_000, 0_u8..4), 1..200),
        ) {
            let mut bucket = Bucket::new(QUOTA, share, at(0));
            let (mut now, mut taken) = (0, Vec::new());
            for (pause, event) in events {
                now += pause;
                match event {
                    0 => bucket.throttled(at(now)),
                    1 => bucket.succeeded(),
                    _ => {
                        if bucket.ready_at(at(now)).is_none() {
                            bucket.take(1);
                            taken.push(now);
                        }
                    }
                }
            }
            for (index, from) in taken.iter().enumerate() {
                for (count, to) in taken[index..].iter().enumerate() {
                    let allowed = (20.0 * share).floor().max(1.0) + 4.0 * share * (to - from) as f64 / 1000.0;
                    prop_assert!((count + 1) as f64 <= allowed + 1e-6, "{} calls from {from} to {to}", count + 1);
                }
            }
        }
    }
}
