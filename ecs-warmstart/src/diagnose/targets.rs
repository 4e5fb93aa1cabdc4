//! What target groups say of the task's targets.

use super::draft::Draft;
use super::evidence::{Evidence, TargetEvidence};
use crate::catalogue::Code;
use crate::catalogue::Confidence::{self, High, Medium};
use crate::observation::{TargetObservation, TargetReason, TargetState};

pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    let drafts: Vec<Draft> = evidence.targets.iter().filter_map(of_target).collect();
    if drafts.is_empty() {
        evidence.cause.as_ref().and_then(TargetEvidence::of_cause).iter().filter_map(of_target).collect()
    } else {
        drafts
    }
}

/// The targets as they were looked at; as the run saw them last, where nobody looked again.
pub(super) fn seen(evidence: &Evidence) -> Vec<TargetEvidence> {
    if evidence.targets.is_empty() {
        evidence.cause.as_ref().and_then(TargetEvidence::of_cause).into_iter().collect()
    } else {
        evidence.targets.clone()
    }
}

fn of_target(evidence: &TargetEvidence) -> Option<Draft> {
    let (code, confidence) = meaning(&evidence.seen)?;
    let draft = Draft::new(code, confidence)
        .quote(format!(
            "target health of {} in {}: {}",
            evidence.target,
            evidence.target_group.name(),
            evidence.seen
        ))
        .slot("group", evidence.target_group.name())
        .slot("group_arn", &evidence.target_group)
        .slot("port", evidence.target.port);
    let draft = match &evidence.health_path {
        Some(path) => draft.slot("path", path),
        None => draft,
    };
    Some(match codes(evidence.seen.description.as_deref()) {
        Some(codes) => draft.slot("codes", codes),
        None => draft,
    })
}

fn meaning(seen: &TargetObservation) -> Option<(Code, Confidence)> {
    let known = match (&seen.reason, seen.state) {
        (None, TargetState::Healthy) => return None,
        (Some(TargetReason::ResponseCodeMismatch), _) => wrong_code(seen.description.as_deref()),
        (Some(TargetReason::Timeout), _) => (Code::TargetTimeout, High),
        (Some(TargetReason::FailedHealthChecks), _) => (Code::TargetRefuses, High),
        (Some(TargetReason::NotInUse), _) if is_of_zone(seen) => (Code::TargetZoneDisabled, High),
        (Some(TargetReason::NotInUse), _) => (Code::TargetGroupUnused, High),
        (Some(TargetReason::InvalidState), _) => (Code::TargetInvalidState, High),
        (Some(TargetReason::IpUnusable), _) => (Code::TargetIpUnusable, High),
        (Some(TargetReason::NotRegistered), _) => (Code::TargetNotRegistered, High),
        (Some(TargetReason::DeregistrationInProgress), _) => (Code::TargetDraining, High),
        (Some(TargetReason::RegistrationInProgress | TargetReason::InitialHealthChecking), _) => {
            (Code::TargetInitial, High)
        }
        (Some(TargetReason::InternalError), _) => (Code::LoadBalancerError, High),
        (Some(TargetReason::HealthCheckDisabled), _) => (Code::TargetUnchecked, High),
        (Some(TargetReason::Other(_)) | None, TargetState::Initial) => (Code::TargetInitial, Medium),
        (Some(TargetReason::Other(_)) | None, TargetState::Draining) => (Code::TargetDraining, Medium),
        (Some(TargetReason::Other(_)) | None, _) => (Code::TargetUnhealthy, Medium),
    };
    Some(known)
}

/// The description tells a zone that is not enabled from a group that no listener leads to.
fn is_of_zone(seen: &TargetObservation) -> bool {
    seen.description.as_deref().is_some_and(|said| said.contains("Availability Zone"))
}

/// What the application answers says more than that it is wrong.
pub(super) fn wrong_code(description: Option<&str>) -> (Code, Confidence) {
    let codes = codes(description).unwrap_or_default();
    let first: Option<u16> = codes.split(',').next().and_then(|code| code.trim().parse().ok());
    match first {
        Some(404) => (Code::HealthPathMissing, Medium),
        Some(401 | 403) => (Code::HealthPathGuarded, Medium),
        Some(301 | 302 | 303 | 307 | 308) => (Code::HealthPathRedirects, Medium),
        Some(_) | None => (Code::TargetWrongCode, High),
    }
}

/// What stands between the brackets of `Health checks failed with these codes: [502, 503]`.
pub(super) fn codes(description: Option<&str>) -> Option<String> {
    let (_, after) = description?.split_once("codes: [")?;
    Some(after.split(']').next()?.to_owned())
}
