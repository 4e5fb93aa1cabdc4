//! The way forward: from the launch to ready targets. What every phase of it shares.

use super::io::Next;
use super::state::{Asked, Phase, Run};
use super::step::ask;
use super::{Cause, launching, registering, running, undo};
use crate::observation::TaskObservation;
use crate::policy::Policy;
use crate::time::Timestamp;

/// What to do next; nothing where the run went on to another phase and has to be asked again.
pub(super) fn decide(run: &mut Run, policy: &Policy) -> Option<Next> {
    match run.phase {
        Phase::Launching { step } => launching::launching(run, step, policy),
        Phase::AwaitingRunning => running::awaiting_running(run),
        Phase::AwaitingGate => running::awaiting_gate(run, policy),
        Phase::Registering { binding } => registering::registering(run, binding, policy),
        Phase::AwaitingHealthy => registering::awaiting_healthy(run, policy),
        Phase::UndoLaunch { .. } | Phase::UndoRegister { .. } | Phase::UndoTask { .. } => {
            undo::decide(run, policy)
        }
        Phase::Ready | Phase::Undone { .. } | Phase::Kept { .. } | Phase::Leaked { .. } => {
            Some(Next::Finished)
        }
    }
}

pub(super) fn healthy_deadline(run: &Run) -> Timestamp {
    run.healthy_since.unwrap_or(run.running_since) + run.spec.healthy_timeout()
}

/// Whether the time is over, and a look since then has seen or tried to see how things stand: a run that is taken up late
/// looks once before it gives up what may be ready.
pub(super) fn is_over(run: &Run, deadline: Timestamp, next_look: Timestamp) -> bool {
    run.latest >= deadline && (next_look > deadline || run.not_before > run.latest)
}

pub(super) fn look_at_task_when_due(run: &mut Run, deadline: Timestamp) -> Option<Next> {
    let due = run.look_at.max(run.not_before);
    if run.latest < due { Some(Next::WakeAt(due.min(deadline))) } else { ask(run, Asked::Task) }
}

/// The time is over. Where the task is stopping, or the last looks failed, that is why.
pub(super) fn out_of_time(run: &mut Run, cause: Cause) -> Option<Next> {
    let ending = run.held.as_ref().filter(|held| held.seen.is_ending());
    let cause = match (ending, run.last_failure.take()) {
        (Some(held), _) => stopped(&held.seen),
        (None, Some(failed)) => Cause::CallFailed { call: failed.call, failure: failed.failure },
        (None, None) => cause,
    };
    undo::fail(run, cause);
    None
}

pub(super) fn stopped(seen: &TaskObservation) -> Cause {
    Cause::TaskStopped {
        task: seen.task.clone(),
        stop: seen.stop.clone().unwrap_or_default(),
        containers: seen.containers.clone(),
    }
}
