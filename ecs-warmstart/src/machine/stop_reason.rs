//! Whether a task that stopped is worth another try: the table behind it, from the field's war stories.

use crate::observation::{ContainerObservation, StopCode, StopInfo, TaskObservation};

/// Every reason with which this program stops a task begins so: who shares a task with another run knows by it that
/// the other one took it back.
pub(super) const STOPPED_BY_US: &str = "ecs-warmstart:";

/// And so begins the reason when the task was drained, not taken back.
const DRAINED_BY_US: &str = "ecs-warmstart: drained";

/// Why a stop happened, by what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopClass {
    /// Another run of this program took it back: launch the next one.
    TakenBack,
    /// A passing fault under the task: worth another try, a few times.
    Transient,
    /// It would happen again.
    Permanent,
}

/// Contained in `stoppedReason` or a container's reason, these mean a passing fault.
const TRANSIENT: [&str; 9] = [
    "Timeout waiting for network interface provisioning",
    "Timeout waiting for EphemeralStorage provisioning",
    "InsufficientFreeAddressesInSubnet",
    "Task provisioning failed",
    "Service Discovery instance could not be registered",
    "toomanyrequests",
    "You have reached your pull rate limit",
    "ContainerRuntimeError",
    "InternalError",
];

/// The same, where both parts are contained.
const TRANSIENT_PAIRS: [(&str, &str); 10] = [
    ("Unexpected EC2 error while attempting to Create Network Interface", "AuthFailure"),
    ("CannotPull", "i/o timeout"),
    ("CannotPull", "EOF"),
    ("CannotPull", "invalid argument"),
    ("CannotPull", "request canceled while waiting for connection"),
    ("ResourceInitializationError", "i/o timeout"),
    ("ResourceInitializationError", "RequestError"),
    ("Host EC2 (instance", "stopped"),
    ("Host EC2 (instance", "terminated"),
    ("imeoutError", "Could not transition to running"),
];

pub(super) fn classify(task: &TaskObservation) -> StopClass {
    let Some(stop) = &task.stop else { return StopClass::Permanent };
    match &stop.code {
        // Somebody wants it down: no reason to launch another one.
        Some(StopCode::UserInitiated) if stop.reason.starts_with(DRAINED_BY_US) => StopClass::Permanent,
        Some(StopCode::UserInitiated) if stop.reason.starts_with(STOPPED_BY_US) => StopClass::TakenBack,
        Some(StopCode::UserInitiated) => StopClass::Permanent,
        Some(StopCode::SpotInterruption | StopCode::TerminationNotice) => StopClass::Transient,
        // AWS does not say what it means; the name says that it is not the task's fault.
        Some(StopCode::InfrastructureHealth) => StopClass::Transient,
        Some(
            StopCode::TaskFailedToStart
            | StopCode::EssentialContainerExited
            | StopCode::ServiceSchedulerInitiated
            | StopCode::Other(_),
        )
        | None => by_reason(stop, &task.containers),
    }
}

fn by_reason(stop: &StopInfo, containers: &[ContainerObservation]) -> StopClass {
    let reasons = || {
        std::iter::once(stop.reason.as_str()).chain(containers.iter().filter_map(|it| it.reason.as_deref()))
    };
    let transient = TRANSIENT.iter().any(|part| reasons().any(|reason| reason.contains(part)))
        || TRANSIENT_PAIRS
            .iter()
            .any(|(one, other)| reasons().any(|reason| reason.contains(one) && reason.contains(other)));
    if transient { StopClass::Transient } else { StopClass::Permanent }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::TaskStatus;

    #[track_caller]
    fn check(code: &str, reason: &str, container: &str, expected: StopClass) {
        let task = "arn:aws:ecs:us-east-2:111122223333:task/c/1".parse().unwrap();
        let mut task = TaskObservation::new(task, TaskStatus::Stopped);
        let code = (!code.is_empty()).then(|| StopCode::parse(code));
        task.stop = Some(StopInfo { code, reason: reason.to_owned() });
        task.containers.push(ContainerObservation {
            name: "web".into(),
            reason: (!container.is_empty()).then(|| container.to_owned()),
            ..ContainerObservation::default()
        });
        assert_eq!(classify(&task), expected, "{code:?} {reason} {container}", code = task.stop);
    }

    #[test]
    fn the_table() {
        use StopClass::{Permanent, TakenBack, Transient};
        let failed = "TaskFailedToStart";
        check("UserInitiated", "ecs-warmstart: cancelled", "", TakenBack);
        check("UserInitiated", "ecs-warmstart: drained, run auth/down", "", Permanent);
        check("UserInitiated", "stopped in the console", "", Permanent);
        check("SpotInterruption", "Your Spot Task was interrupted.", "", Transient);
        check("TerminationNotice", "Your Spot Task was interrupted.", "", Transient);
        check(failed, "Timeout waiting for network interface provisioning to complete.", "", Transient);
        check(failed, "Timeout waiting for EphemeralStorage provisioning to complete.", "", Transient);
        check(failed, "CannotPullContainerError: dial tcp 1.2.3.4:443: i/o timeout", "", Transient);
        check(failed, "", "CannotPullContainerError: pull: unexpected EOF", Transient);
        check(
            failed,
            "ResourceInitializationError: unable to pull secrets: dial tcp: i/o timeout",
            "",
            Transient,
        );
        check("", "Host EC2 (instance i-0) terminated.", "", Transient);
        check(failed, "InternalError", "", Transient);
        let timeout = "DockerTimeoutError: Could not transition to running; timed out after waiting 3m0s";
        check(failed, timeout, "", Transient);
        check(failed, "CannotPullContainerError: pull image manifest: repo/web:x: not found", "", Permanent);
        let platform =
            "CannotPullContainerError: image Manifest does not contain descriptor matching platform";
        check(failed, platform, "", Permanent);
        check(failed, "ResourceInitializationError: AccessDeniedException: secretsmanager", "", Permanent);
        let ec2 = "Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-a'";
        check(failed, ec2, "", Permanent);
        check(failed, &format!("{ec2}: AuthFailure"), "", Transient);
        let exited = "EssentialContainerExited";
        check(exited, "Essential container in task exited", "", Permanent);
        check(exited, "Essential container in task exited", "OutOfMemoryError: killed", Permanent);
        check("", "", "", Permanent);
    }
}
