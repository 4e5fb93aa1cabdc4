//! Which client token comes next after a refusal for capacity.
//!
//! ECS answers a token that it knows as it did before, refusals included, for up to a day. A run that fills a slot begins with the
//! slot's first token, and if it took the following ones in turn, it would be told of every refusal that earlier runs for the
//! slot met, at the pace at which they met them, before it asked anything new: a service could not come up again for a day.
//!
//! So the tokens that follow a refusal go by time. Each window of time has some of its own, and within it all callers take
//! them in turn: whoever comes later is answered with the task of whoever was first. Between two windows nobody asks for a
//! while, so that a task of the last window is seen by everybody who looks before the first token of the next one is used.

use std::time::Duration;

use super::state::{Doubt, Run};
use crate::time::Timestamp;

/// Longer than this no caller is told of old refusals only.
const WINDOW: Duration = Duration::from_secs(180);

/// How long nobody asks at the beginning of a window: so far clocks lie apart, a call takes, and a list lags behind.
const QUIET: Duration = Duration::from_secs(30);

/// How long a call may take, and a list not show what it launched.
const CALL: Duration = Duration::from_secs(20);

/// More than are asked for in a window, at 5 s each.
const TOKENS: u32 = 100;

/// What comes after an attempt that is proved over.
pub(super) enum NextAttempt {
    /// This one.
    Use(u32),
    /// One of the next window, which opens then.
    OpensAt(Timestamp),
}

pub(super) fn next_attempt(run: &Run) -> NextAttempt {
    let next = run.attempt.saturating_add(1);
    if !goes_by_time(run) {
        return NextAttempt::Use(next);
    }
    let (first, opens_at) = window(run.latest);
    match next {
        next if next >= first => NextAttempt::Use(next),
        _ if run.latest < opens_at => NextAttempt::OpensAt(opens_at),
        _ => NextAttempt::Use(first),
    }
}

/// Whether the attempt that is to be asked for was chosen in an earlier window. One that may have been asked for already is asked
/// for a little longer: an answer is the best proof.
pub(super) fn is_outdated(run: &Run) -> bool {
    let (first, opens_at) = window(run.latest);
    let is_old = goes_by_time(run) && run.attempt > 0 && run.attempt < first;
    is_old && (run.doubt == Doubt::None || run.latest + CALL >= opens_at)
}

/// When the tokens of this window may be used.
pub(super) fn opens_at(run: &Run) -> Timestamp {
    window(run.latest).1
}

/// Whether the run fills a slot, and was refused in each of its places. One that is asked for by a name of its own takes its
/// tokens in turn: it takes up no task by a look, so nothing else would lead it to the task of that name.
fn goes_by_time(run: &Run) -> bool {
    let refusals = usize::try_from(run.refusals).unwrap_or(usize::MAX);
    refusals >= run.spec.pools() && !run.spec.is_fresh()
}

/// The first attempt of the window, and when it may be asked for.
fn window(now: Timestamp) -> (u32, Timestamp) {
    let millis = u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX);
    let number = now.as_millis() / millis;
    let first = u32::try_from(number).unwrap_or(u32::MAX).saturating_mul(TOKENS);
    (first, Timestamp::from_millis(number * millis) + QUIET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_do_not_overlap_and_last_beyond_this_century() {
        let at = |seconds: u64| window(Timestamp::from_millis(seconds * 1000));
        assert_eq!(at(0), (0, Timestamp::from_millis(30_000)));
        assert_eq!(at(179), at(0));
        assert_eq!(at(180), (100, Timestamp::from_millis(210_000)));
        let (of_2100, _) = at(4_102_444_800);
        assert!(of_2100 < u32::MAX - TOKENS, "{of_2100}");
        assert_eq!(at(4_102_444_800 + 180).0, of_2100 + 100);
    }
}
