//! What ECS says of a task that stopped: its stop code, its sentence, those of its containers.

use super::draft::Draft;
use super::evidence::Evidence;
use crate::catalogue::{self, Code, Confidence, Meaning, of_task, read};
use crate::machine::Cause;
use crate::observation::{ContainerObservation, StopInfo, TaskObservation, TaskStatus};

pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if let Some(stop) = stop_of(evidence) {
        drafts.extend(of_stop(stop, evidence.containers()));
    } else {
        drafts.extend(evidence.containers().iter().filter_map(of_container));
    }
    let is_missing = |task: &&TaskObservation| task.status == TaskStatus::Missing;
    if let Some(task) = evidence.task.as_ref().filter(is_missing) {
        let quote = format!("DescribeTasks: {} is MISSING", task.task);
        drafts.push(Draft::new(Code::TaskLost, Confidence::Medium).quote(quote));
    }
    // Several tasks of an ECS service that die of the same are one finding.
    for sibling in evidence.siblings.iter().filter(|sibling| !ended_on_purpose(sibling)) {
        drafts.extend(of_sibling(sibling));
    }
    drafts
}

/// The stop of the task: as the run saw it, before it stopped the task itself.
pub(super) fn stop_of(evidence: &Evidence) -> Option<&StopInfo> {
    match &evidence.cause {
        Some(Cause::TaskStopped { stop, .. }) => Some(stop),
        Some(_) | None => evidence.task.as_ref().and_then(|task| task.stop.as_ref()),
    }
}

fn of_stop(stop: &StopInfo, containers: &[ContainerObservation]) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = containers.iter().filter_map(of_container).collect();
    // ECS often says the same of the container and of the task: once is enough.
    let same = |quote: &String| !stop.reason.is_empty() && quote.ends_with(&stop.reason);
    drafts.iter_mut().for_each(|draft| draft.quotes.retain(|quote| !same(quote)));
    drafts.extend(of_task(stop).map(|said| draft(said, &stop.reason, quotes(stop))));
    // However it came: a task that did not start or that ended by itself is one step of the chain.
    match stop.code.as_ref().map(|code| code.as_str()) {
        Some("TaskFailedToStart") => {
            drafts.push(Draft::new(Code::TaskFailedToStart, Confidence::High).quotes(quotes(stop)));
        }
        Some("EssentialContainerExited") => {
            drafts.push(Draft::new(Code::TaskStopped, Confidence::High).quotes(quotes(stop)));
        }
        Some(_) | None => {}
    }
    drafts
}

fn of_container(container: &ContainerObservation) -> Option<Draft> {
    let reason = container.reason.as_deref()?;
    let quote = format!("reason of container {}: {reason}", container.name);
    Some(draft(read(reason)?, reason, vec![quote]).slot("container", &container.name))
}

/// Tasks that a deployment or a person replaced say nothing of what is wrong.
pub(super) fn ended_on_purpose(task: &TaskObservation) -> bool {
    let said = task.stop.as_ref().and_then(|stop| catalogue::of_stop(stop, &task.containers));
    let purpose = [Code::ScaledIn, Code::StoppedByUser, Code::Drained, Code::TakenBack];
    said.is_some_and(|said| purpose.contains(&said.code))
}

fn of_sibling(sibling: &TaskObservation) -> Vec<Draft> {
    let Some(stop) = &sibling.stop else { return Vec::new() };
    let from = |mut draft: Draft| {
        let task = sibling.task.id();
        draft.quotes = draft.quotes.iter().map(|quote| format!("task {task}: {quote}")).collect();
        draft
    };
    of_stop(stop, &sibling.containers).into_iter().map(from).collect()
}

fn draft(said: Meaning, sentence: &str, quotes: Vec<String>) -> Draft {
    let draft = Draft::new(said.code, said.confidence).quotes(quotes).slot("reason", sentence);
    let draft = match word_after(sentence, &["resolve ref "]) {
        Some(image) => draft.slot("image", image),
        None => draft,
    };
    let platform =
        word_after(sentence, &["matching platform ", "for platform ", "no matching manifest for "]);
    match platform.filter(|platform| platform.contains('/')) {
        Some(platform) => draft.slot("platform", platform),
        None => draft,
    }
}

/// The word that follows the first of these that is there, without what stands around it.
fn word_after<'a>(sentence: &'a str, before: &[&str]) -> Option<&'a str> {
    let after = before.iter().find_map(|words| sentence.split_once(words).map(|(_, after)| after))?;
    let word = after.split_whitespace().next()?;
    Some(word.trim_matches(['\'', ':', ',', '.', ';'])).filter(|word| !word.is_empty())
}

pub(super) fn quotes(stop: &StopInfo) -> Vec<String> {
    let code = stop.code.iter().map(|code| format!("stopCode: {}", code.as_str()));
    let reason = (!stop.reason.is_empty()).then(|| format!("stoppedReason: {}", stop.reason));
    code.chain(reason).collect()
}
