//! Launching: asks ECS for the task of a token, and moves to the next token only when the last one is proved over.

use std::time::Duration;

use super::capacity::{choose, fresh_pool, note_shortage, refuses_for_capacity, tried};
use super::io::Next;
use super::state::{Asked, Doubt, FailedCall, LaunchStep, Phase, Run, State, Via};
use super::step::{ask, back_off};
use super::windows::{NextAttempt, is_outdated, next_attempt, opens_at};
use super::{Cause, undo};
use crate::error::{ErrorKind, Failure};
use crate::observation::{TaskObservation, TaskStatus};
use crate::policy::Policy;

/// How far the clocks of AWS and of this machine lie apart at most, where the machine keeps time at all. What is older than
/// that by this machine's clock is never stopped.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// How far they can lie apart: AWS refuses signatures that are 5 minutes off. What is older than that is none of this run's.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

impl State {
    /// Lets a run that has asked for nothing yet begin with this attempt. All before it have to be proved over.
    pub(crate) fn go_on_from(&mut self, attempt: u32) {
        let run = &mut self.run;
        let has_asked = run.asked_since.is_some() || run.held.is_some();
        if !has_asked && matches!(run.phase, Phase::Launching { step: LaunchStep::Ask }) {
            run.attempt = attempt;
        }
    }
}

pub(super) fn launching(run: &mut Run, step: LaunchStep, policy: &Policy) -> Option<Next> {
    let deadline = run.running_since + run.spec.running_timeout();
    if run.latest >= deadline && !must_ask_once_more(run, step) {
        let last = run.last_failure.take().map(|failed| failed.failure);
        let (waited, tried) = (run.spec.running_timeout(), tried(run));
        undo::fail(run, Cause::NotLaunchedInTime { waited, last, tried });
        return None;
    }
    if run.latest < run.not_before {
        return Some(Next::WakeAt(run.not_before.min(deadline)));
    }
    match step {
        LaunchStep::Look => ask(run, Asked::Find),
        LaunchStep::Ask if is_outdated(run) => {
            // Others ask with new tokens. What an earlier call of this one launched is there to be seen once they do.
            run.phase = Phase::Launching { step: LaunchStep::Look };
            if run.doubt != Doubt::None {
                run.not_before = run.latest.max(opens_at(run));
            }
            None
        }
        LaunchStep::Ask => {
            // Another request under a token that may be bound would be a conflict.
            if run.doubt == Doubt::None {
                run.pool = choose(run, policy);
            }
            // Said before it is done: from here on there may be a task, whatever becomes of this process.
            run.doubt = match run.doubt {
                Doubt::None => Doubt::Asking,
                Doubt::Asking | Doubt::Unanswered | Doubt::Refused => Doubt::Unanswered,
            };
            run.asked_since.get_or_insert(run.latest);
            ask(run, Asked::Launch)
        }
    }
}

/// A launch without an answer is asked about once after the time is over, before it is given up: somebody who went on from
/// the same state may have brought its task up meanwhile.
fn must_ask_once_more(run: &Run, step: LaunchStep) -> bool {
    let in_doubt = matches!(run.doubt, Doubt::Asking | Doubt::Unanswered);
    step == LaunchStep::Ask && in_doubt && run.not_before <= run.latest
}

pub(super) fn launched(run: &mut Run, task: TaskObservation, policy: &Policy) {
    let status = task.status;
    if run.phase.is_undo() {
        run.hold(via_token(run, &task), task);
        return undo::launch_found(run);
    }
    if task.is_ending() {
        // An answer from the past: this attempt's task came and went, or goes, before this run asked for it.
        run.doubt = Doubt::None;
        run.phase = Phase::Launching { step: LaunchStep::Look };
        return run.calm();
    }
    run.hold(via_token(run, &task), task);
    run.enter(Phase::AwaitingRunning);
    run.look_at = run.latest + run.scatter(policy.starting_interval(status, Duration::ZERO));
}

/// Whether the task that ECS answered this run's token with is this run's, or one that an earlier call brought up.
fn via_token(run: &Run, task: &TaskObservation) -> Via {
    // What was asked for just now, and once only, cannot run yet.
    let asked_once = run.doubt == Doubt::Asking;
    let ran_before = task.status == TaskStatus::Running && (asked_once || is_older(run, task));
    if ran_before { Via::Earlier } else { Via::Launch }
}

pub(super) fn launch_failed(run: &mut Run, failure: Failure, policy: &Policy) {
    match failure.kind {
        _ if refuses_for_capacity(run, &failure) => {
            note_shortage(run, failure.clone());
            refused(run, failure, policy);
        }
        ErrorKind::Capacity => refused(run, failure, policy),
        ErrorKind::Conflict if failure.tasks.is_empty() => refused(run, failure, policy),
        ErrorKind::Conflict => {
            run.named = failure.tasks;
            // They are taken from the end.
            run.named.reverse();
            hold_next_named(run);
        }
        ErrorKind::Throttled => {
            not_launched_this_time(run);
            back_off(run, Asked::Launch, failure, policy);
        }
        ErrorKind::Timeout | ErrorKind::Unavailable | ErrorKind::Other => {
            run.doubt = Doubt::Unanswered;
            back_off(run, Asked::Launch, failure, policy);
        }
        ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::NotFound => {
            not_launched_this_time(run);
            undo::fail(run, Cause::CallFailed { call: Asked::Launch.call(), failure });
        }
    }
}

/// The launch was not made, and where it was to go may be no good place by now.
pub(super) fn not_made(run: &mut Run) {
    run.asked = None;
    not_launched_this_time(run);
}

/// The call was refused, so it launched nothing; an earlier one whose answer was lost may have.
fn not_launched_this_time(run: &mut Run) {
    run.doubt = match run.doubt {
        Doubt::None | Doubt::Asking => Doubt::None,
        Doubt::Unanswered | Doubt::Refused => Doubt::Unanswered,
    };
}

/// ECS will answer this token so for ever. Look whether a task is there all the same, then use the next one.
fn refused(run: &mut Run, failure: Failure, policy: &Policy) {
    run.doubt = Doubt::Refused;
    run.phase = Phase::Launching { step: LaunchStep::Look };
    run.refusals = run.refusals.saturating_add(1);
    run.failures = 0;
    // What waits for capacity waits longer and longer; what goes elsewhere needs only the proof that this attempt is over.
    let pause = match fresh_pool(run, policy) {
        Some(pool) if pool != run.pool => Duration::ZERO,
        Some(_) | None => policy.capacity_backoff.delay(run.refusals, run.seed.into()),
    };
    run.not_before = run.latest + pause.max(policy.listing_lag);
    run.last_failure = Some(Box::new(FailedCall { call: Asked::Launch.call(), failure }));
}

fn hold_next_named(run: &mut Run) {
    match run.named.pop() {
        Some(task) => {
            run.hold(Via::Conflict, TaskObservation::missing(task));
            run.enter(Phase::AwaitingRunning);
        }
        None => look_before_next_attempt(run),
    }
}

fn look_before_next_attempt(run: &mut Run) {
    run.held = None;
    run.doubt = Doubt::None;
    run.enter(Phase::Launching { step: LaunchStep::Look });
}

pub(super) fn found(run: &mut Run, tasks: Vec<TaskObservation>, policy: &Policy) {
    if run.phase.is_undo() {
        return undo::found(run, tasks, policy);
    }
    // Another run's task would be one task for two that were asked for.
    let candidates = if run.spec.is_fresh() { Vec::new() } else { tasks };
    let earliest = candidates
        .into_iter()
        .filter(|task| may_be_of_this_run(run, task) != Some(false))
        .min_by(|a, b| (a.created_at, &a.task).cmp(&(b.created_at, &b.task)));
    match earliest {
        Some(task) => {
            run.hold(Via::Adoption, task);
            run.enter(Phase::AwaitingRunning);
        }
        None => {
            // Proved over, so the next token may be used. The last failure is kept: it is the reason if time is over.
            run.doubt = Doubt::None;
            run.failures = 0;
            match next_attempt(run) {
                NextAttempt::Use(attempt) => {
                    run.attempt = attempt;
                    run.phase = Phase::Launching { step: LaunchStep::Ask };
                }
                NextAttempt::OpensAt(opens_at) => {
                    run.phase = Phase::Launching { step: LaunchStep::Look };
                    run.not_before = opens_at;
                }
            }
        }
    }
}

/// Whether a task of this service can have come from this run: unknown where ECS does not say how old it is.
pub(super) fn may_be_of_this_run(run: &Run, task: &TaskObservation) -> Option<bool> {
    if task.is_ending() || !runs_what_was_asked_for(run, task) {
        return Some(false);
    }
    run.asked_since.and(task.created_at).map(|_| !is_older(run, task))
}

/// Whether it may have come from this run after all, if this machine's clock is wrong: too much in doubt to stop it, and
/// too little to keep silent about it.
pub(super) fn may_be_by_a_wrong_clock(run: &Run, task: &TaskObservation) -> bool {
    let so_old = |(created_at, asked_since)| created_at + MAX_CLOCK_SKEW >= asked_since;
    !task.is_ending()
        && runs_what_was_asked_for(run, task)
        && is_older(run, task)
        && task.created_at.zip(run.asked_since).is_some_and(so_old)
}

/// Tasks of one service are alike, but for what an event overrides: then one is not taken for the other.
fn runs_what_was_asked_for(run: &Run, task: &TaskObservation) -> bool {
    run.spec.request().overrides.runs_the_same_as(&task.overrides)
}

/// Whether a task that a conflict named was launched with other overrides: whatever it serves, it is not what was asked for.
pub(super) fn is_of_another_request(run: &Run, task: &TaskObservation) -> bool {
    let named = run.held.as_ref().is_some_and(|held| held.via == Via::Conflict);
    named && !task.is_ending() && !runs_what_was_asked_for(run, task)
}

/// The run's name stands for another request already.
pub(super) fn name_is_taken(run: &mut Run) {
    let why = format!(
        "run {} was begun with other overrides, and its task runs with those; what is to run with these needs another name",
        run.spec.run()
    );
    let tasks = run.held.iter().map(|held| held.seen.task.clone()).collect();
    let failure = Failure { tasks, ..Failure::new(ErrorKind::Conflict, why) };
    undo::fail(run, Cause::CallFailed { call: Asked::Launch.call(), failure });
}

/// Whether the task was there for certain before this run asked for one.
fn is_older(run: &Run, task: &TaskObservation) -> bool {
    match (task.created_at, run.asked_since) {
        (Some(created_at), Some(asked_since)) => created_at + CLOCK_SKEW < asked_since,
        (None, _) | (_, None) => false,
    }
}

pub(super) fn taken(run: &mut Run, policy: &Policy) {
    let Some(held) = run.held.take() else { return };
    if run.phase.is_undo() {
        // Another run answers for it. There is nothing of it to take back here.
        return;
    }
    match held.via {
        Via::Launch | Via::Earlier | Via::Search => slot_taken(run, held.seen),
        Via::Conflict if run.named.is_empty() => slot_taken(run, held.seen),
        Via::Conflict => hold_next_named(run),
        Via::Adoption => {
            run.enter(Phase::Launching { step: LaunchStep::Look });
            run.not_before = run.latest + policy.poll_soon;
        }
    }
}

fn slot_taken(run: &mut Run, task: TaskObservation) {
    let cause = Box::new(Cause::SlotTaken { task: task.task });
    run.enter(Phase::Undone { cause });
}
