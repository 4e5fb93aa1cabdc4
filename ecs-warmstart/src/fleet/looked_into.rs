//! What `diagnose` looks at: a service, one task, or an ECS service.

use std::collections::HashMap;

use super::evidence::Gathering;
use super::handle::Fleet;
use super::service::Service;
use crate::address;
use crate::catalogue::{Code, of_stop};
use crate::diagnose::{EcsServiceEvidence, Subject, TargetEvidence};
use crate::driver::Cancel;
use crate::facts::TaskDefinitionFacts;
use crate::ids::{ClusterId, TargetGroupArn, TaskArn, TaskDefinitionId};
use crate::observation::{HealthStatus, TargetObservation, TargetState, TaskObservation, TaskStatus};
use crate::ports::Selector;
use crate::spec::Binding;

/// So many stopped tasks are looked at, the latest first.
const STOPPED: usize = 5;

/// Why a service does not run as it should, if it does not.
pub(super) async fn service(fleet: &Fleet, service: &Service) -> Subject {
    let cancel = Cancel::new();
    let mut gathering = Gathering::new(fleet, &cancel);
    gathering.evidence.service = Some(service.name.to_string());
    gathering.evidence.cluster = Some(service.request.cluster.name().to_owned());
    gathering.evidence.desired = Some(service.count);
    let started_by = &service.request.started_by;
    let running = Selector::StartedBy(started_by.clone());
    let family = service.request.task_definition.family().to_owned();
    let mut tasks = find(&mut gathering, &service.request.cluster, &running).await;
    let mut stopped = find(&mut gathering, &service.request.cluster, &Selector::StoppedOf { family }).await;
    stopped.retain(|task| task.started_by.as_ref() == Some(started_by));
    let alive: Vec<TaskObservation> = tasks.iter().filter(|task| !task.is_ending()).cloned().collect();
    tasks.retain(TaskObservation::is_ending);
    stopped.extend(tasks);
    let seen = with_targets(&mut gathering, alive, &service.bindings).await;
    choose(&mut gathering, seen, stopped, usize::try_from(service.count).unwrap_or(usize::MAX)).await;
    recall(&mut gathering, service);
    gathering.finish(service.name.to_string())
}

/// Why one task does not serve. Its targets are those of the service that started it, where it is among these.
pub(super) async fn task(
    fleet: &Fleet,
    services: &[Service],
    cluster: &ClusterId,
    task: &TaskArn,
) -> Subject {
    let cancel = Cancel::new();
    let mut gathering = Gathering::new(fleet, &cancel);
    gathering.evidence.cluster = Some(cluster.name().to_owned());
    let waiter = &fleet.ports.waiter;
    let asked = [task.clone()];
    let seen = gathering.read("DescribeTasks", || waiter.observe_tasks(cluster, &asked)).await;
    if let Some(seen) = seen.and_then(|seen| seen.into_iter().next()) {
        let service = services.iter().find_map(|service| service.as_started(&seen));
        let alive = service.as_ref().filter(|_| !seen.is_ending());
        let bindings = alive.map_or(&[][..], |service| &service.bindings);
        let (seen, targets) = with_targets(&mut gathering, vec![seen], bindings).await.remove(0);
        gathering.evidence.service = service.map(|service| service.name.to_string());
        let definition = definition(&mut gathering, seen.task_definition.as_ref()).await;
        let fine = is_well(&seen, &targets) && !awaits_health(&seen, definition.as_ref());
        gathering.evidence.task = Some(seen);
        gathering.evidence.targets = targets;
        if !fine {
            gathering.look_closer(definition.as_ref()).await;
        }
    }
    gathering.finish(task.to_string())
}

/// Why an ECS service is not stable, if it is not; or why its tasks of that revision are not well.
pub(super) async fn ecs_service(
    fleet: &Fleet,
    cluster: &ClusterId,
    name: &str,
    revision: Option<&TaskDefinitionId>,
) -> Subject {
    let cancel = Cancel::new();
    let mut gathering = Gathering::new(fleet, &cancel);
    gathering.evidence.service = Some(name.to_owned());
    gathering.evidence.cluster = Some(cluster.name().to_owned());
    let inspector = &fleet.ports.inspector;
    let facts = gathering.read("DescribeServices", || inspector.ecs_service(cluster, name)).await;
    if let Some(facts) = facts {
        gathering.evidence.ecs_service = Some(EcsServiceEvidence::of(cluster.name(), &facts));
        let of = |stopped| Selector::OfEcsService { name: name.to_owned(), stopped };
        let mut alive = find(&mut gathering, cluster, &of(false)).await;
        let mut stopped = find(&mut gathering, cluster, &of(true)).await;
        // While it rolls out, the tasks of the former deployment are well, and tell nothing of why the new one is not.
        let newest = facts.primary().and_then(|primary| primary.task_definition.as_ref());
        if let Some(meant) = revision.or(newest) {
            let is_meant =
                |task: &TaskObservation| task.task_definition.as_ref().is_none_or(|its| its.is_same(meant));
            alive.retain(is_meant);
            if stopped.iter().any(is_meant) {
                stopped.retain(is_meant);
            }
        }
        let bindings = facts.target_groups.iter();
        let bindings: Vec<Binding> =
            bindings.filter_map(|it| Some(Binding::new(it.target_group.clone(), it.port?))).collect();
        let seen = with_targets(&mut gathering, alive, &bindings).await;
        let count = usize::try_from(facts.desired).unwrap_or(usize::MAX);
        choose(&mut gathering, seen, stopped, count).await;
    }
    gathering.finish(name)
}

type Seen = (TaskObservation, Vec<TargetEvidence>);

/// Puts the task that tells most in the middle: one that runs and is not well, else the last one that stopped, else one that
/// is well.
async fn choose(
    gathering: &mut Gathering<'_>,
    mut alive: Vec<Seen>,
    mut stopped: Vec<TaskObservation>,
    count: usize,
) {
    let well = alive.iter().filter(|(task, targets)| is_well(task, targets)).count();
    let enough = well >= count;
    stopped.sort_by_cached_key(|task| (std::cmp::Reverse(task.created_at), task.task.clone()));
    // Somebody stopped those on purpose; where no other tells more, that is what is told.
    stopped.sort_by_key(is_on_purpose);
    stopped.truncate(STOPPED);
    alive.sort_by_key(|(task, targets)| is_well(task, targets));
    let ill = alive.first().is_some_and(|(task, targets)| !is_well(task, targets));
    let (task, targets) = if ill || enough || stopped.is_empty() {
        if alive.is_empty() { (None, Vec::new()) } else { split(alive.remove(0)) }
    } else {
        (Some(stopped.remove(0)), Vec::new())
    };
    let id = task.as_ref().and_then(|task| task.task_definition.clone());
    let definition = definition(gathering, id.as_ref()).await;
    let is_fine = enough && !task.as_ref().is_some_and(|task| awaits_health(task, definition.as_ref()));
    gathering.evidence.task = task;
    gathering.evidence.targets = targets;
    gathering.evidence.siblings = alive.into_iter().map(|(task, _)| task).collect();
    if !is_fine {
        gathering.evidence.siblings.extend(stopped);
        gathering.look_closer(definition.as_ref()).await;
    }
}

fn split((task, targets): Seen) -> (Option<TaskObservation>, Vec<TargetEvidence>) {
    (Some(task), targets)
}

fn is_well(task: &TaskObservation, targets: &[TargetEvidence]) -> bool {
    let healthy = targets.iter().all(|target| target.seen.state == TargetState::Healthy);
    let unhealthy = task.containers.iter().any(|container| container.health == HealthStatus::Unhealthy);
    task.status == TaskStatus::Running && !task.is_ending() && healthy && !unhealthy
}

/// Whether a container with a health check has neither passed nor failed it.
fn awaits_health(task: &TaskObservation, definition: Option<&TaskDefinitionFacts>) -> bool {
    let checked = definition.iter().flat_map(|it| &it.containers).filter(|it| it.health_check.is_some());
    let mut seen = checked.filter_map(|checked| task.container(&checked.name));
    seen.any(|container| container.health == HealthStatus::Unknown)
}

/// A run that never got a task leaves nothing that could be read. What this program saw of it itself still tells.
fn recall(gathering: &mut Gathering<'_>, service: &Service) {
    let evidence = &mut gathering.evidence;
    if evidence.task.is_some() || !evidence.siblings.is_empty() || !evidence.failed_reads.is_empty() {
        return;
    }
    let kept = gathering.fleet.kept().into_iter().rfind(|kept| kept.name == service.name.as_str());
    evidence.cause = kept.and_then(|kept| kept.evidence.cause);
}

fn is_on_purpose(task: &TaskObservation) -> bool {
    let said = task.stop.as_ref().and_then(|stop| of_stop(stop, &task.containers));
    said.is_some_and(|said| matches!(said.code, Code::ScaledIn | Code::StoppedByUser | Code::Drained))
}

async fn find(
    gathering: &mut Gathering<'_>,
    cluster: &ClusterId,
    selector: &Selector,
) -> Vec<TaskObservation> {
    let (launcher, waiter) = (&gathering.fleet.ports.launcher, &gathering.fleet.ports.waiter);
    let found = gathering.read("ListTasks", || launcher.find(cluster, selector)).await.unwrap_or_default();
    if found.is_empty() {
        return Vec::new();
    }
    let seen = gathering.read("DescribeTasks", || waiter.observe_tasks(cluster, &found)).await;
    let mut seen = seen.unwrap_or_default();
    seen.retain(|task| task.status != TaskStatus::Missing);
    seen
}

async fn definition(
    gathering: &mut Gathering<'_>,
    id: Option<&TaskDefinitionId>,
) -> Option<TaskDefinitionFacts> {
    let id = id?;
    let inspector = &gathering.fleet.ports.inspector;
    let facts = gathering.read("DescribeTaskDefinition", || inspector.task_definition(id)).await?;
    gathering.evidence.definition = Some((&facts).into());
    Some(facts)
}

/// The tasks with their targets, one for each binding that a task has an address for. Each group is asked once, however many
/// tasks there are.
async fn with_targets(
    gathering: &mut Gathering<'_>,
    tasks: Vec<TaskObservation>,
    bindings: &[Binding],
) -> Vec<Seen> {
    let mut seen: Vec<Seen> = tasks.into_iter().map(|task| (task, Vec::new())).collect();
    if seen.is_empty() {
        return seen;
    }
    let mut groups: Vec<TargetGroupArn> =
        bindings.iter().map(|binding| binding.target_group.clone()).collect();
    groups.sort();
    groups.dedup();
    let paths = gathering.health_paths(&groups).await;
    let registrar = &gathering.fleet.ports.registrar;
    let mut known = HashMap::new();
    for group in groups {
        let targets = gathering.read("DescribeTargetHealth", || registrar.targets(&group)).await;
        known.extend(targets.map(|targets| (group, targets.into_iter().collect::<HashMap<_, _>>())));
    }
    for (task, targets) in &mut seen {
        for binding in bindings {
            let group = &binding.target_group;
            let Ok(Some(target)) = address::target_of(task, binding, None) else { continue };
            let Some(known) = known.get(group) else { continue };
            targets.push(TargetEvidence {
                target_group: group.clone(),
                seen: known.get(&target).cloned().unwrap_or_else(TargetObservation::not_registered),
                target,
                health_path: paths.get(group).cloned(),
            });
        }
    }
    seen
}
