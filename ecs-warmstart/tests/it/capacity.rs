//! Where there is no capacity: to the next place in the order, by all runs of a fleet, and nowhere that nobody named.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::{
    Cancel, Checkpoint, CheckpointError, Driven, Event, EventKind, Observer, WarmStart,
};
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{Budget, Fleet, Report, RunOutcome, Service, UpOptions, sample_services};
use ecs_warmstart::machine::{Drain, PhaseName, State};
use ecs_warmstart::memory::{Action, Behaviour, InMemory, Settings, Shortage, Stop};
use ecs_warmstart::observation::TaskStatus;
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::{AwsVpc, CapacityProvider, Compute, Pool, Spec};
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault};

use crate::failures::{FAULTS, Left};
use crate::worlds::{Between, assert_outcomes, clock, direct, merged};

pub(crate) const SPOT: &str = "FARGATE_SPOT";
const ON_DEMAND: &str = "FARGATE";

fn pool(provider: &str, subnet: &str) -> Pool {
    let provider = CapacityProvider { name: provider.to_owned(), weight: 1, base: 0 };
    Pool {
        compute: Compute::CapacityProviders(vec![provider]),
        network: Some(AwsVpc { subnets: vec![subnet.to_owned()], ..AwsVpc::default() }),
    }
}

/// A service of the sample in the first of these places, and then the others.
pub(crate) fn service(name: &str, count: u32, pools: &[(&str, &str)]) -> Service {
    let mut pools = pools.iter().map(|(provider, subnet)| pool(provider, subnet));
    let mut service = sample_services().into_iter().find(|service| service.name.as_str() == name).unwrap();
    let first = pools.next().unwrap();
    (service.request.compute, service.request.network) = (first.compute, first.network);
    Service { count, fallbacks: pools.collect(), ..service }
}

/// Spot in two zones, and on-demand only where it is named.
const SPOT_ALONE: [(&str, &str); 2] = [(SPOT, "subnet-a"), (SPOT, "subnet-b")];
pub(crate) const SPOT_FIRST: [(&str, &str); 3] =
    [(SPOT, "subnet-a"), (SPOT, "subnet-b"), (ON_DEMAND, "subnet-a")];

#[derive(Debug, Default)]
struct Switches(Mutex<Vec<String>>);

impl Observer for Switches {
    fn event(&self, event: &Event) {
        if let EventKind::Switched { from, to, because } = &event.kind {
            self.0.lock().unwrap().push(format!("{from} -> {to}: {because}"));
        }
    }
}

struct World {
    clock: Arc<dyn Clock>,
    cloud: InMemory,
    fleet: Fleet,
    switches: Arc<Switches>,
}

fn world() -> World {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    let switches = Arc::new(Switches::default());
    let fleet = Fleet::new(Ports::from_one(cloud.clone()))
        .with_clock(Arc::clone(&clock))
        .with_observer(Arc::clone(&switches));
    World { clock, cloud, fleet, switches }
}

impl World {
    async fn up(&self, services: &[Service]) -> Report {
        self.fleet.up(services, &UpOptions::default(), &Cancel::new()).await
    }

    /// How many tasks run where.
    fn placed(&self) -> BTreeMap<String, usize> {
        placed(&self.cloud)
    }

    fn launches(&self) -> usize {
        self.cloud.count(Action::RunTask)
    }
}

pub(crate) fn placed(cloud: &InMemory) -> BTreeMap<String, usize> {
    let mut placed = BTreeMap::new();
    for task in cloud.running_tasks() {
        let spot = cloud.placed(&task).unwrap();
        *placed.entry(format!("{} {}", spot.provider, spot.subnet)).or_default() += 1;
    }
    placed
}

fn at(places: &[(&str, usize)]) -> BTreeMap<String, usize> {
    places.iter().map(|(place, tasks)| ((*place).to_owned(), *tasks)).collect()
}

const NO_CAPACITY: &str = "ECS placed no task: Capacity is unavailable at this time. Please try again later or in a \
                           different availability zone";

#[tokio::test(start_paused = true)]
async fn a_launch_goes_to_the_next_place_in_the_order_and_says_so() {
    let world = world();
    world.cloud.exhaust(Shortage::of(SPOT));
    let report = world.up(&[service("auth", 1, &SPOT_FIRST)]).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert_eq!(world.placed(), at(&[("FARGATE subnet-a", 1)]));
    assert_eq!(world.launches(), 3);
    let switches = world.switches.0.lock().unwrap().clone();
    let [first, second] = switches.as_slice() else { panic!("{switches:?}") };
    assert_eq!(*first, format!("FARGATE_SPOT in subnet-a -> FARGATE_SPOT in subnet-b: {NO_CAPACITY}"));
    assert_eq!(*second, format!("FARGATE_SPOT in subnet-b -> FARGATE in subnet-a: {NO_CAPACITY}"));
}

#[tokio::test(start_paused = true)]
async fn what_one_run_finds_all_runs_know_for_three_minutes() {
    let world = world();
    world.cloud.exhaust(Shortage::of(SPOT).in_subnet("subnet-a"));
    world.up(&[service("auth", 1, &SPOT_FIRST)]).await;
    assert_eq!((world.launches(), world.placed()), (2, at(&[("FARGATE_SPOT subnet-b", 1)])));
    // Another service, of tasks of the same size: it does not ask where there is nothing.
    world.up(&[service("pdf", 2, &SPOT_FIRST)]).await;
    assert_eq!((world.launches(), world.placed()), (4, at(&[("FARGATE_SPOT subnet-b", 3)])));
    assert!(
        world.switches.0.lock().unwrap().last().unwrap().ends_with("another launch found no capacity there")
    );
    world.cloud.replenish();
    world.clock.sleep_until(world.clock.now() + Duration::from_secs(180)).await;
    world.up(&[service("fa", 1, &SPOT_FIRST)]).await;
    let placed = at(&[("FARGATE_SPOT subnet-a", 1), ("FARGATE_SPOT subnet-b", 3)]);
    assert_eq!((world.launches(), world.placed()), (5, placed), "back to what was named first");
}

#[tokio::test(start_paused = true)]
async fn the_remaining_count_goes_elsewhere_and_what_was_launched_stays() {
    let world = world();
    world.cloud.exhaust_after(Shortage::of(SPOT), 3);
    let report = world.up(&[service("auth", 5, &SPOT_FIRST)]).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert_eq!(world.placed(), at(&[("FARGATE_SPOT subnet-a", 3), ("FARGATE subnet-a", 2)]));
    assert_eq!(world.cloud.registered().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn spot_is_never_replaced_by_what_nobody_named_and_a_partial_result_keeps_its_tasks() {
    let world = world();
    world.cloud.exhaust_after(Shortage::of(SPOT), 3);
    let report = world.up(&[service("auth", 5, &SPOT_ALONE)]).await;
    let tasks = &report.services[0].tasks;
    let ready = tasks.iter().filter(|task| task.outcome == RunOutcome::Ready).count();
    assert_eq!((ready, tasks.len()), (3, 5), "{report:#?}");
    assert_eq!(world.placed(), at(&[("FARGATE_SPOT subnet-a", 3)]));
    assert_eq!(world.cloud.registered().len(), 3, "they serve");
    let undone = tasks.iter().find(|task| task.outcome == RunOutcome::Undone).unwrap();
    let cause = undone.cause.as_ref().unwrap();
    assert_eq!(cause.code, "capacity");
    for place in ["FARGATE_SPOT in subnet-a", "FARGATE_SPOT in subnet-b"] {
        let said = format!("RunTask on {place}: {NO_CAPACITY}");
        assert!(cause.evidence.iter().any(|evidence| evidence.contains(&said)), "{cause:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_all_are_without_capacity_they_are_tried_in_turn_until_one_has_some() {
    let world = world();
    let began = world.clock.now();
    world.cloud.exhaust(Shortage::of(SPOT).in_subnet("subnet-a"));
    world.cloud.exhaust_until(Shortage::default(), began + Duration::from_secs(60));
    let report = world.up(&[service("auth", 1, &SPOT_ALONE)]).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert_eq!(world.placed(), at(&[("FARGATE_SPOT subnet-b", 1)]));
    assert!(world.launches() < 12, "{} launches", world.launches());
}

#[tokio::test(start_paused = true)]
async fn capacity_for_small_tasks_is_none_for_large_ones() {
    let world = world();
    let mut large = ecs_warmstart::memory::SAMPLE_SERVICES[1].definition().unwrap();
    (large.cpu, large.memory) = (Some(1024), Some(2048));
    world.cloud.add_task_definition(large);
    world.cloud.exhaust(Shortage::of(SPOT).for_size(1024, 2048));
    let services = [service("auth", 1, &SPOT_FIRST), service("pdf", 1, &SPOT_FIRST)];
    let report = world.up(&services).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert_eq!(world.placed(), at(&[("FARGATE_SPOT subnet-a", 1), ("FARGATE subnet-a", 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_stops_for_want_of_capacity_is_launched_elsewhere() {
    for reason in
        ["TaskFailedToStart: RESOURCE:MEMORY", "TaskFailedToStart: EMPTY CAPACITY PROVIDER", NO_CAPACITY]
    {
        let world = world();
        let stop = Stop::before_start(TaskStatus::Pending, reason);
        world.cloud.behave_next("authapi-task-def", 1, &Behaviour::stops(stop));
        let pools = [("my-instances", "subnet-a"), (ON_DEMAND, "subnet-a")];
        let report = world.up(&[service("auth", 1, &pools)]).await;
        assert_outcomes(&report, RunOutcome::Ready);
        assert_eq!(world.placed(), at(&[("FARGATE subnet-a", 1)]), "{reason}");
    }
    // With nowhere else to go it is no reason to try again: an empty provider stays empty.
    let world = world();
    let stop = Stop::before_start(TaskStatus::Pending, "TaskFailedToStart: EMPTY CAPACITY PROVIDER");
    world.cloud.behave_next("authapi-task-def", 1, &Behaviour::stops(stop));
    let report = world.up(&[service("auth", 1, &[("my-instances", "subnet-a")])]).await;
    assert_outcomes(&report, RunOutcome::Undone);
    assert_eq!(world.launches(), 1);
}

#[tokio::test(start_paused = true)]
async fn launches_that_wait_for_their_turn_go_elsewhere_without_being_refused_one_by_one() {
    let world = world();
    let began = world.clock.now();
    world.cloud.exhaust(Shortage::of(SPOT));
    let names = ["auth", "pdf", "users"];
    let services = names.map(|name| service(name, 100, &[(SPOT, "subnet-a"), (ON_DEMAND, "subnet-a")]));
    let report = world.up(&services).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert_eq!(world.placed(), at(&[("FARGATE subnet-a", 300)]));
    assert!(world.launches() < 320, "{} launches for 300 tasks", world.launches());
    // 300 launches at half of Fargate's quota are 29 s, a start is at most 58 s, and each is proved over before the next.
    let took = world.clock.now().since(began);
    assert!(took < Duration::from_secs(29 + 58 + 10), "{took:?}");
}

// --- Failures and crashes on the way

fn spec(pools: &[(&str, &str)]) -> Spec {
    let service = service("auth", 1, pools);
    let builder = Spec::builder(service.name, "auth/0".parse().unwrap(), service.request)
        .running_timeout(Duration::from_secs(4 * 3600))
        .healthy_timeout(Duration::from_secs(3 * 3600));
    let builder = service.fallbacks.into_iter().fold(builder, |spec, pool| spec.fallback(pool));
    service.bindings.into_iter().fold(builder, |spec, binding| spec.binding(binding)).build().unwrap()
}

/// ECS never saw another request under a token that it knew.
pub(crate) fn assert_no_conflict(cloud: &InMemory, what: &str) {
    let conflict = cloud.calls().into_iter().find(|call| call.failed == Some(ErrorKind::Conflict));
    assert_eq!(conflict, None, "{what}");
}

async fn every_pair_ends_well(between: Between, faults: &[Fault]) -> usize {
    let mut runs = 0;
    for first in 0..12 {
        for &one in faults {
            for second in first + 1..14 {
                for &other in faults {
                    let what = format!("{first}: {one:?}, {second}: {other:?}");
                    let clock = clock();
                    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
                    cloud.exhaust(Shortage::of(SPOT).in_subnet("subnet-a"));
                    let chaos = Chaos::new(
                        Ports::from_one(cloud.clone()),
                        ChaosPlan::none().at(first, one).at(second, other),
                    );
                    let ports = between(chaos.ports(), &clock);
                    let warm_start =
                        WarmStart::new(ports.launcher, ports.registrar, ports.waiter).with_clock(clock);
                    let ended = warm_start.run(spec(&SPOT_ALONE)).await;
                    let left = Left::in_(&cloud).await;
                    assert_no_conflict(&cloud, &what);
                    assert!(placed(&cloud).keys().all(|place| place.starts_with(SPOT)), "{what}");
                    match ended {
                        Ok(ready) => {
                            assert_eq!(left.tasks, [ready.task.to_string()].into(), "{what}");
                            assert_eq!(placed(&cloud), at(&[("FARGATE_SPOT subnet-b", 1)]), "{what}");
                        }
                        // What is denied can neither be launched nor taken back.
                        Err(error) => {
                            let denied = |fault: Fault| fault == Fault::Before(ErrorKind::Denied);
                            assert!(denied(one) || denied(other), "{what}: {error}");
                            assert!(left.tasks.len() <= 1, "{what}: {left:?}");
                        }
                    }
                    runs += 1;
                }
            }
        }
    }
    runs
}

#[tokio::test(start_paused = true)]
async fn a_switch_under_every_pair_of_failures_ends_with_one_task() {
    let runs = every_pair_ends_well(direct, &FAULTS).await;
    assert!(runs > 5_000, "{runs} runs");
}

#[tokio::test(start_paused = true)]
async fn so_it_does_through_merged_calls() {
    let faults = [Fault::Before(ErrorKind::Throttled), Fault::After(ErrorKind::Timeout)];
    let runs = every_pair_ends_well(merged, &faults).await;
    assert!(runs > 300, "{runs} runs");
}

/// Keeps what was saved last, as another process would read it.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<String>>);

#[async_trait]
impl Checkpoint for Disk {
    async fn save(&self, state: &State) -> Result<(), CheckpointError> {
        *self.0.lock().unwrap() = serde_json::to_string(state).map_err(CheckpointError::new)?;
        Ok(())
    }

    async fn save_drain(&self, _: &Drain) -> Result<(), CheckpointError> {
        unreachable!("nothing is drained")
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_at_any_call_is_gone_on_with_in_the_same_place() {
    let mut deaths = 0;
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for index in 0..25 {
            let what = format!("{fault:?} at {index}");
            let clock = clock();
            let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
            cloud.exhaust(Shortage::of(SPOT));
            let disk = Disk::default();
            disk.save(&State::launch(spec(&SPOT_FIRST), clock.now())).await.unwrap();
            let mut ended = None;
            // Each process knows nothing of what others found but what the state says.
            for plan in [ChaosPlan::none().at(index, fault), ChaosPlan::none()] {
                let ports = Chaos::new(Ports::from_one(cloud.clone()), plan).ports();
                let warm_start = WarmStart::new(ports.launcher, ports.registrar, ports.waiter)
                    .with_clock(Arc::clone(&clock))
                    .with_checkpoint(disk.clone());
                let state: State = serde_json::from_str(&disk.0.lock().unwrap().clone()).unwrap();
                let driven = warm_start.drive(state, Duration::MAX);
                match tokio::time::timeout(Duration::from_secs(3600), driven).await {
                    Ok(Ok(Driven::Finished(state))) => ended = Some(state),
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => deaths += 1,
                }
            }
            assert_eq!(ended.unwrap().phase(), PhaseName::Ready, "{what}");
            assert_eq!(placed(&cloud), at(&[("FARGATE subnet-a", 1)]), "{what}");
            assert_no_conflict(&cloud, &what);
        }
    }
    assert!(deaths > 20, "{deaths} deaths");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_handed_on_takes_its_place_along() {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    cloud.exhaust(Shortage::of(SPOT));
    let fleet = || Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
    let services = [service("auth", 3, &SPOT_FIRST)];
    let options = UpOptions::default();
    let mut runs = fleet().begin_up(&services, &options, Duration::from_secs(60), &Cancel::new()).await;
    let budget = Budget { drive: Duration::from_millis(100), calls: Duration::from_secs(2) };
    let mut pieces = 0;
    let report = loop {
        pieces += 1;
        match fleet().drive(runs, budget, &Cancel::new()).await {
            Driven::Finished(runs) => break runs.report(clock.now()),
            Driven::Suspended { state, resume_at } => {
                runs = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
                clock.sleep_until(resume_at + Duration::from_millis(70)).await;
            }
        }
    };
    assert_outcomes(&report, RunOutcome::Ready);
    assert_eq!(placed(&cloud), at(&[("FARGATE subnet-a", 3)]));
    assert_no_conflict(&cloud, "handed on");
    assert!(pieces > 5, "{pieces} pieces");
}
