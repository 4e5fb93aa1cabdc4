//! Between a deregistration and the stop of the task, where traffic went to it: requests under way may end.

use std::time::Duration;

use super::io::Next;
use super::state::{Asked, Phase, Place, Run, Standing};
use super::step::{ask, back_off};
use crate::error::{ErrorKind, Failure};
use crate::observation::{TargetObservation, TargetState};
use crate::policy::Policy;
use crate::time::Timestamp;

/// What to do until the task may be stopped; nothing where it may be by now.
pub(super) fn linger(run: &mut Run, policy: &Policy) -> Option<Next> {
    // What stops already answers nobody for much longer.
    let ends = run.held.as_ref().is_some_and(|held| held.seen.is_ending());
    let until = until(run, policy);
    if ends || run.latest >= until {
        return None;
    }
    let waiting = (0..run.places.len()).filter(|&place| may_be_used(&run.places[place]));
    let (due, place) = waiting.map(|place| (run.places[place].look_at, place)).min()?;
    if run.latest < due { Some(Next::WakeAt(due.min(until))) } else { ask(run, Asked::Target(place)) }
}

/// A drain waits as long as its group wants it. Who undoes has less time, and nothing of what it undoes was ready.
fn until(run: &Run, policy: &Policy) -> Timestamp {
    run.phase_since + policy.undo_patience
}

/// Taken out after it was seen healthy, and not seen gone yet.
fn may_be_used(place: &Place) -> bool {
    place.standing == Standing::Removed && place.seen.is_some()
}

pub(super) fn looked_at_target(run: &mut Run, binding: usize, seen: TargetObservation, policy: &Policy) {
    run.calm();
    let interval = run.spec.bindings().get(binding).map(|its| its.health_check_interval).unwrap_or_default();
    let look_at = run.latest + policy.target_interval(interval, Duration::MAX);
    if let Some(place) = run.places.get_mut(binding) {
        place.look_at = look_at;
        place.seen = (seen.state != TargetState::Unused).then_some(seen);
    }
}

/// What may not be looked at is waited out.
pub(super) fn not_seen(run: &mut Run, binding: usize, failure: Failure, policy: &Policy) {
    if failure.kind.is_retryable() {
        return back_off(run, Asked::Target(binding), failure, policy);
    }
    let until = until(run, policy);
    if let Some(place) = run.places.get_mut(binding) {
        place.look_at = until;
        // The group is gone, and all traffic with it.
        place.seen = place.seen.take().filter(|_| failure.kind != ErrorKind::NotFound);
    }
}

/// The task is stopped without waiting, rather than left.
pub(super) fn cut_short(run: &mut Run) {
    if matches!(run.phase, Phase::UndoTask { .. }) && run.places.iter().any(may_be_used) {
        run.calm();
        run.places.iter_mut().for_each(|place| place.seen = None);
    }
}
