//! A run in pieces: a process for each tenth of a second, with nothing between them but the written state.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::{Driven, WarmStart};
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::machine::{Effect, Input, Next, PhaseName, State, step};
use ecs_warmstart::memory::{Behaviour, InMemory, Refusal, Settings};
use ecs_warmstart::observation::{HealthStatus, TargetObservation, TaskStatus};
use ecs_warmstart::policy::Policy;
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::Gate;
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault};

use crate::failures::{Left, spec_behind};
use crate::specs::{at, healthy, spec, stopped, task};
use crate::worlds::clock;

/// Drives a run to its end, piece by piece, each by another process.
async fn in_pieces(ports: &Ports, clock: &Arc<dyn Clock>, budget: Duration, mut state: State) -> State {
    for _ in 0..5_000 {
        let ports = ports.clone();
        let warm_start =
            WarmStart::new(ports.launcher, ports.registrar, ports.waiter).with_clock(Arc::clone(clock));
        match warm_start.drive(state, budget).await.unwrap() {
            Driven::Finished(state) => return state,
            Driven::Suspended { state: suspended, resume_at } => {
                let written = serde_json::to_string(&suspended).unwrap();
                state = serde_json::from_str(&written).unwrap();
                // The next process comes a little late.
                clock.sleep_until(resume_at + Duration::from_millis(70)).await;
            }
        }
    }
    panic!("it never ends: {state:#?}");
}

async fn ends(
    behaviour: &Behaviour,
    plan: ChaosPlan,
    budget: Option<Duration>,
) -> (PhaseName, Option<&'static str>, usize, usize) {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    cloud.behave("authapi-task-def", behaviour);
    cloud.refuse_next("authapi-task-def", 1, &Refusal::no_fargate_capacity());
    let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan);
    let spec = spec_behind(Gate::Running, Duration::from_secs(300), Duration::from_secs(120));
    let budget = budget.unwrap_or(Duration::MAX);
    let state = in_pieces(&chaos.ports(), &clock, budget, State::launch(spec, clock.now())).await;
    let left = Left::in_(&cloud).await;
    (state.phase(), state.cause().map(|cause| cause.code()), left.tasks.len(), left.targets.len())
}

#[tokio::test(start_paused = true)]
async fn a_run_in_pieces_ends_like_a_run_in_one() {
    let mut ways = BTreeSet::new();
    for behaviour in [Behaviour::default(), Behaviour::never_serves()] {
        let unharmed = ends(&behaviour, ChaosPlan::none(), None).await;
        for fault in [
            Fault::Before(ErrorKind::Throttled),
            Fault::After(ErrorKind::Timeout),
            Fault::Before(ErrorKind::Denied),
            Fault::After(ErrorKind::Capacity),
        ] {
            for index in 0..14 {
                let plan = ChaosPlan::none().at(index, fault);
                let whole = ends(&behaviour, plan.clone(), None).await;
                for budget in [Duration::from_millis(100), Duration::from_secs(7)] {
                    let pieces = ends(&behaviour, plan.clone(), Some(budget)).await;
                    // In pieces there are more or fewer looks: from the tenth call on it may be another one that fails.
                    let denied = (PhaseName::Undone, Some("denied"), 0, 0);
                    let like_it = pieces == whole || (index >= 10 && [unharmed, denied].contains(&pieces));
                    let what = format!("{fault:?} at {index}, pieces of {budget:?}");
                    assert!(like_it, "{what}: {pieces:?}, in one {whole:?}");
                }
                ways.insert(whole);
            }
        }
    }
    assert!(ways.len() >= 4, "{ways:?}");
}

/// Puts in the answers to what the machine asks for first, and then waits for more.
fn launched() -> State {
    let policy = Policy::default();
    let mut state = step(State::launch(spec(), at(0)), Input::Tick, at(0), &policy).state;
    state = step(state, Input::Launched(task("own", TaskStatus::Provisioning, 1)), at(1), &policy).state;
    state
}

#[test]
fn pushed_changes_out_of_order_count_by_their_version() {
    let policy = Policy::default();
    let mut state = launched();
    let events = [
        task("own", TaskStatus::Running, 7),
        task("own", TaskStatus::Pending, 3),
        task("own", TaskStatus::Running, 7),
        task("own", TaskStatus::Activating, 5),
    ];
    for event in events {
        state = step(state, Input::TaskEvent(event), at(2), &policy).state;
        assert_eq!(state.observation().unwrap().status, TaskStatus::Running);
    }
    assert_eq!(state.phase(), PhaseName::AwaitingGate);
    // A look opens the gate; an event, which has no health, does not shut it again.
    let stepped = step(state, Input::Tick, at(8), &policy);
    assert_eq!(stepped.next, Next::Perform(Effect::ObserveTask));
    let stepped = step(stepped.state, Input::Task(healthy("own", 8)), at(8), &policy);
    let seen = Input::Target { binding: 0, observation: TargetObservation::not_registered() };
    let stepped = step(stepped.state, seen, at(8), &policy);
    assert_eq!(stepped.next, Next::Perform(Effect::Register { binding: 0 }));
    let stepped = step(stepped.state, Input::TaskEvent(task("own", TaskStatus::Running, 9)), at(9), &policy);
    assert_eq!(stepped.state.phase(), PhaseName::Registering);
    let health = stepped.state.observation().unwrap().containers[0].health;
    assert_eq!(health, HealthStatus::Healthy);
    // An old stop is no news; a new one is.
    let stop = |version| Input::TaskEvent(stopped("own", version, "EssentialContainerExited", "exited"));
    let stepped = step(stepped.state, stop(4), at(10), &policy);
    assert_eq!(stepped.state.phase(), PhaseName::Registering);
    let stepped = step(stepped.state, stop(10), at(10), &policy);
    assert_eq!(stepped.next, Next::Perform(Effect::Deregister { binding: 0 }), "it may be registered");
}
