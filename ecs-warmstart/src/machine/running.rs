//! From the launched task to the open gate: looks at the task, and notices when it dies.

use std::time::Duration;

use super::capacity::{note_shortage, shortage_of_stop};
use super::forward::{healthy_deadline, is_over, look_at_task_when_due, out_of_time, stopped};
use super::io::Next;
use super::launching::{is_of_another_request, name_is_taken};
use super::state::{Phase, Run, Via};
use super::stop_reason::{StopClass, classify};
use super::{Cause, registering, undo};
use crate::address::target_of;
use crate::error::{ErrorKind, Failure};
use crate::observation::{TaskObservation, TaskStatus};
use crate::policy::Policy;

// --- Looks at the task

pub(super) fn looked_at_task(run: &mut Run, task: TaskObservation, policy: &Policy) {
    run.calm();
    run.look_at = run.latest + run.scatter(look_interval(run, task.status, policy));
    let now = run.latest;
    let Some(held) = &mut run.held else { return };
    if held.seen.task != task.task {
        return;
    }
    if task.status == TaskStatus::Missing {
        if now.since(held.known_at) >= policy.missing_grace {
            undo::fail(run, Cause::TaskLost { task: task.task });
        }
        return;
    }
    if task.status != TaskStatus::Stopped {
        held.known_at = now;
    }
    if task.version < held.seen.version {
        return;
    }
    let of_another = is_of_another_request(run, &task);
    run.see(task);
    if of_another {
        name_is_taken(run);
    } else {
        notice_death(run, policy);
    }
}

pub(super) fn told_of_task(run: &mut Run, mut task: TaskObservation, policy: &Policy) {
    if run.phase.is_undo() {
        return;
    }
    let now = run.latest;
    let Some(held) = &mut run.held else { return };
    if held.seen.task != task.task || task.status == TaskStatus::Missing || task.version <= held.seen.version
    {
        return;
    }
    // Events do not carry health (AWS: "healthStatus" is not in task state change events).
    for container in &mut task.containers {
        if let Some(known) = held.seen.container(&container.name) {
            container.health = known.health;
        }
    }
    if task.status != TaskStatus::Stopped {
        held.known_at = now;
    }
    held.seen = task;
    notice_death(run, policy);
}

fn look_interval(run: &Run, status: TaskStatus, policy: &Policy) -> Duration {
    match run.phase {
        Phase::Registering { .. } | Phase::AwaitingHealthy => {
            policy.poll_task_while_registered.max(policy.task_looks_apart)
        }
        Phase::AwaitingRunning => policy.starting_interval(status, run.latest.since(run.phase_since)),
        Phase::Launching { .. }
        | Phase::AwaitingGate
        | Phase::UndoLaunch { .. }
        | Phase::UndoRegister { .. }
        | Phase::UndoTask { .. }
        | Phase::Ready
        | Phase::Undone { .. }
        | Phase::Kept { .. }
        | Phase::Leaked { .. } => policy.task_interval(status),
    }
}

/// A task that has stopped, or that stops while traffic may reach it, ends this attempt.
fn notice_death(run: &mut Run, policy: &Policy) {
    let Some(held) = &run.held else { return };
    let traffic = matches!(run.phase, Phase::Registering { .. } | Phase::AwaitingHealthy);
    let seen = &held.seen;
    let over = seen.status == TaskStatus::Stopped || (traffic && seen.is_ending());
    if !over {
        return;
    }
    let class = classify(seen);
    let cause = stopped(seen);
    // A task that was there before this run began is not for this run to replace.
    let launches = run.asked_since.is_some();
    let (via, is_short) = (held.via, held.is_ours() && shortage_of_stop(seen));
    if is_short {
        note_shortage(run, Failure::new(ErrorKind::Capacity, cause.to_string()));
    }
    // Each other place where it may go counts for one try more.
    let others = if is_short { run.spec.fallbacks().len() } else { 0 };
    let relaunches = policy.relaunches.saturating_add(u32::try_from(others).unwrap_or(u32::MAX));
    let may_pass = class == StopClass::Transient || others > 0;
    match class {
        StopClass::TakenBack if launches => undo::relaunch(run, cause),
        _ if launches && via == Via::Conflict => undo::relaunch(run, cause),
        _ if launches && may_pass && run.relaunches < relaunches => {
            run.relaunches += 1;
            run.running_since = run.latest;
            undo::relaunch(run, cause);
        }
        StopClass::TakenBack | StopClass::Transient | StopClass::Permanent => undo::fail(run, cause),
    }
}

// --- AwaitingRunning and AwaitingGate

pub(super) fn awaiting_running(run: &mut Run) -> Option<Next> {
    let timeout = run.spec.running_timeout();
    let deadline = run.running_since + timeout;
    let last = run.held.as_ref().map(|held| held.seen.status).filter(|status| *status != TaskStatus::Missing);
    if last == Some(TaskStatus::Running) {
        match resolve_targets(run) {
            Ok(true) => {
                run.healthy_since = Some(run.latest);
                run.enter(Phase::AwaitingGate);
                return None;
            }
            Ok(false) => {}
            Err(cause) => {
                undo::fail(run, *cause);
                return None;
            }
        }
    }
    if is_over(run, deadline, run.look_at) {
        return out_of_time(run, Cause::NotRunningInTime { waited: timeout, last });
    }
    look_at_task_when_due(run, deadline)
}

/// Whether every binding has its target now.
fn resolve_targets(run: &mut Run) -> Result<bool, Box<Cause>> {
    let Some(held) = &run.held else { return Ok(false) };
    if held.seen.is_ending() {
        return Ok(false);
    }
    for (place, binding) in run.places.iter_mut().zip(run.spec.bindings()) {
        match target_of(&held.seen, binding, run.spec.network_mode()) {
            Ok(Some(target)) => place.target = Some(target),
            Ok(None) => return Ok(false),
            Err(why) => {
                return Err(Box::new(Cause::NoTarget { target_group: binding.target_group.clone(), why }));
            }
        }
    }
    Ok(true)
}

pub(super) fn awaiting_gate(run: &mut Run, policy: &Policy) -> Option<Next> {
    if let Some(cause) = another_image(run) {
        undo::fail(run, cause);
        return None;
    }
    if gate_is_open(run) {
        registering::begin(run, policy);
        return None;
    }
    let deadline = healthy_deadline(run);
    if is_over(run, deadline, run.look_at) {
        let cause =
            Cause::GateNotOpenInTime { waited: run.spec.healthy_timeout(), containers: holding_back(run) };
        return out_of_time(run, cause);
    }
    look_at_task_when_due(run, deadline)
}

fn holding_back(run: &Run) -> Vec<String> {
    let Some(held) = &run.held else { return Vec::new() };
    let mut names: Vec<String> = run.spec.gate().holding_back(&held.seen).cloned().collect();
    names.extend(run.spec.pins().unseen(&held.seen).cloned());
    names.sort();
    names.dedup();
    names
}

/// A container runs another image than it was pinned to: it never gets into traffic.
fn another_image(run: &Run) -> Option<Cause> {
    let held = run.held.as_ref()?;
    let (container, runs) = run.spec.pins().another(&held.seen)?;
    let wanted = run.spec.pins().of(container).unwrap_or_default().first();
    Some(Cause::AnotherImage {
        task: held.seen.task.clone(),
        container: container.to_owned(),
        runs: runs.to_owned(),
        wanted: wanted.map(ToString::to_string).unwrap_or_default(),
    })
}

fn gate_is_open(run: &Run) -> bool {
    let Some(held) = &run.held else { return false };
    !held.seen.is_ending()
        && run.spec.gate().holding_back(&held.seen).next().is_none()
        && run.spec.pins().unseen(&held.seen).next().is_none()
}
