//! The loop around the machine.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::cancel::{Cancel, Level};
use super::capacity::Capacity;
use super::checkpoint::{Checkpoint, CheckpointError, NoCheckpoint};
use super::claims::Claims;
use super::event::Observer;
use super::narrate::Narrator;
use super::perform::Stage;
use super::result::{Error, Ready};
use super::schedule::Schedule;
use super::story::Story;
use crate::clock::{Clock, TokioClock};
use crate::error::{ErrorKind, Failure};
use crate::limit::Limiter;
use crate::machine::{Drain, Effect, Input, Next, State};
use crate::policy::Policy;
use crate::ports::{HealthWaiter, TargetRegistrar, TaskLauncher, Turn};
use crate::spec::Spec;
use crate::time::Timestamp;

/// Drives runs over a cloud: one at a time with [`run`](Self::run), or piece by piece with [`drive`](Self::drive).
/// Clones are handles on the same, and may drive many runs at once.
#[derive(Clone, Debug)]
pub struct WarmStart {
    launcher: Arc<dyn TaskLauncher>,
    registrar: Arc<dyn TargetRegistrar>,
    waiter: Arc<dyn HealthWaiter>,
    clock: Arc<dyn Clock>,
    policy: Arc<Policy>,
    checkpoint: Arc<dyn Checkpoint>,
    observers: Vec<Arc<dyn Observer>>,
    cancel: Cancel,
    claims: Claims,
    schedule: Schedule,
    capacity: Capacity,
}

/// How far a run was driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driven<T = State> {
    /// To its end.
    Finished(T),
    /// As far as the budget went. Nothing is under way; drive it on with the same state.
    Suspended {
        /// Where it stands.
        state: T,
        /// When there is something to do again. Earlier does no harm.
        resume_at: Timestamp,
    },
}

impl WarmStart {
    /// On these ports, with tokio's clock and the default policy, observed by nobody and saved nowhere.
    pub fn new(
        launcher: impl TaskLauncher,
        registrar: impl TargetRegistrar,
        waiter: impl HealthWaiter,
    ) -> Self {
        Self {
            launcher: Arc::new(launcher),
            registrar: Arc::new(registrar),
            waiter: Arc::new(waiter),
            clock: Arc::new(TokioClock::new()),
            policy: Arc::new(Policy::default()),
            checkpoint: Arc::new(NoCheckpoint),
            observers: Vec::new(),
            cancel: Cancel::new(),
            claims: Claims::default(),
            schedule: Schedule::new(Limiter::unlimited()),
            capacity: Capacity::default(),
        }
    }

    /// Tells the time by this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Looks and waits by this policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// Saves states there.
    #[must_use]
    pub fn with_checkpoint(mut self, checkpoint: impl Checkpoint) -> Self {
        self.checkpoint = Arc::new(checkpoint);
        self
    }

    /// Tells events to this observer too.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Ends its runs when this is cancelled.
    #[must_use]
    pub fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Shares with others who holds which task.
    #[must_use]
    pub(crate) fn with_claims(mut self, claims: Claims) -> Self {
        self.claims = claims;
        self
    }

    /// Shares with others how often to look, and what is known of earlier starts.
    #[must_use]
    pub(crate) fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Shares with others where there is no capacity.
    #[must_use]
    pub(crate) fn with_capacity(mut self, capacity: Capacity) -> Self {
        self.capacity = capacity;
        self
    }

    /// Starts a task, waits until it is ready, and undoes everything when it cannot get there.
    ///
    /// # Errors
    ///
    /// [`Error`] says why it is not ready and, as [`Error::Leaked`], what is left over of it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops in the middle and undoes nothing: cancel with [`with_cancel`](Self::with_cancel)
    /// instead. Run again with the same spec, it goes on with the same task.
    pub async fn run(&self, spec: Spec) -> Result<Ready, Error> {
        let state = State::launch(spec, self.clock.now());
        match self.drive(state, Duration::MAX).await? {
            Driven::Finished(state) | Driven::Suspended { state, .. } => Ready::of(state),
        }
    }

    /// Drives a run until it ends or the budget is used up. At least one call is made, if one is due.
    ///
    /// Waiting that would go beyond the budget is not begun: the answer then says when to go on. A call that is under way
    /// is waited for, so leave a margin of one call's timeout.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] when the state could not be saved; then the effect it was saved for was not performed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops in the middle. The state that was saved last can be driven on, by anybody.
    pub async fn drive(&self, state: State, budget: Duration) -> Result<Driven, CheckpointError> {
        if let Some(task) = state.task() {
            // It was held before: no other run may take it for a task that nobody has.
            self.claims.hold(task, state.spec().run());
        }
        self.drive_any(state, budget).await
    }

    /// Drives a drain in the same way. One that halted, or was dropped, is finished by draining the same again.
    ///
    /// # Errors
    ///
    /// As [`drive`](Self::drive).
    ///
    /// # Cancel safety
    ///
    /// As [`drive`](Self::drive).
    pub async fn drain(&self, drain: Drain, budget: Duration) -> Result<Driven<Drain>, CheckpointError> {
        self.drive_any(drain, budget).await
    }

    async fn drive_any<S: Story>(
        &self,
        mut state: S,
        budget: Duration,
    ) -> Result<Driven<S>, CheckpointError> {
        let began = self.clock.now();
        let until = began + budget;
        let mut narrator = Narrator::begin(&self.observers, &state, self.clock.now());
        let mut part = self.schedule.take_part();
        let mut told = Level::None;
        let mut performed: Option<Effect> = None;
        let mut failure = None;
        let mut input = Input::Tick;
        loop {
            // Asked for once a turn: a run that is asked to end while nothing is under way never begins a launch.
            let level = self.cancel.level();
            if level > told && is_no_news(&input) {
                told = level;
                input = cancelled(level);
            }
            let now = self.clock.now();
            if let Some(spec) = state.spec_if_short(&input) {
                self.capacity.note(spec, state.pool(), now, self.policy.shortage_lasts);
            }
            let held_before = state.task().cloned();
            let next;
            (state, next) = self.step(state, input, now);
            narrator.follow(&state, now);
            part.follow(&state);
            if let Some(task) = state.task()
                && held_before.as_ref() != Some(task)
                && !self.claims.hold(task, state.run())
            {
                input = Input::Taken;
                continue;
            }
            match next {
                Next::Finished => {
                    state.save(self.checkpoint.as_ref()).await?;
                    return Ok(Driven::Finished(state));
                }
                Next::WakeAt(at) => {
                    if let (Some(failure), Some(effect)) = (failure.take(), &performed) {
                        narrator.retrying(&state, now, effect.operation(), failure, at);
                    }
                    if level > told {
                        told = level;
                        input = cancelled(level);
                    } else if at > until {
                        state.save(self.checkpoint.as_ref()).await?;
                        return Ok(Driven::Suspended { state, resume_at: at });
                    } else {
                        input = tokio::select! {
                            level = self.cancel.above(told) => {
                                told = level;
                                cancelled(level)
                            }
                            () = self.clock.sleep_until(at) => Input::Tick,
                        };
                    }
                }
                Next::Perform(effect) => {
                    if level > told {
                        told = level;
                        input = cancelled(level);
                        continue;
                    }
                    if performed.is_some() && now >= until {
                        state.save(self.checkpoint.as_ref()).await?;
                        return Ok(Driven::Suspended { state, resume_at: now });
                    }
                    state.save(self.checkpoint.as_ref()).await?;
                    // A call under way is waited for, so that its answer is known when it is undone. One that waits
                    // for its turn is not under way.
                    let turn = Turn::default();
                    // The first call of a piece has a moment for its turn, however short the budget: each piece makes progress.
                    let called_off_at =
                        if performed.is_some() { until } else { until.max(began + FIRST_TURN) };
                    input = tokio::select! {
                        biased;
                        // Boxed: a run that sleeps does not carry the room for a call.
                        input = Box::pin(turn.of(self.stage().perform(&state, &effect))) => input,
                        level = self.cancel.above(Level::Undo) => {
                            told = level;
                            cancelled(level)
                        }
                        () = self.called_off(&turn, told, called_off_at) => Input::Failed(not_made(&effect)),
                        () = self.better_elsewhere(&turn, &state, &effect) => Input::NotMade,
                    };
                    state = state.held_up(turn.waited());
                    failure = match &input {
                        Input::Failed(failure) => Some(failure.clone()),
                        _ => None,
                    };
                    performed = Some(effect);
                }
            }
        }
    }

    /// One step, by the policy that fits the other runs.
    fn step<S: Story>(&self, state: S, input: Input, now: Timestamp) -> (S, Next) {
        let policy = self.policy_of(&state, now);
        state.step(input, now, &policy)
    }

    fn policy_of(&self, state: &impl Story, now: Timestamp) -> Policy {
        let definition = state.request().map(|request| &request.task_definition);
        let exhausted = self.policy.exhausted.or(state.exhausted(&self.capacity, now));
        Policy { exhausted, ..self.schedule.policy(&self.policy, definition) }
    }

    /// Waits until others find no capacity where this launch is to go, while it still waits for its turn and could go
    /// elsewhere. A thousand launches in a row need not be refused one by one.
    fn better_elsewhere<'a>(
        &'a self,
        turn: &'a Turn,
        state: &'a impl Story,
        effect: &Effect,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        // What has nowhere else to go carries no room for this.
        if !matches!(effect, Effect::Launch { .. }) || !state.has_choice() {
            return Box::pin(std::future::pending());
        }
        Box::pin(async move {
            let mut noted = self.capacity.watch();
            loop {
                let policy = self.policy_of(state, self.clock.now());
                if turn.is_waiting() && state.would_go_elsewhere(&policy) {
                    return;
                }
                if noted.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        })
    }

    /// Waits until somebody asks the run to end, or the budget is used up, while the call still waits for its turn.
    async fn called_off(&self, turn: &Turn, told: Level, until: Timestamp) {
        let budget_ends = async {
            if until == NEVER { std::future::pending().await } else { self.clock.sleep_until(until).await }
        };
        tokio::select! {
            _ = self.cancel.above(told) => {}
            () = budget_ends => {}
        }
        if !turn.is_waiting() {
            std::future::pending::<()>().await;
        }
    }

    fn stage(&self) -> Stage<'_> {
        Stage {
            launcher: &self.launcher,
            registrar: &self.registrar,
            waiter: &self.waiter,
            claims: &self.claims,
        }
    }
}

/// How long the first call of a piece may wait for its turn at least: calls are merged within some tens of milliseconds.
const FIRST_TURN: Duration = Duration::from_secs(1);

/// Where a budget without end ends.
const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);

/// What becomes of a call that was called off before it was made: as a throttled one, it took no effect.
fn not_made(effect: &Effect) -> Failure {
    let what = format!("{} was not made: it waited for its turn", effect.operation());
    Failure::new(ErrorKind::Throttled, what)
}

/// Whether the run can end without it. What the machine answers these with may be a launch, and once a launch is asked for
/// it may have happened: then only launching again tells what has to be stopped.
fn is_no_news(input: &Input) -> bool {
    matches!(input, Input::Tick | Input::Found(_))
}

fn cancelled(level: Level) -> Input {
    match level {
        Level::None => Input::Tick,
        Level::Undo => Input::Cancel,
        Level::Abandon => Input::Abandon,
    }
}
