//! Reads what the cloud says of a service's definitions, images and logs, and checks it before anything is launched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use super::checked::{CheckReport, ServiceCheck};
use super::evidence::of_cause;
use super::facts::call_failed;
use super::handle::Fleet;
use super::resolve;
use super::service::{GateKind, Service};
use crate::diagnose::{Evidence, ImageEvidence, Subject};
use crate::driver::Cancel;
use crate::error::{ErrorKind, PortError};
use crate::facts::{LoadBalancerFacts, TaskDefinitionFacts};
use crate::image::ImageRef;
use crate::machine::{Cause, Operation};
use crate::preflight::{self, Facts, Finding, Seen, Severity};
use crate::spec::Readiness;

/// How long a look is repeated that only a hint hangs on.
const PATIENCE: Duration = Duration::from_secs(10);

/// The load balancers of the region: asked for once in a call, however many services there are.
pub(super) type Balancers = Arc<OnceCell<Seen<Vec<LoadBalancerFacts>>>>;

/// What was read of a service, and what is wrong with it.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) facts: resolve::Facts,
    pub(super) findings: Vec<Finding>,
    /// What a person should know of what could not be read.
    pub(super) warnings: Vec<String>,
    /// What was read, for a flight record.
    pub(super) evidence: Evidence,
}

impl Checked {
    /// What is said of it, and what a flight record keeps.
    fn report(self, service: &Service) -> (ServiceCheck, Subject) {
        let worst = self.findings.iter().find(|finding| finding.severity == Severity::Error);
        let evidence = Evidence { refusal: worst.map(Into::into), ..self.evidence };
        let name = service.name.to_string();
        let subject = Subject { name: name.clone(), evidence, unread: Vec::new() };
        (ServiceCheck { service: name, findings: self.findings, cause: None }, subject)
    }

    /// Whether nothing is to be launched.
    pub(super) fn has_error(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Reads the facts, each for `patience` at most where a run needs it, and checks them.
pub(super) async fn check(
    fleet: &Fleet,
    service: &Service,
    readiness: Readiness,
    patience: Duration,
    balancers: &Balancers,
    cancel: &Cancel,
) -> Result<Checked, Box<Cause>> {
    let look = Look { fleet, service, patience, cancel };
    let task_definition = look.task_definition().await?;
    let groups = look.groups().await?;
    let (mut images, mut log_groups) = (BTreeMap::new(), BTreeMap::new());
    if let Some(definition) = task_definition.known() {
        images = look.images(definition).await;
        log_groups = look.log_groups(definition).await;
    }
    let placed = groups.iter().any(|group| group.known().is_some_and(|group| group.vpc.is_some()));
    let load_balancers = match placed && service.request.network.is_some() {
        true => balancers.get_or_init(|| look.load_balancers()).await.clone(),
        false => Seen::Known(Vec::new()),
    };
    let warnings = look.warnings(&groups);
    let evidence = evidence(service, &task_definition, &images);
    let facts = Facts { task_definition, groups, images, log_groups, load_balancers };
    let subject = preflight::Subject {
        request: &service.request,
        fallbacks: &service.fallbacks,
        bindings: &service.bindings,
        is_gated: service.gate == GateKind::ContainerHealthy,
        waits_for_health: readiness == Readiness::Healthy,
        healthy_timeout: service.healthy_timeout,
    };
    let findings = preflight::check(&subject, &facts);
    let known = resolve::Facts {
        groups: facts.groups.iter().map(|group| group.known().cloned()).collect(),
        task_definition: facts.task_definition.known().cloned(),
    };
    Ok(Checked { facts: known, findings, warnings, evidence })
}

/// What was read, for a flight record.
fn evidence(
    service: &Service,
    definition: &Seen<TaskDefinitionFacts>,
    images: &BTreeMap<String, Seen<crate::facts::ImageFacts>>,
) -> Evidence {
    let images = images.iter().filter_map(|(name, seen)| match seen {
        Seen::Known(facts) => Some(ImageEvidence::found(name, facts)),
        Seen::Missing => Some(ImageEvidence::missing(name)),
        Seen::Unreadable { .. } => None,
    });
    Evidence {
        service: Some(service.name.to_string()),
        definition: definition.known().map(Into::into),
        images: images.collect(),
        ..Evidence::default()
    }
}

impl Fleet {
    /// Says what is wrong with the services' definitions, images and health checks, and changes nothing.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn check(&self, services: &[Service], readiness: Readiness) -> CheckReport {
        let began = self.now();
        let balancers = Balancers::default();
        let checked = self
            .each(services.to_vec(), |fleet, service| {
                let balancers = Balancers::clone(&balancers);
                async move {
                    let cancel = Cancel::new();
                    let check = check(&fleet, &service, readiness, PATIENCE, &balancers, &cancel);
                    let (report, evidence) = match check.await {
                        Ok(checked) => checked.report(&service),
                        Err(cause) => unchecked(&service, &cause),
                    };
                    fleet.keep(evidence);
                    report
                }
            })
            .await;
        CheckReport::new(self.now().since(began), checked)
    }
}

/// It could not be checked.
fn unchecked(service: &Service, cause: &Cause) -> (ServiceCheck, Subject) {
    let report =
        ServiceCheck { service: service.name.to_string(), findings: Vec::new(), cause: Some(cause.into()) };
    (report, of_cause(service, cause.clone()))
}

struct Look<'a> {
    fleet: &'a Fleet,
    service: &'a Service,
    patience: Duration,
    cancel: &'a Cancel,
}

impl Look<'_> {
    async fn task_definition(&self) -> Result<Seen<TaskDefinitionFacts>, Box<Cause>> {
        let inspector = &self.fleet.ports.inspector;
        let id = &self.service.request.task_definition;
        let read = self.fleet.patiently(self.patience, self.cancel, || inspector.task_definition(id)).await;
        needed(read, Operation::DescribeTaskDefinition)
    }

    async fn groups(&self) -> Result<Vec<Seen<crate::facts::TargetGroupFacts>>, Box<Cause>> {
        let inspector = &self.fleet.ports.inspector;
        let patience = self.patience;
        let mut groups = Vec::with_capacity(self.service.bindings.len());
        for binding in &self.service.bindings {
            let group = &binding.target_group;
            let read = self.fleet.patiently(patience, self.cancel, || inspector.target_group(group)).await;
            groups.push(needed(read, Operation::DescribeTargetGroups)?);
        }
        Ok(groups)
    }

    fn warnings(&self, groups: &[Seen<crate::facts::TargetGroupFacts>]) -> Vec<String> {
        let bindings = self.service.bindings.iter().zip(groups);
        let unread = bindings.filter(|(_, group)| matches!(group, Seen::Unreadable { .. }));
        unread.map(|(binding, _)| super::facts::unread_group(&binding.target_group)).collect()
    }

    async fn images(
        &self,
        definition: &TaskDefinitionFacts,
    ) -> BTreeMap<String, Seen<crate::facts::ImageFacts>> {
        let mut names: BTreeMap<&String, bool> = BTreeMap::new();
        for container in &definition.containers {
            *names.entry(&container.image).or_default() |= container.has_registry_credentials;
        }
        let mut images = BTreeMap::new();
        for (name, is_private) in names {
            // What is no reference is a finding, not a question.
            let Ok(image) = name.parse::<ImageRef>() else { continue };
            let read = self.fleet.image(&image, is_private, PATIENCE, self.cancel).await;
            images.insert(name.clone(), wanted(read));
        }
        images
    }

    async fn log_groups(&self, definition: &TaskDefinitionFacts) -> BTreeMap<String, Seen<()>> {
        let inspector = &self.fleet.ports.inspector;
        let logs = definition.containers.iter().filter_map(|container| container.log.as_ref());
        let names: BTreeSet<&String> = logs
            .filter(|log| self.is_here(log.region.as_deref()))
            .filter_map(|log| log.group.as_ref())
            .collect();
        let mut groups = BTreeMap::new();
        for name in names {
            let read = self.fleet.patiently(PATIENCE, self.cancel, || inspector.log_group_exists(name)).await;
            let seen = match read {
                Ok(true) => Seen::Known(()),
                Ok(false) => Seen::Missing,
                Err(error) => wanted(Err(error)),
            };
            groups.insert(name.clone(), seen);
        }
        groups
    }

    /// Whether that is the region in which this client looks: the one of the target groups.
    fn is_here(&self, region: Option<&str>) -> bool {
        let here = self.service.bindings.first().and_then(|it| it.target_group.as_str().split(':').nth(3));
        region.is_none() || here.is_none() || region == here
    }

    async fn load_balancers(&self) -> Seen<Vec<LoadBalancerFacts>> {
        let inspector = &self.fleet.ports.inspector;
        wanted(self.fleet.patiently(PATIENCE, self.cancel, || inspector.load_balancers()).await)
    }
}

/// Without an answer the run could not be planned; a refusal is one.
fn needed<T>(read: Result<T, PortError>, call: Operation) -> Result<Seen<T>, Box<Cause>> {
    match read {
        Err(error) if !matches!(error.kind(), ErrorKind::Denied | ErrorKind::NotFound) => {
            Err(call_failed(call, error))
        }
        read => Ok(wanted(read)),
    }
}

fn wanted<T>(read: Result<T, PortError>) -> Seen<T> {
    match read {
        Ok(fact) => Seen::Known(fact),
        Err(error) if error.kind() == ErrorKind::NotFound => Seen::Missing,
        Err(error) => Seen::Unreadable { why: error.to_string() },
    }
}
