//! What tasks do that do not simply start and serve.

use std::time::Duration;

use crate::error::{ErrorKind, Failure};
use crate::observation::{StopCode, TaskStatus};

/// What a task does. The default starts, serves, and stops when it is told to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// When it serves. Default [`Serves::Normally`].
    pub serves: Serves,
    /// What a health check of a load balancer gets while the task runs and does not serve. Default
    /// [`CheckAnswer::Refused`].
    pub while_not_serving: CheckAnswer,
    /// Whether the containers' own health checks pass while it serves. Default true; false is the image that lacks the
    /// program its health check calls.
    pub container_checks_work: bool,
    /// The status in which it stays for ever, until it is stopped. Default none.
    pub stuck_in: Option<TaskStatus>,
    /// Whether it gets an address. Default true.
    pub gets_address: bool,
    /// Whether it exits on SIGTERM. Default true; otherwise it is killed after the stop timeout.
    pub handles_sigterm: bool,
    /// Whether ECS forgets it: its launch is answered, but it never is described, never runs and never ends. Default false.
    pub lost: bool,
    /// Why and when it stops by itself. Default never.
    pub stops: Option<Stop>,
    /// What its first essential container writes to its log when it starts, where its definition names a log group. Default
    /// nothing.
    pub says: Vec<String>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            serves: Serves::Normally,
            while_not_serving: CheckAnswer::Refused,
            container_checks_work: true,
            stuck_in: None,
            gets_address: true,
            handles_sigterm: true,
            lost: false,
            stops: None,
            says: Vec::new(),
        }
    }
}

impl Behaviour {
    /// It runs, but never serves.
    pub fn never_serves() -> Self {
        Self { serves: Serves::Never, ..Self::default() }
    }

    /// It runs, but answers every health check with that HTTP code.
    pub fn answers_with(code: u16) -> Self {
        Self { while_not_serving: CheckAnswer::Code(code), ..Self::never_serves() }
    }

    /// It serves for so long, then runs on without serving.
    pub fn serves_for(time: Duration) -> Self {
        Self { serves: Serves::For(time), ..Self::default() }
    }

    /// It stops by itself.
    pub fn stops(stop: Stop) -> Self {
        Self { stops: Some(stop), ..Self::default() }
    }

    /// It gets no further than that status.
    pub fn stuck_in(status: TaskStatus) -> Self {
        Self { stuck_in: Some(status), ..Self::default() }
    }

    /// It never gets an address.
    pub fn without_address() -> Self {
        Self { gets_address: false, ..Self::default() }
    }

    /// It does the same, and writes these lines when it starts.
    #[must_use]
    pub fn saying(self, lines: &[&str]) -> Self {
        Self { says: lines.iter().map(|&line| line.to_owned()).collect(), ..self }
    }

    /// ECS forgets it.
    pub fn lost() -> Self {
        Self { lost: true, ..Self::default() }
    }
}

/// When a task that runs serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// Some time after RUNNING, until it stops.
    Normally,
    /// Some time after RUNNING, for so long.
    For(Duration),
    /// Never.
    Never,
}

/// What a load balancer's health check gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckAnswer {
    /// A good answer.
    Passes,
    /// No connection: `Target.FailedHealthChecks`.
    Refused,
    /// No answer in time: `Target.Timeout`. So it is too where nothing has the address.
    Silent,
    /// The wrong HTTP code: `Target.ResponseCodeMismatch`.
    Code(u16),
}

/// A stop that nobody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// When.
    pub when: When,
    /// The coarse class.
    pub code: StopCode,
    /// ECS's sentence (`stoppedReason`).
    pub reason: String,
    /// The exit code of the first essential container; absent where it never started.
    pub exit_code: Option<i32>,
    /// ECS's sentence about that container.
    pub container_reason: Option<String>,
    /// Whether the containers are told to stop, and so take their time; otherwise they are gone at once.
    pub told: bool,
}

/// When a task stops by itself. Where that moment never comes, neither does the stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So long after its launch, whatever it does then.
    AfterLaunch(Duration),
    /// So long after RUNNING.
    AfterRunning(Duration),
    /// When it would have got to that status.
    InsteadOf(TaskStatus),
}

impl Stop {
    /// The image's tag is not there.
    pub fn image_not_found() -> Self {
        Self::before_start(
            TaskStatus::Activating,
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
             111122223333.dkr.ecr.us-east-2.amazonaws.com/web:missing: not found",
        )
    }

    /// The image is for another processor.
    pub fn wrong_platform() -> Self {
        Self::before_start(
            TaskStatus::Activating,
            "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not \
             contain descriptor matching platform 'linux/amd64'",
        )
    }

    /// The network interface does not come in time. Transient.
    pub fn interface_timeout() -> Self {
        Self::before_start(
            TaskStatus::Pending,
            "Timeout waiting for network interface provisioning to complete.",
        )
    }

    /// The subnets have no address left.
    pub fn no_free_address() -> Self {
        Self::before_start(
            TaskStatus::Pending,
            "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment disabled \
             in subnet 'subnet-a': InsufficientFreeAddressesInSubnet",
        )
    }

    /// The essential container exits with that code, so long after RUNNING.
    pub fn essential_exit(after_running: Duration, exit_code: i32) -> Self {
        Self {
            when: When::AfterRunning(after_running),
            code: StopCode::EssentialContainerExited,
            reason: "Essential container in task exited".to_owned(),
            exit_code: Some(exit_code),
            container_reason: None,
            told: false,
        }
    }

    /// The essential container needs more memory than it may have.
    pub fn out_of_memory(after_running: Duration) -> Self {
        Self {
            container_reason: Some("OutOfMemoryError: Container killed due to memory usage".to_owned()),
            ..Self::essential_exit(after_running, 137)
        }
    }

    /// The Spot capacity is taken back.
    pub fn spot_interruption(after_running: Duration) -> Self {
        Self {
            when: When::AfterRunning(after_running),
            code: StopCode::SpotInterruption,
            reason: "Your Spot Task was interrupted.".to_owned(),
            exit_code: Some(143),
            container_reason: None,
            told: true,
        }
    }

    /// A failure to start, at the moment at which the task would have got to that status.
    pub fn before_start(status: TaskStatus, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            when: When::InsteadOf(status),
            code: StopCode::TaskFailedToStart,
            container_reason: Some(reason.clone()),
            reason,
            exit_code: None,
            told: false,
        }
    }
}

/// Why a launch starts nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// HTTP 200 with `failures[]`, this reason in it, and no task. The token keeps that answer.
    Failures(String),
    /// An error. The token keeps nothing.
    Error(Failure),
}

impl Refusal {
    /// Fargate has no capacity.
    pub fn no_fargate_capacity() -> Self {
        Self::Failures(
            "Capacity is unavailable at this time. Please try again later or in a different availability zone"
                .to_owned(),
        )
    }

    /// Throttling that comes wrapped in an error about the request.
    pub fn wrapped_throttle() -> Self {
        Self::Error(Failure {
            code: Some("InvalidParameterException".to_owned()),
            ..Failure::new(
                ErrorKind::Throttled,
                "Error retrieving subnet information: Throttling: Rate exceeded",
            )
        })
    }

    /// The refusal as the launcher's caller sees it.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Error(failure) => failure.clone(),
            Self::Failures(reason) => {
                let word = !reason.contains(' ');
                Failure {
                    code: word.then(|| reason.clone()),
                    ..Failure::new(
                        ErrorKind::of_failed_placement(reason),
                        format!("ECS placed no task: {reason}"),
                    )
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_placed_later_is_capacity() {
        for (reason, kind) in [
            ("RESOURCE:MEMORY", ErrorKind::Capacity),
            ("RESOURCE:ENI", ErrorKind::Capacity),
            ("AGENT", ErrorKind::Capacity),
            ("ATTRIBUTE", ErrorKind::Invalid),
            ("LOCATION", ErrorKind::Invalid),
        ] {
            let failure = Refusal::Failures(reason.to_owned()).failure();
            assert_eq!((failure.kind, failure.code.as_deref()), (kind, Some(reason)));
        }
        let failure = Refusal::no_fargate_capacity().failure();
        assert_eq!((failure.kind, failure.code), (ErrorKind::Capacity, None));
    }
}
