//! What an ECS service says: its events and deployments.

use super::draft::Draft;
use super::evidence::{EcsServiceEvidence, Evidence};
use super::targets::{codes, wrong_code};
use crate::catalogue::Confidence::{High, Medium};
use crate::catalogue::{Code, Confidence, read_event};

/// So many tasks started and stopped within the events is a loop.
const LOOP: usize = 3;

pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    let Some(service) = &evidence.ecs_service else { return Vec::new() };
    let mut drafts: Vec<Draft> =
        since_steady(service).filter_map(|message| of_event(service, message)).collect();
    drafts.extend(deployments(service));
    drafts.extend(restart_loop(service));
    drafts.into_iter().map(|draft| draft.slot("service", &service.name)).collect()
}

/// The events since the service was steady last: what came before is over.
fn since_steady(service: &EcsServiceEvidence) -> impl Iterator<Item = &str> {
    let messages = service.events.iter().map(|event| event.message.as_str());
    messages.take_while(|message| !message.contains("has reached a steady state"))
}

fn of_event(service: &EcsServiceEvidence, message: &str) -> Option<Draft> {
    let (code, confidence) = of_health(message).or_else(|| {
        let said = read_event(message)?;
        // A deployment brings tasks and takes tasks: that is its work.
        (said.code != Code::ScaledIn).then_some((said.code, said.confidence))
    })?;
    let draft = Draft::new(code, confidence).quote(format!("event of service {}: {message}", service.name));
    Some(match codes(Some(message)) {
        Some(codes) => draft.slot("codes", codes),
        None => draft,
    })
}

/// `… is unhealthy in (target-group …) due to (reason …)`
fn of_health(message: &str) -> Option<(Code, Confidence)> {
    let (_, where_and_why) = message.split_once("is unhealthy in")?;
    let (_, reason) = where_and_why.split_once("(reason ")?;
    Some(if codes(Some(reason)).is_some() {
        wrong_code(Some(reason))
    } else if reason.contains("timed out") {
        (Code::TargetTimeout, High)
    } else if reason.contains("Health checks failed") {
        (Code::TargetRefuses, High)
    } else {
        (Code::TargetUnhealthy, Medium)
    })
}

fn deployments(service: &EcsServiceEvidence) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for deployment in &service.deployments {
        let reason = deployment.rollout_reason.as_deref().unwrap_or_default();
        if deployment.rollout_state.as_deref() == Some("FAILED") {
            let quote = format!("deployment of {}: FAILED, {reason}", deployment.task_definition);
            drafts.push(Draft::new(Code::DeploymentFailed, High).quote(quote.trim_end_matches([',', ' '])));
        } else if deployment.failed_tasks > 0 && deployment.rollout_state.as_deref() != Some("COMPLETED") {
            let quote = format!(
                "deployment of {}: {} failed tasks",
                deployment.task_definition, deployment.failed_tasks
            );
            drafts.push(Draft::new(Code::ServiceUnstable, High).quote(quote));
        }
    }
    drafts
}

fn restart_loop(service: &EcsServiceEvidence) -> Option<Draft> {
    let count = |words: &str| since_steady(service).filter(|message| message.contains(words)).count();
    let (started, stopped) = (count("has started"), count("has stopped"));
    (started >= LOOP && stopped >= LOOP).then(|| {
        Draft::new(Code::RestartLoop, High)
            .quote(format!(
                "events of service {}: {started} times started, {stopped} times stopped",
                service.name
            ))
            .slot("number", stopped)
    })
}
