//! Whether a task that stopped is worth another try. What its words mean stands in the catalogue.

use crate::catalogue::{self, DRAINED_BY_US};
use crate::observation::TaskObservation;

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

pub(super) fn classify(task: &TaskObservation) -> StopClass {
    let Some(stop) = &task.stop else { return StopClass::Permanent };
    if catalogue::is_by_us(stop) {
        // A drained task was wanted down: no reason to launch another one.
        let drained = stop.reason.starts_with(DRAINED_BY_US);
        return if drained { StopClass::Permanent } else { StopClass::TakenBack };
    }
    match catalogue::of_stop(stop, &task.containers) {
        Some(said) if said.code.is_transient() => StopClass::Transient,
        Some(_) | None => StopClass::Permanent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{ContainerObservation, StopCode, StopInfo, TaskStatus};

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
        // What a person writes is no sentence of ECS.
        check("UserInitiated", "it looked like InternalError to me", "", Permanent);
        // It would happen again on other capacity.
        check("SpotInterruption", "Your Spot Task was interrupted.", "OutOfMemoryError: killed", Permanent);
        check(failed, "TaskFailedToStart: RESOURCE:MEMORY", "", Transient);
        check(failed, "TaskFailedToStart: EMPTY CAPACITY PROVIDER", "", Permanent);
    }
}
