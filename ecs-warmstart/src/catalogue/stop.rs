//! Why a task stopped, from its stop code, its sentence and those of its containers.

use super::sentence::{Meaning, read};
use super::{Code, Confidence, rank};
use crate::observation::{ContainerObservation, StopCode, StopInfo};

/// Every reason with which this program stops a task begins so: who shares a task with another run knows by it that
/// the other one took it back.
pub const STOPPED_BY_US: &str = "ecs-warmstart:";

/// And so begins the reason when the task was drained, not taken back.
pub const DRAINED_BY_US: &str = "ecs-warmstart: drained";

/// Whether this program stopped it.
pub fn is_by_us(stop: &StopInfo) -> bool {
    stop.code == Some(StopCode::UserInitiated) && stop.reason.starts_with(STOPPED_BY_US)
}

/// Whether the containers were told to stop: then their exit codes are consequences.
pub fn was_told(stop: &StopInfo) -> bool {
    match &stop.code {
        Some(
            StopCode::UserInitiated
            | StopCode::ServiceSchedulerInitiated
            | StopCode::SpotInterruption
            | StopCode::TerminationNotice
            | StopCode::InfrastructureHealth,
        ) => true,
        Some(StopCode::TaskFailedToStart | StopCode::EssentialContainerExited | StopCode::Other(_))
        | None => read(&stop.reason).is_some_and(|said| said.code.stage() == super::Stage::Outside),
    }
}

/// The one meaning among all that is said of a stop; nothing where nobody says a known word.
///
/// The order is that of the diagnosis: [`rank()`].
pub fn of_stop(stop: &StopInfo, containers: &[ContainerObservation]) -> Option<Meaning> {
    let reasons = containers.iter().filter_map(|container| container.reason.as_deref());
    let said = reasons.filter_map(read).chain(of_task(stop));
    said.min_by_key(|said| rank(said.code, said.confidence))
}

/// What is said of the task itself.
pub(crate) fn of_task(stop: &StopInfo) -> Option<Meaning> {
    let sure = |code| Some(Meaning { code, confidence: Confidence::High });
    match &stop.code {
        // What a person gives as reason is no sentence of ECS.
        Some(StopCode::UserInitiated) if stop.reason.starts_with(DRAINED_BY_US) => sure(Code::Drained),
        Some(StopCode::UserInitiated) if stop.reason.starts_with(STOPPED_BY_US) => sure(Code::TakenBack),
        Some(StopCode::UserInitiated) => {
            // ECS says so too when the instance is deregistered.
            read(&stop.reason)
                .filter(|said| said.code == Code::InstanceDeregistered)
                .or_else(|| sure(Code::StoppedByUser))
        }
        Some(StopCode::SpotInterruption | StopCode::TerminationNotice) => sure(Code::SpotInterruption),
        // AWS does not say what it means; the name says that it is not the task's fault.
        Some(StopCode::InfrastructureHealth) => sure(Code::InfrastructureHealth),
        Some(StopCode::TaskFailedToStart) => read(&stop.reason).or_else(|| sure(Code::TaskFailedToStart)),
        Some(
            StopCode::EssentialContainerExited | StopCode::ServiceSchedulerInitiated | StopCode::Other(_),
        )
        | None => read(&stop.reason),
    }
}
