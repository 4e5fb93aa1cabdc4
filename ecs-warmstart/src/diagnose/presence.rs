//! Whether as many tasks run, and are well, as there should be: only then nothing is wrong.

use super::draft::Draft;
use super::evidence::{EcsServiceEvidence, Evidence};
use super::reads;
use crate::catalogue::Code;
use crate::catalogue::Confidence::High;
use crate::observation::{HealthStatus, TargetState, TaskObservation, TaskStatus};

/// What is said where nothing has failed, and something is not there yet.
pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    if evidence.cause.is_some() {
        return Vec::new();
    }
    let mut drafts: Vec<Draft> =
        evidence.task.iter().filter_map(|task| not_running(evidence, task)).collect();
    drafts.extend(health_unknown(evidence));
    drafts.extend(too_few(evidence));
    drafts
}

/// Whether there are as many as there should be; of one task alone, whether it is well.
pub(super) fn is_met(evidence: &Evidence) -> bool {
    let service = evidence.ecs_service.as_ref();
    match evidence.desired.or_else(|| service.map(|service| service.desired)) {
        Some(desired) => evidence.cause.is_none() && is_task_well(evidence) && well(evidence) >= desired,
        None => evidence.cause.is_none() && evidence.task.is_some() && is_task_well(evidence),
    }
}

fn is_task_well(evidence: &Evidence) -> bool {
    let targets = evidence.targets.iter().all(|target| target.seen.state == TargetState::Healthy);
    targets && evidence.task.as_ref().is_none_or(is_well)
}

fn is_well(task: &TaskObservation) -> bool {
    let unhealthy = task.containers.iter().any(|container| container.health == HealthStatus::Unhealthy);
    task.status == TaskStatus::Running && !task.is_ending() && !unhealthy
}

fn well(evidence: &Evidence) -> u32 {
    let tasks = evidence.task.iter().chain(&evidence.siblings);
    u32::try_from(tasks.filter(|task| is_well(task)).count()).unwrap_or(u32::MAX)
}

fn not_running(evidence: &Evidence, task: &TaskObservation) -> Option<Draft> {
    let starts =
        matches!(task.status, TaskStatus::Provisioning | TaskStatus::Pending | TaskStatus::Activating);
    (starts && !task.is_ending()).then(|| {
        let age = evidence.seen_at.zip(task.created_at).map(|(now, made)| now.since(made).as_secs());
        Draft::new(Code::TaskNotRunning, High)
            .quote(format!("lastStatus of task {}: {}", task.task.id(), task.status))
            .slot("status", task.status)
            .slot("age", age.map(|age| format!(", {age} s after its creation")).unwrap_or_default())
    })
}

fn health_unknown(evidence: &Evidence) -> Option<Draft> {
    let task = evidence.task.as_ref().filter(|task| is_well(task))?;
    let (container, check) = task.containers.iter().find_map(|container| {
        let check = evidence.settings(&container.name)?.health_check.as_ref()?;
        (container.health == HealthStatus::Unknown).then_some((container, check))
    })?;
    Some(
        Draft::new(Code::ContainerHealthUnknown, High)
            .quote(format!("healthStatus of container {}: UNKNOWN", container.name))
            .slot("container", &container.name)
            .slot("given", check.given()),
    )
}

fn too_few(evidence: &Evidence) -> Option<Draft> {
    let knows_tasks = evidence.task.is_some() || !evidence.siblings.is_empty();
    let (number, desired) = match &evidence.ecs_service {
        // What ECS counts itself.
        Some(service) => (service.running, service.desired),
        None if knows_tasks && reads::is_complete(evidence) => (well(evidence), evidence.desired?),
        None => return None,
    };
    let draft = Draft::new(Code::TooFewTasks, High)
        .quote(format!("desired: {desired}, RUNNING and well: {number}"))
        .slot("number", number)
        .slot("desired", desired);
    (number < desired).then(|| match &evidence.ecs_service {
        Some(EcsServiceEvidence { name, cluster, .. }) => draft.remedy(format!(
            "wait, where they are being started; else look at its deployments and events: aws ecs describe-services \
             --cluster {} --services {name}",
            if cluster.is_empty() { "CLUSTER" } else { cluster }
        )),
        None => draft,
    })
}
