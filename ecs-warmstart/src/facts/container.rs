//! Container definitions.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a container definition says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerFacts {
    /// Its name.
    pub name: String,
    /// Its image, as it is written there. Empty where ECS does not say.
    pub image: String,
    /// Whether the task stops when it exits.
    pub essential: bool,
    /// Its health check: without one its health is unknown for ever.
    pub health_check: Option<ContainerHealthCheck>,
    /// The ports it declares.
    pub ports: Vec<u16>,
    /// What it waits for before it starts.
    pub depends_on: Vec<Dependency>,
    /// Where its output goes; nowhere where absent.
    pub log: Option<LogConfiguration>,
    /// What it runs instead of the image's own entry point.
    pub entry_point: Vec<String>,
    /// What it is told instead of the image's own command.
    pub command: Vec<String>,
    /// The names of the environment variables that are set. Their values are nobody's business here.
    pub environment: Vec<String>,
    /// The names or ARNs in Secrets Manager and Parameter Store that it is given the values of.
    pub secrets: Vec<String>,
    /// Whether its image's registry asks for credentials that stand in a secret.
    pub has_registry_credentials: bool,
    /// Its own limit of memory in MiB, above which it is killed.
    pub memory: Option<u32>,
    /// How long it may take to resolve what it depends on.
    #[serde(with = "crate::time::as_millis_option", rename = "start_timeout_ms")]
    pub start_timeout: Option<Duration>,
    /// Between SIGTERM and SIGKILL. AWS: default 30 s, at most 120 s on Fargate.
    #[serde(with = "crate::time::as_millis_option", rename = "stop_timeout_ms")]
    pub stop_timeout: Option<Duration>,
}

impl Default for ContainerFacts {
    /// One without a name that says nothing: essential, as in ECS.
    fn default() -> Self {
        Self {
            name: String::new(),
            image: String::new(),
            essential: true,
            health_check: None,
            ports: Vec::new(),
            depends_on: Vec::new(),
            log: None,
            entry_point: Vec::new(),
            command: Vec::new(),
            environment: Vec::new(),
            secrets: Vec::new(),
            has_registry_credentials: false,
            memory: None,
            start_timeout: None,
            stop_timeout: None,
        }
    }
}

impl ContainerFacts {
    /// Whether it has a health check.
    pub fn has_health_check(&self) -> bool {
        self.health_check.is_some()
    }

    /// The log group in CloudWatch Logs that its output goes to, where it does.
    pub fn log_group(&self) -> Option<&str> {
        self.log.as_ref()?.group.as_deref()
    }
}

/// A container's health check (ECS: `healthCheck`). One in the image itself is ignored by ECS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerHealthCheck {
    /// `CMD` or `CMD-SHELL`, and the command.
    pub command: Vec<String>,
    /// Between two checks. AWS: 5 to 300 s, default 30 s.
    #[serde(with = "crate::time::as_millis", rename = "interval_ms")]
    pub interval: Duration,
    /// After what time a check has failed. AWS: 2 to 60 s, default 5 s.
    #[serde(with = "crate::time::as_millis", rename = "timeout_ms")]
    pub timeout: Duration,
    /// How many checks in a row have to fail. AWS: 1 to 10, default 3.
    pub retries: u32,
    /// How long failures do not count; a success in it counts at once. AWS: 0 to 300 s, default 0.
    #[serde(with = "crate::time::as_millis", rename = "start_period_ms")]
    pub start_period: Duration,
}

impl Default for ContainerHealthCheck {
    /// ECS's defaults, and a command that always succeeds.
    fn default() -> Self {
        Self {
            command: vec!["CMD-SHELL".to_owned(), "exit 0".to_owned()],
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(5),
            retries: 3,
            start_period: Duration::ZERO,
        }
    }
}

/// What a container waits for (ECS: `dependsOn`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// Which container.
    pub container: String,
    /// Until when.
    pub condition: StartCondition,
}

/// Until when a container waits for another (ECS: `condition`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartCondition {
    /// It has started.
    Start,
    /// It has exited, however.
    Complete,
    /// It has exited with 0.
    Success,
    /// Its health check passes.
    Healthy,
}

impl StartCondition {
    /// Reads ECS's word. One this version does not know is the weakest: started.
    pub fn parse(word: &str) -> Self {
        match word {
            "COMPLETE" => Self::Complete,
            "SUCCESS" => Self::Success,
            "HEALTHY" => Self::Healthy,
            _ => Self::Start,
        }
    }

    /// ECS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Complete => "COMPLETE",
            Self::Success => "SUCCESS",
            Self::Healthy => "HEALTHY",
        }
    }
}

/// Where a container's output goes (ECS: `logConfiguration`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogConfiguration {
    /// `awslogs`, `awsfirelens`, ...
    pub driver: String,
    /// `awslogs-group`: the log group in CloudWatch Logs.
    pub group: Option<String>,
    /// `awslogs-region`: where the group is; the task's own region where absent.
    pub region: Option<String>,
    /// `awslogs-stream-prefix`.
    pub stream_prefix: Option<String>,
    /// `awslogs-create-group`: whether a group that is missing is made. Default false.
    pub create_group: bool,
}

impl LogConfiguration {
    /// The stream of a container of a task: `PREFIX/CONTAINER/TASK-ID`. None for another driver and without a prefix.
    pub fn stream(&self, container: &str, task_id: &str) -> Option<String> {
        let prefix = self.stream_prefix.as_deref().filter(|_| self.driver == "awslogs")?;
        Some(format!("{prefix}/{container}/{task_id}"))
    }
}
