//! Whole runs in every network mode: addresses of either family, instances with fixed and with dynamic ports.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::facts::{
    ContainerFacts, ContainerHealthCheck, NetworkMode, TargetType, TaskDefinitionFacts,
};
use ecs_warmstart::fleet::{Budget, Change, DownOptions, Fleet, Report, RunOutcome, Service, UpOptions};
use ecs_warmstart::memory::{Behaviour, GroupSettings, InMemory, Settings, Stop};
use ecs_warmstart::ports::{HealthWaiter, Ports};
use ecs_warmstart::spec::{Compute, LaunchType};
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault, PortMethod};

use crate::failures::Left;
use crate::worlds::{assert_outcomes, auth, clock};

/// The service `auth` in another network mode, behind a group that takes such targets.
fn in_mode(cloud: &InMemory, mode: NetworkMode, target_type: TargetType) -> Service {
    let mut service = auth(1);
    let container = ContainerFacts {
        name: "authapi-container".into(),
        health_check: Some(ContainerHealthCheck::default()),
        ports: vec![8080],
        ..ContainerFacts::default()
    };
    let id = "authapi-task-def".parse().unwrap();
    cloud.add_task_definition(TaskDefinitionFacts::new(id, mode, vec![container]));
    if mode != NetworkMode::AwsVpc {
        service.request.network = None;
        service.request.compute = Compute::LaunchType(LaunchType::Ec2);
    }
    let health_check_interval = Duration::from_secs(10);
    let group = GroupSettings { target_type, health_check_interval, ..GroupSettings::default() };
    cloud.add_target_group(&service.bindings[0].target_group, group);
    service
}

fn world(clock: &Arc<dyn Clock>, settings: Settings, plan: ChaosPlan) -> (InMemory, Fleet) {
    let cloud = InMemory::sample_with(Arc::clone(clock), settings);
    let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan);
    (cloud, Fleet::new(chaos.ports()).with_clock(Arc::clone(clock)))
}

async fn up(fleet: &Fleet, service: &Service) -> Report {
    fleet.up(std::slice::from_ref(service), &UpOptions::default(), &Cancel::new()).await
}

const PATIENCE: Duration = Duration::from_secs(30);
const HOUR: Duration = Duration::from_secs(3600);

const MODES: [(NetworkMode, TargetType); 4] = [
    (NetworkMode::AwsVpc, TargetType::Ipv4),
    (NetworkMode::AwsVpc, TargetType::Ipv6),
    (NetworkMode::Bridge, TargetType::Instance),
    (NetworkMode::Host, TargetType::Instance),
];

#[tokio::test(start_paused = true)]
async fn every_mode_comes_up_and_is_undone() {
    let denied = Fault::Before(ErrorKind::Denied);
    let unread =
        ChaosPlan::none().every(PortMethod::TaskDefinition, denied).every(PortMethod::TargetGroup, denied);
    for (mode, target_type) in MODES {
        for plan in [ChaosPlan::none(), unread.clone()] {
            if plan == unread && target_type == TargetType::Ipv6 {
                // Which of its two addresses a group takes, only the group can say.
                continue;
            }
            let clock = clock();
            let settings = Settings { ipv6: true, ..Settings::default() };
            let (cloud, fleet) = world(&clock, settings, plan);
            let service = in_mode(&cloud, mode, target_type);
            let report = up(&fleet, &service).await;
            assert_outcomes(&report, RunOutcome::Ready);
            let target = &report.services[0].tasks[0].targets[0];
            let (_, registered) = cloud.registered().into_iter().next().unwrap();
            assert_eq!((&registered.id, registered.port), (&target.id, target.port));
            match (mode, target_type) {
                (NetworkMode::Bridge, _) => assert!(target.port >= 32_768, "{target:?}"),
                (NetworkMode::Host, _) => assert_eq!(target.port, 8080),
                (_, TargetType::Ipv6) => assert!(target.id.contains(':'), "{target:?}"),
                (_, _) => assert!(target.id.starts_with("10."), "{target:?}"),
            }
            assert_eq!(cloud.lost_traffic_in_all(), Duration::ZERO, "{mode:?}");

            // The next one never serves, and is taken back.
            cloud.behave("authapi-task-def", &Behaviour::never_serves());
            let fresh = UpOptions { fresh: true, ..UpOptions::default() };
            let report = fleet.up(&[service], &fresh, &Cancel::new()).await;
            assert_outcomes(&report, RunOutcome::Undone);
            let left = Left::in_(&cloud).await;
            assert_eq!((left.tasks.len(), left.targets.len()), (1, 1), "{mode:?} {left:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_mode_goes_down_without_a_lost_request() {
    for (mode, target_type) in MODES {
        let clock = clock();
        let (cloud, fleet) = world(&clock, Settings { ipv6: true, ..Settings::default() }, ChaosPlan::none());
        let services = [in_mode(&cloud, mode, target_type)];
        assert_outcomes(&up(&fleet, &services[0]).await, RunOutcome::Ready);
        // The last healthy target of a group in use is guarded, whatever kind it is.
        let guarded = fleet.down(&services, &DownOptions::default(), &Cancel::new()).await;
        assert_outcomes(&guarded, RunOutcome::Refused);
        let allowed = DownOptions { allow_empty: true, ..DownOptions::default() };
        assert_outcomes(&fleet.down(&services, &allowed, &Cancel::new()).await, RunOutcome::Drained);
        assert_eq!(Left::in_(&cloud).await, Left::nothing(), "{mode:?}");
        assert_eq!(cloud.lost_traffic_in_all(), Duration::ZERO, "{mode:?}");
    }
}

/// ECS tells of its end when it has ended: its target goes, and the one of the next task on the same machine stays.
#[tokio::test(start_paused = true)]
async fn a_task_that_ended_in_host_mode_is_taken_out() {
    for machines in [1, 2] {
        let clock = clock();
        let settings = Settings { container_instances: machines, ..Settings::default() };
        let (cloud, fleet) = world(&clock, settings, ChaosPlan::none());
        let service = in_mode(&cloud, NetworkMode::Host, TargetType::Instance);
        assert_outcomes(&up(&fleet, &service).await, RunOutcome::Ready);
        let task = cloud.running_tasks().remove(0);
        cloud.stop_by_hand(&task, "evening");
        tokio::time::sleep(Duration::from_secs(40)).await;
        if machines == 1 {
            // The address is the next one's by now.
            assert_outcomes(&up(&fleet, &service).await, RunOutcome::Ready);
        }
        let told = cloud.observe_tasks(&service.request.cluster, &[task]).await.unwrap().remove(0);
        let change = fleet.begin_change(std::slice::from_ref(&service), told, PATIENCE, &Cancel::new()).await;
        match (machines, change) {
            (1, Change::Nothing { .. }) => assert_eq!(cloud.registered().len(), 1),
            (2, Change::Work(runs)) => {
                fleet.drive(runs, Budget { drive: HOUR, calls: HOUR }, &Cancel::new()).await;
                assert!(cloud.registered().is_empty());
            }
            (_, other) => panic!("{machines}: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_awsvpc_task_without_an_address_yet_is_not_taken_for_one_behind_its_host() {
    let clock = clock();
    let late = Duration::from_secs(60);
    let settings = Settings { address_lag: late..=late, ..Settings::default() };
    let denied = ChaosPlan::none().every(PortMethod::TaskDefinition, Fault::Before(ErrorKind::Denied));
    let (cloud, fleet) = world(&clock, settings, denied);
    let mut service = in_mode(&cloud, NetworkMode::AwsVpc, TargetType::Ipv4);
    service.request.compute = Compute::LaunchType(LaunchType::Ec2);
    let report = up(&fleet, &service).await;
    assert_outcomes(&report, RunOutcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_task_in_host_mode_comes_back_to_its_machine_at_once() {
    let clock = clock();
    let settings = Settings { container_instances: 1, ..Settings::default() };
    let (cloud, fleet) = world(&clock, settings, ChaosPlan::none());
    let service = in_mode(&cloud, NetworkMode::Host, TargetType::Instance);
    // The first one is registered and dies of something passing; its target drains for 300 s.
    let host_gone = Stop {
        code: ecs_warmstart::observation::StopCode::InfrastructureHealth,
        told: false,
        ..Stop::spot_interruption(Duration::from_secs(9))
    };
    cloud.behave_next("authapi-task-def", 1, &Behaviour { stops: Some(host_gone), ..Behaviour::default() });
    let report = up(&fleet, &service).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert_eq!(cloud.tasks().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_still_drains_is_waited_for() {
    for (delay, outcome) in [(60, RunOutcome::Ready), (300, RunOutcome::Undone)] {
        let clock = clock();
        let settings = Settings { addresses: 1, ..Settings::default() };
        let (cloud, fleet) = world(&clock, settings, ChaosPlan::none());
        let service = in_mode(&cloud, NetworkMode::AwsVpc, TargetType::Ipv4);
        let group = &service.bindings[0].target_group;
        let drains = GroupSettings {
            deregistration_delay: Duration::from_secs(delay),
            health_check_interval: Duration::from_secs(10),
            ..GroupSettings::default()
        };
        cloud.add_target_group(group, drains);
        assert_outcomes(&up(&fleet, &service).await, RunOutcome::Ready);
        let (_, target) = cloud.registered().into_iter().next().unwrap();
        cloud.stop_by_hand(&cloud.running_tasks()[0], "evening");
        tokio::time::sleep(Duration::from_secs(20)).await;
        // It is taken out just before the next one, which gets the same address, comes up.
        let taken_out = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            cloud.deregister_by_hand(group, std::slice::from_ref(&target)).unwrap();
        };
        let (report, ()) = tokio::join!(up(&fleet, &service), taken_out);
        assert_outcomes(&report, outcome);
        if outcome == RunOutcome::Undone {
            assert_eq!(report.services[0].tasks[0].cause.as_ref().unwrap().code, "target_draining");
            assert_eq!(Left::in_(&cloud).await, Left::nothing());
        }
    }
}
