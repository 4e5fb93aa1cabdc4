//! How the time of an invocation is divided, so that it ends itself before it is ended.

use std::time::Duration;

use ecs_warmstart::fleet::Budget;
use ecs_warmstart::time::Timestamp;

/// At most so much is kept free before the deadline.
const MOST_MARGIN: Duration = Duration::from_secs(10);

/// At most so much is kept free for an undo: a handful of calls, some of them throttled.
const MOST_FOR_UNDO: Duration = Duration::from_secs(30);

/// What has to be over when. In order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    /// Nothing is begun after that.
    pub(crate) drive: Timestamp,
    /// Calls under way are given up then.
    pub(crate) calls: Timestamp,
    /// The message that hands on is given up then.
    pub(crate) send: Timestamp,
    /// No call of an undo is begun after that.
    pub(crate) undo: Timestamp,
    /// Calls of an undo are given up then.
    pub(crate) undo_calls: Timestamp,
    /// The message that tells of a failure is given up then.
    pub(crate) tell: Timestamp,
}

impl Times {
    /// Divides what is left. `undoes` where there is nowhere to hand on what is not over.
    pub(crate) fn of(now: Timestamp, deadline: Timestamp, wish: Option<Duration>, undoes: bool) -> Self {
        let remaining = deadline.since(now);
        let margin = (remaining / 4).min(MOST_MARGIN);
        let for_undo = if undoes { (remaining / 4).min(MOST_FOR_UNDO) } else { Duration::ZERO };
        let drive = deadline - margin - for_undo;
        let drive = wish.map_or(drive, |wish| drive.min(now + wish));
        let ahead = |sixteenths| deadline - margin / 16 * sixteenths;
        Self {
            drive,
            calls: (deadline - margin - for_undo) + margin / 4,
            send: ahead(8),
            undo: ahead(6),
            undo_calls: ahead(3),
            tell: ahead(1),
        }
    }

    pub(crate) fn to_drive(self, now: Timestamp) -> Budget {
        Budget { drive: self.drive.since(now), calls: self.calls.since(now) }
    }

    pub(crate) fn to_undo(self, now: Timestamp) -> Budget {
        Budget { drive: self.undo.since(now), calls: self.undo_calls.since(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_over_in_order_and_before_the_deadline() {
        let now = Timestamp::from_millis(1_000_000);
        for millis in [0, 1, 10, 100, 1_000, 3_000, 10_000, 60_000, 300_000, 900_000] {
            let deadline = now + Duration::from_millis(millis);
            for wish in [None, Some(Duration::ZERO), Some(Duration::from_secs(5)), Some(Duration::MAX)] {
                for undoes in [false, true] {
                    let times = Times::of(now, deadline, wish, undoes);
                    let Times { drive, calls, send, undo, undo_calls, tell } = times;
                    let order = [drive, calls, send, undo, undo_calls, tell, deadline];
                    assert!(order.is_sorted(), "{millis} {wish:?} {undoes}: {times:?}");
                    assert!(times.drive >= now, "{millis} {wish:?} {undoes}: {times:?}");
                }
            }
        }
    }

    #[test]
    fn the_margin_is_a_quarter_and_at_most_ten_seconds() {
        let now = Timestamp::EPOCH;
        for (remaining, drive) in [(8, 6), (40, 30), (60, 50), (900, 890)] {
            let times = Times::of(now, now + Duration::from_secs(remaining), None, false);
            assert_eq!(times.drive, now + Duration::from_secs(drive), "{remaining} s");
        }
        for (remaining, drive) in [(8, 4), (60, 35), (300, 260)] {
            let times = Times::of(now, now + Duration::from_secs(remaining), None, true);
            assert_eq!(times.drive, now + Duration::from_secs(drive), "{remaining} s");
        }
    }
}
