//! The way back: takes back what this run did or may have done, and nothing else.

use super::doubt::{is_in_doubt, name_targets_in_doubt};
use super::io::Next;
use super::launching::{may_be_by_a_wrong_clock, may_be_of_this_run};
use super::lingering::{self, linger};
use super::state::{AfterUndo, Asked, Doubt, LaunchStep, Phase, Place, Run, Standing, Undo, Via};
use super::step::{ask, back_off};
use super::{Cause, Leftover};
use crate::error::{ErrorKind, Failure};
use crate::observation::{TargetState, TaskObservation, TaskStatus};
use crate::policy::Policy;
use crate::spec::OnFailure;

// --- Into the undo

/// The run cannot get ready.
pub(super) fn fail(run: &mut Run, cause: Cause) {
    // What nobody can name cannot be kept for anybody to look at, and the address of a task that is gone is nothing to look
    // at: it would get traffic, and may be another task's soon.
    let stays = run.held.as_ref().is_some_and(|held| !held.seen.is_ending());
    let keep = run.spec.on_failure() == OnFailure::Keep && stays;
    if keep {
        run.enter(Phase::Kept { cause: Box::new(cause) });
    } else {
        begin(run, cause, AfterUndo::Finish);
    }
}

/// This attempt is over; the next one may get there.
pub(super) fn relaunch(run: &mut Run, cause: Cause) {
    begin(run, cause, AfterUndo::Relaunch);
}

/// Somebody asks the run to end. What it did is taken back, whatever happens on failure.
pub(super) fn cancel(run: &mut Run) {
    match undo_of(&mut run.phase) {
        Some(undo) => undo.then = AfterUndo::Finish,
        None => begin(run, Cause::Cancelled, AfterUndo::Finish),
    }
}

/// Somebody asks the run to end at once: names what it did or may have done.
pub(super) fn abandon(run: &mut Run) {
    let (cause, mut leftovers) = match undo_of(&mut run.phase) {
        Some(undo) => (undo.cause.clone(), std::mem::take(&mut undo.leftovers)),
        None => (Cause::Cancelled, Vec::new()),
    };
    if run.held.is_none() && run.doubt != Doubt::None {
        leftovers.push(launch_leftover(run));
    }
    let registered = (0..run.places.len()).filter(|&binding| must_deregister(run, &run.places[binding]));
    leftovers.extend(registered.filter_map(|binding| target_leftover(run, binding)));
    if must_stop(run) {
        leftovers.extend(task_leftover(run));
    }
    end(run, cause, leftovers);
}

fn begin(run: &mut Run, cause: Cause, then: AfterUndo) {
    let undo = Box::new(Undo { cause, then, leftovers: Vec::new(), part_since: run.latest });
    run.places.iter_mut().for_each(|place| place.look_at = place.look_at.min(run.latest));
    let phase = match run.doubt {
        Doubt::Asking | Doubt::Unanswered if run.held.is_none() => {
            run.doubt = Doubt::Unanswered;
            Phase::UndoLaunch { step: LaunchStep::Ask, undo }
        }
        Doubt::Refused if run.held.is_none() => Phase::UndoLaunch { step: LaunchStep::Look, undo },
        Doubt::None | Doubt::Asking | Doubt::Unanswered | Doubt::Refused => Phase::UndoRegister { undo },
    };
    run.enter(phase);
}

fn undo_of(phase: &mut Phase) -> Option<&mut Undo> {
    match phase {
        Phase::UndoLaunch { undo, .. } | Phase::UndoRegister { undo } | Phase::UndoTask { undo } => {
            Some(undo)
        }
        Phase::Launching { .. }
        | Phase::AwaitingRunning
        | Phase::AwaitingGate
        | Phase::Registering { .. }
        | Phase::AwaitingHealthy
        | Phase::Ready
        | Phase::Undone { .. }
        | Phase::Kept { .. }
        | Phase::Leaked { .. } => None,
    }
}

// --- What to do next

pub(super) fn decide(run: &mut Run, policy: &Policy) -> Option<Next> {
    if run.latest < run.not_before {
        return Some(Next::WakeAt(run.not_before));
    }
    match run.phase {
        Phase::UndoLaunch { step: LaunchStep::Ask, .. } => ask(run, Asked::Launch),
        Phase::UndoLaunch { step: LaunchStep::Look, .. } => ask(run, Asked::Find),
        Phase::UndoRegister { .. } => undo_register(run),
        Phase::UndoTask { .. } => undo_task(run, policy),
        Phase::Launching { .. }
        | Phase::AwaitingRunning
        | Phase::AwaitingGate
        | Phase::Registering { .. }
        | Phase::AwaitingHealthy
        | Phase::Ready
        | Phase::Undone { .. }
        | Phase::Kept { .. }
        | Phase::Leaked { .. } => None,
    }
}

pub(super) fn failed(run: &mut Run, asked: Asked, failure: Failure, policy: &Policy) {
    match (asked, failure.kind) {
        (Asked::Launch, ErrorKind::Capacity) => {
            run.doubt = Doubt::Refused;
            look_for_launch(run);
        }
        // The token belongs to another request, so ours never got through with it.
        (Asked::Launch, ErrorKind::Conflict) => launch_settled(run),
        (Asked::Launch, ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::NotFound) => look_for_launch(run),
        // The cluster is gone, and with it every task.
        (Asked::Find, ErrorKind::NotFound) => launch_settled(run),
        (Asked::Find, ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::Conflict) => name_launch(run),
        (
            Asked::Running,
            ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Conflict,
        ) => name_targets_in_doubt(run),
        (Asked::Deregister(binding), ErrorKind::NotFound) => deregistered(run, binding),
        (Asked::Deregister(binding), ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::Conflict) => {
            name_target(run, binding);
        }
        (Asked::Stop, ErrorKind::NotFound) => stop_of_unknown(run, policy),
        (Asked::Stop, ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::Conflict) => {
            let leftover = task_leftover(run);
            finish(run, leftover);
        }
        (
            Asked::Launch | Asked::Find | Asked::Running | Asked::Deregister(_) | Asked::Stop,
            ErrorKind::Capacity
            | ErrorKind::Throttled
            | ErrorKind::Timeout
            | ErrorKind::Unavailable
            | ErrorKind::Other,
        ) => {
            back_off(run, asked, failure, policy);
            begin_patience(run);
            if is_out_of_patience(run, policy) {
                give_up(run, asked);
            }
        }
        (Asked::Target(binding), _) => lingering::not_seen(run, binding, failure, policy),
        // Not asked for in an undo.
        (Asked::Task | Asked::Register(_), _) => {}
    }
}

/// Patience counts from the first failure in a row: a process may have died long before this one went on.
fn begin_patience(run: &mut Run) {
    let now = run.latest;
    if run.failures == 1
        && let Some(undo) = undo_of(&mut run.phase)
    {
        undo.part_since = now;
    }
}

/// Decided where a call fails and nowhere else: a run that was left alone for long tries each part before it gives it up.
fn is_out_of_patience(run: &mut Run, policy: &Policy) -> bool {
    let now = run.latest;
    undo_of(&mut run.phase).is_some_and(|undo| now >= undo.part_since + policy.undo_patience)
}

/// Names what this part was to take back, and goes on with the next one.
fn give_up(run: &mut Run, asked: Asked) {
    match asked {
        Asked::Launch => look_for_launch(run),
        Asked::Find => name_launch(run),
        Asked::Running => name_targets_in_doubt(run),
        Asked::Deregister(binding) => name_target(run, binding),
        Asked::Stop => {
            let leftover = task_leftover(run);
            finish(run, leftover);
        }
        // Not asked for in an undo.
        Asked::Task | Asked::Target(_) | Asked::Register(_) => {}
    }
}

// --- The launch: what became of it?

/// The launch was answered after all: the task is known.
pub(super) fn launch_found(run: &mut Run) {
    go_on(run, |undo| Phase::UndoRegister { undo });
}

pub(super) fn found(run: &mut Run, mut tasks: Vec<TaskObservation>, policy: &Policy) {
    let in_doubt = tasks.iter().any(|task| may_be_by_a_wrong_clock(run, task));
    tasks.retain(|task| may_be_of_this_run(run, task) == Some(true));
    let refused = run.doubt == Doubt::Refused;
    match tasks.len() {
        0 => {
            // A task that was just launched may not be listed yet; an answer that says there is none counts for more.
            let patience = if refused { policy.listing_lag } else { policy.undo_patience };
            // From when it began to look, whatever failed since: looks that fail now and then must not go on for ever.
            let until = run.phase_since + patience;
            if run.latest >= until && in_doubt && !refused {
                name_launch(run);
            } else if run.latest >= until {
                launch_settled(run);
            } else {
                run.calm();
                run.not_before = until.min(run.latest + run.scatter(policy.poll_provisioning));
            }
        }
        1 => {
            // With an answer that names no task, the task is more likely somebody else's: it is left, and named.
            let via = if refused { Via::Adoption } else { Via::Search };
            run.hold(via, tasks.remove(0));
            launch_found(run);
        }
        _ => {
            let cluster = run.spec.cluster().clone();
            let named =
                tasks.into_iter().map(|task| Leftover::Task { cluster: cluster.clone(), task: task.task });
            let named: Vec<Leftover> = named.collect();
            if let Some(undo) = undo_of(&mut run.phase) {
                undo.leftovers.extend(named);
            }
            launch_settled(run);
        }
    }
}

fn look_for_launch(run: &mut Run) {
    go_on(run, |undo| Phase::UndoLaunch { step: LaunchStep::Look, undo });
}

fn name_launch(run: &mut Run) {
    let leftover = launch_leftover(run);
    if let Some(undo) = undo_of(&mut run.phase) {
        undo.leftovers.push(leftover);
    }
    launch_settled(run);
}

fn launch_settled(run: &mut Run) {
    run.doubt = Doubt::None;
    go_on(run, |undo| Phase::UndoRegister { undo });
}

// --- The targets

fn undo_register(run: &mut Run) -> Option<Next> {
    match run.places.iter().position(|place| must_deregister(run, place)) {
        Some(binding) if is_in_doubt(run, &run.places[binding]) => return ask(run, Asked::Running),
        Some(binding) => return ask(run, Asked::Deregister(binding)),
        None => go_on(run, |undo| Phase::UndoTask { undo }),
    }
    None
}

pub(super) fn must_deregister(run: &Run, place: &Place) -> bool {
    match place.standing {
        Standing::Asked | Standing::Ours => true,
        // It stands for a task of this run, so whoever registered it did it for this run: another process that took the
        // same token. A task is never stopped while traffic goes to it. Once the task is gone the address may be another's.
        Standing::Before => must_stop(run),
        Standing::Unknown | Standing::Absent | Standing::Removed | Standing::Leaked => false,
    }
}

pub(super) fn deregistered(run: &mut Run, binding: usize) {
    if let Some(place) = run.places.get_mut(binding) {
        place.standing = Standing::Removed;
        // Where it had traffic, requests may be under way: see `linger`.
        place.seen = place.seen.take().filter(|seen| seen.state == TargetState::Healthy);
        place.look_at = run.latest;
    }
    go_on(run, |undo| Phase::UndoRegister { undo });
}

pub(super) fn name_target(run: &mut Run, binding: usize) {
    let leftover = target_leftover(run, binding);
    if let Some(place) = run.places.get_mut(binding) {
        place.standing = Standing::Leaked;
    }
    if let Some(undo) = undo_of(&mut run.phase) {
        undo.leftovers.extend(leftover);
    }
    go_on(run, |undo| Phase::UndoRegister { undo });
}

// --- The task

fn undo_task(run: &mut Run, policy: &Policy) -> Option<Next> {
    if must_stop(run) {
        if let Some(next) = linger(run, policy) {
            return Some(next);
        }
        // What failed while it waited is no reason to try the stop less often.
        lingering::cut_short(run);
        return ask(run, Asked::Stop);
    }
    finish(run, None);
    None
}

fn must_stop(run: &Run) -> bool {
    run.held.as_ref().is_some_and(|held| held.is_ours() && held.seen.status != TaskStatus::Stopped)
}

/// ECS does not know the task. Just after it was launched that means nothing, and the task would run on.
fn stop_of_unknown(run: &mut Run, policy: &Policy) {
    let known_at = run.held.as_ref().map_or(run.latest, |held| held.known_at);
    if run.latest >= known_at + policy.missing_grace {
        return stop_accepted(run);
    }
    run.calm();
    run.not_before = run.latest + run.scatter(policy.task_interval(TaskStatus::Missing));
}

pub(super) fn stop_accepted(run: &mut Run) {
    finish(run, None);
}

// --- Out of the undo

/// The next part of the undo, with fresh patience.
fn go_on(run: &mut Run, next: impl FnOnce(Box<Undo>) -> Phase) {
    let now = run.latest;
    if let Some(undo) = undo_of(&mut run.phase) {
        let undo = Box::new(Undo { part_since: now, ..undo.clone() });
        run.enter(next(undo));
    }
}

fn finish(run: &mut Run, leftover: Option<Leftover>) {
    let Some(undo) = undo_of(&mut run.phase) else { return };
    let mut undo = undo.clone();
    undo.leftovers.extend(leftover);
    match undo.then {
        AfterUndo::Relaunch if undo.leftovers.is_empty() => {
            run.held = None;
            run.healthy_since = None;
            run.places.iter_mut().for_each(|place| *place = Place::default());
            run.enter(Phase::Launching { step: LaunchStep::Look });
        }
        AfterUndo::Relaunch | AfterUndo::Finish => end(run, undo.cause, undo.leftovers),
    }
}

fn end(run: &mut Run, cause: Cause, leftovers: Vec<Leftover>) {
    let cause = Box::new(cause);
    let stays = |seen: &TaskObservation| seen.status != TaskStatus::Stopped;
    let adopted_stays = run.held.as_ref().is_some_and(|held| !held.is_ours() && stays(&held.seen));
    run.enter(if !leftovers.is_empty() {
        Phase::Leaked { cause, leftovers }
    } else if adopted_stays {
        Phase::Kept { cause }
    } else {
        Phase::Undone { cause }
    });
}

fn task_leftover(run: &Run) -> Option<Leftover> {
    let task = run.held.as_ref()?.seen.task.clone();
    Some(Leftover::Task { cluster: run.spec.cluster().clone(), task })
}

fn target_leftover(run: &Run, binding: usize) -> Option<Leftover> {
    let target = run.places.get(binding)?.target.clone()?;
    let target_group = run.spec.bindings().get(binding)?.target_group.clone();
    Some(Leftover::Target { target_group, target })
}

fn launch_leftover(run: &Run) -> Leftover {
    Leftover::Launch {
        cluster: run.spec.cluster().clone(),
        started_by: run.spec.request().started_by.clone(),
        token: run.token(),
    }
}
