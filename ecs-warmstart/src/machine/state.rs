//! Everything a run knows. Private to the machine; outside it is read through [`State`]'s methods.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::capacity::Shortage;
use super::{Cause, Leftover, Operation, PhaseName};
use crate::error::Failure;
use crate::ids::{ClientToken, TaskArn};
use crate::observation::{Target, TargetObservation, TargetState, TaskObservation};
use crate::overrides::TaskOverride;
use crate::policy::{mix, unit};
use crate::spec::{LaunchRequest, Spec};
use crate::time::{Timestamp, millis};

/// A run in flight or at its end: all there is to know to go on with it, in this process or in another.
///
/// Written with serde it carries the version of its form; reading a form that this program does not know is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub(super) run: Box<Run>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    pub(super) spec: Spec,
    pub(super) phase: Phase,
    /// Scatters the waits of different runs.
    pub(super) seed: u32,
    /// The generation of the client token: moves only when the earlier one is proved over.
    pub(super) attempt: u32,
    /// How often the task was launched again after it died of something transient.
    pub(super) relaunches: u32,
    pub(super) doubt: Doubt,
    /// When a launch was asked for first: a task that is older cannot be ours.
    pub(super) asked_since: Option<Timestamp>,
    pub(super) held: Option<Held>,
    /// The tasks that a conflict named and that have not been tried yet.
    pub(super) named: Vec<TaskArn>,
    pub(super) places: Vec<Place>,
    /// When the time for RUNNING began to run.
    pub(super) running_since: Timestamp,
    /// When the time for healthy began to run: RUNNING with an address.
    pub(super) healthy_since: Option<Timestamp>,
    /// The call that was asked for and is not answered yet: an answer to another one is stale.
    pub(super) asked: Option<Asked>,
    /// The task was taken up in the last step: another run may yet turn out to hold it.
    pub(super) just_held: bool,
    /// Where it launches, or launched last: the number of the pool. It moves only while the token binds nothing.
    #[serde(default, skip_serializing_if = "is_first")]
    pub(super) pool: usize,
    /// Where there was no capacity, the latest last; only where there is another pool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) shortages: Vec<Shortage>,
    /// How often ECS answered with failures and no task.
    pub(super) refusals: u32,
    /// Failures in a row, of whatever call is due.
    pub(super) failures: u32,
    pub(super) last_failure: Option<Box<FailedCall>>,
    /// Before that, no call is made.
    pub(super) not_before: Timestamp,
    /// When the task is looked at next.
    pub(super) look_at: Timestamp,
    /// The latest time ever put in: time never goes back.
    pub(super) latest: Timestamp,
    pub(super) phase_since: Timestamp,
    pub(super) times: Vec<PhaseTime>,
}

fn is_first(pool: &usize) -> bool {
    *pool == 0
}

/// Where a run stands. What only a run that fails has is boxed: thousands wait, few fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub(super) enum Phase {
    Launching { step: LaunchStep },
    AwaitingRunning,
    AwaitingGate,
    Registering { binding: usize },
    AwaitingHealthy,
    UndoLaunch { step: LaunchStep, undo: Box<Undo> },
    UndoRegister { undo: Box<Undo> },
    UndoTask { undo: Box<Undo> },
    Ready,
    Undone { cause: Box<Cause> },
    Kept { cause: Box<Cause> },
    Leaked { cause: Box<Cause>, leftovers: Vec<Leftover> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LaunchStep {
    /// Ask ECS for the task of this attempt's token.
    Ask,
    /// Look whether a task is there that no answer named.
    Look,
}

/// What is not known of this attempt's launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Doubt {
    /// Nothing: it was never asked for, was refused, or the task is known.
    None,
    /// Asked for, and not answered yet.
    Asking,
    /// Asked for, and an answer was lost: there may be a task.
    Unanswered,
    /// Answered with failures and no task. That does not prove that there is none.
    Refused,
}

/// A call that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Asked {
    Launch,
    Find,
    Running,
    Task,
    Target(usize),
    Register(usize),
    Deregister(usize),
    Stop,
}

impl Asked {
    pub(super) fn call(self) -> Operation {
        match self {
            Self::Launch => Operation::RunTask,
            Self::Find | Self::Running => Operation::ListTasks,
            Self::Task => Operation::DescribeTasks,
            Self::Target(_) => Operation::DescribeTargetHealth,
            Self::Register(_) => Operation::RegisterTargets,
            Self::Deregister(_) => Operation::DeregisterTargets,
            Self::Stop => Operation::StopTask,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FailedCall {
    pub(super) call: Operation,
    pub(super) failure: Failure,
}

/// The task of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Held {
    pub(super) via: Via,
    /// The last look at it.
    pub(super) seen: TaskObservation,
    /// When ECS knew it last, as a task that had not stopped.
    pub(super) known_at: Timestamp,
}

/// How a run came to its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Via {
    /// ECS answered this run's token with it.
    Launch,
    /// ECS answered this run's token with it, and it ran before this run asked: an earlier call of the same name brought it
    /// up, and it is never stopped.
    Earlier,
    /// It was the one task found after a launch of ours whose every answer was lost.
    Search,
    /// A conflict named it: somebody else's, and never stopped.
    Conflict,
    /// It was found: somebody else's, and never stopped.
    Adoption,
}

impl Held {
    pub(super) fn is_ours(&self) -> bool {
        match self.via {
            Via::Launch | Via::Search => true,
            Via::Earlier | Via::Conflict | Via::Adoption => false,
        }
    }
}

/// A binding as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// What stands for the task there.
    pub(super) target: Option<Target>,
    pub(super) standing: Standing,
    /// When it was registered, or found to be.
    pub(super) registered_at: Timestamp,
    /// When it is looked at next; in an undo, when at who has its address.
    pub(super) look_at: Timestamp,
    /// The last look at it.
    pub(super) seen: Option<TargetObservation>,
}

impl Place {
    pub(super) fn is_healthy(&self) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.state == TargetState::Healthy)
    }
}

/// What is known of a target in its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// Not looked yet.
    #[default]
    Unknown,
    /// Looked: it is not there.
    Absent,
    /// Being registered by this run: it may be there.
    Asked,
    /// Registered by this run.
    Ours,
    /// It stood there before, and is never removed as long as its task runs on.
    Before,
    /// Deregistered by this run.
    Removed,
    /// Registered by this run, and not to be had out again.
    Leaked,
}

/// An undo under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Undo {
    pub(super) cause: Cause,
    pub(super) then: AfterUndo,
    pub(super) leftovers: Vec<Leftover>,
    /// When the part that is being undone began: patience counts from there.
    pub(super) part_since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AfterUndo {
    Finish,
    /// Launch the next attempt.
    Relaunch,
}

/// How long a run stood in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseTime {
    /// The phase.
    pub phase: PhaseName,
    /// Milliseconds, over all attempts.
    pub ms: u64,
}

impl State {
    /// A run that launches its task.
    pub fn launch(spec: Spec, now: Timestamp) -> Self {
        Self::new(spec, Phase::Launching { step: LaunchStep::Ask }, None, now)
    }

    /// A run that takes over a task which runs already. Such a task is never stopped.
    pub fn adopt(spec: Spec, task: TaskObservation, now: Timestamp) -> Self {
        let held = Held { via: Via::Adoption, seen: task, known_at: now };
        Self::new(spec, Phase::AwaitingRunning, Some(held), now)
    }

    fn new(spec: Spec, phase: Phase, held: Option<Held>, now: Timestamp) -> Self {
        let scattered = spec.run().as_str().bytes().fold(0, |seed, byte| mix(seed ^ u64::from(byte)));
        // The upper half: JSON is often read with numbers that hold 53 bits.
        let seed = (scattered >> 32) as u32;
        let places = spec.bindings().iter().map(|_| Place::default()).collect();
        let run = Run {
            spec,
            phase,
            seed,
            attempt: 0,
            relaunches: 0,
            doubt: Doubt::None,
            asked_since: None,
            held,
            named: Vec::new(),
            places,
            running_since: now,
            healthy_since: None,
            asked: None,
            just_held: false,
            pool: 0,
            shortages: Vec::new(),
            refusals: 0,
            failures: 0,
            last_failure: None,
            not_before: now,
            look_at: now,
            latest: now,
            phase_since: now,
            times: Vec::new(),
        };
        Self { run: Box::new(run) }
    }

    /// What the run is about.
    pub fn spec(&self) -> &Spec {
        &self.run.spec
    }

    /// Where it stands.
    pub fn phase(&self) -> PhaseName {
        self.run.phase.name()
    }

    /// The generation of its client token: 0 at first.
    pub fn attempt(&self) -> u32 {
        self.run.attempt
    }

    /// Where it launches, or launched last: the number of the [pool](Spec::pool).
    pub fn pool(&self) -> usize {
        self.run.pool
    }

    /// What a launch asks for now: the spec's request, on the pool whose turn it is.
    pub fn request(&self) -> Cow<'_, LaunchRequest> {
        self.run.spec.request_on(self.run.pool)
    }

    /// Its task, as soon as there is one. After an undo it is the one that was stopped.
    pub fn task(&self) -> Option<&TaskArn> {
        self.run.held.as_ref().map(|held| &held.seen.task)
    }

    /// The last look at its task.
    pub fn observation(&self) -> Option<&TaskObservation> {
        self.run.held.as_ref().map(|held| &held.seen)
    }

    /// Whether its task ran before and was taken over.
    pub fn is_adopted(&self) -> bool {
        self.run.held.as_ref().is_some_and(|held| !held.is_ours())
    }

    /// What stands for the task in a binding, as soon as it has an address.
    pub fn target(&self, binding: usize) -> Option<&Target> {
        self.run.places.get(binding).and_then(|place| place.target.as_ref())
    }

    /// The last look at the target of a binding.
    pub fn target_observation(&self, binding: usize) -> Option<&TargetObservation> {
        self.run.places.get(binding).and_then(|place| place.seen.as_ref())
    }

    /// Whether the target of a binding is in its group as far as is known.
    pub fn is_registered(&self, binding: usize) -> bool {
        self.run.places.get(binding).is_some_and(|place| match place.standing {
            Standing::Asked | Standing::Ours | Standing::Before | Standing::Leaked => true,
            Standing::Unknown | Standing::Absent | Standing::Removed => false,
        })
    }

    /// Whether the target of a binding was registered by this run, or may have been.
    pub fn is_registered_by_run(&self, binding: usize) -> bool {
        self.run.places.get(binding).is_some_and(|place| match place.standing {
            Standing::Asked | Standing::Ours | Standing::Leaked => true,
            Standing::Unknown | Standing::Absent | Standing::Before | Standing::Removed => false,
        })
    }

    /// Whether the run took the target of a binding out again.
    pub fn is_deregistered(&self, binding: usize) -> bool {
        self.run.places.get(binding).is_some_and(|place| place.standing == Standing::Removed)
    }

    /// Why it did not get ready; also while it is being undone for that.
    pub fn cause(&self) -> Option<&Cause> {
        match &self.run.phase {
            Phase::UndoLaunch { undo, .. } | Phase::UndoRegister { undo } | Phase::UndoTask { undo } => {
                Some(&undo.cause)
            }
            Phase::Undone { cause } | Phase::Kept { cause } | Phase::Leaked { cause, .. } => Some(cause),
            Phase::Launching { .. }
            | Phase::AwaitingRunning
            | Phase::AwaitingGate
            | Phase::Registering { .. }
            | Phase::AwaitingHealthy
            | Phase::Ready => None,
        }
    }

    /// What could not be taken back.
    pub fn leftovers(&self) -> &[Leftover] {
        match &self.run.phase {
            Phase::Leaked { leftovers, .. } => leftovers,
            Phase::Launching { .. }
            | Phase::AwaitingRunning
            | Phase::AwaitingGate
            | Phase::Registering { .. }
            | Phase::AwaitingHealthy
            | Phase::UndoLaunch { .. }
            | Phase::UndoRegister { .. }
            | Phase::UndoTask { .. }
            | Phase::Ready
            | Phase::Undone { .. }
            | Phase::Kept { .. } => &[],
        }
    }

    /// How long it stood in each phase so far, in the order of the phases; the present one up to the last step.
    pub fn times(&self) -> Vec<PhaseTime> {
        let mut times = self.run.times.clone();
        if !self.phase().is_final() {
            add_time(&mut times, self.phase(), self.run.latest.since(self.run.phase_since));
        }
        times.sort_by_key(|time| time.phase);
        times
    }
}

impl Run {
    /// Goes to another phase, and keeps account of the time in the old one.
    pub(super) fn enter(&mut self, phase: Phase) {
        add_time(&mut self.times, self.phase.name(), self.latest.since(self.phase_since));
        self.phase_since = self.latest;
        self.phase = phase;
        self.asked = None;
        self.calm();
    }

    /// Forgets failures: the next call is another one, or the last one succeeded.
    pub(super) fn calm(&mut self) {
        self.failures = 0;
        self.last_failure = None;
        self.not_before = self.latest;
    }

    /// The token of this attempt.
    pub(super) fn token(&self) -> ClientToken {
        ClientToken::for_attempt(self.spec.run(), self.attempt)
    }

    /// A tenth more or less, so that runs that began together do not call together for ever.
    pub(super) fn scatter(&self, interval: Duration) -> Duration {
        interval.mul_f64(0.9 + 0.2 * unit(mix(u64::from(self.seed) ^ self.latest.as_millis())))
    }

    /// The last look at the task that is held. Without its overrides: a state is the same however often it was written.
    pub(super) fn see(&mut self, seen: TaskObservation) {
        if let Some(held) = &mut self.held {
            held.seen = TaskObservation { overrides: TaskOverride::default(), ..seen };
        }
    }

    /// Takes up a task.
    pub(super) fn hold(&mut self, via: Via, seen: TaskObservation) {
        let seen = TaskObservation { overrides: TaskOverride::default(), ..seen };
        self.held = Some(Held { via, seen, known_at: self.latest });
        self.doubt = Doubt::None;
        self.just_held = true;
        self.look_at = self.latest;
    }
}

pub(super) fn add_time(times: &mut Vec<PhaseTime>, phase: PhaseName, time: Duration) {
    let ms = millis(time);
    match times.iter_mut().find(|known| known.phase == phase) {
        Some(known) => known.ms = known.ms.saturating_add(ms),
        None => times.push(PhaseTime { phase, ms }),
    }
}

impl Phase {
    pub(super) fn is_undo(&self) -> bool {
        matches!(self, Self::UndoLaunch { .. } | Self::UndoRegister { .. } | Self::UndoTask { .. })
    }

    pub(super) fn name(&self) -> PhaseName {
        match self {
            Self::Launching { .. } => PhaseName::Launching,
            Self::AwaitingRunning => PhaseName::AwaitingRunning,
            Self::AwaitingGate => PhaseName::AwaitingGate,
            Self::Registering { .. } => PhaseName::Registering,
            Self::AwaitingHealthy => PhaseName::AwaitingHealthy,
            Self::UndoLaunch { .. } => PhaseName::UndoLaunch,
            Self::UndoRegister { .. } => PhaseName::UndoRegister,
            Self::UndoTask { .. } => PhaseName::UndoTask,
            Self::Ready => PhaseName::Ready,
            Self::Undone { .. } => PhaseName::Undone,
            Self::Kept { .. } => PhaseName::Kept,
            Self::Leaked { .. } => PhaseName::Leaked,
        }
    }
}
