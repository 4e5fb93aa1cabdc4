//! What there is at one moment: definitions, tasks and target groups of many services, each cluster, family, definition and
//! group asked for once however many services share it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::facts::call_failed;
use super::handle::Fleet;
use super::resolve::{Facts, resolve};
use super::service::Service;
use crate::driver::Cancel;
use crate::error::{ErrorKind, PortError};
use crate::facts::{TargetGroupFacts, TaskDefinitionFacts};
use crate::ids::{ClusterId, RunId, TargetGroupArn, TaskDefinitionId};
use crate::machine::{Cause, Operation};
use crate::observation::{TaskObservation, TaskStatus};
use crate::ports::Selector;
use crate::reconcile::{Action, Drift, Finding, GroupView, Item, ServiceView, View, reconcile};
use crate::spec::{Binding, Gate, Readiness, Spec};
use crate::started_by::StartedBy;

/// What was found.
#[derive(Debug)]
pub(super) struct Survey {
    /// One for each service that was asked about, in that order.
    pub(super) services: Vec<Surveyed>,
    /// The services in the same order, and their groups; nothing is removed from them yet.
    pub(super) view: View,
}

/// What was found of one service.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub(super) service: Service,
    /// What a run for it takes, with the bindings that fit; absent where none does.
    pub(super) spec: Option<Spec>,
    /// The bindings that do not fit.
    pub(super) misfits: Vec<Item>,
    pub(super) warnings: Vec<String>,
    /// Where its tasks run different images, once that was looked into.
    pub(super) drifts: Vec<Drift>,
    /// Why nothing can be said of it.
    pub(super) cause: Option<Box<Cause>>,
}

/// Looks at everything that has to do with these services. A call that fails is repeated for `patience`; what cannot be read
/// all the same is said where it belongs, and nothing else suffers from it.
pub(super) async fn survey(
    fleet: &Fleet,
    services: &[Service],
    patience: Duration,
    cancel: &Cancel,
) -> Survey {
    let reader = Reader { fleet, patience, cancel };
    let (definitions, groups, tasks) =
        tokio::join!(reader.definitions(services), reader.groups(services), reader.tasks(services));
    let mut survey = Survey { services: Vec::new(), view: View::default() };
    for service in services {
        let (surveyed, view) = surveyed(service, &definitions, &groups, &tasks);
        survey.services.push(surveyed);
        survey.view.services.push(view);
    }
    for (arn, group) in groups {
        match group {
            Ok(group) => drop(survey.view.groups.insert(arn, group)),
            Err(error) => drop(survey.view.unreadable.insert(arn, error.into_failure())),
        }
    }
    if has_unexplained(&survey.view) {
        reader.others(services, &mut survey).await;
    }
    survey
}

type Definitions = BTreeMap<TaskDefinitionId, Result<TaskDefinitionFacts, PortError>>;
type Groups = BTreeMap<TargetGroupArn, Result<GroupView, PortError>>;
/// By cluster: those that ECS wants running, and those that it wants stopped, of the services' families.
type Tasks = BTreeMap<ClusterId, Result<[Vec<TaskObservation>; 2], Box<Cause>>>;

/// Whether a target has to be explained by tasks that are of none of the services: to know them takes a look at every task of
/// the cluster, so it is only had where it matters.
fn has_unexplained(view: &View) -> bool {
    reconcile(view).items.iter().any(|item| match &item.action {
        Action::Report(Finding::UnknownTarget | Finding::StaleTarget(_)) => true,
        Action::Report(_) | Action::Register | Action::Deregister(_) | Action::Keep(_) => false,
    })
}

fn surveyed(
    service: &Service,
    definitions: &Definitions,
    groups: &Groups,
    tasks: &Tasks,
) -> (Surveyed, ServiceView) {
    let mut warnings = Vec::new();
    let definition = match definitions.get(&service.request.task_definition) {
        Some(Ok(facts)) => Some(facts.clone()),
        // That the gate suffers is said where the gate is decided.
        Some(Err(error)) if error.kind() == ErrorKind::Denied => None,
        Some(Err(error)) => {
            let name = &service.request.task_definition;
            warnings
                .push(format!("task definition {name} could not be read, so it is done without: {error}"));
            None
        }
        None => None,
    };
    let (resolved, misfits) = fitting(service, definition, groups);
    let (mut spec, mut cause) = (None, None);
    match resolved {
        Ok(Some((its, more))) => {
            spec = Some(its);
            warnings.extend(more);
        }
        Ok(None) => {}
        Err(why) => cause = Some(why),
    }
    let (mut running, mut ended) = (Vec::new(), Vec::new());
    match tasks.get(&service.request.cluster) {
        Some(Ok([wanted, unwanted])) => {
            // A task may be told to stop between the two looks: the later one counts.
            let ours = wanted.iter().chain(unwanted).filter(|task| is_of(service, task));
            let ours: BTreeMap<_, _> = ours.map(|task| (&task.task, task)).collect();
            let (ending, alive): (Vec<_>, Vec<_>) = ours.into_values().partition(|task| task.is_ending());
            running.extend(alive.into_iter().cloned());
            ended.extend(ending.into_iter().cloned());
        }
        Some(Err(why)) => cause = Some(why.clone()),
        None => {}
    }
    running.sort_by_cached_key(|task| (task.created_at, task.task.clone()));
    let bindings = spec.as_ref().map(|spec| spec.bindings().to_vec()).unwrap_or_default();
    let view = ServiceView {
        service: service.name.clone(),
        misfits: without(&service.bindings, &bindings),
        bindings,
        gate: spec.as_ref().map_or(Gate::Running, |spec| spec.gate().clone()),
        network_mode: spec.as_ref().and_then(Spec::network_mode),
        tasks: running,
        ended,
        others: Vec::new(),
    };
    (Surveyed { service: service.clone(), spec, misfits, warnings, drifts: Vec::new(), cause }, view)
}

/// The configured bindings that are not among those that fit.
fn without(configured: &[Binding], fit: &[Binding]) -> Vec<Binding> {
    let fits = |binding: &&Binding| {
        fit.iter().any(|its| its.target_group == binding.target_group && its.port == binding.port)
    };
    configured.iter().filter(|binding| !fits(binding)).cloned().collect()
}

fn is_of(service: &Service, task: &TaskObservation) -> bool {
    task.started_by.as_ref() == Some(&service.request.started_by)
}

/// Whether the task says that it was started into a group of the service, without being of it.
fn is_guest_of(service: &Service, task: &TaskObservation) -> bool {
    let said = task.started_by.as_deref().and_then(StartedBy::parse);
    let there = said.and_then(|said| said.target_group(&task.task));
    there.is_some_and(|(arn, _)| service.bindings.iter().any(|binding| binding.target_group == arn))
}

/// The spec with the bindings that fit, if there are any, and what a person should know; and the bindings that do not fit.
fn fitting(
    service: &Service,
    definition: Option<TaskDefinitionFacts>,
    groups: &Groups,
) -> (Fitting, Vec<Item>) {
    let facts_of = |binding: &Binding| groups.get(&binding.target_group)?.as_ref().ok()?.facts.clone();
    let resolved = |bindings: &[Binding]| {
        let groups = bindings.iter().map(facts_of).collect();
        let facts = Facts { task_definition: definition.clone(), groups };
        let service = Service { bindings: bindings.to_vec(), ..service.clone() };
        resolve(&service, &facts, RunId::for_slot(&service.name, 0), Readiness::Healthy)
    };
    let (mut fit, mut misfits) = (Vec::new(), Vec::new());
    for binding in &service.bindings {
        match resolved(std::slice::from_ref(binding)) {
            Ok(_) => fit.push(binding.clone()),
            Err(cause) => misfits.push(Item {
                target_group: binding.target_group.clone(),
                target: None,
                service: Some(service.name.clone()),
                task: None,
                action: Action::Report(Finding::Misconfigured { why: cause.to_string() }),
            }),
        }
    }
    if fit.is_empty() && !misfits.is_empty() {
        return (Ok(None), misfits);
    }
    (resolved(&fit).map(Some), misfits)
}

type Fitting = Result<Option<(Spec, Vec<String>)>, Box<Cause>>;

/// Reads, each thing once and all at once.
#[derive(Clone, Copy)]
struct Reader<'a> {
    fleet: &'a Fleet,
    patience: Duration,
    cancel: &'a Cancel,
}

impl Reader<'_> {
    async fn definitions(self, services: &[Service]) -> Definitions {
        let ids: BTreeSet<_> =
            services.iter().map(|service| service.request.task_definition.clone()).collect();
        let (patience, cancel) = (self.patience, self.cancel.clone());
        let read = move |fleet: Fleet, id: TaskDefinitionId| {
            let cancel = cancel.clone();
            async move {
                let inspector = &fleet.ports.inspector;
                let facts = fleet.patiently(patience, &cancel, || inspector.task_definition(&id)).await;
                (id, facts)
            }
        };
        self.fleet.each(ids, read).await.into_iter().collect()
    }

    async fn groups(self, services: &[Service]) -> Groups {
        let bindings = services.iter().flat_map(|service| &service.bindings);
        let arns: BTreeSet<_> = bindings.map(|binding| binding.target_group.clone()).collect();
        let (patience, cancel) = (self.patience, self.cancel.clone());
        let read = move |fleet: Fleet, arn: TargetGroupArn| {
            let cancel = cancel.clone();
            async move {
                let (registrar, inspector) = (&fleet.ports.registrar, &fleet.ports.inspector);
                let targets = fleet.patiently(patience, &cancel, || registrar.targets(&arn)).await;
                let view = match targets {
                    Ok(targets) => {
                        let facts = fleet.patiently(patience, &cancel, || inspector.target_group(&arn)).await;
                        let facts: Option<TargetGroupFacts> = facts.ok();
                        Ok(GroupView::new(facts, targets))
                    }
                    Err(error) => Err(error),
                };
                (arn, view)
            }
        };
        self.fleet.each(arns, read).await.into_iter().collect()
    }

    /// The tasks of the services, and those of their families that stop or have stopped.
    async fn tasks(self, services: &[Service]) -> Tasks {
        let mut wanted: BTreeMap<ClusterId, [BTreeSet<Selector>; 2]> = BTreeMap::new();
        for service in services {
            let [started, stopped] = wanted.entry(service.request.cluster.clone()).or_default();
            started.insert(Selector::StartedBy(service.request.started_by.clone()));
            let family = service.request.task_definition.family().to_owned();
            stopped.insert(Selector::StoppedOf { family });
        }
        let (patience, cancel) = (self.patience, self.cancel.clone());
        let read =
            move |fleet: Fleet, (cluster, [started, stopped]): (ClusterId, [BTreeSet<Selector>; 2])| {
                let cancel = cancel.clone();
                async move {
                    let reader = Reader { fleet: &fleet, patience, cancel: &cancel };
                    let found = match reader.observed(&cluster, started).await {
                        Ok(started) => {
                            reader.observed(&cluster, stopped).await.map(|stopped| [started, stopped])
                        }
                        Err(cause) => Err(cause),
                    };
                    (cluster, found)
                }
            };
        self.fleet.each(wanted, read).await.into_iter().collect()
    }

    async fn observed(
        self,
        cluster: &ClusterId,
        selectors: BTreeSet<Selector>,
    ) -> Result<Vec<TaskObservation>, Box<Cause>> {
        let (launcher, waiter) = (&self.fleet.ports.launcher, &self.fleet.ports.waiter);
        let mut found = BTreeSet::new();
        for selector in selectors {
            let some = self.fleet.patiently(self.patience, self.cancel, || launcher.find(cluster, &selector));
            found.extend(some.await.map_err(|error| call_failed(Operation::ListTasks, error))?);
        }
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let found: Vec<_> = found.into_iter().collect();
        let seen = self.fleet.patiently(self.patience, self.cancel, || waiter.observe_tasks(cluster, &found));
        let mut seen = seen.await.map_err(|error| call_failed(Operation::DescribeTasks, error))?;
        seen.retain(|task| task.status != TaskStatus::Missing);
        Ok(seen)
    }

    /// Fills in the tasks that run in the clusters and are of another service or of nobody here.
    async fn others(self, services: &[Service], survey: &mut Survey) {
        let clusters: BTreeSet<_> = services.iter().map(|service| service.request.cluster.clone()).collect();
        let (patience, cancel) = (self.patience, self.cancel.clone());
        let read = move |fleet: Fleet, cluster: ClusterId| {
            let cancel = cancel.clone();
            async move {
                let reader = Reader { fleet: &fleet, patience, cancel: &cancel };
                let all = reader.observed(&cluster, [Selector::Running].into()).await;
                (cluster, all)
            }
        };
        let read: BTreeMap<_, _> = self.fleet.each(clusters, read).await.into_iter().collect();
        for (surveyed, view) in survey.services.iter_mut().zip(&mut survey.view.services) {
            match read.get(&surveyed.service.request.cluster) {
                Some(Ok(all)) => {
                    let others = all.iter().filter(|task| !is_of(&surveyed.service, task));
                    view.others = others.cloned().collect();
                    // From other clusters those that say they belong into a group of this service.
                    let everywhere = read.values().flatten().flatten();
                    let guests = everywhere.filter(|task| {
                        let is_here = task.task.cluster() == Some(surveyed.service.request.cluster.name());
                        !is_here && is_guest_of(&surveyed.service, task)
                    });
                    view.others.extend(guests.cloned());
                }
                // Without them nobody knows whether an address that looks stale is somebody else's by now.
                Some(Err(cause)) => {
                    surveyed.warnings.push(format!("the other tasks of the cluster are not known: {cause}"));
                    view.ended.clear();
                }
                None => {}
            }
        }
    }
}
