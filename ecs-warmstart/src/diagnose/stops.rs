//! What ECS says of a task that stopped: its stop code, its sentence, those of its containers.

use super::draft::Draft;
use super::evidence::Evidence;
use crate::catalogue::{
    self, Code, Confidence, DRAINED_BY_US, Meaning, Stage, is_by_us, of_task, read, was_told,
};
use crate::machine::Cause;
use crate::observation::{ContainerObservation, HealthStatus, StopInfo, TaskObservation, TaskStatus};

pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if let Some(stop) = stop_of(evidence) {
        drafts.extend(of_stop(stop, evidence.containers()));
    } else {
        let containers = evidence.containers().iter();
        drafts.extend(containers.filter(|it| !is_of_health_check(it)).filter_map(of_container));
    }
    let is_missing = |task: &&TaskObservation| task.status == TaskStatus::Missing;
    if let Some(task) = evidence.task.as_ref().filter(is_missing) {
        let quote = format!("DescribeTasks: {} is MISSING", task.task);
        drafts.push(Draft::new(Code::TaskLost, Confidence::Medium).quote(quote));
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

pub(super) fn of_stop(stop: &StopInfo, containers: &[ContainerObservation]) -> Vec<Draft> {
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

/// Whether the task was told to stop for a reason that its own log cannot hold: by a person, Spot, a scale-in. Who stops it
/// for its health, and who takes it back, does so because of something that may stand there.
pub(super) fn was_told_from_outside(stop: &StopInfo) -> bool {
    let for_its_health = read(&stop.reason)
        .is_some_and(|said| matches!(said.code, Code::TargetUnhealthy | Code::ContainerUnhealthy));
    let taken_back = is_by_us(stop) && !stop.reason.starts_with(DRAINED_BY_US);
    was_told(stop) && !for_its_health && !taken_back
}

/// A container that runs has started: a program that is missing there is the one that its health check calls.
fn is_of_health_check(container: &ContainerObservation) -> bool {
    let said = container.reason.as_deref().and_then(read);
    container.exit_code.is_none()
        && container.health == HealthStatus::Unhealthy
        && said.is_some_and(|said| said.code.stage() == Stage::Starting)
}

fn draft(said: Meaning, sentence: &str, quotes: Vec<String>) -> Draft {
    let draft = Draft::new(said.code, said.confidence).quotes(quotes).slot("reason", sentence);
    let draft = match word_after(sentence, &["resolve ref "]) {
        Some(image) => draft.slot("image", image),
        None => draft,
    };
    let draft = of_group(draft, sentence);
    let platform =
        word_after(sentence, &["matching platform ", "for platform ", "no matching manifest for "]);
    match platform.filter(|platform| platform.contains('/')) {
        Some(platform) => draft.slot("platform", platform),
        None => draft,
    }
}

/// The target group that a sentence names: `(target-group arn:…:targetgroup/web/0123456789abcdef)`.
pub(super) fn of_group(draft: Draft, sentence: &str) -> Draft {
    let Some(group) = word_after(sentence, &["(target-group "]) else { return draft };
    let arn = group.trim_end_matches(')');
    match arn.split("targetgroup/").nth(1).and_then(|rest| rest.split('/').next()) {
        Some(name) => draft.slot("group", name).slot("group_arn", arn),
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
