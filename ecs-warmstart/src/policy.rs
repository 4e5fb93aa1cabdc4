//! How often to look, how long to be patient, how to back off: numbers with their reasons.

use std::time::Duration;

use crate::ids::TargetGroupArn;
use crate::observation::TaskStatus;
use crate::time::{Timestamp, millis};

/// The cadence and patience of a run. What a user decides (timeouts, gate) stands in the
/// [`Spec`](crate::spec::Spec); this is what fits every task, so the defaults rarely need a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Between looks at a task that is PROVISIONING. Default 4.5 s: its network interface takes 10 s and more.
    pub poll_provisioning: Duration,
    /// Between looks at a task that is PENDING. Default 3 s: pulling the image takes most of a start.
    pub poll_pending: Duration,
    /// Between looks where the next change is due: ACTIVATING, RUNNING without an address, a gate about to open.
    /// Default 1 s.
    pub poll_soon: Duration,
    /// When a task is likely to get to RUNNING, counted from its launch: in between it is looked at every `poll_soon`, before
    /// that seldom. Default unknown: then its status decides alone. A process that starts many tasks of one definition
    /// learns it from the first.
    pub expected_running: Option<Expected>,
    /// Between looks at a task before anything is expected of it. Default 10 s: it may fail before its time.
    pub poll_before_expected: Duration,
    /// Between looks at the same task at the least. Default nothing. Where many runs share a quota, it is as long as it
    /// takes to look at all their tasks once.
    pub task_looks_apart: Duration,
    /// The same of targets. Default nothing.
    pub target_looks_apart: Duration,
    /// From when on looks at targets are counted: those at one group are then made at the same times, a moment apart from
    /// those at other groups, so that one call serves all runs that wait there. Default none: a run alone looks when it
    /// suits it.
    pub target_looks_from: Option<Timestamp>,
    /// From a registration to the first look at its target. Default 1 s: a new target is in service after one passing check,
    /// and when in its interval a group checks for the first time is not known.
    pub first_target_look: Duration,
    /// Between looks at a task whose target is awaited. Default 5 s: it rarely dies there, but then it must be seen.
    pub poll_task_while_registered: Duration,
    /// How long a task that was launched may be unknown to ECS before it counts as lost. Default 60 s: "`DescribeTasks`
    /// may answer MISSING" just after `RunTask`; the longest wait known from the field is 51 s.
    pub missing_grace: Duration,
    /// How long after an answer that names no task `ListTasks` is given to show one all the same, before it counts as proved
    /// that there is none. Default 5 s: ECS is eventually consistent, within a second or two as far as is known.
    pub listing_lag: Duration,
    /// How long a target that was just registered may be unknown to its group before it is registered again. Default 10 s:
    /// registration is eventually consistent, and registering again does no harm.
    pub registration_grace: Duration,
    /// How often a task that died of something transient is launched again. Default 2: what fails three times in a row
    /// is not transient.
    pub relaunches: u32,
    /// How long each part of an undo is tried before it is named as leaked. Default 60 s.
    pub undo_patience: Duration,
    /// How long a task that was told to stop is watched until it counts as not stopping. Default 180 s: AWS grants a container
    /// up to 120 s (`stopTimeout` on Fargate), and gives back its network interface after that.
    pub stop_patience: Duration,
    /// Between tries of a call that failed.
    pub backoff: Backoff,
    /// Between tries of a launch for which there is no capacity. Default 2 s, doubling to 20 s: capacity comes back in
    /// tens of seconds, and every try is a new client token.
    pub capacity_backoff: Backoff,
    /// How long a place that had no capacity counts as having none, where there are others to go to. Default 3 min, as
    /// Karpenter remembers it ("unavailable offerings"): longer than it takes to start elsewhere, and soon enough to come
    /// back to what is cheaper.
    pub shortage_lasts: Duration,
    /// Where there is no capacity now, as other runs have found. Default nowhere: who drives many runs says it for each.
    pub exhausted: PoolSet,
    /// Which of them was found so the longest ago: where no place is left, capacity is the likeliest there. Default unknown:
    /// then they are tried in turn.
    pub exhausted_first: Option<usize>,
}

/// How long a look at who has an address is believed. AWS gives the address of a task that has stopped to the next one, and
/// a task that is launched after the look is RUNNING no sooner.
pub(crate) const BELIEVED: Duration = Duration::from_secs(20);

impl Default for Policy {
    fn default() -> Self {
        Self {
            poll_provisioning: Duration::from_millis(4500),
            poll_pending: Duration::from_secs(3),
            poll_soon: Duration::from_secs(1),
            expected_running: None,
            poll_before_expected: Duration::from_secs(10),
            task_looks_apart: Duration::ZERO,
            target_looks_apart: Duration::ZERO,
            target_looks_from: None,
            first_target_look: Duration::from_secs(1),
            poll_task_while_registered: Duration::from_secs(5),
            missing_grace: Duration::from_secs(60),
            listing_lag: Duration::from_secs(5),
            registration_grace: Duration::from_secs(10),
            relaunches: 2,
            undo_patience: Duration::from_secs(60),
            stop_patience: Duration::from_secs(180),
            backoff: Backoff::default(),
            capacity_backoff: Backoff { first: Duration::from_secs(2), max: Duration::from_secs(20) },
            shortage_lasts: Duration::from_secs(3 * 60),
            exhausted: PoolSet::NONE,
            exhausted_first: None,
        }
    }
}

impl Policy {
    /// How long to wait until the next look at a task that was seen so.
    pub fn task_interval(&self, status: TaskStatus) -> Duration {
        let interval = match status {
            TaskStatus::Provisioning => self.poll_provisioning,
            TaskStatus::Missing | TaskStatus::Pending => self.poll_pending,
            TaskStatus::Activating | TaskStatus::Running => self.poll_soon,
            TaskStatus::Deactivating
            | TaskStatus::Stopping
            | TaskStatus::Deprovisioning
            | TaskStatus::Stopped => self.poll_pending,
        };
        interval.max(self.task_looks_apart)
    }

    /// How long to wait until the next look at a task that is on its way to RUNNING, so long after its launch.
    pub fn starting_interval(&self, status: TaskStatus, since_launch: Duration) -> Duration {
        let usual = self.task_interval(status);
        let Some(expected) = self.expected_running else { return usual };
        // Seen of few starts, so others may be somewhat shorter or longer.
        let (from, until) = (expected.from.mul_f64(0.8), expected.until.mul_f64(1.25));
        let interval = match status {
            TaskStatus::Provisioning | TaskStatus::Pending if since_launch < from => {
                (from - since_launch).clamp(self.poll_soon, self.poll_before_expected)
            }
            TaskStatus::Provisioning | TaskStatus::Pending if since_launch <= until => self.poll_soon,
            _ => usual,
        };
        interval.max(self.task_looks_apart)
    }

    /// Between looks at a target, so long after its registration: `poll_soon` as long as its first check is due, then a tenth
    /// of its group's interval, from 1 to 3 s.
    pub fn target_interval(&self, health_check_interval: Duration, since_registration: Duration) -> Duration {
        let first_check = health_check_interval + Duration::from_secs(3);
        let interval = if since_registration <= first_check {
            self.poll_soon
        } else {
            (health_check_interval / 10).clamp(Duration::from_secs(1), Duration::from_secs(3))
        };
        interval.max(self.target_looks_apart)
    }

    /// When to look at a target of that group: then, or nearest to it with the others who look every `interval`.
    pub fn target_look_at(&self, then: Timestamp, group: &TargetGroupArn, interval: Duration) -> Timestamp {
        let every = millis(interval);
        let Some(from) = self.target_looks_from.filter(|_| every > 0) else { return then };
        // FNV-1a: short, and the same in every process.
        let hash = group.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let first = from + Duration::from_millis(mix(hash) % every);
        let rounds = (millis(then.since(first)) + every / 2) / every;
        first + Duration::from_millis(rounds * every)
    }
}

/// Some of a spec's pools, by their number: 0 is the request's own, the fallbacks follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolSet(u16);

impl PoolSet {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// With this one too. A number that no spec has changes nothing.
    #[must_use]
    pub fn with(self, pool: usize) -> Self {
        let bit = u32::try_from(pool).ok().and_then(|pool| 1_u16.checked_shl(pool));
        Self(self.0 | bit.unwrap_or(0))
    }

    /// The pools of both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it is among them.
    pub fn contains(self, pool: usize) -> bool {
        pool < 16 && self.with(pool) == self
    }
}

/// When something is expected, counted from when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Not before.
    pub from: Duration,
    /// Not after.
    pub until: Duration,
}

/// Exponential backoff: `first`, doubled with every failure in a row, at most `max`; each between a half and the whole
/// of that, by the run's own jitter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// After the first failure. Default 500 ms.
    pub first: Duration,
    /// At most. Default 10 s: ECS's buckets refill at 20 calls a second and more.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), max: Duration::from_secs(10) }
    }
}

impl Backoff {
    /// How long to wait after so many failures in a row (1 is the first). `seed` decides the jitter, so that the same
    /// run waits the same.
    pub fn delay(&self, failures: u32, seed: u64) -> Duration {
        let factor = 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
        let whole = self.first.saturating_mul(factor).min(self.max);
        whole / 2 + whole.mul_f64(0.5 * unit(mix(seed ^ u64::from(failures))))
    }
}

/// Scatters a number over all 64 bits (splitmix64's finaliser).
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number from 0 to below 1.
pub(crate) fn unit(number: u64) -> f64 {
    // The upper 53 bits: as many as an f64 holds exactly.
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_set_of_pools() {
        let set = PoolSet::NONE.with(0).with(15).with(16).with(usize::MAX);
        let members: Vec<usize> = (0..40).filter(|pool| set.contains(*pool)).collect();
        assert_eq!(members, [0, 15]);
        assert!(!PoolSet::NONE.contains(0) && !set.contains(usize::MAX));
    }

    #[test]
    fn doubles_up_to_its_maximum() {
        let backoff = Backoff { first: Duration::from_secs(1), max: Duration::from_secs(10) };
        for (failures, whole) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 10), (u32::MAX, 10)] {
            let delay = backoff.delay(failures, 7);
            let whole = Duration::from_secs(whole);
            assert!(delay >= whole / 2 && delay <= whole, "{failures}: {delay:?}");
        }
    }

    #[test]
    fn looks_at_one_group_are_made_at_the_same_times() {
        let at = Timestamp::from_millis;
        let group = |name: &str| -> TargetGroupArn {
            format!("arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/{name}/0123456789abcdef")
                .parse()
                .unwrap()
        };
        let (one, other, second) = (group("one"), group("other"), Duration::from_secs(1));
        let together = Policy { target_looks_from: Some(at(5_000)), ..Policy::default() };
        let look = |then, group| together.target_look_at(at(then), group, second);
        let round = look(100_000, &one);
        // Whoever is answered somewhat later or earlier is there again in the next round.
        for then in [round.as_millis() - 499, round.as_millis() + 499] {
            assert_eq!(look(then, &one), round);
        }
        assert_eq!(look(round.as_millis() + 501, &one), round + second);
        assert_ne!(look(100_000, &other), round, "each group has moments of its own");
        // Every second round is a round.
        let seldom = together.target_look_at(at(100_000), &one, 2 * second);
        assert!(seldom == round || seldom == round + second || seldom + second == round, "{seldom:?}");
        assert_eq!(Policy::default().target_look_at(at(100_123), &one, second), at(100_123));
        assert_eq!(together.target_look_at(at(100_123), &one, Duration::ZERO), at(100_123));
        assert!(look(0, &one) >= at(5_000), "before the count begins, its first round");
    }

    proptest! {
        #[test]
        fn never_panics_and_stays_in_bounds(first: u32, max: u32, failures: u32, seed: u64) {
            let backoff = Backoff {
                first: Duration::from_millis(first.into()),
                max: Duration::from_millis(max.into()),
            };
            prop_assert!(backoff.delay(failures, seed) <= backoff.max);
            prop_assert_eq!(backoff.delay(failures, seed), backoff.delay(failures, seed));
        }
    }
}
