//! The corpus of evidence: cases in AWS's own words, as `DescribeTasks`, `DescribeTargetHealth` and `DescribeServices` have
//! them, each with the root cause that it has.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use ecs_warmstart::catalogue::{Code, Confidence};
use ecs_warmstart::diagnose::{
    DefinitionEvidence, DeploymentEvidence, EcsServiceEvidence, Evidence, FailedRead, ImageEvidence, LogLine,
    Refusal, ServiceEvent, TargetEvidence,
};
use ecs_warmstart::machine::Cause;
use ecs_warmstart::observation::{
    ContainerObservation, HealthStatus, StopCode, StopInfo, Target, TargetObservation, TargetReason,
    TargetState, TaskObservation, TaskStatus,
};
use ecs_warmstart::time::Timestamp;
use serde::Deserialize;

use crate::source::library;

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// Where its message comes from.
    pub(crate) source: SourceKind,
    /// How many tasks there should be.
    #[serde(default)]
    desired: Option<u32>,
    #[serde(default)]
    failed_reads: Vec<FailedRead>,
    #[serde(default)]
    run: Option<Cause>,
    #[serde(default)]
    refusal: Option<Refusal>,
    #[serde(default)]
    task: Option<Task>,
    #[serde(default)]
    siblings: Vec<Task>,
    #[serde(default)]
    definition: Option<DefinitionEvidence>,
    #[serde(default)]
    images: Vec<ImageEvidence>,
    #[serde(default)]
    targets: Vec<TargetCase>,
    #[serde(default)]
    logs: Vec<Line>,
    #[serde(default)]
    ecs_service: Option<ServiceCase>,
    /// Seconds.
    #[serde(default)]
    first_success: Option<u64>,
    pub(crate) expect: Expected,
}

/// Where the message of a case comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SourceKind {
    /// AWS's documentation or API model.
    AwsDocs,
    /// The source of the ECS agent.
    Agent,
    /// Issues and logs of people who met it.
    Field,
    /// What other tools look for, or get wrong.
    Peer,
    /// This project's own check before a launch.
    Check,
    /// A cause that somebody found by hand and wrote down: what this project grew from.
    Seed,
}

/// What the diagnosis has to say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) root: Code,
    #[serde(default)]
    pub(crate) confidence: Option<Confidence>,
    #[serde(default)]
    pub(crate) evidence_says: Vec<String>,
    /// Exactly these, from the task outwards.
    #[serde(default)]
    pub(crate) chain: Option<Vec<Code>>,
    /// Exactly these.
    #[serde(default)]
    pub(crate) others: Option<Vec<Code>>,
    #[serde(default)]
    pub(crate) summary_says: Vec<String>,
    #[serde(default)]
    pub(crate) remedy_says: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Task {
    #[serde(default)]
    last_status: Option<String>,
    #[serde(default)]
    stop_code: Option<String>,
    #[serde(default)]
    stopped_reason: Option<String>,
    #[serde(default)]
    task_definition: Option<String>,
    /// Seconds.
    #[serde(default)]
    created_at: Option<u64>,
    /// Seconds.
    #[serde(default)]
    started_at: Option<u64>,
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Container {
    name: String,
    #[serde(default)]
    exit_code: Option<i32>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    health_status: Option<String>,
    #[serde(default)]
    image_digest: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetCase {
    state: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    path: Option<String>,
    /// Default 8080.
    #[serde(default)]
    port: Option<u16>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Message(String),
    /// Seconds after the start.
    At {
        after: u64,
        #[serde(default)]
        container: Option<String>,
        message: String,
    },
    Of {
        container: String,
        message: String,
    },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceCase {
    name: String,
    #[serde(default)]
    cluster: String,
    desired: u32,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    running: u32,
    events: Vec<String>,
    #[serde(default)]
    deployments: Vec<DeploymentEvidence>,
}

/// Every case, with the file it stands in.
pub(crate) fn cases() -> &'static [(String, Case)] {
    static CASES: OnceLock<Vec<(String, Case)>> = OnceLock::new();
    CASES.get_or_init(read)
}

fn read() -> Vec<(String, Case)> {
    let mut all = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(library().join("tests/corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let cases: Vec<Case> =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        all.extend(cases.into_iter().map(|case| (stem(&file), case)));
    }
    all
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap().to_str().unwrap().to_owned()
}

impl Case {
    /// The evidence in our own types.
    pub(crate) fn evidence(&self) -> Evidence {
        let tasks = self.task.iter().chain(&self.siblings).enumerate();
        let mut tasks: Vec<TaskObservation> = tasks.map(|(number, task)| task.observation(number)).collect();
        let task = self.task.is_some().then(|| tasks.remove(0));
        Evidence {
            service: Some("web".to_owned()),
            cluster: None,
            seen_at: None,
            desired: self.desired,
            failed_reads: self.failed_reads.clone(),
            cause: self.run.clone(),
            refusal: self.refusal.clone(),
            task,
            siblings: tasks,
            definition: self.definition.clone(),
            images: self.images.clone(),
            targets: self.targets.iter().map(TargetCase::evidence).collect(),
            logs: self.logs.iter().map(Line::evidence).collect(),
            ecs_service: self.ecs_service.as_ref().map(ServiceCase::evidence),
            first_success: self.first_success.map(Duration::from_secs),
        }
    }
}

impl Task {
    fn observation(&self, number: usize) -> TaskObservation {
        let arn = format!("arn:aws:ecs:us-east-2:111122223333:task/prod/{number:08x}");
        let stop = self.stopped_reason.as_ref().map(|reason| StopInfo {
            code: self.stop_code.as_deref().map(StopCode::parse),
            reason: reason.clone(),
        });
        let status = match self.last_status.as_deref() {
            Some(word @ ("RUNNING" | "PENDING" | "PROVISIONING")) => TaskStatus::parse(word),
            None => TaskStatus::Stopped,
            Some(other) => panic!("no case has lastStatus {other}"),
        };
        let container = |it: &Container| ContainerObservation {
            name: it.name.clone(),
            health: match it.health_status.as_deref() {
                Some("HEALTHY") => HealthStatus::Healthy,
                Some("UNHEALTHY") => HealthStatus::Unhealthy,
                Some("UNKNOWN") | None => HealthStatus::Unknown,
                Some(other) => panic!("there is no healthStatus {other}"),
            },
            exit_code: it.exit_code,
            reason: it.reason.clone(),
            image_digest: it.image_digest.clone(),
            ports: Vec::new(),
        };
        TaskObservation {
            stop_requested: stop.is_some(),
            task_definition: self.task_definition.as_ref().map(|id| id.parse().unwrap()),
            created_at: self.created_at.map(moment),
            started_at: self.started_at.map(moment),
            containers: self.containers.iter().map(container).collect(),
            stop,
            ..TaskObservation::new(arn.parse().unwrap(), status)
        }
    }
}

impl TargetCase {
    fn evidence(&self) -> TargetEvidence {
        let group = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/web/0123456789abcdef";
        TargetEvidence {
            target_group: group.parse().unwrap(),
            target: Target::new(self.id.as_deref().unwrap_or("10.0.1.5"), self.port.unwrap_or(8080)),
            seen: TargetObservation {
                state: TargetState::parse(&self.state),
                reason: self.reason.as_deref().map(TargetReason::parse),
                description: self.description.clone(),
            },
            health_path: self.path.clone(),
        }
    }
}

impl Line {
    fn evidence(&self) -> LogLine {
        let (at, container, message) = match self {
            Self::Message(message) => (None, None, message),
            Self::At { after, container, message } => (Some(moment(*after)), container.as_ref(), message),
            Self::Of { container, message } => (None, Some(container), message),
        };
        let container = container.map_or("web", String::as_str).to_owned();
        LogLine { container, at, message: message.clone() }
    }
}

impl ServiceCase {
    fn evidence(&self) -> EcsServiceEvidence {
        let event = |message: &String| ServiceEvent { at: None, message: message.clone() };
        EcsServiceEvidence {
            name: self.name.clone(),
            cluster: self.cluster.clone(),
            status: self.status.clone(),
            desired: self.desired,
            running: self.running,
            deployments: self.deployments.clone(),
            events: self.events.iter().map(event).collect(),
        }
    }
}

fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
}
