//! Gathers what a diagnosis rests on. What may not be read is done without, and named.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;

use super::handle::Fleet;
use super::report::ServiceReport;
use super::service::Service;
use crate::catalogue::{Stage, is_by_us};
use crate::diagnose::{
    Evidence, FailedRead, ImageEvidence, LogLine, Refusal, Subject, TargetEvidence, diagnose,
};
use crate::driver::Cancel;
use crate::error::{ErrorKind, PortError};
use crate::facts::{LogQuery, TaskDefinitionFacts};
use crate::ids::{TargetGroupArn, TaskArn};
use crate::image::ImageRef;
use crate::machine::{Cause, State};
use crate::observation::{TaskObservation, TaskStatus};
use crate::preflight::Finding;

/// How long a read is repeated that fails: whoever asks why is waiting.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many lines are read from the end of a log. AWS: up to 10,000 in one answer.
const LINES: u32 = 50;

/// Evidence on its way.
pub(super) struct Gathering<'a> {
    pub(super) fleet: &'a Fleet,
    cancel: &'a Cancel,
    pub(super) evidence: Evidence,
    unread: Vec<String>,
}

impl<'a> Gathering<'a> {
    pub(super) fn new(fleet: &'a Fleet, cancel: &'a Cancel) -> Self {
        let evidence = Evidence { seen_at: Some(fleet.clock.now()), ..Evidence::default() };
        Self { fleet, cancel, evidence, unread: Vec::new() }
    }

    pub(super) fn finish(self, name: impl Into<String>) -> Subject {
        Subject { name: name.into(), evidence: self.evidence, unread: self.unread }
    }

    /// One read. What cannot be read is noted.
    pub(super) async fn read<T, F>(&mut self, what: &str, call: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, PortError>> + Send,
    {
        match self.fleet.patiently(PATIENCE, self.cancel, call).await {
            Ok(answer) => Some(answer),
            Err(error) => {
                let (call, message) = (what.to_owned(), error.to_string());
                self.note(format!("{what}: {error}"));
                let failed = FailedRead { call, kind: error.kind(), message };
                if !self.evidence.failed_reads.contains(&failed) {
                    self.evidence.failed_reads.push(failed);
                }
                None
            }
        }
    }

    fn note(&mut self, unread: String) {
        if !self.unread.contains(&unread) {
            self.unread.push(unread);
        }
    }

    /// The path of the health check of each of these groups, where it has one. One call for all.
    pub(super) async fn health_paths(
        &mut self,
        groups: &[TargetGroupArn],
    ) -> HashMap<TargetGroupArn, String> {
        if groups.is_empty() {
            return HashMap::new();
        }
        let inspector = &self.fleet.ports.inspector;
        let facts = self.read("DescribeTargetGroups", || inspector.target_groups(groups)).await;
        let paths = facts.unwrap_or_default().into_iter().map(|facts| facts.health_check_path);
        groups.iter().cloned().zip(paths).filter_map(|(group, path)| Some((group, path?))).collect()
    }

    /// What is only read where something is wrong: the ends of the logs, and what the registry says.
    pub(super) async fn look_closer(&mut self, definition: Option<&TaskDefinitionFacts>) {
        let Some(definition) = definition else { return };
        let started = self.evidence.task.as_ref().is_some_and(has_started);
        if started {
            self.read_logs(definition).await;
        }
        let root = diagnose(&self.evidence).root().code;
        if root.stage() == Stage::Pulling || (root.is_symptom() && !started) {
            self.read_images(definition).await;
        }
    }

    async fn read_logs(&mut self, definition: &TaskDefinitionFacts) {
        let Some(task) = self.evidence.task.as_ref().map(|task| task.task.clone()) else { return };
        let inspector = &self.fleet.ports.inspector;
        for container in &definition.containers {
            let Some(log) = &container.log else { continue };
            let (Some(group), Some(stream)) = (log.group.clone(), log.stream(&container.name, task.id()))
            else {
                continue;
            };
            let what = format!("log of {}", container.name);
            // Nobody is asked but the region of this program: in another one the group would be missing, or somebody else's.
            let region = log.region.as_deref().filter(|region| is_elsewhere(&task, region));
            if let Some(region) = region {
                self.note(format!(
                    "{what}: it is in {region} (awslogs-region), which was not asked: aws logs get-log-events --region \
                     {region} --log-group-name {group} --log-stream-name {stream}"
                ));
                continue;
            }
            let query = LogQuery { group, stream, lines: LINES };
            let lines = self.read(&what, || inspector.log_tail(&query)).await.unwrap_or_default();
            self.evidence.logs.extend(lines.iter().map(|line| LogLine::of(&container.name, line)));
        }
        // One story, whoever tells it.
        self.evidence.logs.sort_by_key(|line| line.at);
    }

    async fn read_images(&mut self, definition: &TaskDefinitionFacts) {
        for container in &definition.containers {
            let Ok(reference) = container.image.parse::<ImageRef>() else { continue };
            let is_private = container.has_registry_credentials;
            let found = self.fleet.image(&reference, is_private, PATIENCE, self.cancel).await;
            match found {
                Ok(facts) => self.evidence.images.push(ImageEvidence::found(&container.image, &facts)),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.evidence.images.push(ImageEvidence::missing(&container.image));
                }
                Err(error) => self.note(format!("image {}: {error}", container.image)),
            }
        }
    }
}

/// What a run that did not get ready saw itself.
pub(super) fn of_run(state: &State) -> Option<Evidence> {
    let cause = state.cause()?;
    Some(Evidence {
        service: Some(state.spec().service().to_string()),
        cause: Some(cause.clone()),
        task: task_of(state, cause),
        targets: TargetEvidence::of_cause(cause).into_iter().collect(),
        ..Evidence::default()
    })
}

impl From<&Finding> for Refusal {
    fn from(finding: &Finding) -> Self {
        let Finding { code, summary, remedy, .. } = finding;
        Self { code: code.as_str().to_owned(), summary: summary.clone(), remedy: remedy.clone() }
    }
}

/// What is known of a service that could not be begun.
pub(super) fn of_cause(service: &Service, cause: Cause) -> Subject {
    of_nothing(service, Evidence { cause: Some(cause), ..Evidence::default() })
}

/// What is known of a service that the check refused.
pub(super) fn of_refusal(service: &Service, finding: &Finding) -> Subject {
    of_nothing(service, Evidence { refusal: Some(finding.into()), ..Evidence::default() })
}

fn of_nothing(service: &Service, evidence: Evidence) -> Subject {
    let name = service.name.to_string();
    let evidence = Evidence { service: Some(name.clone()), ..evidence };
    Subject { name, evidence, unread: Vec::new() }
}

/// Finds the cause of every run that did not get ready, while what tells it can still be read.
pub(super) async fn explain(fleet: &Fleet, service: &Service, report: &mut ServiceReport, cancel: &Cancel) {
    let mut explaining = JoinSet::new();
    for (place, task) in report.tasks.iter_mut().enumerate() {
        let Some(evidence) = task.evidence.take() else { continue };
        let (fleet, service, cancel) = (fleet.clone(), service.clone(), cancel.clone());
        explaining.spawn(async move { (place, look_around(&fleet, &service, *evidence, &cancel).await) });
    }
    for (place, subject) in explaining.join_all().await {
        let task = &mut report.tasks[place];
        task.cause = Some(subject.diagnose().root().into());
        task.evidence = Some(Box::new(subject.evidence.clone()));
        fleet.keep(subject);
    }
}

/// Adds to what a run saw what can be read now.
async fn look_around(fleet: &Fleet, service: &Service, evidence: Evidence, cancel: &Cancel) -> Subject {
    let mut gathering = Gathering::new(fleet, cancel);
    gathering.evidence = Evidence { seen_at: gathering.evidence.seen_at, ..evidence };
    gathering.evidence.cluster = Some(service.request.cluster.name().to_owned());
    // Whoever asks to end waits for nothing more.
    if !matches!(gathering.evidence.cause, Some(Cause::Cancelled)) && !cancel.is_cancelled() {
        let inspector = &fleet.ports.inspector;
        let id = gathering.evidence.task.as_ref().and_then(|task| task.task_definition.clone());
        let id = id.unwrap_or_else(|| service.request.task_definition.clone());
        let definition = gathering.read("DescribeTaskDefinition", || inspector.task_definition(&id)).await;
        gathering.evidence.definition = definition.as_ref().map(Into::into);
        let groups: Vec<TargetGroupArn> =
            gathering.evidence.targets.iter().map(|target| target.target_group.clone()).collect();
        let paths = gathering.health_paths(&groups).await;
        for target in &mut gathering.evidence.targets {
            target.health_path = paths.get(&target.target_group).cloned();
        }
        gathering.look_closer(definition.as_ref()).await;
    }
    gathering.finish(service.name.to_string())
}

/// The task as it was when it went wrong. What this run did to it afterwards is no evidence.
fn task_of(state: &State, cause: &Cause) -> Option<TaskObservation> {
    let mut task = state.observation()?.clone();
    if let Cause::TaskStopped { stop, containers, .. } = cause {
        task.stop = Some(stop.clone());
        task.containers.clone_from(containers);
        return Some(task);
    }
    let by_us = task.stop.as_ref().is_some_and(is_by_us);
    if by_us || task.is_ending() {
        task.stop = None;
        task.stop_requested = false;
        task.status = if task.started_at.is_some() { TaskStatus::Running } else { TaskStatus::Pending };
        for container in &mut task.containers {
            container.exit_code = None;
            container.reason = None;
        }
    }
    Some(task)
}

/// Whether that is another region than the task's own, which its ARN names.
fn is_elsewhere(task: &TaskArn, region: &str) -> bool {
    task.as_str().split(':').nth(3).is_some_and(|its| its != region)
}

/// Whether its containers ever ran: only then there is a log.
pub(super) fn has_started(task: &TaskObservation) -> bool {
    task.started_at.is_some() || task.containers.iter().any(|container| container.exit_code.is_some())
}
