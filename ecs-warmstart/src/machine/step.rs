//! The step: takes in what happened, and says what to do next.

use super::doubt;
use super::forward;
use super::io::{Effect, Input, Next, Step};
use super::state::{Asked, FailedCall, Run};
use super::undo;
use super::{Cause, State};
use super::{launching, lingering, registering, running};
use crate::error::Failure;
use crate::policy::Policy;
use crate::time::Timestamp;

/// Goes one step: takes in `input` at the time `now`, and says what to do next.
///
/// Total and pure. Any input may come at any time: one that does not answer what was asked for changes nothing. A time
/// before the last one counts as the last one. A final state stays as it is.
///
/// The loop around it, in which the state is saved before every effect, is [`WarmStart`](crate::driver::WarmStart).
pub fn step(mut state: State, input: Input, now: Timestamp, policy: &Policy) -> Step {
    let next = state.advance(input, now, policy);
    Step { state, next }
}

impl State {
    /// The same in place: who is dropped between two steps leaves a state that can be gone on with.
    pub(crate) fn advance(&mut self, input: Input, now: Timestamp, policy: &Policy) -> Next {
        let run = &mut *self.run;
        if run.phase.name().is_final() {
            return Next::Finished;
        }
        run.latest = run.latest.max(now);
        take_in(run, input, policy);
        loop {
            if let Some(next) = forward::decide(run, policy) {
                return next;
            }
        }
    }
}

fn take_in(run: &mut Run, input: Input, policy: &Policy) {
    let just_held = std::mem::take(&mut run.just_held);
    match input {
        Input::Tick => {}
        Input::Cancel => undo::cancel(run),
        Input::Abandon => undo::abandon(run),
        Input::Launched(task) => {
            if answers(run, Asked::Launch) {
                launching::launched(run, task, policy);
            }
        }
        Input::Found(tasks) => {
            if answers(run, Asked::Find) {
                launching::found(run, tasks, policy);
            }
        }
        Input::Running(tasks) => {
            if answers(run, Asked::Running) {
                doubt::looked_around(run, &tasks);
            }
        }
        Input::Taken => {
            if just_held {
                launching::taken(run, policy);
            }
        }
        Input::Task(task) => {
            if answers(run, Asked::Task) {
                running::looked_at_task(run, task, policy);
            }
        }
        Input::TaskEvent(task) => running::told_of_task(run, task, policy),
        Input::Registered => {
            if let Some(Asked::Register(binding)) = run.asked {
                run.asked = None;
                registering::registered(run, binding, policy);
            }
        }
        Input::Target { binding, observation } => {
            let is_undo = run.phase.is_undo();
            match answers(run, Asked::Target(binding)) {
                true if is_undo => lingering::looked_at_target(run, binding, observation, policy),
                true => registering::looked_at_target(run, binding, observation, policy),
                false => {}
            }
        }
        Input::Deregistered => {
            if let Some(Asked::Deregister(binding)) = run.asked {
                run.asked = None;
                undo::deregistered(run, binding);
            }
        }
        Input::StopAccepted => {
            if answers(run, Asked::Stop) {
                undo::stop_accepted(run);
            }
        }
        Input::TimeIsUp => lingering::cut_short(run),
        Input::NotMade => {
            if run.asked == Some(Asked::Launch) {
                launching::not_made(run);
            }
        }
        Input::Failed(failure) => {
            if let Some(asked) = run.asked.take() {
                failed(run, asked, failure, policy);
            }
        }
    }
}

/// Whether this is the answer that is waited for; it is taken as given then.
fn answers(run: &mut Run, asked: Asked) -> bool {
    let fits = run.asked == Some(asked);
    if fits {
        run.asked = None;
    }
    fits
}

fn failed(run: &mut Run, asked: Asked, failure: Failure, policy: &Policy) {
    if run.phase.is_undo() {
        undo::failed(run, asked, failure, policy);
    } else if asked == Asked::Launch {
        launching::launch_failed(run, failure, policy);
    } else if failure.kind.is_retryable() {
        back_off(run, asked, failure, policy);
    } else {
        undo::fail(run, Cause::CallFailed { call: asked.call(), failure });
    }
}

/// The same call again, later.
pub(super) fn back_off(run: &mut Run, asked: Asked, failure: Failure, policy: &Policy) {
    run.failures = run.failures.saturating_add(1);
    run.not_before = run.latest + policy.backoff.delay(run.failures, run.seed.into());
    run.last_failure = Some(Box::new(FailedCall { call: asked.call(), failure }));
}

/// Asks for an effect.
pub(super) fn ask(run: &mut Run, asked: Asked) -> Option<Next> {
    run.asked = Some(asked);
    Some(Next::Perform(match asked {
        Asked::Launch => Effect::Launch { token: run.token() },
        Asked::Find => Effect::FindTask,
        Asked::Running => Effect::FindRunning,
        Asked::Task => Effect::ObserveTask,
        Asked::Target(binding) => Effect::ObserveTarget { binding },
        Asked::Register(binding) => Effect::Register { binding },
        Asked::Deregister(binding) => Effect::Deregister { binding },
        Asked::Stop => Effect::StopTask,
    }))
}
