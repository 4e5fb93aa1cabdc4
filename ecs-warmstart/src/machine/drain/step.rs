//! The step of a drain.

use super::phases;
use super::state::{Drain, DrainRun};
use crate::machine::io::{Effect, Input, Next};
use crate::machine::state::Asked;
use crate::policy::Policy;
use crate::time::Timestamp;

/// The outcome of one step.
#[derive(Debug)]
#[must_use = "the state is lost with it"]
pub struct DrainStep {
    /// The state from now on.
    pub drain: Drain,
    /// What to do next. The `binding` of an effect is the number of a place.
    pub next: Next,
}

/// Goes one step: takes in `input` at the time `now`, and says what to do next.
///
/// Total and pure, as [`step`](fn@crate::machine::step) is, and with the same rules: what does not answer what was asked for
/// changes nothing, and every effect may be performed twice.
pub fn drain_step(mut drain: Drain, input: Input, now: Timestamp, policy: &Policy) -> DrainStep {
    let next = drain.advance(input, now, policy);
    DrainStep { drain, next }
}

impl Drain {
    /// The same in place, as `State::advance`.
    pub(crate) fn advance(&mut self, input: Input, now: Timestamp, policy: &Policy) -> Next {
        let run = &mut *self.run;
        if run.phase.name().is_final() {
            return Next::Finished;
        }
        run.latest = run.latest.max(now);
        take_in(run, input, policy);
        loop {
            if let Some(next) = phases::decide(run, policy) {
                return next;
            }
        }
    }
}

fn take_in(run: &mut DrainRun, input: Input, policy: &Policy) {
    match (input, run.asked) {
        (Input::Cancel | Input::Abandon, _) => phases::cancel(run),
        (Input::Deregistered, Some(Asked::Deregister(place))) => phases::deregistered(run, place),
        (Input::Target { binding, observation }, Some(Asked::Target(place))) if binding == place => {
            phases::looked_at_target(run, place, observation, policy);
        }
        (Input::StopAccepted, Some(Asked::Stop)) => phases::stop_accepted(run),
        (Input::Task(task), Some(Asked::Task)) => phases::looked_at_task(run, task, policy),
        (Input::TaskEvent(task), _) => phases::told_of_task(run, task),
        (Input::Failed(failure), Some(asked)) => phases::failed(run, asked, failure, policy),
        (
            Input::Tick
            | Input::Launched(_)
            | Input::Found(_)
            | Input::Running(_)
            | Input::Taken
            | Input::Registered
            | Input::Deregistered
            | Input::Target { .. }
            | Input::StopAccepted
            | Input::Task(_)
            | Input::NotMade
            | Input::TimeIsUp
            | Input::Failed(_),
            _,
        ) => {}
    }
}

/// Asks for an effect.
pub(super) fn ask(run: &mut DrainRun, asked: Asked, effect: Effect) -> Option<Next> {
    run.asked = Some(asked);
    Some(Next::Perform(effect))
}
