//! Everything a drain knows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::phases::halt;
use crate::ids::{ClusterId, RunId, ServiceName, TargetGroupArn, TaskArn};
use crate::machine::state::{Asked, FailedCall, add_time};
use crate::machine::{Cause, Leftover, PhaseName, PhaseTime};
use crate::observation::{Target, TargetObservation, TaskObservation};
use crate::policy::{mix, unit};
use crate::time::Timestamp;

/// What is to be drained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrainSpec {
    /// The service it is of.
    pub service: ServiceName,
    /// Names the drain in events.
    pub run: RunId,
    /// The task's cluster.
    pub cluster: ClusterId,
    /// The task to stop; absent where only addresses are taken out.
    pub task: Option<TaskArn>,
    /// The targets to take out first.
    pub places: Vec<DrainPlace>,
    /// Other clusters whose tasks may be given the address of one of these, and stand in the same groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub neighbours: Vec<ClusterId>,
    /// How long to wait for a drain at most. Absent: each group's own deregistration delay.
    #[serde(with = "crate::time::as_millis_option", rename = "drain_wait_ms")]
    pub drain_wait: Option<Duration>,
}

/// A target to take out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrainPlace {
    /// Its group.
    pub target_group: TargetGroupArn,
    /// The target.
    pub target: Target,
    /// The group's deregistration delay. AWS: 0 to 3600 s, default 300 s.
    #[serde(with = "crate::time::as_millis", rename = "deregistration_delay_ms")]
    pub deregistration_delay: Duration,
    /// Whether it drains already: then it is not deregistered again.
    pub drains_already: bool,
}

/// A drain in flight or at its end. Written with serde it carries the version of its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    pub(in crate::machine) run: Box<DrainRun>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::machine) struct DrainRun {
    pub(in crate::machine) spec: DrainSpec,
    pub(super) phase: DrainPhase,
    /// One for each place of the spec.
    pub(in crate::machine) progress: Vec<Progress>,
    pub(super) seen: Option<TaskObservation>,
    pub(super) stop_asked_at: Option<Timestamp>,
    pub(super) asked: Option<Asked>,
    pub(super) failures: u32,
    pub(super) last_failure: Option<FailedCall>,
    /// When the first of the failures in a row was: patience counts from there.
    pub(super) failing_since: Timestamp,
    pub(super) not_before: Timestamp,
    pub(super) look_at: Timestamp,
    pub(super) latest: Timestamp,
    pub(super) phase_since: Timestamp,
    pub(super) times: Vec<PhaseTime>,
    pub(super) seed: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub(super) enum DrainPhase {
    Deregistering,
    Draining,
    Stopping,
    AwaitingStopped,
    Drained,
    Halted { cause: Cause, leftovers: Vec<Leftover> },
}

/// How far a place has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::machine) struct Progress {
    /// When its deregistration was answered, or found to be under way.
    pub(super) deregistered_at: Option<Timestamp>,
    /// Whether its drain is over: it is gone, or its time has passed.
    pub(super) is_over: bool,
    pub(super) look_at: Timestamp,
    /// Whether it may not be looked at: then its time is waited out.
    pub(super) is_dark: bool,
    pub(super) seen: Option<TargetObservation>,
}

impl Drain {
    /// Begins a drain.
    pub fn new(spec: DrainSpec, now: Timestamp) -> Self {
        let scattered = spec.run.as_str().bytes().fold(0, |seed, byte| mix(seed ^ u64::from(byte)));
        let begun = |place: &DrainPlace| Progress {
            deregistered_at: place.drains_already.then_some(now),
            look_at: now,
            ..Progress::default()
        };
        let run = DrainRun {
            progress: spec.places.iter().map(begun).collect(),
            spec,
            phase: DrainPhase::Deregistering,
            seen: None,
            stop_asked_at: None,
            asked: None,
            failures: 0,
            last_failure: None,
            failing_since: now,
            not_before: now,
            look_at: now,
            latest: now,
            phase_since: now,
            times: Vec::new(),
            seed: (scattered >> 32) as u32,
        };
        Self { run: Box::new(run) }
    }

    /// What is to be drained.
    pub fn spec(&self) -> &DrainSpec {
        &self.run.spec
    }

    /// Where it stands.
    pub fn phase(&self) -> PhaseName {
        self.run.phase.name()
    }

    /// The last look at its task.
    pub fn observation(&self) -> Option<&TaskObservation> {
        self.run.seen.as_ref()
    }

    /// The last look at the target of a place.
    pub fn target_observation(&self, place: usize) -> Option<&TargetObservation> {
        self.run.progress.get(place).and_then(|progress| progress.seen.as_ref())
    }

    /// Whether the target of a place was deregistered.
    pub fn is_deregistered(&self, place: usize) -> bool {
        self.run.progress.get(place).is_some_and(|progress| progress.deregistered_at.is_some())
    }

    /// When it was planned, as long as it deregisters.
    pub(crate) fn planned_at(&self) -> Timestamp {
        self.run.phase_since
    }

    /// The places that are still to be deregistered.
    pub(crate) fn to_deregister(&self) -> Vec<usize> {
        let places = self.run.progress.iter().enumerate();
        let open = places.filter(|(_, progress)| progress.deregistered_at.is_none());
        if self.phase() == PhaseName::Deregistering {
            open.map(|(place, _)| place).collect()
        } else {
            Vec::new()
        }
    }

    /// Leaves a place as it is: its address is somebody else's by now.
    pub(crate) fn leave(&mut self, place: usize) {
        let now = self.run.latest;
        if let Some(place) = self.run.progress.get_mut(place) {
            place.deregistered_at = Some(now);
            place.is_over = true;
        }
    }

    /// Ends it. What was begun stays as it is; draining again finishes it.
    pub(crate) fn halt(&mut self, cause: Cause) {
        halt(&mut self.run, cause);
    }

    /// Why it halted.
    pub fn cause(&self) -> Option<&Cause> {
        match &self.run.phase {
            DrainPhase::Halted { cause, .. } => Some(cause),
            DrainPhase::Deregistering
            | DrainPhase::Draining
            | DrainPhase::Stopping
            | DrainPhase::AwaitingStopped
            | DrainPhase::Drained => None,
        }
    }

    /// What is left where it halted.
    pub fn leftovers(&self) -> &[Leftover] {
        match &self.run.phase {
            DrainPhase::Halted { leftovers, .. } => leftovers,
            DrainPhase::Deregistering
            | DrainPhase::Draining
            | DrainPhase::Stopping
            | DrainPhase::AwaitingStopped
            | DrainPhase::Drained => &[],
        }
    }

    /// How long it stood in each phase so far, in the order of the phases.
    pub fn times(&self) -> Vec<PhaseTime> {
        let mut times = self.run.times.clone();
        if !self.phase().is_final() {
            add_time(&mut times, self.phase(), self.run.latest.since(self.run.phase_since));
        }
        times.sort_by_key(|time| time.phase);
        times
    }

    /// Why it is in its phase, as a fragment.
    pub fn because(&self) -> String {
        match &self.run.phase {
            DrainPhase::Deregistering => "it is to be drained".to_owned(),
            DrainPhase::Draining => "it is out of its target groups; requests under way may end".to_owned(),
            DrainPhase::Stopping => "no traffic reaches it any more".to_owned(),
            DrainPhase::AwaitingStopped => "it was told to stop".to_owned(),
            DrainPhase::Drained if self.run.spec.task.is_none() => "its targets are gone".to_owned(),
            DrainPhase::Drained => "the task is STOPPED".to_owned(),
            DrainPhase::Halted { cause, .. } => cause.to_string(),
        }
    }
}

impl DrainRun {
    pub(super) fn enter(&mut self, phase: DrainPhase) {
        add_time(&mut self.times, self.phase.name(), self.latest.since(self.phase_since));
        self.phase_since = self.latest;
        self.phase = phase;
        self.asked = None;
        self.calm();
    }

    /// How long ago it began.
    pub(super) fn age(&self) -> Duration {
        let earlier = self.times.iter().fold(0_u64, |sum, time| sum.saturating_add(time.ms));
        Duration::from_millis(earlier) + self.latest.since(self.phase_since)
    }

    pub(super) fn calm(&mut self) {
        self.failures = 0;
        self.last_failure = None;
        self.not_before = self.latest;
    }

    pub(in crate::machine) fn held_up(&mut self, waited: Duration) {
        self.failing_since = self.failing_since + waited;
        self.stop_asked_at = self.stop_asked_at.map(|at| at + waited);
    }

    /// A tenth more or less, as for every run.
    pub(super) fn scatter(&self, interval: Duration) -> Duration {
        interval.mul_f64(0.9 + 0.2 * unit(mix(u64::from(self.seed) ^ self.latest.as_millis())))
    }
}

impl DrainPhase {
    pub(super) fn name(&self) -> PhaseName {
        match self {
            Self::Deregistering => PhaseName::Deregistering,
            Self::Draining => PhaseName::Draining,
            Self::Stopping => PhaseName::Stopping,
            Self::AwaitingStopped => PhaseName::AwaitingStopped,
            Self::Drained => PhaseName::Drained,
            Self::Halted { .. } => PhaseName::Halted,
        }
    }
}
