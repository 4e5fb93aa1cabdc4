//! What each phase of a drain does.

use std::time::Duration;

use super::state::{DrainPhase, DrainRun};
use super::step::ask;
use crate::error::{ErrorKind, Failure};
use crate::machine::io::{Effect, Next};
use crate::machine::state::{Asked, FailedCall};
use crate::machine::{Cause, Leftover};
use crate::observation::{TargetObservation, TaskObservation, TaskStatus};
use crate::policy::Policy;
use crate::time::Timestamp;

/// What to do next; nothing where the drain went on to another phase and has to be asked again.
pub(super) fn decide(run: &mut DrainRun, policy: &Policy) -> Option<Next> {
    if run.latest < run.not_before {
        return Some(Next::WakeAt(run.not_before));
    }
    match run.phase {
        DrainPhase::Deregistering => deregistering(run),
        DrainPhase::Draining => draining(run, policy),
        DrainPhase::Stopping => stopping(run),
        DrainPhase::AwaitingStopped => awaiting_stopped(run, policy),
        DrainPhase::Drained | DrainPhase::Halted { .. } => Some(Next::Finished),
    }
}

// --- Deregistering

fn deregistering(run: &mut DrainRun) -> Option<Next> {
    match run.progress.iter().position(|place| place.deregistered_at.is_none()) {
        Some(place) => ask(run, Asked::Deregister(place), Effect::Deregister { binding: place }),
        None => {
            run.enter(DrainPhase::Draining);
            None
        }
    }
}

pub(super) fn deregistered(run: &mut DrainRun, place: usize) {
    run.asked = None;
    run.calm();
    let now = run.latest;
    if let Some(place) = run.progress.get_mut(place) {
        place.deregistered_at = Some(now);
        place.look_at = now;
    }
}

// --- Draining

fn draining(run: &mut DrainRun, policy: &Policy) -> Option<Next> {
    let now = run.latest;
    for place in 0..run.progress.len() {
        if now >= drained_by(run, place, policy) {
            run.progress[place].is_over = true;
        }
    }
    let waiting = (0..run.progress.len()).filter(|&place| !run.progress[place].is_over);
    let due = |place: usize| {
        let by = drained_by(run, place, policy);
        if run.progress[place].is_dark { by } else { run.progress[place].look_at.min(by) }
    };
    match waiting.map(|place| (due(place), place)).min() {
        None => {
            run.enter(if run.spec.task.is_some() { DrainPhase::Stopping } else { DrainPhase::Drained });
            None
        }
        Some((at, _)) if now < at => Some(Next::WakeAt(at)),
        Some((_, place)) => ask(run, Asked::Target(place), Effect::ObserveTarget { binding: place }),
    }
}

/// When a place counts as drained even if nobody says so.
fn drained_by(run: &DrainRun, place: usize, policy: &Policy) -> Timestamp {
    let (Some(progress), Some(spec)) = (run.progress.get(place), run.spec.places.get(place)) else {
        return run.latest;
    };
    let own = spec.deregistration_delay + policy.registration_grace;
    let wait = run.spec.drain_wait.map_or(own, |wait| wait.min(own));
    progress.deregistered_at.unwrap_or(run.latest) + wait
}

pub(super) fn looked_at_target(run: &mut DrainRun, place: usize, seen: TargetObservation, policy: &Policy) {
    run.asked = None;
    run.calm();
    let (Some(progress), Some(spec)) = (run.progress.get_mut(place), run.spec.places.get(place)) else {
        return;
    };
    progress.is_over = seen.is_not_registered();
    progress.seen = Some(seen);
    // AWS shows a target as draining for the whole delay, so there is no hurry.
    let interval = policy.target_interval(spec.deregistration_delay, Duration::MAX);
    progress.look_at = run.latest + interval;
}

// --- Stopping

fn stopping(run: &mut DrainRun) -> Option<Next> {
    if is_over(run.seen.as_ref()) {
        run.enter(DrainPhase::Drained);
        return None;
    }
    ask(run, Asked::Stop, Effect::StopTask)
}

pub(super) fn stop_accepted(run: &mut DrainRun) {
    run.stop_asked_at = Some(run.latest);
    run.enter(DrainPhase::AwaitingStopped);
    run.look_at = run.latest;
}

fn awaiting_stopped(run: &mut DrainRun, policy: &Policy) -> Option<Next> {
    if is_over(run.seen.as_ref()) {
        run.enter(DrainPhase::Drained);
        return None;
    }
    let asked_at = run.stop_asked_at.unwrap_or(run.phase_since);
    let deadline = asked_at + policy.stop_patience;
    if run.latest >= deadline && run.seen.is_some() {
        let last = run.seen.as_ref().map(|seen| seen.status);
        halt(run, Cause::NotStoppedInTime { waited: policy.stop_patience, last });
        return None;
    }
    if run.latest < run.look_at {
        return Some(Next::WakeAt(run.look_at));
    }
    ask(run, Asked::Task, Effect::ObserveTask)
}

/// A task that ECS no longer knows has stopped more than an hour ago.
fn is_over(seen: Option<&TaskObservation>) -> bool {
    seen.is_some_and(|seen| matches!(seen.status, TaskStatus::Stopped | TaskStatus::Missing))
}

pub(super) fn looked_at_task(run: &mut DrainRun, task: TaskObservation, policy: &Policy) {
    run.asked = None;
    run.calm();
    run.look_at = run.latest + run.scatter(policy.task_interval(task.status));
    if run.spec.task.as_ref() == Some(&task.task) {
        run.seen = Some(task);
    }
}

pub(super) fn told_of_task(run: &mut DrainRun, task: TaskObservation) {
    let newer = run.seen.as_ref().is_none_or(|seen| task.version > seen.version);
    if run.spec.task.as_ref() == Some(&task.task) && newer && task.status != TaskStatus::Missing {
        run.seen = Some(task);
    }
}

// --- What goes wrong

pub(super) fn failed(run: &mut DrainRun, asked: Asked, failure: Failure, policy: &Policy) {
    run.asked = None;
    match (asked, failure.kind) {
        (Asked::Deregister(place), ErrorKind::NotFound) => deregistered(run, place),
        // What was there when the drain began may have been launched a moment before, and not be known everywhere yet.
        (Asked::Stop, ErrorKind::NotFound) if run.age() < policy.missing_grace => {
            run.calm();
            run.not_before = run.latest + run.scatter(policy.task_interval(TaskStatus::Missing));
        }
        (Asked::Stop, ErrorKind::NotFound) => stop_accepted(run),
        // The cluster is gone, and the task with it.
        (Asked::Task, ErrorKind::NotFound) => run.enter(DrainPhase::Drained),
        // What may not be looked at is waited out.
        (Asked::Target(place), ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::Conflict) => {
            if let Some(place) = run.progress.get_mut(place) {
                place.is_dark = true;
            }
        }
        (Asked::Target(place), ErrorKind::NotFound) => {
            if let Some(place) = run.progress.get_mut(place) {
                place.is_over = true;
            }
        }
        (
            Asked::Launch
            | Asked::Find
            | Asked::Running
            | Asked::Task
            | Asked::Register(_)
            | Asked::Deregister(_)
            | Asked::Stop,
            ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Conflict,
        ) => halt(run, Cause::CallFailed { call: asked.call(), failure }),
        (
            Asked::Launch
            | Asked::Find
            | Asked::Running
            | Asked::Task
            | Asked::Target(_)
            | Asked::Register(_)
            | Asked::Deregister(_)
            | Asked::Stop,
            ErrorKind::Capacity
            | ErrorKind::Throttled
            | ErrorKind::Timeout
            | ErrorKind::Unavailable
            | ErrorKind::Other,
        ) => back_off(run, asked, failure, policy),
    }
}

fn back_off(run: &mut DrainRun, asked: Asked, failure: Failure, policy: &Policy) {
    run.failures = run.failures.saturating_add(1);
    if run.failures == 1 {
        run.failing_since = run.latest;
    }
    run.not_before = run.latest + policy.backoff.delay(run.failures, run.seed.into());
    run.last_failure = Some(FailedCall { call: asked.call(), failure });
    // Decided where a call fails and nowhere else: a drain that was left alone for long tries before it gives up.
    if run.latest >= run.failing_since + policy.undo_patience {
        give_up(run);
    }
}

fn give_up(run: &mut DrainRun) {
    let cause = match run.last_failure.take() {
        Some(failed) => Cause::CallFailed { call: failed.call, failure: failed.failure },
        None => Cause::Cancelled,
    };
    halt(run, cause);
}

/// Somebody asks it to end. What was begun stays as it is; draining again finishes it.
pub(super) fn cancel(run: &mut DrainRun) {
    halt(run, Cause::Cancelled);
}

pub(super) fn halt(run: &mut DrainRun, cause: Cause) {
    let places = run.spec.places.iter().zip(&run.progress);
    let registered = places.filter(|(_, progress)| progress.deregistered_at.is_none());
    let mut leftovers: Vec<Leftover> = registered
        .map(|(place, _)| Leftover::Target {
            target_group: place.target_group.clone(),
            target: place.target.clone(),
        })
        .collect();
    if let Some(task) = &run.spec.task
        && !is_over(run.seen.as_ref())
    {
        leftovers.push(Leftover::Task { cluster: run.spec.cluster.clone(), task: task.clone() });
    }
    run.enter(DrainPhase::Halted { cause, leftovers });
}
