//! The sample with one thing broken: to see what is said of it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::behaviour::{Behaviour, Refusal, Stop};
use super::cloud::InMemory;
use super::sample::{SAMPLE_SERVICES, SampleService};
use super::settings::GroupSettings;
use crate::facts::ImageFacts;
use crate::ids::{InvalidId, TargetGroupArn};
use crate::image::{Digest, ImageRef, Platform};
use crate::observation::TaskStatus;

/// What is broken in the sample. One service has it, the others are well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// The image is made for another processor: `auth`.
    PlatformMismatch,
    /// The image's tag does not exist: `auth`.
    ImageMissing,
    /// The program in the image is made for another processor: `auth`.
    ExecFormat,
    /// The execution role may not read a secret: `auth`.
    SecretDenied,
    /// Fargate has no capacity: `auth`.
    NoCapacity,
    /// The subnets have no free address: `auth`.
    SubnetFull,
    /// The container uses more memory than it may: `fa`.
    Oom,
    /// The application exits with an error: `fa`.
    Crash,
    /// The entry point waits without an end: `auth`.
    NeverHealthy,
    /// The health check calls a program that is not in the image: `auth`.
    HealthCheckTool,
    /// The database does not answer, and the health path says 503: `pdf`.
    SlowDatabase,
    /// The application listens on 127.0.0.1 only: `pdf`.
    Loopback,
    /// The health path does not exist: `pdf`.
    WrongPath,
    /// No listener leads to the target group: `pdf`.
    NoListener,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::PlatformMismatch,
        Self::ImageMissing,
        Self::ExecFormat,
        Self::SecretDenied,
        Self::NoCapacity,
        Self::SubnetFull,
        Self::Oom,
        Self::Crash,
        Self::NeverHealthy,
        Self::HealthCheckTool,
        Self::SlowDatabase,
        Self::Loopback,
        Self::WrongPath,
        Self::NoListener,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PlatformMismatch => "platform-mismatch",
            Self::ImageMissing => "image-missing",
            Self::ExecFormat => "exec-format",
            Self::SecretDenied => "secret-denied",
            Self::NoCapacity => "no-capacity",
            Self::SubnetFull => "subnet-full",
            Self::Oom => "oom",
            Self::Crash => "crash",
            Self::NeverHealthy => "never-healthy",
            Self::HealthCheckTool => "health-check-tool",
            Self::SlowDatabase => "slow-database",
            Self::Loopback => "loopback",
            Self::WrongPath => "wrong-path",
            Self::NoListener => "no-listener",
        }
    }

    /// The service that has it.
    pub fn service(self) -> &'static str {
        match self {
            Self::Oom | Self::Crash => "fa",
            Self::SlowDatabase | Self::Loopback | Self::WrongPath | Self::NoListener => "pdf",
            Self::PlatformMismatch
            | Self::ImageMissing
            | Self::ExecFormat
            | Self::SecretDenied
            | Self::NoCapacity
            | Self::SubnetFull
            | Self::NeverHealthy
            | Self::HealthCheckTool => "auth",
        }
    }

    /// What tasks do that have it, where it is something of theirs.
    pub fn behaviour(self) -> Option<Behaviour> {
        let soon = Duration::from_secs(5);
        Some(match self {
            Self::ExecFormat => Behaviour::stops(Stop::essential_exit(Duration::from_secs(1), 1))
                .saying(&["exec /usr/local/bin/entrypoint.sh: exec format error"]),
            Self::SecretDenied => Behaviour::stops(Stop::before_start(
                TaskStatus::Activating,
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                 failed: unable to retrieve secret from asm: AccessDeniedException: User: \
                 arn:aws:sts::111122223333:assumed-role/execution/0a1b is not authorized to perform: \
                 secretsmanager:GetSecretValue",
            )),
            Self::SubnetFull => Behaviour::stops(Stop::no_free_address()),
            Self::Oom => Behaviour::stops(Stop::out_of_memory(soon)),
            Self::Crash => Behaviour::stops(Stop::essential_exit(soon, 1))
                .saying(&["starting", "ModuleNotFoundError: No module named 'engine'"]),
            Self::NeverHealthy => Behaviour::never_serves().saying(&["Waiting for migrations ..."; 5]),
            Self::HealthCheckTool => {
                let lacks = Behaviour { container_checks_work: false, ..Behaviour::default() };
                lacks.saying(&["Listening on http://0.0.0.0:8080", "/bin/sh: wget: not found"])
            }
            Self::SlowDatabase => Behaviour::answers_with(503).saying(&["Database not ready, waiting..."; 3]),
            Self::Loopback => Behaviour::never_serves().saying(&["Listening at: http://127.0.0.1:9080 (1)"]),
            Self::WrongPath => Behaviour::answers_with(404),
            Self::PlatformMismatch | Self::ImageMissing | Self::NoCapacity | Self::NoListener => return None,
        })
    }

    fn break_it(self, cloud: &InMemory, service: &SampleService) -> Result<(), InvalidId> {
        if let Some(behaviour) = self.behaviour() {
            cloud.behave(service.task_definition, &behaviour);
            return Ok(());
        }
        match self {
            Self::PlatformMismatch => {
                let image: ImageRef = service.definition()?.containers[0].image.parse()?;
                let digest = Digest::of(b"built on a laptop");
                cloud.add_image(&image, ImageFacts::single(digest, Some(Platform::linux_arm64())));
            }
            Self::ImageMissing => {
                let mut definition = service.definition()?;
                let image = &mut definition.containers[0].image;
                *image = image.replace(":1.0", ":1.1");
                cloud.add_task_definition(definition);
            }
            Self::NoCapacity => {
                cloud.refuse_next(service.task_definition, u32::MAX, &Refusal::no_fargate_capacity());
            }
            Self::NoListener => {
                let group = GroupSettings { in_use: false, ..GroupSettings::default() };
                cloud.add_target_group(&TargetGroupArn::new(service.target_group)?, group);
            }
            // What tasks do, above.
            Self::ExecFormat
            | Self::SecretDenied
            | Self::SubnetFull
            | Self::Oom
            | Self::Crash
            | Self::NeverHealthy
            | Self::HealthCheckTool
            | Self::SlowDatabase
            | Self::Loopback
            | Self::WrongPath => {}
        }
        Ok(())
    }
}

impl InMemory {
    /// Breaks one thing in the sample.
    pub fn set_scene(&self, scenario: Scenario) {
        let service = SAMPLE_SERVICES.iter().find(|service| service.name == scenario.service());
        let broken = service.map(|service| scenario.break_it(self, service));
        debug_assert!(
            matches!(broken, Some(Ok(()))),
            "a scenario names a service of the sample, and what is well-formed"
        );
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|scenario| scenario.as_str() == name);
        known.ok_or_else(|| format!("there is no scenario {name:?}"))
    }
}
