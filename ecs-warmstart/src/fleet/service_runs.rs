//! The runs of one service: what is known of them, and how they are driven together.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::doubt::{Looked, look_who_has_them};
use super::handle::Fleet;
use super::report::TaskReport;
use super::up::Raise;
use crate::driver::{Cancel, Checkpoint, CheckpointError, Driven, WarmStart};
use crate::ids::ServiceName;
use crate::machine::{Drain, State};
use crate::preflight::Finding;
use crate::time::Timestamp;

/// The runs of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceRuns {
    pub(super) service: ServiceName,
    pub(super) warnings: Vec<String>,
    /// What the check before the launch found, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) findings: Vec<Finding>,
    pub(super) work: Work,
}

/// What is done for a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Work {
    /// Tasks are brought up.
    Starts(Box<Raise>),
    /// Tasks are taken down, or addresses out.
    Drains { drains: Vec<Drain> },
    /// It ended before it began.
    Nothing { task: Box<TaskReport> },
    /// Nothing was to be launched, for the first of the findings.
    Refused,
}

/// Until when a piece may be driven, and until when its calls are waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    pub(super) drive: Timestamp,
    pub(super) calls: Timestamp,
}

impl Until {
    /// None at all.
    pub(super) const NONE: Self =
        Self { drive: Timestamp::from_millis(u64::MAX), calls: Timestamp::from_millis(u64::MAX) };
}

impl ServiceRuns {
    pub(super) fn nothing(service: ServiceName, warnings: Vec<String>, task: TaskReport) -> Self {
        Self { service, warnings, findings: Vec::new(), work: Work::Nothing { task: Box::new(task) } }
    }

    pub(super) fn refused(service: ServiceName, findings: Vec<Finding>) -> Self {
        Self { service, warnings: Vec::new(), findings, work: Work::Refused }
    }

    /// Drives what is not over; answers when to go on, where something is left.
    pub(super) async fn drive(&mut self, fleet: &Fleet, limits: Until, cancel: &Cancel) -> Option<Timestamp> {
        match &mut self.work {
            Work::Starts(raise) => {
                let (resume_at, warnings) = raise.drive(fleet, limits, cancel).await;
                self.warnings.extend(warnings);
                resume_at
            }
            Work::Drains { drains } => match look_who_has_them(fleet, drains, limits, cancel).await {
                Looked::Sure(warnings) => {
                    self.warnings.extend(warnings);
                    drain_all(fleet, drains, limits, cancel).await
                }
                Looked::Unsure => Some(fleet.clock.now()),
            },
            Work::Nothing { .. } | Work::Refused => None,
        }
    }
}

async fn drain_all(
    fleet: &Fleet,
    drains: &mut Vec<Drain>,
    limits: Until,
    cancel: &Cancel,
) -> Option<Timestamp> {
    let warm_start = fleet.warm_start(cancel);
    let mut running = JoinSet::new();
    for (place, drain) in std::mem::take(drains).into_iter().enumerate() {
        let piece = Piece { fleet: fleet.clone(), warm_start: warm_start.clone(), limits };
        running.spawn(async move { (place, piece.drain(drain).await) });
    }
    let mut driven = running.join_all().await;
    driven.sort_by_key(|(place, _)| *place);
    let mut earliest = None;
    for (_, (drain, resume_at)) in driven {
        drains.push(drain);
        earliest = earlier(earliest, resume_at);
    }
    earliest
}

/// The earlier of two times, of which either may be none.
pub(super) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// Drives one run within the limits.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) fleet: Fleet,
    pub(super) warm_start: WarmStart,
    pub(super) limits: Until,
}

impl Piece {
    /// Where the run stands then, and when to go on with it; at its end there is nothing to go on with.
    pub(super) async fn start(self, state: State) -> (State, Option<Timestamp>) {
        if state.phase().is_final() {
            return (state, None);
        }
        let latest = Arc::new(Latest(Mutex::new(state.clone())));
        let warm_start = self.warm_start.with_checkpoint(Arc::clone(&latest));
        let clock = &self.fleet.clock;
        let budget = self.limits.drive.since(clock.now());
        tokio::select! {
            biased;
            driven = warm_start.drive(state, budget) => match driven {
                Ok(Driven::Finished(state)) => (state, None),
                Ok(Driven::Suspended { state, resume_at }) => (state, Some(resume_at)),
                // It does not come about, since nothing is written anywhere; then too nothing is lost.
                Err(_) => (latest.get(), Some(clock.now())),
            },
            // What is given up may have taken effect: that was noted before it was begun.
            () = clock.sleep_until(self.limits.calls) => (latest.get(), Some(clock.now())),
        }
    }

    /// The same for a drain.
    pub(super) async fn drain(self, drain: Drain) -> (Drain, Option<Timestamp>) {
        if drain.phase().is_final() {
            return (drain, None);
        }
        let latest = Arc::new(Latest(Mutex::new(drain.clone())));
        let warm_start = self.warm_start.with_checkpoint(Arc::clone(&latest));
        let clock = &self.fleet.clock;
        let budget = self.limits.drive.since(clock.now());
        tokio::select! {
            biased;
            driven = warm_start.drain(drain, budget) => match driven {
                Ok(Driven::Finished(drain)) => (drain, None),
                Ok(Driven::Suspended { state, resume_at }) => (state, Some(resume_at)),
                Err(_) => (latest.get(), Some(clock.now())),
            },
            () = clock.sleep_until(self.limits.calls) => (latest.get(), Some(clock.now())),
        }
    }
}

/// The state that was saved last, kept in this process.
#[derive(Debug)]
struct Latest<T>(Mutex<T>);

impl<T: Clone> Latest<T> {
    fn get(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, state: &T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state.clone();
    }
}

#[async_trait]
impl Checkpoint for Latest<State> {
    async fn save(&self, state: &State) -> Result<(), CheckpointError> {
        self.set(state);
        Ok(())
    }

    async fn save_drain(&self, _drain: &Drain) -> Result<(), CheckpointError> {
        Ok(())
    }
}

#[async_trait]
impl Checkpoint for Latest<Drain> {
    async fn save(&self, _state: &State) -> Result<(), CheckpointError> {
        Ok(())
    }

    async fn save_drain(&self, drain: &Drain) -> Result<(), CheckpointError> {
        self.set(drain);
        Ok(())
    }
}
