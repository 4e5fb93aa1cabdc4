//! The runs of one service: what is known of them, and how they are driven together.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::doubt::{Looked, look_who_has_them};
use super::handle::Fleet;
use super::report::TaskReport;
use super::up::Raise;
use crate::clock::Clock;
use crate::driver::{Cancel, CheckpointError, WarmStart};
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
    let clock = Arc::clone(&fleet.clock);
    let piece = Arc::new(Piece { clock, warm_start: fleet.warm_start(cancel), limits });
    let mut running = JoinSet::new();
    for (place, mut drain) in std::mem::take(drains).into_iter().enumerate() {
        let piece = Arc::clone(&piece);
        running.spawn(async move {
            let resume_at = piece.drain(&mut drain).await;
            (place, drain, resume_at)
        });
    }
    let mut driven = running.join_all().await;
    driven.sort_by_key(|(place, ..)| *place);
    let mut earliest = None;
    for (_, drain, resume_at) in driven {
        drains.push(drain);
        earliest = earlier(earliest, resume_at);
    }
    earliest
}

/// The earlier of two times, of which either may be none.
pub(super) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// Drives runs within the limits, one at a time.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) warm_start: WarmStart,
    pub(super) limits: Until,
}

impl Piece {
    /// Drives it on; answers when to go on with it, at its end nothing. What is given up may have taken effect, as the state
    /// says.
    pub(super) async fn start(&self, state: &mut State) -> Option<Timestamp> {
        if state.phase().is_final() {
            return None;
        }
        let driven = pin!(self.warm_start.drive_on(state, self.budget()));
        self.within_limits(driven).await
    }

    /// The same for a drain.
    pub(super) async fn drain(&self, drain: &mut Drain) -> Option<Timestamp> {
        if drain.phase().is_final() {
            return None;
        }
        let driven = pin!(self.warm_start.drain_on(drain, self.budget()));
        self.within_limits(driven).await
    }

    fn budget(&self) -> Duration {
        self.limits.drive.since(self.clock.now())
    }

    async fn within_limits(
        &self,
        driven: Pin<&mut impl Future<Output = Result<Option<Timestamp>, CheckpointError>>>,
    ) -> Option<Timestamp> {
        let given_up = async {
            if self.limits.calls == Until::NONE.calls {
                std::future::pending().await
            } else {
                self.clock.sleep_until(self.limits.calls).await;
            }
        };
        tokio::select! {
            biased;
            // Nothing is written anywhere, so an error does not come about; it would lose nothing either.
            driven = driven => driven.unwrap_or_else(|_| Some(self.clock.now())),
            () = given_up => Some(self.clock.now()),
        }
    }
}
