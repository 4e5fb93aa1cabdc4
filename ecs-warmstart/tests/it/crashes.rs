//! A process that dies at any call, and another that goes on from what was saved last.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::{Checkpoint, CheckpointError, Driven, WarmStart};
use ecs_warmstart::machine::{Drain, PhaseName, State};
use ecs_warmstart::memory::{Behaviour, InMemory, Settings, Stop};
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::Gate;
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault};

use crate::failures::{Left, spec_behind};
use crate::worlds::{Between, clock, direct, merged};

/// Keeps what was saved last, as another process would read it.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Option<String>>>);

#[async_trait]
impl Checkpoint for Disk {
    async fn save(&self, state: &State) -> Result<(), CheckpointError> {
        *self.0.lock().unwrap() = Some(serde_json::to_string(state).map_err(CheckpointError::new)?);
        Ok(())
    }

    async fn save_drain(&self, drain: &Drain) -> Result<(), CheckpointError> {
        *self.0.lock().unwrap() = Some(serde_json::to_string(drain).map_err(CheckpointError::new)?);
        Ok(())
    }
}

impl Disk {
    fn read(&self) -> State {
        serde_json::from_str(self.0.lock().unwrap().as_ref().unwrap()).unwrap()
    }
}

/// A process that goes on with the state until it ends, or dies at a call.
async fn process(
    between: Between,
    cloud: &InMemory,
    clock: &Arc<dyn Clock>,
    disk: &Disk,
    plan: ChaosPlan,
) -> Option<State> {
    let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan);
    let ports = between(chaos.ports(), clock);
    let warm_start = WarmStart::new(ports.launcher, ports.registrar, ports.waiter)
        .with_clock(Arc::clone(clock))
        .with_checkpoint(disk.clone());
    let driven = warm_start.drive(disk.read(), Duration::MAX);
    // Longer than any run takes: what is not over by then hangs in its last call.
    match tokio::time::timeout(Duration::from_secs(3600), driven).await {
        Ok(Ok(Driven::Finished(state))) => Some(state),
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    }
}

async fn crash_at(
    between: Between,
    first: usize,
    second: Option<usize>,
    fault: Fault,
    behaviour: &Behaviour,
) -> (bool, State, Left) {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    cloud.behave("authapi-task-def", behaviour);
    let disk = Disk::default();
    // A crash costs an hour here; the deadlines leave room for it, but for the last one.
    let spec = spec_behind(Gate::Running, Duration::from_secs(4 * 3600), Duration::from_secs(3 * 3600));
    disk.save(&State::launch(spec, clock.now())).await.unwrap();
    let mut died = false;
    for index in [Some(first), second].into_iter().flatten() {
        died |= process(between, &cloud, &clock, &disk, ChaosPlan::none().at(index, fault)).await.is_none();
    }
    let state = process(between, &cloud, &clock, &disk, ChaosPlan::none()).await.unwrap();
    (died, state, Left::in_(&cloud).await)
}

#[tokio::test(start_paused = true)]
async fn a_start_that_dies_at_any_two_calls_is_gone_on_with() {
    let deaths = start_that_dies(direct).await;
    assert!(deaths > 100, "{deaths} deaths");
}

#[tokio::test(start_paused = true)]
async fn so_it_is_through_merged_calls() {
    let deaths = start_that_dies(merged).await;
    assert!(deaths > 100, "{deaths} deaths");
}

async fn start_that_dies(between: Between) -> usize {
    let mut deaths = 0;
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for first in 0..40 {
            for second in [None, Some(0), Some(1), Some(2), Some(5)] {
                let (died, state, left) =
                    crash_at(between, first, second, fault, &Behaviour::default()).await;
                deaths += usize::from(died);
                assert_eq!(
                    state.phase(),
                    PhaseName::Ready,
                    "{fault:?} at {first}, {second:?}: {:?}",
                    state.cause()
                );
                assert_eq!(left.tasks.len(), 1, "{fault:?} at {first}, {second:?}");
                assert_eq!(left.targets.len(), 1, "{fault:?} at {first}, {second:?}");
            }
        }
    }
    deaths
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_dies_at_any_call_is_gone_on_with() {
    // It is registered, never serves, and exits: there is a target to take out.
    let exits = Stop::essential_exit(Duration::from_secs(20), 1);
    let behaviour = Behaviour { stops: Some(exits), ..Behaviour::never_serves() };
    let mut undone = 0;
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for first in 0..60 {
            let (died, state, left) = crash_at(direct, first, None, fault, &behaviour).await;
            assert!(
                left.tasks.is_empty() && left.targets.is_empty(),
                "{fault:?} at {first}: {left:?} {state:#?}"
            );
            assert_eq!(state.phase(), PhaseName::Undone, "{fault:?} at {first}");
            undone += usize::from(died);
        }
    }
    assert!(undone > 20, "{undone} deaths");
}
