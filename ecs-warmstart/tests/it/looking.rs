//! What `diagnose` reads, and what it says where something could not be read.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::catalogue::Code;
use ecs_warmstart::diagnose::Subject;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{Fleet, Recorder, Service, UpOptions, sample_services};
use ecs_warmstart::ids::ClusterId;
use ecs_warmstart::memory::{Action, Behaviour, InMemory, SAMPLE_SERVICES, Scenario, Settings, Stop};
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::OnFailure;
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault, PortMethod};

use crate::worlds::{auth, clock, sample};

fn root(subject: &Subject) -> Code {
    subject.diagnose().root().code
}

async fn look(fleet: &Fleet, service: &Service) -> Subject {
    fleet.evidence(std::slice::from_ref(service)).await.remove(0)
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_is_not_taken_for_nothing() {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    let chaos = Chaos::new(Ports::from_one(cloud), ChaosPlan::none());
    let fleet = Fleet::new(chaos.ports()).with_clock(clock);
    let service = auth(1);
    assert_eq!(root(&look(&fleet, &service).await), Code::NotStarted);
    fleet.up(std::slice::from_ref(&service), &UpOptions::default(), &Cancel::new()).await;
    assert_eq!(root(&look(&fleet, &service).await), Code::NothingWrong);
    for method in [PortMethod::Find, PortMethod::ObserveTasks, PortMethod::Targets] {
        for (kind, code) in [(ErrorKind::Denied, Code::Denied), (ErrorKind::Unavailable, Code::Unavailable)] {
            chaos.follow(ChaosPlan::none().every(method, Fault::Before(kind)));
            let subject = look(&fleet, &service).await;
            assert_eq!(root(&subject), code, "{method:?}: {subject:?}");
            assert!(!subject.unread.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_is_named() {
    let (_, fleet) = sample(Settings::default());
    let mut service = auth(1);
    service.request.cluster = "nowhere".parse().unwrap();
    let subject = look(&fleet, &service).await;
    assert_eq!(root(&subject), Code::ClusterMissing);
    assert!(subject.diagnose().root().summary.contains("nowhere"), "{:?}", subject.diagnose());
    let cluster: ClusterId = auth(1).request.cluster;
    let subject = fleet.evidence_of_ecs_service(&cluster, "nobody").await;
    assert_eq!(root(&subject), Code::EcsServiceMissing);
    assert!(subject.diagnose().root().summary.contains("nobody"), "{:?}", subject.diagnose());
}

/// However many tasks there are.
#[tokio::test(start_paused = true)]
async fn each_group_is_asked_once() {
    let (cloud, fleet) = sample(Settings::default());
    let service = auth(4);
    let mut groups: Vec<_> = service.bindings.iter().map(|it| it.target_group.clone()).collect();
    groups.sort();
    groups.dedup();
    fleet.up(std::slice::from_ref(&service), &UpOptions::default(), &Cancel::new()).await;
    let counts = || [Action::DescribeTargetHealth, Action::DescribeTargetGroups].map(|it| cloud.count(it));
    let before = counts();
    assert_eq!(root(&look(&fleet, &service).await), Code::NothingWrong);
    let after = counts();
    assert_eq!([after[0] - before[0], after[1] - before[1]], [groups.len(), 1]);
}

/// The log is where it is, and nobody asks elsewhere for a group of the same name.
#[tokio::test(start_paused = true)]
async fn a_log_in_another_region_is_named_and_not_read() {
    let (cloud, fleet) = sample(Settings::default());
    let mut service = auth(1);
    let of_sample = SAMPLE_SERVICES.iter().find(|it| it.name == "auth").unwrap();
    let mut definition = of_sample.definition().unwrap();
    for container in &mut definition.containers {
        container.log.as_mut().unwrap().region = Some("eu-west-1".to_owned());
    }
    service.request.task_definition = cloud.add_task_definition(definition);
    service.on_failure = OnFailure::Keep;
    let exits = Behaviour::stops(Stop::essential_exit(Duration::from_secs(5), 1));
    cloud.behave(service.request.task_definition.family(), &exits);
    let options = UpOptions { check: false, ..UpOptions::default() };
    fleet.up(std::slice::from_ref(&service), &options, &Cancel::new()).await;
    let before = cloud.count(Action::GetLogEvents);
    let subject = look(&fleet, &service).await;
    assert_eq!(cloud.count(Action::GetLogEvents), before);
    let unread = subject.unread.iter().find(|unread| unread.contains("eu-west-1")).unwrap();
    assert!(unread.contains("aws logs get-log-events --region eu-west-1"), "{unread}");
}

/// Nothing was ever placed, so nothing can be read: what the run saw itself tells.
#[tokio::test(start_paused = true)]
async fn a_run_that_got_no_task_is_remembered() {
    let (cloud, fleet) = sample(Settings::default());
    cloud.set_scene(Scenario::NoCapacity);
    let fleet = fleet.with_recorder(Recorder::new());
    let services = sample_services();
    let options = UpOptions { check: false, ..UpOptions::default() };
    fleet.up(&services, &options, &Cancel::new()).await;
    let service = services.iter().find(|it| it.name.as_str() == Scenario::NoCapacity.service()).unwrap();
    assert_eq!(root(&look(&fleet, service).await), Code::Capacity);
}
