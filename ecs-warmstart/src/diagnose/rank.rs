//! From drafts to one root cause.

use super::draft::Draft;
use super::evidence::Evidence;
use super::finding::{Diagnosis, Finding, Link};
use super::{calls, events, exits, health, images, logs, stops, targets};
use crate::catalogue::{Code, Confidence, rank};
use crate::observation::TargetState;

/// Why it went wrong.
///
/// The findings are in the order of [`rank()`]: evidence that has nothing to do with a sure root cannot displace it.
///
/// The symptoms that are not earlier than the root are its chain. Total: any evidence gives at least one finding.
pub fn diagnose(evidence: &Evidence) -> Diagnosis {
    let mut drafts = merged(drafts(evidence));
    if drafts.is_empty() {
        drafts.push(nothing_found(evidence));
    }
    drafts.sort_by_key(|draft| rank(draft.code, draft.confidence));
    let root = drafts.remove(0);
    let stage = root.code.stage();
    let (mut followed, others): (Vec<Draft>, Vec<Draft>) =
        drafts.into_iter().partition(|draft| draft.code.is_symptom() && draft.code.stage() >= stage);
    followed.sort_by_key(|draft| (draft.code.stage(), draft.code));
    let chain =
        followed.iter().map(|draft| Link { code: draft.code, summary: draft.summary(evidence) }).collect();
    let root = Finding { chain, ..root.finding(evidence) };
    Diagnosis::new(root, others.into_iter().map(|draft| draft.finding(evidence)).collect())
}

fn drafts(evidence: &Evidence) -> Vec<Draft> {
    let mut drafts = Vec::new();
    drafts.extend(calls::rule(evidence));
    drafts.extend(stops::rule(evidence));
    drafts.extend(images::rule(evidence));
    drafts.extend(exits::rule(evidence));
    drafts.extend(logs::rule(evidence));
    drafts.extend(health::rule(evidence));
    drafts.extend(targets::rule(evidence));
    drafts.extend(events::rule(evidence));
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
        Draft::new(Code::NothingWrong, Confidence::Medium)
    } else {
        Draft::new(Code::Unexplained, Confidence::Low)
    }
}
