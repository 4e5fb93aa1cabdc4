//! Exit codes. They decide only where no sentence does, and never for a container that was told to stop.

use super::draft::Draft;
use super::evidence::Evidence;
use super::logs;
use super::patterns::{ERRORS, FORBIDDEN, MISSING};
use super::stops::{quotes, stop_of};
use crate::catalogue::Confidence::{self, High, Medium};
use crate::catalogue::{Code, read, was_told};
use crate::observation::{ContainerObservation, StopInfo};

/// 128 and the number of the signal, as shells and Docker have it.
const SIGKILL: i32 = 137;
const SIGTERM: i32 = 143;

pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let stop = stop_of(evidence);
    let containers = evidence.containers();
    let essential = |name: &str| evidence.settings(name).and_then(|settings| settings.essential);
    // A container that did its work and ended while the task runs on is none of our business.
    if stop.is_some() || evidence.task.as_ref().is_some_and(|task| task.is_ending()) {
        drafts.extend(of_task(stop, containers, essential).map(|draft| with_log(evidence, draft)));
    }
    drafts
}

/// The same of another task.
pub(super) fn of_stop(
    evidence: &Evidence,
    stop: &StopInfo,
    containers: &[ContainerObservation],
) -> Option<Draft> {
    of_task(Some(stop), containers, |name| evidence.settings(name).and_then(|settings| settings.essential))
}

fn of_task(
    stop: Option<&StopInfo>,
    containers: &[ContainerObservation],
    essential: impl Fn(&str) -> Option<bool>,
) -> Option<Draft> {
    if let Some(stop) = stop.filter(|stop| was_told(stop)) {
        let killed = containers.iter().find(|it| it.exit_code == Some(SIGKILL) && !is_explained(it))?;
        return Some(
            Draft::new(Code::StopTimeoutExceeded, Medium)
                .quotes(quotes(stop))
                .quote(quote(killed, SIGKILL))
                .slot("container", &killed.name),
        );
    }
    let (culprit, code) = culprit(containers, essential)?;
    if is_explained(culprit) {
        return None;
    }
    let (meaning, confidence) = meaning(code);
    Some(
        Draft::new(meaning, confidence)
            .quote(quote(culprit, code))
            .slot("container", &culprit.name)
            .slot("exit_code", code),
    )
}

/// An exit code says little; the last line of the log that looks like an error says more.
fn with_log(evidence: &Evidence, draft: Draft) -> Draft {
    let container = draft.get("container").unwrap_or_default().to_owned();
    let words = match draft.code {
        Code::ApplicationFailed => ERRORS,
        Code::CommandNotFound => MISSING,
        Code::CommandNotExecutable => FORBIDDEN,
        _ => return draft,
    };
    match logs::last_that_says(evidence, &container, words) {
        Some(line) => draft.quote(logs::quote(line)),
        None => draft,
    }
}

/// The container that ended the task: an essential one, and one that was not itself ended by the end of another.
fn culprit(
    containers: &[ContainerObservation],
    essential: impl Fn(&str) -> Option<bool>,
) -> Option<(&ContainerObservation, i32)> {
    let exited = containers.iter().filter_map(|container| Some((container, container.exit_code?)));
    exited.min_by_key(|(container, code)| {
        let by_signal = matches!(*code, SIGKILL | SIGTERM) && !is_explained(container);
        (essential(&container.name) == Some(false), by_signal, *code == 0)
    })
}

/// ECS's own sentence says more than a number.
fn is_explained(container: &ContainerObservation) -> bool {
    container.reason.as_deref().and_then(read).is_some_and(|said| !said.code.is_symptom())
}

fn meaning(exit_code: i32) -> (Code, Confidence) {
    match exit_code {
        0 => (Code::ApplicationEnded, Medium),
        125 => (Code::StartFailed, Medium),
        126 => (Code::CommandNotExecutable, Medium),
        127 => (Code::CommandNotFound, Medium),
        132 => (Code::IllegalInstruction, High),
        134 => (Code::Aborted, High),
        SIGKILL => (Code::Killed, Medium),
        139 => (Code::SegmentationFault, High),
        SIGTERM => (Code::Terminated, Medium),
        _ => (Code::ApplicationFailed, Medium),
    }
}

fn quote(container: &ContainerObservation, exit_code: i32) -> String {
    format!("exitCode of container {}: {exit_code}", container.name)
}
