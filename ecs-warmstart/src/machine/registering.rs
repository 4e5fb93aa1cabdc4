//! From the open gate to ready: registers the targets, then waits for their health.

use std::net::IpAddr;
use std::time::Duration;

use super::doubt::lost_sight;
use super::forward::{healthy_deadline, is_over, look_at_task_when_due, out_of_time};
use super::io::Next;
use super::state::{Asked, Phase, Place, Run, Standing};
use super::step::ask;
use super::{Cause, undo};
use crate::observation::{Target, TargetObservation, TargetState};
use crate::policy::Policy;
use crate::spec::Readiness;
use crate::time::Timestamp;

// --- Registering

/// The gate is open.
pub(super) fn begin(run: &mut Run, policy: &Policy) {
    run.enter(Phase::Registering { binding: 0 });
    if policy.target_looks_from.is_none() || policy.target_looks_apart <= policy.poll_soon {
        return;
    }
    // Looks are scarce: the first one is made with those of the others, and then the registrations of all are one call, too.
    let now = run.latest;
    run.look_at = now + run.scatter(policy.poll_task_while_registered.max(policy.task_looks_apart));
    for (place, binding) in run.places.iter_mut().zip(run.spec.bindings()) {
        let interval = policy.target_interval(binding.health_check_interval, Duration::ZERO);
        place.look_at = policy.target_look_at(now + interval, &binding.target_group, 2 * interval);
    }
}

pub(super) fn registering(run: &mut Run, binding: usize, policy: &Policy) -> Option<Next> {
    let (Some(place), Some(its_binding)) = (run.places.get(binding), run.spec.bindings().get(binding)) else {
        return all_registered(run, policy);
    };
    if place.target.is_none() {
        let cause = Cause::NoTarget {
            target_group: its_binding.target_group.clone(),
            why: "the task has no address".to_owned(),
        };
        undo::fail(run, cause);
        return None;
    }
    let deadline = healthy_deadline(run);
    if run.latest >= deadline && place.standing == Standing::Absent && place.look_at <= deadline {
        run.places[binding].standing = Standing::Unknown;
        return None;
    }
    if is_given_up(run, place, deadline) {
        return not_registered_in_time(run, binding);
    }
    if run.latest < run.not_before {
        return Some(Next::WakeAt(run.not_before.min(deadline)));
    }
    let stands = matches!(place.standing, Standing::Ours | Standing::Before);
    if !stands && lost_sight(run) {
        // Whoever goes on late must not put in, or take for the task's, what is another's address by now.
        return if run.latest >= deadline && run.look_at > run.latest {
            not_registered_in_time(run, binding)
        } else {
            look_at_task_when_due(run, deadline)
        };
    }
    match place.standing {
        Standing::Ours | Standing::Before => {
            run.phase = Phase::Registering { binding: binding.saturating_add(1) };
            None
        }
        Standing::Absent | Standing::Asked => {
            // Said before it is done: from here on it may stand there.
            run.places[binding].standing = Standing::Asked;
            ask(run, Asked::Register(binding))
        }
        Standing::Unknown | Standing::Removed | Standing::Leaked => {
            let target_due = place.look_at;
            if run.latest >= target_due {
                return ask(run, Asked::Target(binding));
            }
            // It drains. Meanwhile the task may die.
            look_at_task_when_due(run, deadline.min(target_due))
        }
    }
}

fn not_registered_in_time(run: &mut Run, binding: usize) -> Option<Next> {
    let (Some(place), Some(its_binding)) = (run.places.get(binding), run.spec.bindings().get(binding)) else {
        return None;
    };
    let cause = Cause::NotRegisteredInTime {
        waited: run.spec.healthy_timeout(),
        target_group: its_binding.target_group.clone(),
        target: place.target.clone()?,
        last: place.seen.clone(),
    };
    out_of_time(run, cause)
}

/// Whether the time is over for a target that is not known to be there, and it was looked at or asked for since: a run that is
/// taken up late may find it registered by somebody who went on from the same state.
fn is_given_up(run: &Run, place: &Place, deadline: Timestamp) -> bool {
    match place.standing {
        Standing::Ours | Standing::Before => false,
        Standing::Absent => run.latest >= deadline,
        Standing::Asked => run.latest >= deadline && run.not_before > run.latest,
        Standing::Unknown | Standing::Removed | Standing::Leaked => is_over(run, deadline, place.look_at),
    }
}

fn all_registered(run: &mut Run, policy: &Policy) -> Option<Next> {
    match run.spec.readiness() {
        Readiness::Registered => run.enter(Phase::Ready),
        Readiness::Healthy => {
            run.enter(Phase::AwaitingHealthy);
            let interval = policy.poll_task_while_registered.max(policy.task_looks_apart);
            run.look_at = run.latest + run.scatter(interval);
        }
    }
    None
}

pub(super) fn registered(run: &mut Run, binding: usize, policy: &Policy) {
    let now = run.latest;
    let (places, bindings) = (&mut run.places, run.spec.bindings());
    if let (Some(place), Some(its_binding)) = (places.get_mut(binding), bindings.get(binding)) {
        place.standing = Standing::Ours;
        place.registered_at = now;
        let first = now + policy.first_target_look.max(policy.target_looks_apart);
        let interval = policy.target_interval(its_binding.health_check_interval, Duration::ZERO);
        place.look_at = policy.target_look_at(first, &its_binding.target_group, interval);
        place.seen = None;
        run.calm();
    }
}

pub(super) fn looked_at_target(run: &mut Run, binding: usize, seen: TargetObservation, policy: &Policy) {
    run.calm();
    let now = run.latest;
    let (Some(place), Some(its_binding)) = (run.places.get_mut(binding), run.spec.bindings().get(binding))
    else {
        return;
    };
    if seen.reason.as_ref().is_some_and(|reason| reason.is_final()) {
        let Some(target) = place.target.clone() else { return };
        let target_group = its_binding.target_group.clone();
        place.seen = Some(seen.clone());
        return undo::fail(run, Cause::TargetUnusable { target_group, target, observation: seen });
    }
    let since_registration = now.since(place.registered_at);
    let interval = policy.target_interval(its_binding.health_check_interval, since_registration);
    place.look_at = policy.target_look_at(now + interval, &its_binding.target_group, interval);
    if place.standing == Standing::Unknown {
        place.standing = match seen.state {
            // An instance may be registered again while it drains; an address only when its delay has passed (AWS).
            TargetState::Draining if place.target.as_ref().is_some_and(is_instance) => Standing::Absent,
            TargetState::Draining => Standing::Unknown,
            TargetState::Unused => Standing::Absent,
            TargetState::Initial
            | TargetState::Healthy
            | TargetState::Unhealthy
            | TargetState::UnhealthyDraining
            | TargetState::Unavailable => Standing::Before,
        };
        place.registered_at = now;
        place.seen = Some(seen);
        return;
    }
    let gone = seen.is_not_registered() && now.since(place.registered_at) >= policy.registration_grace;
    place.seen = Some(seen);
    if gone {
        // Somebody took it out, or the registration never came about.
        place.standing = Standing::Unknown;
        place.look_at = now;
        run.enter(Phase::Registering { binding });
    }
}

fn is_instance(target: &Target) -> bool {
    target.id.parse::<IpAddr>().is_err()
}

// --- AwaitingHealthy

/// Whoever shares looks at targets is there in time: a look at its task is not begun so shortly before,
const IN_TIME: Duration = Duration::from_millis(500);

/// unless it is so late already.
const LATE: Duration = Duration::from_secs(1);

pub(super) fn awaiting_healthy(run: &mut Run, policy: &Policy) -> Option<Next> {
    let waiting = (0..run.places.len()).filter(|&binding| !is_known_healthy(run, binding));
    let Some((binding, due)) =
        waiting.map(|binding| (binding, run.places[binding].look_at)).min_by_key(|it| it.1)
    else {
        run.enter(Phase::Ready);
        return None;
    };
    let deadline = healthy_deadline(run);
    if is_over(run, deadline, due.min(run.look_at)) {
        return not_healthy_in_time(run, binding);
    }
    let task_due = run.look_at.max(run.not_before);
    let makes_way = policy.target_looks_from.is_some()
        && due < deadline.min(run.latest + IN_TIME)
        && run.latest < task_due + LATE;
    if task_due <= run.latest && !makes_way {
        return ask(run, Asked::Task);
    }
    if due.max(run.not_before) <= run.latest {
        return ask(run, Asked::Target(binding));
    }
    if makes_way {
        return Some(Next::WakeAt(due.max(run.not_before).min(deadline)));
    }
    Some(Next::WakeAt(due.min(run.look_at).max(run.not_before).min(deadline)))
}

/// Healthy when last seen, and seen not so long ago that it has been checked once more since.
fn is_known_healthy(run: &Run, binding: usize) -> bool {
    let interval = run.spec.bindings().get(binding).map(|its| its.health_check_interval).unwrap_or_default();
    let place = &run.places[binding];
    place.is_healthy() && run.latest < place.look_at + interval
}

fn not_healthy_in_time(run: &mut Run, binding: usize) -> Option<Next> {
    let waited = run.spec.healthy_timeout();
    let cause = match (run.places.get(binding), run.spec.bindings().get(binding)) {
        (Some(Place { target: Some(target), seen, .. }), Some(its_binding)) => Cause::NotHealthyInTime {
            waited,
            target_group: its_binding.target_group.clone(),
            target: target.clone(),
            last: seen.clone(),
        },
        // A state that was made elsewhere: nothing stands for the task, so it is not where it should be.
        _ => Cause::NotRunningInTime { waited, last: run.held.as_ref().map(|held| held.seen.status) },
    };
    out_of_time(run, cause)
}
