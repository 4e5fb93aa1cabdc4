//! Whole runs that fail, on the simulated cloud: the cause of each is a diagnosis, then and from the flight record.

use ecs_warmstart::catalogue::{Code, Confidence};
use ecs_warmstart::diagnose::{Diagnosis, FlightRecord};
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::facts::{Deployment, EcsServiceFacts, ServiceEvent};
use ecs_warmstart::fleet::{Fleet, Recorder, RunOutcome, Service, UpOptions, sample_services};
use ecs_warmstart::ids::ClusterId;
use ecs_warmstart::memory::{Behaviour, InMemory, Scenario, Settings, Stop};
use ecs_warmstart::spec::OnFailure;

use crate::worlds::sample;

fn broken(scenario: Scenario) -> (InMemory, Fleet, Vec<Service>) {
    let (cloud, fleet) = sample(Settings::default());
    cloud.set_scene(scenario);
    let mut services = sample_services();
    services.retain(|service| service.name.as_str() == scenario.service());
    (cloud, fleet, services)
}

fn unchecked() -> UpOptions {
    UpOptions { check: false, ..UpOptions::default() }
}

/// What each scenario comes to.
const CAUSES: [(Scenario, Code, Confidence, bool); 14] = [
    (Scenario::PlatformMismatch, Code::ImagePlatformMismatch, Confidence::High, false),
    (Scenario::ImageMissing, Code::ImageNotFound, Confidence::High, false),
    (Scenario::ExecFormat, Code::CommandNotExecutable, Confidence::High, false),
    (Scenario::SecretDenied, Code::SecretsDenied, Confidence::High, false),
    (Scenario::NoCapacity, Code::Capacity, Confidence::High, true),
    (Scenario::SubnetFull, Code::SubnetFull, Confidence::High, true),
    (Scenario::Oom, Code::OutOfMemory, Confidence::High, false),
    (Scenario::Crash, Code::ImageIncomplete, Confidence::High, false),
    (Scenario::NeverHealthy, Code::EntrypointWaits, Confidence::Medium, false),
    (Scenario::HealthCheckTool, Code::HealthCheckProgram, Confidence::High, false),
    (Scenario::SlowDatabase, Code::DependencyUnreachable, Confidence::High, true),
    (Scenario::Loopback, Code::ListensOnLoopback, Confidence::High, false),
    (Scenario::WrongPath, Code::HealthPathMissing, Confidence::Medium, false),
    (Scenario::NoListener, Code::TargetGroupUnused, Confidence::High, false),
];

#[tokio::test(start_paused = true)]
async fn the_cause_of_every_undone_run_is_a_diagnosis() {
    assert_eq!(CAUSES.map(|(scenario, ..)| scenario), Scenario::ALL);
    for (scenario, code, confidence, transient) in CAUSES {
        let (_, fleet, services) = broken(scenario);
        let report = fleet.up(&services, &unchecked(), &Cancel::new()).await;
        let task = &report.services[0].tasks[0];
        assert_eq!(task.outcome, RunOutcome::Undone, "{scenario}");
        let cause = task.cause.as_ref().unwrap();
        assert_eq!(cause.code, code.as_str(), "{scenario}: {cause:?}");
        assert_eq!((cause.confidence, cause.transient), (Some(confidence), Some(transient)), "{cause:?}");
        assert!(!cause.chain.is_empty() && !cause.evidence.is_empty(), "{scenario}: {cause:?}");
        assert!(cause.remedy.as_ref().is_some_and(|remedy| !remedy.is_empty()), "{scenario}: {cause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flight_record_says_the_same_later() {
    for (scenario, code, ..) in CAUSES {
        let (_, fleet, services) = broken(scenario);
        let recorder = Recorder::new();
        let fleet = fleet.with_recorder(recorder.clone());
        fleet.up(&services, &unchecked(), &Cancel::new()).await;
        let record = fleet.flight_record("up", &services).await;
        let again = FlightRecord::parse(&record.to_document()).unwrap();
        assert_eq!(again, record);
        let roots: Vec<Code> = again.subjects.iter().map(|subject| subject.diagnose().root().code).collect();
        assert_eq!(roots, [code], "{scenario}");
        assert_eq!(recorder.subjects().len(), 1);
    }
}

/// What failed is left in place, and somebody looks at it later.
#[tokio::test(start_paused = true)]
async fn who_looks_later_finds_the_same() {
    for (scenario, code, ..) in CAUSES {
        // Where nothing was ever placed, nothing is there to be looked at.
        let code = if scenario == Scenario::NoCapacity { Code::NotStarted } else { code };
        let (_, fleet, mut services) = broken(scenario);
        services[0].on_failure = OnFailure::Keep;
        fleet.up(&services, &unchecked(), &Cancel::new()).await;
        let subjects = fleet.evidence(&services).await;
        let said = subjects[0].diagnose();
        assert_eq!(said.root().code, code, "{scenario}: {said:?}");
        assert!(subjects[0].unread.is_empty(), "{:?}", subjects[0].unread);
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_fleet_that_is_well_nothing_is_said() {
    let (_, fleet) = sample(Settings::default());
    let services = sample_services();
    let root = |said: Diagnosis| said.root().code;
    let before = fleet.evidence(&services).await;
    assert!(before.iter().all(|subject| root(subject.diagnose()) == Code::NotStarted));
    fleet.up(&services, &UpOptions::default(), &Cancel::new()).await;
    let after = fleet.evidence(&services).await;
    assert_eq!(after.len(), 5);
    for subject in after {
        assert!(subject.diagnose().is_fine(), "{:?}", subject.diagnose());
    }
}

#[tokio::test(start_paused = true)]
async fn one_task_is_looked_at_by_its_arn() {
    let (cloud, fleet, services) = broken(Scenario::Oom);
    fleet.up(&services, &unchecked(), &Cancel::new()).await;
    let task = cloud.tasks()[0].clone();
    let cluster = ClusterId::new(task.cluster().unwrap()).unwrap();
    let subject = fleet.evidence_of_task(&services, &cluster, &task).await;
    assert_eq!(subject.diagnose().root().code, Code::OutOfMemory);
    let unknown = "arn:aws:ecs:us-east-2:111122223333:task/fa-engine-cluster/0a1b".parse().unwrap();
    let subject = fleet.evidence_of_task(&services, &cluster, &unknown).await;
    assert_eq!(subject.diagnose().root().code, Code::TaskLost);
}

/// Its tasks die of one thing, and its events say that it is unstable: one finding, and what followed.
#[tokio::test(start_paused = true)]
async fn an_ecs_service_is_looked_at_with_its_stopped_tasks() {
    let (cloud, fleet, services) = broken(Scenario::PlatformMismatch);
    let cluster = &services[0].request.cluster;
    let deployment = Deployment {
        id: "ecs-svc/0123".to_owned(),
        status: "PRIMARY".to_owned(),
        rollout: Some("FAILED".to_owned()),
        failed: 1,
        ..Deployment::default()
    };
    let unstable = "(service web) is unable to consistently start tasks successfully.";
    cloud.add_ecs_service(
        cluster,
        EcsServiceFacts {
            name: "web".to_owned(),
            status: "ACTIVE".to_owned(),
            task_definition: None,
            desired: 1,
            running: 0,
            pending: 0,
            deployments: vec![deployment],
            events: vec![ServiceEvent { at: None, message: unstable.to_owned() }],
            target_groups: Vec::new(),
            health_check_grace_period: None,
        },
    );
    let mut request = services[0].request.clone();
    request.started_by = "ecs-svc/0123".to_owned();
    cloud.run_by_hand(&request).unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(120)).await;
    let subject = fleet.evidence_of_ecs_service(cluster, "web").await;
    let said = subject.diagnose();
    assert_eq!(said.root().code, Code::ImagePlatformMismatch, "{subject:?}");
    let chain: Vec<Code> = said.root().chain.iter().map(|link| link.code).collect();
    assert_eq!(chain, [Code::TaskFailedToStart, Code::ServiceUnstable, Code::DeploymentFailed]);
}

#[tokio::test(start_paused = true)]
async fn a_crash_that_says_nothing_is_named_by_its_exit_code() {
    let (cloud, fleet, services) = broken(Scenario::Crash);
    let exits = Behaviour::stops(Stop::essential_exit(std::time::Duration::from_secs(5), 1));
    cloud.behave(services[0].request.task_definition.family(), &exits);
    let report = fleet.up(&services, &unchecked(), &Cancel::new()).await;
    let cause = report.services[0].tasks[0].cause.as_ref().unwrap();
    assert_eq!((cause.code.as_str(), cause.confidence), ("application_failed", Some(Confidence::Medium)));
}
