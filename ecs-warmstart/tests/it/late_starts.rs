//! A start that is gone on with long after its task has stopped, when the address has gone to another task.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::{Cancel, Driven, WarmStart};
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{Budget, Fleet, RunOutcome, Runs, Service, UpOptions};
use ecs_warmstart::ids::ServiceName;
use ecs_warmstart::machine::{PhaseName, State};
use ecs_warmstart::memory::{InMemory, Settings};
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::{Gate, LaunchRequest};
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault, PortMethod};

use crate::failures::spec_behind;
use crate::worlds::{assert_outcomes, auth, clock};

const PATIENCE: Duration = Duration::from_secs(60);

/// How far a start had come when it was left alone.
#[derive(Clone, Copy, Debug)]
enum LeftAlone {
    /// It asked for the registration and was not answered; it took no effect.
    Registering,
    /// The same where it took effect.
    Registered,
    /// It waited for its target.
    AwaitingHealthy,
    /// It was cancelled, and nothing was taken out yet.
    Undoing,
}

fn fresh(name: &str) -> UpOptions {
    UpOptions { fresh: true, run_id: Some(name.parse().unwrap()), ..UpOptions::default() }
}

/// A cloud with one address, so that the next task has that of the last one.
fn with_one_address() -> (InMemory, Fleet, Arc<dyn Clock>) {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings { addresses: 1, ..Settings::default() });
    let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
    (cloud, fleet, clock)
}

/// Drives a start of `auth` so far, and stops its task.
async fn left_alone(services: &[Service], at: LeftAlone, cloud: &InMemory, clock: &Arc<dyn Clock>) -> Runs {
    let hangs = match at {
        LeftAlone::Registering => ChaosPlan::none().every(PortMethod::Register, Fault::HangBefore),
        LeftAlone::Registered => ChaosPlan::none().every(PortMethod::Register, Fault::HangAfter),
        LeftAlone::AwaitingHealthy | LeftAlone::Undoing => {
            ChaosPlan::none().every(PortMethod::Deregister, Fault::HangBefore)
        }
    };
    let chaos = Chaos::new(Ports::from_one(cloud.clone()), hangs);
    let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(clock));
    let cancel = Cancel::new();
    let begun = fleet.begin_up(services, &fresh("first"), PATIENCE, &cancel).await;
    let mut runs = of_the_first(&begun);
    let second = Budget { drive: Duration::from_secs(1), calls: Duration::from_secs(2) };
    let registers = || chaos.calls().iter().any(|call| call.method == PortMethod::Register);
    while !registers() || (matches!(at, LeftAlone::Undoing) && !cancel.is_cancelled()) {
        if registers() {
            cancel.cancel();
        }
        let driven = fleet.drive(runs, second, &cancel).await;
        let Driven::Suspended { state, .. } = driven else { panic!("{at:?}: {driven:?}") };
        runs = state;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for task in cloud.running_tasks() {
        cloud.stop_by_hand(&task, "somebody's mistake");
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(cloud.registered().len(), usize::from(!matches!(at, LeftAlone::Registering)), "{at:?}");
    // As another process reads it.
    of_the_first(&runs)
}

/// What was written of the first service.
fn of_the_first(runs: &Runs) -> Runs {
    let mut written = serde_json::to_value(runs).unwrap();
    written["runs"]["services"].as_array_mut().unwrap().truncate(1);
    serde_json::from_value(written).unwrap()
}

const EVERYWHERE: [LeftAlone; 4] =
    [LeftAlone::Registering, LeftAlone::Registered, LeftAlone::AwaitingHealthy, LeftAlone::Undoing];

#[tokio::test(start_paused = true)]
async fn leaves_the_address_that_another_task_has_by_now() {
    for at in EVERYWHERE {
        for cancelled in [false, true] {
            for reused in [false, true] {
                let (cloud, fleet, clock) = with_one_address();
                let services = [auth(1)];
                let runs = left_alone(&services, at, &cloud, &clock).await;
                if reused {
                    let report = fleet.up(&services, &fresh("second"), &Cancel::new()).await;
                    assert_outcomes(&report, RunOutcome::Ready);
                }
                tokio::time::sleep(Duration::from_secs(300)).await;
                let cancel = Cancel::new();
                if cancelled {
                    cancel.cancel();
                }
                let lost = cloud.lost_traffic_in_all();
                let Driven::Finished(runs) = fleet.drive(runs, Budget::UNLIMITED, &cancel).await else {
                    panic!("suspended without limits")
                };
                let report = runs.report(clock.now());
                let what = format!("{at:?}, cancelled {cancelled}, reused {reused}: {report:#?}");
                assert_eq!(report.services[0].outcome, RunOutcome::Undone, "{what}");
                assert_eq!(cloud.registered().len(), usize::from(reused), "{what}");
                assert_eq!(cloud.running_tasks().len(), usize::from(reused), "{what}");
                if reused {
                    assert_eq!(cloud.lost_traffic_in_all(), lost, "{what}");
                    let (group, target) = cloud.registered().remove(0);
                    assert!(cloud.healthy_at(&group, &target).is_some(), "{what}");
                }
            }
        }
    }
}

/// The same service in another cluster, behind the same group.
fn neighbour() -> Service {
    let auth = auth(1);
    let name: ServiceName = "elsewhere".parse().unwrap();
    let cluster = "batch-engine".parse().unwrap();
    let request = LaunchRequest::new(cluster, auth.request.task_definition.clone(), &name);
    let request = LaunchRequest {
        compute: auth.request.compute.clone(),
        network: auth.request.network.clone(),
        ..request
    };
    Service { name, request, ..auth }
}

#[tokio::test(start_paused = true)]
async fn leaves_the_address_of_a_task_in_another_cluster() {
    let services = [auth(1), neighbour()];
    for known in [1, 2] {
        let (cloud, fleet, clock) = with_one_address();
        let runs = left_alone(&services[..known], LeftAlone::AwaitingHealthy, &cloud, &clock).await;
        let report = fleet.up(&services[1..], &fresh("second"), &Cancel::new()).await;
        assert_outcomes(&report, RunOutcome::Ready);
        let Driven::Finished(runs) = fleet.drive(runs, Budget::UNLIMITED, &Cancel::new()).await else {
            panic!()
        };
        assert_outcomes(&runs.report(clock.now()), RunOutcome::Undone);
        // Nobody looks for a neighbour who was not named.
        assert_eq!(cloud.registered().len(), usize::from(known == 2), "{known}");
    }
}

#[tokio::test(start_paused = true)]
async fn takes_nothing_out_where_it_cannot_know_whose_an_address_is() {
    for at in [LeftAlone::Registered, LeftAlone::AwaitingHealthy, LeftAlone::Undoing] {
        for (fault, suspended) in [(Fault::Before(ErrorKind::Denied), false), (Fault::HangBefore, true)] {
            let (cloud, fleet, clock) = with_one_address();
            let runs = left_alone(&[auth(1)], at, &cloud, &clock).await;
            tokio::time::sleep(Duration::from_secs(300)).await;
            let plan = ChaosPlan::none().every(PortMethod::Find, fault);
            let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan);
            let blind = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock));
            let budget = Budget { drive: Duration::from_secs(20), calls: Duration::from_secs(22) };
            let runs = match blind.drive(runs, budget, &Cancel::new()).await {
                Driven::Finished(runs) => {
                    assert!(!suspended);
                    let report = runs.report(clock.now());
                    assert_outcomes(&report, RunOutcome::Leaked);
                    let leftovers = &report.services[0].tasks[0].leftovers;
                    assert!(leftovers[0].contains("deregister-targets"), "{leftovers:?}");
                    assert_eq!((leftovers.len(), cloud.registered().len()), (1, 1));
                    continue;
                }
                Driven::Suspended { state, .. } => state,
            };
            assert!(suspended);
            assert_eq!(cloud.registered().len(), 1);
            // Whoever can know goes on.
            let Driven::Finished(runs) = fleet.drive(runs, Budget::UNLIMITED, &Cancel::new()).await else {
                panic!()
            };
            assert_outcomes(&runs.report(clock.now()), RunOutcome::Undone);
            assert_eq!(cloud.registered(), []);
        }
    }
}

/// The same of one run that was saved and is driven on without a fleet.
#[tokio::test(start_paused = true)]
async fn so_does_a_single_run() {
    for reused in [false, true] {
        let (cloud, fleet, clock) = with_one_address();
        let ports = Ports::from_one(cloud.clone());
        let warm_start = WarmStart::new(ports.launcher, ports.registrar, ports.waiter);
        let warm_start = warm_start.with_clock(Arc::clone(&clock));
        let spec = spec_behind(Gate::Running, Duration::from_secs(300), Duration::from_secs(120));
        let mut state = State::launch(spec, clock.now());
        while state.phase() != PhaseName::AwaitingHealthy {
            let driven = warm_start.drive(state, Duration::from_millis(100)).await.unwrap();
            let Driven::Suspended { state: suspended, .. } = driven else { panic!("{driven:?}") };
            state = suspended;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        cloud.stop_by_hand(&cloud.running_tasks()[0], "somebody's mistake");
        tokio::time::sleep(Duration::from_secs(60)).await;
        if reused {
            fleet.up(&[auth(1)], &fresh("second"), &Cancel::new()).await;
        }
        let driven = warm_start.drive(state, Duration::MAX).await.unwrap();
        let Driven::Finished(state) = driven else { panic!("{driven:?}") };
        assert_eq!(state.phase(), PhaseName::Undone);
        assert_eq!(cloud.registered().len(), usize::from(reused));
    }
}
