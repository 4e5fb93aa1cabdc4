//! Clocks: a process that comes back long after its deadline, and a machine whose clock is wrong.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::{Cancel, Driven, Error, WarmStart};
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{Budget, Change, DownOptions, Fleet, RunOutcome, Runs, UpOptions};
use ecs_warmstart::machine::{Leftover, PhaseName, State};
use ecs_warmstart::memory::{Behaviour, InMemory, Settings};
use ecs_warmstart::ports::{HealthWaiter, Ports};
use ecs_warmstart::spec::Gate;
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault, PortMethod};
use ecs_warmstart::time::Timestamp;

use crate::failures::{Left, spec_behind};
use crate::worlds::{assert_outcomes, auth, clock};

fn warm_start(ports: Ports, clock: impl Clock) -> WarmStart {
    WarmStart::new(ports.launcher, ports.registrar, ports.waiter).with_clock(clock)
}

/// Drives a run to a phase, lets an hour pass, and drives it to its end.
async fn taken_up_late(behaviour: &Behaviour, phase: PhaseName) -> (State, InMemory) {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    cloud.behave("authapi-task-def", behaviour);
    let spec = spec_behind(Gate::Running, Duration::from_secs(300), Duration::from_secs(120));
    let mut state = State::launch(spec, clock.now());
    let warm_start = warm_start(Ports::from_one(cloud.clone()), Arc::clone(&clock));
    while state.phase() != phase {
        let driven = warm_start.drive(state, Duration::ZERO).await.unwrap();
        let Driven::Suspended { state: suspended, resume_at } = driven else { panic!("{driven:?}") };
        state = suspended;
        if state.phase() != phase {
            clock.sleep_until(resume_at).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let driven = warm_start.drive(state, Duration::MAX).await.unwrap();
    let Driven::Finished(state) = driven else { panic!("{driven:?}") };
    (state, cloud)
}

#[tokio::test(start_paused = true)]
async fn what_got_ready_meanwhile_is_not_undone() {
    for phase in [PhaseName::AwaitingRunning, PhaseName::AwaitingHealthy] {
        let (state, cloud) = taken_up_late(&Behaviour::default(), phase).await;
        assert_eq!(state.phase(), PhaseName::Ready, "{phase}: {:?}", state.cause());
        let left = Left::in_(&cloud).await;
        assert_eq!((left.tasks.len(), left.targets.len()), (1, 1), "{phase}");
    }
}

/// A drain that was planned, and an address that went to the next task before it came to be driven.
#[derive(Clone, Copy, Debug)]
enum Planned {
    /// By what told of the task's end.
    ByChange,
    /// By `down`, before somebody else stopped the task.
    ByDown,
}

async fn planned(planned: Planned, cloud: &InMemory, fleet: &Fleet) -> Runs {
    let (services, cancel, patience) = ([auth(1)], Cancel::new(), Duration::from_secs(60));
    fleet.up(&services, &UpOptions::default(), &cancel).await;
    let task = cloud.running_tasks().remove(0);
    let down = DownOptions { allow_empty: true, ..DownOptions::default() };
    let runs = fleet.begin_down(&services, &down, patience, &cancel).await;
    cloud.stop_by_hand(&task, "gone");
    tokio::time::sleep(Duration::from_secs(60)).await;
    if matches!(planned, Planned::ByDown) {
        return runs;
    }
    let cluster = &services[0].request.cluster;
    let told = cloud.observe_tasks(cluster, &[task]).await.unwrap().remove(0);
    match fleet.begin_change(&services, told, patience, &cancel).await {
        Change::Work(runs) => runs,
        Change::Nothing { why } => panic!("{why}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_goes_on_late_leaves_the_address_that_another_task_has_by_now() {
    for by in [Planned::ByChange, Planned::ByDown] {
        for reused in [true, false] {
            let clock = clock();
            let settings = Settings { addresses: 1, ..Settings::default() };
            let cloud = InMemory::sample_with(Arc::clone(&clock), settings);
            let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
            let runs = planned(by, &cloud, &fleet).await;
            let stale = cloud.registered();
            assert_eq!(stale.len(), 1);
            if reused {
                fleet.up(&[auth(1)], &UpOptions::default(), &Cancel::new()).await;
                assert_eq!((cloud.tasks().len(), cloud.registered()), (2, stale.clone()));
            }
            tokio::time::sleep(Duration::from_secs(300)).await;
            let driven = fleet.drive(runs, Budget::UNLIMITED, &Cancel::new()).await;
            let Driven::Finished(runs) = driven else { panic!("suspended without limits") };
            let report = runs.report(clock.now());
            assert_outcomes(&report, RunOutcome::Drained);
            let warnings = &report.services[0].warnings;
            let what = format!("{by:?}, {reused}: {warnings:?}");
            assert_eq!(cloud.registered().len(), usize::from(reused), "{what}");
            assert_eq!(warnings.iter().any(|it| it.contains("by now, so it stays in")), reused, "{what}");
            assert_eq!(cloud.running_tasks().len(), usize::from(reused), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_drain_that_cannot_know_whose_an_address_is_takes_nothing_out() {
    for (fault, suspended) in [(Fault::Before(ErrorKind::Denied), false), (Fault::HangBefore, true)] {
        let clock = clock();
        let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
        let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
        let runs = planned(Planned::ByChange, &cloud, &fleet).await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        let chaos =
            Chaos::new(Ports::from_one(cloud.clone()), ChaosPlan::none().every(PortMethod::Find, fault));
        let blind = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock));
        let budget = Budget { drive: Duration::from_secs(20), calls: Duration::from_secs(22) };
        let runs = match blind.drive(runs, budget, &Cancel::new()).await {
            Driven::Finished(runs) => {
                assert!(!suspended);
                let report = runs.report(clock.now());
                assert_outcomes(&report, RunOutcome::Leaked);
                assert!(
                    report.services[0].tasks[0].leftovers[0].contains("deregister-targets"),
                    "{report:#?}"
                );
                assert_eq!(cloud.registered().len(), 1);
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
        assert_outcomes(&runs.report(clock.now()), RunOutcome::Drained);
        assert_eq!(cloud.registered(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn what_did_not_is_undone_after_one_look() {
    let (state, cloud) = taken_up_late(&Behaviour::never_serves(), PhaseName::AwaitingHealthy).await;
    assert_eq!(state.cause().unwrap().code(), "not_healthy_in_time");
    assert_eq!(Left::in_(&cloud).await, Left::nothing());
    let stuck = Behaviour::stuck_in(ecs_warmstart::observation::TaskStatus::Pending);
    let (state, cloud) = taken_up_late(&stuck, PhaseName::AwaitingRunning).await;
    assert_eq!(state.cause().unwrap().code(), "not_running_in_time");
    assert_eq!(Left::in_(&cloud).await, Left::nothing());
}

/// The clock of a machine that is so many seconds ahead of the cloud's, or behind it.
#[derive(Debug)]
struct Wrong {
    right: Arc<dyn Clock>,
    ahead: i64,
}

#[async_trait]
impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        shifted(self.right.now(), self.ahead)
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.right.sleep_until(shifted(at, -self.ahead)).await;
    }
}

fn shifted(at: Timestamp, seconds: i64) -> Timestamp {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { at - by } else { at + by }
}

/// A run on a machine with a wrong clock; beside it runs a task of the same service that is two minutes old.
async fn by_a_wrong_clock(
    ahead: i64,
    behaviour: &Behaviour,
    plan: ChaosPlan,
) -> (Result<(), Error>, Left, String) {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    let older = cloud.run_by_hand(&auth(1).request).unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    cloud.behave("authapi-task-def", behaviour);
    let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan);
    let warm_start = warm_start(chaos.ports(), Wrong { right: Arc::clone(&clock), ahead });
    let spec = spec_behind(Gate::Running, Duration::from_secs(100), Duration::from_secs(60));
    let ended = warm_start.run(spec).await.map(drop);
    (ended, Left::in_(&cloud).await, older.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_changes_nothing_where_answers_arrive() {
    for ahead in [-280, -180, -30, 30, 180, 280] {
        let (ended, left, _) = by_a_wrong_clock(ahead, &Behaviour::default(), ChaosPlan::none()).await;
        ended.unwrap();
        assert_eq!((left.tasks.len(), left.targets.len()), (2, 1), "{ahead} s ahead");
        let (ended, left, older) =
            by_a_wrong_clock(ahead, &Behaviour::never_serves(), ChaosPlan::none()).await;
        assert!(matches!(ended, Err(Error::Undone { .. })), "{ahead} s ahead: {ended:?}");
        assert_eq!(left.tasks.into_iter().collect::<Vec<_>>(), [older], "{ahead} s ahead");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_never_hides_a_task_and_never_stops_the_older_one() {
    let lost = ChaosPlan::none().every(PortMethod::Launch, Fault::After(ErrorKind::Timeout));
    for ahead in [-280, -180, -90, 0, 90, 180, 280] {
        let (ended, left, older) = by_a_wrong_clock(ahead, &Behaviour::default(), lost.clone()).await;
        assert!(left.tasks.contains(&older), "{ahead} s ahead: {ended:?}");
        match ended {
            Err(Error::Undone { .. }) => assert_eq!(left.tasks.len(), 1, "{ahead} s ahead: {left:?}"),
            Err(Error::Leaked { leftovers, .. }) => {
                let launch = leftovers.iter().any(|leftover| matches!(leftover, Leftover::Launch { .. }));
                let named = leftovers.iter().filter(|it| matches!(it, Leftover::Task { .. })).count();
                assert!(launch || named == left.tasks.len(), "{ahead} s ahead: {leftovers:?}");
            }
            other => panic!("{ahead} s ahead: {other:?}"),
        }
    }
}
