//! The run's own cause: a call that failed, a wait that was over, or a check that refused the launch.

use super::draft::Draft;
use super::evidence::Evidence;
use crate::catalogue::Confidence::{self, High, Medium};
use crate::catalogue::{Code, read_placement};
use crate::error::{ErrorKind, Failure};
use crate::machine::{Cause, Operation};

pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    let Some(cause) = &evidence.cause else { return Vec::new() };
    let itself = |code| Draft::new(code, High).saying(cause).quotes(cause.evidence());
    match cause {
        Cause::CallFailed { call, failure } => vec![of_failure(*call, failure).saying(cause)],
        Cause::NotLaunchedInTime { last, tried, .. } => {
            let why = last.iter().map(|failure| match tried.is_empty() {
                true => of_failure(Operation::RunTask, failure),
                false => judged(Operation::RunTask, failure).quotes(cause.evidence()),
            });
            why.chain([itself(Code::NotLaunchedInTime)]).collect()
        }
        // What the stop means is said by the rule of stops.
        Cause::TaskStopped { .. } => vec![itself(Code::TaskStopped)],
        Cause::TaskLost { .. } => vec![itself(Code::TaskLost)],
        Cause::NotRunningInTime { .. } => vec![itself(Code::NotRunningInTime)],
        Cause::GateNotOpenInTime { .. } => vec![itself(Code::GateNotOpenInTime)],
        Cause::NotRegisteredInTime { .. } => vec![itself(Code::NotRegisteredInTime)],
        Cause::NotHealthyInTime { .. } => vec![itself(Code::NotHealthyInTime)],
        Cause::NotStoppedInTime { .. } => vec![itself(Code::NotStoppedInTime)],
        Cause::TargetUnusable { .. } => vec![itself(Code::TargetUnusable)],
        Cause::NoTarget { .. } => vec![itself(Code::NoTarget)],
        Cause::AnotherImage { .. } => vec![itself(Code::AnotherImage)],
        Cause::Misconfigured { .. } => vec![itself(Code::Misconfigured)],
        Cause::LastHealthyTarget { .. } => vec![itself(Code::LastHealthyTarget)],
        Cause::Cancelled => vec![itself(Code::Cancelled)],
        Cause::SlotTaken { .. } => vec![itself(Code::SlotTaken)],
    }
}

/// What the check said needs no guess.
pub(super) fn refusal(evidence: &Evidence) -> Option<Draft> {
    let refusal = evidence.refusal.as_ref()?;
    let code = refusal.code.parse().unwrap_or(Code::Misconfigured);
    let draft = Draft::new(code, High).saying(&refusal.summary).remedy(&refusal.remedy);
    Some(draft.quote(format!("check before the launch: {}", refusal.code)))
}

fn of_failure(call: Operation, failure: &Failure) -> Draft {
    judged(call, failure).quote(format!("{call}: {failure}"))
}

fn judged(call: Operation, failure: &Failure) -> Draft {
    let said = if call == Operation::RunTask { placement(failure) } else { None };
    let (code, confidence) = said.unwrap_or_else(|| of_kind(failure.kind));
    Draft::new(code, confidence).slot("call", call)
}

/// What ECS's word or sentence says beyond the kind. What it does not know stays with the kind.
fn placement(failure: &Failure) -> Option<(Code, Confidence)> {
    let word = failure.code.as_deref().and_then(read_placement);
    let said = word.or_else(|| read_placement(&failure.message));
    let platform = failure.code.as_deref() == Some("PlatformTaskDefinitionIncompatibilityException");
    match said {
        Some(said) => Some((said.code, said.confidence)),
        None if platform => Some((Code::ComputeIncompatible, High)),
        None => None,
    }
}

pub(super) fn of_kind(kind: ErrorKind) -> (Code, Confidence) {
    match kind {
        ErrorKind::Capacity => (Code::Capacity, High),
        ErrorKind::Denied => (Code::Denied, High),
        ErrorKind::Invalid => (Code::Invalid, High),
        ErrorKind::NotFound => (Code::NotFound, High),
        ErrorKind::Conflict => (Code::Conflict, High),
        ErrorKind::Throttled => (Code::Throttled, High),
        ErrorKind::Timeout => (Code::Timeout, High),
        ErrorKind::Unavailable => (Code::Unavailable, High),
        ErrorKind::Other => (Code::CallFailed, Medium),
    }
}
