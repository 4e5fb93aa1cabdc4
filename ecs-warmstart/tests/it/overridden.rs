//! Launches that change something of their definition: the same whatever is lost, and never taken for one another.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::driver::{Cancel, Driven};
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{Budget, Fleet, Report, RunOutcome, Runs, Service, UpOptions};
use ecs_warmstart::memory::{InMemory, Refusal, Settings};
use ecs_warmstart::overrides::{ContainerOverride, KeyValuePair, TaskOverride};
use ecs_warmstart::ports::Ports;
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault};

use crate::golden;
use crate::worlds::{assert_outcomes, auth, clock, sample};

const SECRET: &str = "hunter2";

fn overrides(job: &str) -> TaskOverride {
    let pair = |name: &str, value: &str| KeyValuePair { name: name.to_owned(), value: value.to_owned() };
    TaskOverride {
        task_role_arn: Some("arn:aws:iam::111122223333:role/job".parse().unwrap()),
        container_overrides: vec![ContainerOverride {
            command: Some(vec!["run".to_owned(), format!("--job={job}"), SECRET.to_owned()]),
            environment: vec![pair("JOB", job), pair("PASSWORD", SECRET)],
            ..ContainerOverride::new("authapi-container")
        }],
        ..TaskOverride::default()
    }
}

/// One more task of the service, with these overrides.
fn with(overrides: TaskOverride) -> [Service; 1] {
    let mut service = auth(1);
    service.request.overrides = overrides;
    [service]
}

fn named(name: &str) -> UpOptions {
    UpOptions { fresh: true, run_id: Some(name.parse().unwrap()), ..UpOptions::default() }
}

async fn start(fleet: &Fleet, name: &str, overrides: TaskOverride) -> Report {
    fleet.up(&with(overrides), &named(name), &Cancel::new()).await
}

/// What the tasks that were ever launched were launched with.
fn launched(cloud: &InMemory) -> Vec<TaskOverride> {
    cloud.tasks().iter().map(|task| cloud.overrides(task).unwrap()).collect()
}

fn conflicts(cloud: &InMemory) -> usize {
    cloud.calls().iter().filter(|call| call.failed == Some(ErrorKind::Conflict)).count()
}

async fn begin(fleet: &Fleet, name: &str, overrides: TaskOverride) -> Runs {
    fleet.begin_up(&with(overrides), &named(name), Duration::from_secs(60), &Cancel::new()).await
}

async fn drive(fleet: &Fleet, runs: Runs, seconds: u64) -> Driven<Runs> {
    let (drive, calls) = (Duration::from_secs(seconds), Duration::from_secs(seconds + 2));
    fleet.drive(runs, Budget { drive, calls }, &Cancel::new()).await
}

#[tokio::test(start_paused = true)]
async fn whatever_is_lost_the_same_is_asked_for_again() {
    for fault in [Fault::HangBefore, Fault::HangAfter, Fault::After(ErrorKind::Timeout)] {
        for index in 0..8 {
            let clock = clock();
            let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
            let chaos = Chaos::new(Ports::from_one(cloud.clone()), ChaosPlan::none().at(index, fault));
            let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
            let mut runs = begin(&fleet, "event", overrides("7")).await;
            let what = format!("{fault:?} at {index}");
            // Each piece by another process, which knows what was written and nothing else.
            let report = loop {
                let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock));
                match drive(&fleet, runs, 5).await {
                    Driven::Finished(runs) => break runs.report(clock.now()),
                    Driven::Suspended { state, resume_at } => {
                        runs = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
                        assert_eq!(runs, state, "{what}");
                        clock.sleep_until(resume_at).await;
                    }
                }
            };
            assert_outcomes(&report, RunOutcome::Ready);
            assert_eq!(launched(&cloud), [overrides("7")], "{what}");
            // The same event again, from its beginning.
            assert_outcomes(&start(&fleet, "event", overrides("7")).await, RunOutcome::Ready);
            assert_eq!((launched(&cloud), conflicts(&cloud)), (vec![overrides("7")], 0), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_name_is_one_start_whatever_else_is_asked_for_under_it() {
    for (first, second) in [
        (overrides("7"), overrides("8")),
        (overrides("7"), TaskOverride::default()),
        (TaskOverride::default(), overrides("8")),
    ] {
        for seconds in [2, 20, 600] {
            let (cloud, fleet) = sample(Settings::default());
            let runs = begin(&fleet, "event", first.clone()).await;
            let driven = drive(&fleet, runs, seconds).await;
            let report = start(&fleet, "event", second.clone()).await;
            assert_outcomes(&report, RunOutcome::Kept);
            let cause = report.services[0].cause.as_ref().or(report.services[0].tasks[0].cause.as_ref());
            let why = &cause.unwrap().summary;
            assert!(why.contains("other overrides") && !why.contains(SECRET), "{why}");
            assert_eq!((launched(&cloud), conflicts(&cloud)), (vec![first.clone()], 1));
            // The first goes on as if nothing had been.
            let (Driven::Finished(state) | Driven::Suspended { state, .. }) = driven;
            let Driven::Finished(runs) = drive(&fleet, state, 600).await else { panic!("600 s were enough") };
            assert_outcomes(&runs.report(runs.began()), RunOutcome::Ready);
            assert_eq!((cloud.running_tasks().len(), cloud.registered().len()), (1, 1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_whose_task_is_over_may_ask_for_something_else() {
    let (cloud, fleet) = sample(Settings::default());
    start(&fleet, "event", overrides("7")).await;
    cloud.stop_by_hand(&cloud.running_tasks()[0], "done");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_outcomes(&start(&fleet, "event", overrides("8")).await, RunOutcome::Ready);
    assert_eq!(launched(&cloud), [overrides("7"), overrides("8")]);
}

/// An answer without a task has to be looked into, and what is found then may be the task of somebody else.
#[tokio::test(start_paused = true)]
async fn a_start_in_doubt_takes_no_task_that_runs_something_else() {
    for (first, second) in [
        (overrides("7"), overrides("8")),
        (overrides("7"), TaskOverride::default()),
        (TaskOverride::default(), overrides("8")),
    ] {
        let (cloud, fleet) = sample(Settings::default());
        start(&fleet, "event-1", first.clone()).await;
        cloud.refuse_next("authapi-task-def", 1, &Refusal::no_fargate_capacity());
        let report = start(&fleet, "event-2", second.clone()).await;
        assert_outcomes(&report, RunOutcome::Ready);
        assert!(!report.services[0].tasks[0].adopted, "{report:#?}");
        assert_eq!(launched(&cloud), [first, second]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_overrides_say_is_in_the_state_and_nowhere_else() {
    let (cloud, fleet) = sample(Settings::default());
    let runs = begin(&fleet, "event", overrides("7")).await;
    assert_eq!(runs.touched().overrides, [&overrides("7")]);
    let Driven::Suspended { state, .. } = drive(&fleet, runs, 10).await else { panic!("10 s were enough") };
    let written = serde_json::to_string_pretty(&state).unwrap();
    golden::check("runs-v1-overridden.json", &format!("{written}\n"));
    // Once in what is launched next, and once in each run.
    assert_eq!(written.matches(SECRET).count(), 4, "{written}");
    assert!(written.contains("\"version\": 2"), "a program that knows no overrides must not go on with it");
    let Driven::Finished(runs) = drive(&fleet, state, 600).await else { panic!("600 s were enough") };
    let report = runs.report(runs.began());
    assert_outcomes(&report, RunOutcome::Ready);
    for shown in [format!("{runs:?}"), format!("{report:?}"), serde_json::to_string(&report).unwrap()] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    assert!(cloud.calls().iter().all(|call| !call.about.contains(SECRET)));
}
