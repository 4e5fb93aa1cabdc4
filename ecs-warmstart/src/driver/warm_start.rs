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
use super::schedule::{Part, Schedule};
use super::story::Story;
use crate::clock::{Clock, TokioClock};
use crate::error::{ErrorKind, Failure};
use crate::limit::Limiter;
use crate::machine::{Drain, Effect, Input, Next, Operation, State};
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

impl<T> Driven<T> {
    fn of(state: T, resume_at: Option<Timestamp>) -> Self {
        match resume_at {
            None => Self::Finished(state),
            Some(resume_at) => Self::Suspended { state, resume_at },
        }
    }
}

/// What goes along with a run while it is driven.
struct Course<'a> {
    narrator: Narrator<'a>,
    part: Part,
    /// How urgently it has been told to end.
    told: Level,
    /// Whether it has been told that it may wait for nothing.
    is_hurried: bool,
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
    pub async fn drive(&self, mut state: State, budget: Duration) -> Result<Driven, CheckpointError> {
        let resume_at = self.drive_on(&mut state, budget).await?;
        Ok(Driven::of(state, resume_at))
    }

    /// The same in place; answers when to go on where the budget ended before the run.
    ///
    /// # Cancel safety
    ///
    /// However it ends, by being dropped too, the state can be driven on: it says what was asked for last, which may have taken
    /// effect.
    pub(crate) async fn drive_on(
        &self,
        state: &mut State,
        budget: Duration,
    ) -> Result<Option<Timestamp>, CheckpointError> {
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
    pub async fn drain(&self, mut drain: Drain, budget: Duration) -> Result<Driven<Drain>, CheckpointError> {
        let resume_at = self.drive_any(&mut drain, budget).await?;
        Ok(Driven::of(drain, resume_at))
    }

    /// The same in place, as [`drive_on`](Self::drive_on).
    pub(crate) async fn drain_on(
        &self,
        drain: &mut Drain,
        budget: Duration,
    ) -> Result<Option<Timestamp>, CheckpointError> {
        self.drive_any(drain, budget).await
    }

    async fn drive_any<S: Story>(
        &self,
        state: &mut S,
        budget: Duration,
    ) -> Result<Option<Timestamp>, CheckpointError> {
        let began = self.clock.now();
        let until = began + budget;
        let mut course = Course {
            narrator: Narrator::begin(&self.observers, state, began),
            part: self.schedule.take_part(),
            told: Level::None,
            is_hurried: false,
        };
        let mut performed: Option<Operation> = None;
        let mut failure = None;
        let mut next = self.step(state, Input::Tick, &mut course);
        loop {
            let level = self.cancel.level();
            // What came of it lives no longer than a turn: a run that waits does not carry the room for an answer.
            let input = match next {
                Next::Finished => {
                    state.save(self.checkpoint.as_ref()).await?;
                    return Ok(None);
                }
                Next::WakeAt(at) => {
                    if let (Some(failure), Some(call)) = (failure.take(), performed) {
                        course.narrator.retrying(state, self.clock.now(), call, failure, at);
                    }
                    if level > course.told {
                        course.told = level;
                        cancelled(level)
                    } else if at > until && course.told > Level::None && !course.is_hurried {
                        course.is_hurried = true;
                        Input::TimeIsUp
                    } else if at > until {
                        state.save(self.checkpoint.as_ref()).await?;
                        return Ok(Some(at));
                    } else {
                        tokio::select! {
                            level = self.cancel.above(course.told) => {
                                course.told = level;
                                cancelled(level)
                            }
                            () = self.clock.sleep_until(at) => Input::Tick,
                        }
                    }
                }
                Next::Perform(_) if level > course.told => {
                    course.told = level;
                    cancelled(level)
                }
                // Nobody may be there to go on waiting with it.
                Next::Perform(Effect::ObserveTarget { .. })
                    if budget != Duration::MAX && course.told > Level::None && !course.is_hurried =>
                {
                    course.is_hurried = true;
                    Input::TimeIsUp
                }
                Next::Perform(effect) => {
                    let now = self.clock.now();
                    state.save(self.checkpoint.as_ref()).await?;
                    // Who is told to end tries to stop the task, rather than leave it.
                    let is_last = course.told > Level::None && effect == Effect::StopTask;
                    if performed.is_some() && now >= until && !is_last {
                        return Ok(Some(now));
                    }
                    // The first call of a piece has a moment for its turn, however short the budget: each piece makes progress.
                    let called_off_at =
                        if performed.is_some() { until } else { until.max(began + FIRST_TURN) };
                    let (input, waited) = self.perform(state, &effect, &mut course.told, called_off_at).await;
                    state.held_up(waited);
                    failure = match &input {
                        Input::Failed(failure) => Some(failure.clone()),
                        _ => None,
                    };
                    performed = Some(effect.operation());
                    input
                }
            };
            next = self.step(state, input, &mut course);
        }
    }

    /// Steps until there is something to do, by the policy that fits the other runs.
    fn step<S: Story>(&self, state: &mut S, mut input: Input, course: &mut Course<'_>) -> Next {
        loop {
            // Asked for once a turn: a run that is asked to end while nothing is under way never begins a launch.
            let level = self.cancel.level();
            if level > course.told && is_no_news(&input) {
                course.told = level;
                input = cancelled(level);
            }
            let now = self.clock.now();
            if let Some((spec, since)) = state.short_since(&input, now) {
                self.capacity.note(spec, state.pool(), since, now, self.policy.shortage_lasts);
            }
            if let Some((spec, at)) = state.placed_at(&input) {
                self.capacity.placed(spec, state.pool(), at);
            }
            let held_before = state.task().cloned();
            let next = state.step(input, now, &self.policy_of(state, now));
            course.narrator.follow(state, now);
            course.part.follow(state);
            match state.task() {
                Some(task) if held_before.as_ref() != Some(task) && !self.claims.hold(task, state.run()) => {
                    input = Input::Taken;
                }
                _ => return next,
            }
        }
    }

    /// Makes a call. One that is under way is waited for, so that its answer is known when it is undone; one that waits for its
    /// turn is not under way. Answers how long it waited, too.
    async fn perform(
        &self,
        state: &impl Story,
        effect: &Effect,
        told: &mut Level,
        called_off_at: Timestamp,
    ) -> (Input, Duration) {
        let turn = Turn::default();
        let input = tokio::select! {
            biased;
            // Boxed: a run that sleeps does not carry the room for a call.
            input = Box::pin(turn.of(self.stage().perform(state, effect))) => input,
            level = self.cancel.above(Level::Undo) => {
                *told = level;
                cancelled(level)
            }
            () = self.called_off(&turn, *told, called_off_at) => Input::Failed(not_made(effect)),
            () = self.better_elsewhere(&turn, state, effect) => Input::NotMade,
        };
        (input, turn.waited())
    }

    fn policy_of(&self, state: &impl Story, now: Timestamp) -> Policy {
        let definition = state.request().map(|request| &request.task_definition);
        let (exhausted, exhausted_first) = state.exhausted(&self.capacity, now);
        let exhausted = self.policy.exhausted.or(exhausted);
        let exhausted_first = self.policy.exhausted_first.or(exhausted_first);
        Policy { exhausted, exhausted_first, ..self.schedule.policy(&self.policy, definition, now) }
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
