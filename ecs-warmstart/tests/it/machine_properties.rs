//! What holds for the machine whatever happens: random inputs at random times, those that were asked for and those that
//! were not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::specs::{START, arn, at, binding, builder, healthy, in_two_places, spec, stopped, task};
use ecs_warmstart::error::{ErrorKind, Failure};
use ecs_warmstart::ids::{ClientToken, TaskArn};
use ecs_warmstart::machine::{Effect, Input, Next, PhaseName, State, step};
use ecs_warmstart::observation::{TargetObservation, TargetReason, TargetState, TaskObservation, TaskStatus};
use ecs_warmstart::policy::{Policy, PoolSet};
use ecs_warmstart::spec::{LaunchRequest, OnFailure, Readiness, Spec};
use ecs_warmstart::time::Timestamp;
use proptest::prelude::*;

fn kinds() -> impl Strategy<Value = ErrorKind> {
    prop::sample::select(vec![
        ErrorKind::Capacity,
        ErrorKind::Denied,
        ErrorKind::Invalid,
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Throttled,
        ErrorKind::Timeout,
        ErrorKind::Unavailable,
        ErrorKind::Other,
    ])
}

fn ids() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["own", "own", "own", "other"])
}

fn tasks() -> impl Strategy<Value = TaskObservation> {
    let statuses = prop::sample::select(vec![
        TaskStatus::Missing,
        TaskStatus::Provisioning,
        TaskStatus::Pending,
        TaskStatus::Activating,
        TaskStatus::Running,
        TaskStatus::Deactivating,
        TaskStatus::Stopping,
        TaskStatus::Deprovisioning,
    ]);
    let reasons = prop::sample::select(vec![
        ("EssentialContainerExited", "Essential container in task exited"),
        ("SpotInterruption", "Your Spot Task was interrupted."),
        ("UserInitiated", "ecs-warmstart: cancelled"),
        ("TaskFailedToStart", "CannotPullContainerError: i/o timeout"),
        ("TaskFailedToStart", "TaskFailedToStart: RESOURCE:MEMORY"),
    ]);
    prop_oneof![
        4 => (ids(), statuses, 0..20_u64).prop_map(|(id, status, version)| task(id, status, version)),
        4 => (ids(), 0..20_u64).prop_map(|(id, version)| healthy(id, version)),
        1 => (ids(), 0..20_u64, reasons).prop_map(|(id, version, (code, why))| stopped(id, version, code, why)),
    ]
}

fn targets() -> impl Strategy<Value = TargetObservation> {
    let seen = |state, reason| TargetObservation::new(state, reason);
    prop::sample::select(vec![
        seen(TargetState::Initial, Some(TargetReason::InitialHealthChecking)),
        seen(TargetState::Healthy, None),
        seen(TargetState::Unhealthy, Some(TargetReason::Timeout)),
        seen(TargetState::Draining, Some(TargetReason::DeregistrationInProgress)),
        seen(TargetState::Unavailable, None),
        seen(TargetState::Unused, None),
        TargetObservation::not_registered(),
        TargetObservation::not_registered(),
        seen(TargetState::Unused, Some(TargetReason::NotInUse)),
    ])
}

/// What may happen next: something random, or an answer to what was asked for.
#[derive(Clone, Debug)]
enum Move {
    Any(Input),
    Answer { task: TaskObservation, target: TargetObservation },
}

fn moves() -> impl Strategy<Value = Move> {
    let failure = kinds().prop_map(|kind| {
        let tasks = if kind == ErrorKind::Conflict { vec![arn("named")] } else { Vec::new() };
        Input::Failed(Failure { tasks, ..Failure::new(kind, "failed") })
    });
    let any = prop_oneof![
        4 => Just(Input::Tick),
        1 => Just(Input::Cancel),
        1 => Just(Input::Abandon),
        2 => tasks().prop_map(Input::Launched),
        2 => prop::collection::vec(tasks(), 0..3).prop_map(Input::Found),
        1 => prop::collection::vec(tasks(), 0..3).prop_map(Input::Running),
        1 => Just(Input::Taken),
        2 => tasks().prop_map(Input::Task),
        4 => tasks().prop_map(Input::TaskEvent),
        1 => Just(Input::NotMade),
        1 => Just(Input::TimeIsUp),
        1 => Just(Input::Registered),
        1 => (0..3_usize, targets()).prop_map(|(binding, observation)| Input::Target { binding, observation }),
        1 => Just(Input::Deregistered),
        1 => Just(Input::StopAccepted),
        6 => failure,
    ];
    prop_oneof![
        1 => any.prop_map(Move::Any),
        2 => (tasks(), targets()).prop_map(|(task, target)| Move::Answer { task, target }),
    ]
}

fn answer(next: &Next, task: TaskObservation, target: TargetObservation) -> Input {
    match next {
        Next::WakeAt(_) | Next::Finished => Input::Tick,
        Next::Perform(effect) => match effect {
            Effect::Launch { .. } => Input::Launched(task),
            Effect::FindTask => Input::Found(vec![task]),
            Effect::FindRunning => Input::Running(vec![task]),
            Effect::ObserveTask => Input::Task(task),
            Effect::ObserveTarget { binding } => Input::Target { binding: *binding, observation: target },
            Effect::Register { .. } => Input::Registered,
            Effect::Deregister { .. } => Input::Deregistered,
            Effect::StopTask => Input::StopAccepted,
        },
    }
}

fn specs() -> impl Strategy<Value = Spec> {
    let many = || builder().binding(binding("auth", 8080)).binding(binding("nlb", 8081));
    prop::sample::select(vec![
        spec(),
        many().build().unwrap(),
        many().on_failure(OnFailure::Keep).build().unwrap(),
        many().readiness(Readiness::Registered).running_timeout(Duration::ZERO).build().unwrap(),
        builder().healthy_timeout(Duration::from_secs(20)).build().unwrap(),
        in_two_places(),
        in_two_places(),
    ])
}

/// What a run may touch: kept beside the machine, from what it was told.
#[derive(Default)]
struct Ledger {
    asked: Option<Effect>,
    tokens: BTreeSet<ClientToken>,
    /// Tasks that ECS answered to a token of this run.
    launched: BTreeSet<TaskArn>,
    /// Tasks that were found while a launch of this run was without an answer.
    searched: BTreeSet<TaskArn>,
    launch_in_doubt: bool,
    /// When each task was last seen alive, or named as one that is.
    alive: BTreeMap<TaskArn, Timestamp>,
    /// When it was last looked at who has the addresses, and what ran then.
    around: Option<(Timestamp, Vec<TaskObservation>)>,
    registered: BTreeSet<usize>,
    /// The request that a token may be bound to: AWS refuses another one under it.
    bound: BTreeMap<ClientToken, LaunchRequest>,
    /// The token of the launch that was asked for last, where it was bound to nothing before.
    new_token: Option<ClientToken>,
}

impl Ledger {
    fn see(&mut self, input: &Input, now: Timestamp) {
        let seen: &[TaskObservation] = match input {
            Input::Launched(task) | Input::Task(task) | Input::TaskEvent(task) => std::slice::from_ref(task),
            Input::Found(tasks) => tasks,
            Input::Failed(failure) => {
                self.alive.extend(failure.tasks.iter().map(|task| (task.clone(), now)));
                return;
            }
            Input::Running(tasks) => {
                if self.asked == Some(Effect::FindRunning) {
                    self.around = Some((now, tasks.clone()));
                }
                return;
            }
            _ => return,
        };
        let alive = seen.iter().filter(|it| !matches!(it.status, TaskStatus::Stopped | TaskStatus::Missing));
        self.alive.extend(alive.map(|task| (task.task.clone(), now)));
    }

    /// Whether nobody else can have the address of the run's task by now, as far as it was told.
    fn is_its_own(&self, state: &State, now: Timestamp) -> bool {
        let is_fresh = |at: Timestamp| now < at + Duration::from_secs(20);
        let task = state.task().expect("a task whose target it is");
        let is_alive = self.alive.get(task).is_some_and(|at| is_fresh(*at));
        let is_free = self.around.as_ref().is_some_and(|(at, tasks)| {
            let mut alive = tasks.iter().filter(|its| !its.is_ending() && its.status != TaskStatus::Missing);
            // All tasks that are RUNNING have the same address here.
            let anothers = alive.clone().any(|its| its.status == TaskStatus::Running);
            is_fresh(*at) && (alive.any(|its| its.task == *task) || !anothers)
        });
        is_alive || is_free
    }

    fn take_in(&mut self, input: &Input) {
        // What was not made, or refused before it was looked at, binds nothing.
        let binds_nothing = match input {
            Input::NotMade => true,
            Input::Failed(failure) => !failure.kind.is_ambiguous() && !answers_the_token(failure.kind),
            _ => false,
        };
        if binds_nothing
            && let (Some(Effect::Launch { .. }), Some(token)) = (&self.asked, self.new_token.take())
        {
            self.bound.remove(&token);
        }
        match (&self.asked, input) {
            (Some(Effect::Launch { .. }), Input::Launched(task)) => {
                self.launched.insert(task.task.clone());
                self.launch_in_doubt = false;
            }
            (Some(Effect::Launch { .. }), Input::Failed(failure)) if failure.kind.is_ambiguous() => {
                self.launch_in_doubt = true;
            }
            (Some(Effect::FindTask), Input::Found(tasks)) if self.launch_in_doubt => {
                self.searched.extend(tasks.iter().map(|task| task.task.clone()));
            }
            _ => {}
        }
    }

    fn is_ours(&self, task: &TaskArn) -> bool {
        self.launched.contains(task) || self.searched.contains(task)
    }

    fn check(&mut self, state: &State, next: &Next, now: Timestamp) -> Result<(), TestCaseError> {
        self.asked = None;
        let Next::Perform(effect) = next else { return Ok(()) };
        match effect {
            Effect::Launch { token } => {
                prop_assert!(state.task().is_none(), "launches although it has a task");
                let request = state.request().into_owned();
                let is_new = !self.bound.contains_key(token);
                self.new_token = is_new.then(|| token.clone());
                let bound = self.bound.entry(token.clone()).or_insert_with(|| request.clone());
                prop_assert_eq!(&*bound, &request, "another request under a token that may be bound");
                // Asked without an answer by a process that was killed: as good as lost.
                self.launch_in_doubt |= !self.tokens.insert(token.clone());
            }
            Effect::StopTask => {
                let task = state.task().expect("a task to stop");
                prop_assert!(self.is_ours(task), "stops a task that is not its own");
            }
            Effect::Register { binding } => {
                self.registered.insert(*binding);
            }
            Effect::Deregister { binding } => {
                let its_task = state.task().is_some_and(|task| self.is_ours(task));
                let registered = self.registered.contains(binding);
                prop_assert!(
                    registered || its_task,
                    "removes a target that it did not register, of another's task"
                );
                prop_assert!(self.is_its_own(state, now), "removes what may be another's address by now");
            }
            Effect::FindTask | Effect::FindRunning | Effect::ObserveTask | Effect::ObserveTarget { .. } => {}
        }
        self.asked = Some(effect.clone());
        Ok(())
    }
}

/// Whether ECS keeps that answer for the token.
fn answers_the_token(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Capacity | ErrorKind::Conflict)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(
        spec in specs(),
        adopted in prop::option::weighted(0.2, tasks()),
        moves in prop::collection::vec((moves(), 0..40_000_u64, any::<bool>()), 1..80),
        shortages in prop::collection::vec(0..4_usize, 80),
    ) {
        let mut ledger = Ledger::default();
        let mut now = START;
        ledger.alive.extend(adopted.iter().map(|task| (task.task.clone(), now)));
        let mut state = match adopted {
            Some(task) => State::adopt(spec, task, now),
            None => State::launch(spec, now),
        };
        let mut next = Next::WakeAt(now);
        for (round, (its_move, millis, back)) in moves.into_iter().enumerate() {
            // A clock that jumps back must not matter.
            let told = if back { Timestamp::from_millis(now.as_millis() - millis) } else { now + Duration::from_millis(millis) };
            now = now.max(told);
            let input = match its_move {
                Move::Any(input) => input,
                Move::Answer { task, target } => answer(&next, task, target),
            };
            ledger.take_in(&input);
            ledger.see(&input, now);
            // What other runs find changes from step to step: nowhere, here, there, everywhere.
            let exhausted = match shortages[round] {
                0 => PoolSet::NONE,
                1 => PoolSet::NONE.with(0),
                2 => PoolSet::NONE.with(1),
                _ => PoolSet::NONE.with(0).with(1),
            };
            let policy = Policy { exhausted, ..Policy::default() };
            let before = state.clone();
            let stepped = step(state, input, told, &policy);
            state = stepped.state;
            next = stepped.next;

            if before.phase().is_final() {
                prop_assert_eq!(&state, &before, "an end is an end");
            }
            prop_assert_eq!(state.phase().is_final(), next == Next::Finished);
            prop_assert!(state.pool() < state.spec().pools(), "launches nowhere else than it may");
            if let Next::WakeAt(at) = &next {
                prop_assert!(*at > now, "wakes in the future");
            }
            prop_assert_eq!(state.phase() == PhaseName::Leaked, !state.leftovers().is_empty());
            ledger.check(&state, &next, now)?;

            if round % 8 != 0 {
                continue;
            }
            let written = serde_json::to_string(&state).unwrap();
            let read: State = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(&read, &state, "nothing is lost on the way to another process");
        }
    }

    /// However it is answered, a run that is cancelled and then only told the time and the truth comes to its end.
    #[test]
    fn an_undo_always_ends(moves in prop::collection::vec(moves(), 0..30)) {
        let policy = Policy::default();
        let (mut state, mut now, mut next) = (State::launch(spec(), at(0)), at(0), Next::WakeAt(at(0)));
        for its_move in moves {
            now = now + Duration::from_secs(1);
            let input = match its_move {
                Move::Any(input) => input,
                Move::Answer { task, target } => answer(&next, task, target),
            };
            let stepped = step(state, input, now, &policy);
            (state, next) = (stepped.state, stepped.next);
        }
        let mut input = Input::Cancel;
        for _ in 0..1_000 {
            let stepped = step(state, input, now, &policy);
            (state, next) = (stepped.state, stepped.next);
            match &next {
                Next::Finished => break,
                Next::WakeAt(at) => now = *at,
                Next::Perform(_) => {}
            }
            // Every call fails, for ever.
            input = match next {
                Next::Perform(_) => Input::Failed(Failure::new(ErrorKind::Unavailable, "down")),
                Next::WakeAt(_) | Next::Finished => Input::Tick,
            };
        }
        prop_assert!(state.phase().is_final(), "{:?}", state);
    }
}
