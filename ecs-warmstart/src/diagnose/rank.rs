//! From drafts to one root cause.

use super::draft::Draft;
use super::evidence::Evidence;
use super::finding::{Diagnosis, Finding, Link};
use super::refine::refine;
use super::{calls, events, exits, health, images, logs, presence, reads, siblings, stops, targets};
use crate::catalogue::{Code, Confidence, Stage, rank};
use crate::observation::TargetState;

/// Why it went wrong.
///
/// The findings are in the order of [`rank()`]: evidence that has nothing to do with a sure root cannot displace it.
///
/// The symptoms that are not earlier than the root are its chain, and so is the exit code that it led to. What could not be
/// read is named; it is the root where nothing else is known. Total: any evidence gives at least one finding.
pub fn diagnose(evidence: &Evidence) -> Diagnosis {
    let mut drafts = settle(evidence, merged(refine(evidence, drafts(evidence))));
    let mut unread = merged(reads::rule(evidence));
    unread.sort_by_key(|draft| rank(draft.code, draft.confidence));
    if drafts.is_empty() && !unread.is_empty() {
        drafts.push(unread.remove(0));
    }
    if drafts.is_empty() {
        drafts.push(nothing_found(evidence));
    }
    drafts.sort_by_key(|draft| rank(draft.code, draft.confidence));
    let root = drafts.remove(0);
    let (mut followed, mut others): (Vec<Draft>, Vec<Draft>) =
        drafts.into_iter().partition(|draft| follows(draft, &root));
    followed.sort_by_key(|draft| (draft.code.stage(), draft.code));
    let chain =
        followed.iter().map(|draft| Link { code: draft.code, summary: draft.summary(evidence) }).collect();
    let root = Finding { chain, ..root.finding(evidence) };
    others.extend(unread.into_iter().filter(|draft| draft.code != root.code));
    Diagnosis::new(root, others.into_iter().map(|draft| draft.finding(evidence)).collect())
}

/// Whether it is what the root led to.
fn follows(draft: &Draft, root: &Draft) -> bool {
    let later = draft.code.stage() >= root.code.stage();
    let explains = !root.code.is_symptom() && root.code.stage() <= Stage::Running;
    // Too little memory kills what starts, too.
    let kept_it_from_starting = explains && draft.code == Code::TaskFailedToStart;
    (draft.code.is_symptom() && later)
        || kept_it_from_starting
        || (explains && is_exit(draft.code) && is_of_same(draft, root))
}

/// What an exit code says by itself: that something went wrong before.
fn is_exit(code: Code) -> bool {
    matches!(
        code,
        Code::ApplicationFailed | Code::ApplicationEnded | Code::Killed | Code::Terminated | Code::Aborted
    )
}

fn is_of_same(draft: &Draft, root: &Draft) -> bool {
    match (draft.get("container"), root.get("container")) {
        (Some(one), Some(other)) => one == other || other.is_empty(),
        _ => true,
    }
}

fn drafts(evidence: &Evidence) -> Vec<Draft> {
    let mut drafts = Vec::new();
    drafts.extend(calls::refusal(evidence));
    drafts.extend(calls::rule(evidence));
    drafts.extend(stops::rule(evidence));
    drafts.extend(images::rule(evidence));
    drafts.extend(exits::rule(evidence));
    drafts.extend(health::rule(evidence));
    drafts.extend(targets::rule(evidence));
    // What a log says alone is too little to silence what ECS says of other tasks.
    let (sure, of_log): (Vec<Draft>, Vec<Draft>) =
        logs::rule(evidence).into_iter().partition(|draft| draft.confidence == Confidence::High);
    drafts.extend(sure);
    let of_others = siblings::rule(evidence, &drafts);
    drafts.extend(of_log);
    drafts.extend(of_others);
    drafts.extend(events::rule(evidence));
    drafts
}

/// What can only be said where all is known.
fn settle(evidence: &Evidence, mut drafts: Vec<Draft>) -> Vec<Draft> {
    // Different images make tasks differ. That one of them fails has a cause of its own.
    let fails = drafts.iter().any(|draft| draft.code != Code::ImageDrift);
    drafts = drafts
        .into_iter()
        .map(
            |draft| {
                if draft.code == Code::ImageDrift && fails { draft.at_most(Confidence::Low) } else { draft }
            },
        )
        .collect();
    if !fails {
        drafts.extend(presence::rule(evidence));
    }
    drafts
}

fn merged(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut merged: Vec<Draft> = Vec::new();
    for draft in drafts {
        match merged.iter_mut().find(|known| known.code == draft.code) {
            Some(known) => known.merge(draft),
            None => merged.push(draft),
        }
    }
    merged
}

/// What is said where no rule found anything.
fn nothing_found(evidence: &Evidence) -> Draft {
    let ends = evidence.task.as_ref().is_some_and(|task| task.is_ending());
    let all_healthy = evidence.targets.iter().all(|target| target.seen.state == TargetState::Healthy);
    let has_no_task =
        evidence.task.is_none() && evidence.siblings.is_empty() && evidence.ecs_service.is_none();
    if evidence.cause.is_none() && has_no_task && evidence.desired.is_some_and(|desired| desired > 0) {
        return Draft::new(Code::NotStarted, Confidence::Medium);
    }
    let is_known = evidence.task.is_some() || !evidence.targets.is_empty() || evidence.ecs_service.is_some();
    if evidence.cause.is_none() && is_known && !ends && all_healthy {
        let well = Draft::new(Code::NothingWrong, Confidence::Medium);
        match evidence.ecs_service.as_ref().filter(|service| service.desired == 0) {
            Some(service) => well.saying(format!(
                "nothing is wrong as far as can be seen: ECS service {} is to have no task (desiredCount 0)",
                service.name
            )),
            None => well,
        }
    } else {
        Draft::new(Code::Unexplained, Confidence::Low)
    }
}
