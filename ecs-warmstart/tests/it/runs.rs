//! `up` and `down` in pieces: each by another process, with nothing between them but what was written.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::{Cancel, Driven};
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{
    Budget, DownOptions, Fleet, Report, RunOutcome, Runs, Service, UpOptions, sample_services,
};
use ecs_warmstart::memory::{Action, Behaviour, InMemory, Settings, Stop};
use ecs_warmstart::observation::TaskStatus;
use ecs_warmstart::ports::Ports;
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault};

use crate::golden;
use crate::worlds::{assert_outcomes, auth, clock, sample};

const PATIENCE: Duration = Duration::from_secs(60);

fn budget(drive: Duration) -> Budget {
    Budget { drive, calls: drive + Duration::from_secs(2) }
}

/// Drives to the end, piece by piece; answers in how many.
async fn in_pieces(
    ports: &Ports,
    clock: &Arc<dyn Clock>,
    mut runs: Runs,
    piece: Duration,
) -> (Report, usize) {
    for pieces in 1..5_000 {
        let fleet = Fleet::new(ports.clone()).with_clock(Arc::clone(clock));
        match fleet.drive(runs, budget(piece), &Cancel::new()).await {
            Driven::Finished(runs) => {
                assert!(runs.is_finished());
                return (runs.report(clock.now()), pieces);
            }
            Driven::Suspended { state, resume_at } => {
                assert!(!state.is_finished());
                let written = serde_json::to_string(&state).unwrap();
                runs = serde_json::from_str(&written).unwrap();
                assert_eq!(runs, state);
                clock.sleep_until(resume_at + Duration::from_millis(70)).await;
            }
        }
    }
    panic!("it never ends: {runs:#?}");
}

async fn begin_up(fleet: &Fleet, services: &[Service], options: &UpOptions) -> Runs {
    fleet.begin_up(services, options, PATIENCE, &Cancel::new()).await
}

#[tokio::test(start_paused = true)]
async fn a_fleet_comes_up_and_goes_down_in_pieces() {
    for millis in [0, 100, 7_000] {
        let clock = clock();
        let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
        let ports = Ports::from_one(cloud.clone());
        let fleet = Fleet::new(ports.clone()).with_clock(Arc::clone(&clock));
        let services: Vec<Service> =
            sample_services().into_iter().map(|service| Service { count: 2, ..service }).collect();
        let piece = Duration::from_millis(millis);

        let runs = begin_up(&fleet, &services, &UpOptions::default()).await;
        assert_eq!(cloud.count_writes(), 0, "begun, and nothing launched");
        let (report, pieces) = in_pieces(&ports, &clock, runs, piece).await;
        assert_outcomes(&report, RunOutcome::Ready);
        assert!(pieces > 2, "{pieces}");
        assert_eq!((cloud.tasks().len(), cloud.registered().len()), (10, 10));
        assert_eq!(cloud.lost_traffic_in_all(), Duration::ZERO);

        let options = DownOptions { allow_empty: true, ..DownOptions::default() };
        let runs = fleet.begin_down(&services, &options, PATIENCE, &Cancel::new()).await;
        let (report, pieces) = in_pieces(&ports, &clock, runs, piece).await;
        assert_outcomes(&report, RunOutcome::Drained);
        assert!(pieces > 2, "{pieces}");
        assert_eq!((cloud.running_tasks().len(), cloud.registered().len()), (0, 0));
        assert_eq!(cloud.lost_traffic_in_all(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn what_up_replaces_is_replaced_in_pieces_too() {
    let (cloud, fleet) = sample(Settings::default());
    let clock = clock();
    let services = [auth(2)];
    fleet.up(&services, &UpOptions::default(), &Cancel::new()).await;
    // One that runs dies while the call goes on, and the slots that are tried have tasks already.
    let runs = begin_up(&fleet, &services, &UpOptions::default()).await;
    let task = cloud.running_tasks().remove(0);
    cloud.stop_by_hand(&task, "gone");
    // Long enough for its target to be found unhealthy.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut state = runs;
    for _ in 0..2_000 {
        match fleet.drive(state, budget(Duration::from_millis(200)), &Cancel::new()).await {
            Driven::Finished(runs) => {
                let report = runs.report(clock.now());
                assert_outcomes(&report, RunOutcome::Ready);
                assert_eq!(report.services[0].tasks.len(), 2, "{report:#?}");
                assert!(report.services[0].warnings[0].contains("another takes its place"));
                assert_eq!(cloud.running_tasks().len(), 2);
                return;
            }
            Driven::Suspended { state: next, .. } => {
                let written = serde_json::to_string(&next).unwrap();
                state = serde_json::from_str(&written).unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
    panic!("it never ends");
}

/// Whoever gets a state twice drives it on twice.
#[tokio::test(start_paused = true)]
async fn a_state_that_is_driven_on_twice_ends_with_the_same_tasks() {
    for (first, apart) in [(1, 0), (15, 0), (15, 30), (25, 200), (25, 1_000)] {
        let (cloud, fleet) = sample(Settings::default());
        let options =
            UpOptions { fresh: true, run_id: Some("event".parse().unwrap()), ..UpOptions::default() };
        let runs = begin_up(&fleet, &[auth(2)], &options).await;
        let cancel = Cancel::new();
        let Driven::Suspended { state, .. } =
            fleet.drive(runs, budget(Duration::from_secs(first)), &cancel).await
        else {
            panic!("{first} s were enough")
        };
        let again = async {
            tokio::time::sleep(Duration::from_secs(apart)).await;
            fleet.drive(state.clone(), Budget::UNLIMITED, &cancel).await
        };
        let (one, other) = tokio::join!(fleet.drive(state.clone(), Budget::UNLIMITED, &cancel), again);
        for driven in [one, other] {
            let Driven::Finished(runs) = driven else { panic!("suspended without limits") };
            assert_outcomes(&runs.report(runs.began()), RunOutcome::Ready);
        }
        assert_eq!((cloud.tasks().len(), cloud.registered().len()), (2, 2), "{first} s, {apart} s apart");
    }
}

/// The same where the state is of a call whose answer was lost, and the second copy comes when all its time is over.
#[tokio::test(start_paused = true)]
async fn a_late_copy_of_a_state_in_doubt_finds_what_the_first_brought_up() {
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for index in 0..14 {
            let clock = clock();
            let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
            let chaos = Chaos::new(Ports::from_one(cloud.clone()), ChaosPlan::none().at(index, fault));
            let hanging = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock));
            let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
            let options =
                UpOptions { fresh: true, run_id: Some("event".parse().unwrap()), ..UpOptions::default() };
            let (cancel, what) = (Cancel::new(), format!("{fault:?} at {index}"));
            let runs = begin_up(&fleet, &[auth(1)], &options).await;
            let Driven::Suspended { state, .. } =
                hanging.drive(runs, budget(Duration::from_secs(60)), &cancel).await
            else {
                continue;
            };
            for _ in 0..2 {
                let driven = fleet.drive(state.clone(), Budget::UNLIMITED, &cancel).await;
                let Driven::Finished(runs) = driven else { panic!("suspended without limits") };
                assert_outcomes(&runs.report(runs.began()), RunOutcome::Ready);
                clock.sleep_until(clock.now() + Duration::from_secs(1_000)).await;
                let running = cloud.running_tasks().len();
                assert_eq!((cloud.tasks().len(), running, cloud.registered().len()), (1, 1, 1), "{what}");
            }
        }
    }
}

/// A late copy of a state from before the task was taken down brings nothing back.
#[tokio::test(start_paused = true)]
async fn a_late_copy_does_not_bring_back_what_was_taken_down() {
    let (cloud, fleet) = sample(Settings::default());
    let (services, cancel) = ([auth(1)], Cancel::new());
    let options = UpOptions { fresh: true, run_id: Some("event".parse().unwrap()), ..UpOptions::default() };
    let runs = begin_up(&fleet, &services, &options).await;
    let Driven::Suspended { state, .. } = fleet.drive(runs, budget(Duration::from_secs(20)), &cancel).await
    else {
        panic!("20 s were enough")
    };
    fleet.drive(state.clone(), Budget::UNLIMITED, &cancel).await;
    let down = DownOptions { allow_empty: true, ..DownOptions::default() };
    assert_outcomes(&fleet.down(&services, &down, &cancel).await, RunOutcome::Drained);
    let Driven::Finished(late) = fleet.drive(state, Budget::UNLIMITED, &cancel).await else { panic!() };
    assert_outcomes(&late.report(late.began()), RunOutcome::Undone);
    assert_eq!((cloud.tasks().len(), cloud.running_tasks().len(), cloud.registered().len()), (1, 0, 0));
}

/// A call that never answers is given up, and the state knows that it may have taken effect.
#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_given_up_and_found_out_about() {
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for index in 0..16 {
            let clock = clock();
            let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
            let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
            let runs = begin_up(&fleet, &[auth(1)], &UpOptions::default()).await;
            let chaos = Chaos::new(Ports::from_one(cloud.clone()), ChaosPlan::none().at(index, fault));
            let began = clock.now();
            let piece = Duration::from_secs(20);
            let (report, _) = in_pieces(&chaos.ports(), &clock, runs, piece).await;
            assert_outcomes(&report, RunOutcome::Ready);
            assert_eq!((cloud.tasks().len(), cloud.registered().len()), (1, 1), "{fault:?} at {index}");
            assert!(clock.now().since(began) < Duration::from_secs(120));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_in_time_is_not_begun() {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    for fault in [Fault::HangBefore, Fault::Before(ErrorKind::Throttled)] {
        let plan = (0..1_000).fold(ChaosPlan::none(), |plan, index| plan.at(index, fault));
        let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan);
        let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock));
        let began = clock.now();
        let runs = begin_up(&fleet, &[auth(1)], &UpOptions::default()).await;
        assert_eq!(clock.now().since(began), PATIENCE);
        assert!(runs.is_finished());
        let report = runs.report(clock.now());
        let cause = report.services[0].tasks[0].cause.as_ref().unwrap();
        assert_eq!((report.services[0].outcome, cause.code.as_str()), (RunOutcome::Undone, "timeout"));
    }
    assert_eq!(cloud.count_writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn all_that_is_touched_is_named() {
    let (_, fleet) = sample(Settings::default());
    let services = sample_services();
    let runs = begin_up(&fleet, &services, &UpOptions::default()).await;
    let touched = runs.touched();
    assert_eq!(touched.clusters.len(), 5);
    assert!(services.iter().all(|service| {
        touched.clusters.contains(&service.request.cluster)
            && touched.task_definitions.contains(&service.request.task_definition)
            && touched.target_groups.contains(&service.bindings[0].target_group)
    }));
    fleet.up(&services, &UpOptions::default(), &Cancel::new()).await;
    let options = DownOptions { allow_empty: true, ..DownOptions::default() };
    let runs = fleet.begin_down(&services, &options, PATIENCE, &Cancel::new()).await;
    let touched = runs.touched();
    assert_eq!(
        (touched.clusters.len(), touched.target_groups.len(), touched.task_definitions.len()),
        (5, 5, 0)
    );
}

/// The written form: it is read for ever.
#[tokio::test(start_paused = true)]
async fn the_form_is_golden() {
    let (cloud, fleet) = sample(Settings::default());
    let services = [auth(1)];
    let runs = begin_up(&fleet, &services, &UpOptions::default()).await;
    let Driven::Suspended { state, .. } =
        fleet.drive(runs, budget(Duration::from_secs(10)), &Cancel::new()).await
    else {
        panic!("10 s were enough")
    };
    golden::check("runs-v1-up.json", &format!("{}\n", serde_json::to_string_pretty(&state).unwrap()));
    let written = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/runs-v1-up.json"),
    );
    let read: Runs = serde_json::from_str(&written.unwrap()).unwrap();
    let Driven::Finished(done) = fleet.drive(read, Budget::UNLIMITED, &Cancel::new()).await else { panic!() };
    assert_outcomes(&done.report(done.began()), RunOutcome::Ready);
    assert_eq!(cloud.count(Action::RunTask), 1);

    let options = DownOptions { allow_empty: true, ..DownOptions::default() };
    let runs = fleet.begin_down(&services, &options, PATIENCE, &Cancel::new()).await;
    golden::check("runs-v1-down.json", &format!("{}\n", serde_json::to_string_pretty(&runs).unwrap()));

    let unknown = serde_json::to_string(&runs).unwrap().replacen("\"version\":1", "\"version\":9", 1);
    let why = serde_json::from_str::<Runs>(&unknown).unwrap_err().to_string();
    assert!(why.contains("version 9; this program reads version 1"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_cannot_get_ready_ends_in_pieces_after_its_own_time() {
    for behaviour in [
        Behaviour::stuck_in(TaskStatus::Pending),
        Behaviour::never_serves(),
        Behaviour::stops(Stop::wrong_platform()),
    ] {
        let clock = clock();
        let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
        cloud.behave("authapi-task-def", &behaviour);
        let ports = Ports::from_one(cloud.clone());
        let fleet = Fleet::new(ports.clone()).with_clock(Arc::clone(&clock));
        let runs = begin_up(&fleet, &[auth(2)], &UpOptions::default()).await;
        let (report, _) = in_pieces(&ports, &clock, runs, Duration::from_secs(3)).await;
        assert_outcomes(&report, RunOutcome::Undone);
        assert!(report.elapsed_ms < 8 * 60 * 1_000, "{}", report.elapsed_ms);
        assert_eq!(cloud.running_tasks(), []);
    }
}
