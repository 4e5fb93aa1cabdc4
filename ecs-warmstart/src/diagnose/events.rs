//! What an ECS service says: its events and deployments.

use super::draft::Draft;
use super::evidence::{EcsServiceEvidence, Evidence};
use super::stops::{ended_on_purpose, of_group};
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
    drafts.extend(restart_loop(evidence, service));
    drafts.extend(inactive(service));
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
    let draft = of_group(draft, message);
    let port = message.split_once("(port ").and_then(|(_, after)| after.split(')').next());
    let draft = match port {
        Some(port) => draft.slot("port", port),
        None => draft,
    };
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
        } else if is_rollback(reason) {
            // The deployment that goes back completes. What it goes back from has failed.
            drafts.push(
                Draft::new(Code::DeploymentFailed, High)
                    .quote(format!("deployment of {}: {reason}", deployment.task_definition))
                    .saying(format!(
                        "the last deployment of service {} failed and was rolled back",
                        service.name
                    )),
            );
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

/// `ECS deployment circuit breaker: rolling back to deploymentId …`
fn is_rollback(reason: &str) -> bool {
    reason.contains("rolling back") || reason.contains("rolled back")
}

/// A service that is deleted starts nothing.
fn inactive(service: &EcsServiceEvidence) -> Option<Draft> {
    let status = service.status.as_deref().filter(|status| !status.is_empty() && *status != "ACTIVE")?;
    Some(
        Draft::new(Code::EcsServiceInactive, High)
            .quote(format!("status of service {}: {status}", service.name))
            .slot("status", status),
    )
}

/// Whether tasks stop because they fail. A deployment starts and stops tasks too: that is its work.
fn has_failures(evidence: &Evidence, service: &EcsServiceEvidence) -> bool {
    let of_deployments = service.deployments.iter().any(|deployment| deployment.failed_tasks > 0);
    let tasks = evidence.task.iter().chain(&evidence.siblings);
    let of_tasks = tasks.filter(|task| task.stop.is_some()).any(|task| !ended_on_purpose(task));
    let in_events = || {
        since_steady(service).any(|message| {
            of_health(message).is_some()
                || read_event(message).is_some_and(|said| said.code != Code::ScaledIn)
        })
    };
    of_deployments || of_tasks || in_events()
}

fn restart_loop(evidence: &Evidence, service: &EcsServiceEvidence) -> Option<Draft> {
    let count = |words: &str| since_steady(service).filter(|message| message.contains(words)).count();
    let (started, stopped) = (count("has started"), count("has stopped"));
    (started >= LOOP && stopped >= LOOP && has_failures(evidence, service)).then(|| {
        Draft::new(Code::RestartLoop, High)
            .quote(format!(
                "events of service {}: {started} times started, {stopped} times stopped",
                service.name
            ))
            .slot("number", stopped)
    })
}
