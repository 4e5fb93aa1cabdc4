//! Many runs that share their calls and the quotas.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::{Cancel, Driven, WarmStart};
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{Fleet, Report, RunOutcome, Service, TaskReport, UpOptions};
use ecs_warmstart::ids::ServiceName;
use ecs_warmstart::image::ImageRef;
use ecs_warmstart::limit::{ApiClass, Limiter, Limits};
use ecs_warmstart::machine::{PhaseName, State};
use ecs_warmstart::memory::{
    Action, Behaviour, InMemory, SAMPLE_ACCOUNT, SAMPLE_REGION, SAMPLE_SERVICES, Settings,
};
use ecs_warmstart::ports::Ports;
use ecs_warmstart::quota::Quotas;
use ecs_warmstart::spec::{Gate, LaunchRequest, Readiness};
use ecs_warmstart::testing::{Chaos, ChaosPlan};

use crate::failures::{FAULTS, Left, spec_behind};
use crate::worlds::{assert_outcomes, auth, clock};

const RUNS: u32 = 50;

/// Numbers that look like chance, the same every time.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// So many services, each with one task, all in one cluster and behind one target group.
fn services(count: u32) -> Vec<Service> {
    let one = auth(1);
    let service = |number| {
        let name: ServiceName = format!("auth-{number}").parse().unwrap();
        let request = LaunchRequest { started_by: name.started_by(), ..one.request.clone() };
        Service { name, request, ..one.clone() }
    };
    (0..count).map(service).collect()
}

pub(crate) fn cloud(clock: &Arc<dyn Clock>, seed: u64) -> InMemory {
    let settings = Settings { quotas: Some(Quotas::published()), ..Settings::with_seed(seed) };
    InMemory::sample_with(Arc::clone(clock), settings)
}

pub(crate) fn throttles(cloud: &InMemory) -> usize {
    cloud.calls().iter().filter(|call| call.failed == Some(ErrorKind::Throttled)).count()
}

fn count(cloud: &InMemory, action: Action) -> usize {
    cloud.calls().iter().filter(|call| call.action == action).count()
}

pub(crate) async fn up(fleet: &Fleet, services: &[Service]) -> Report {
    fleet.up(services, &UpOptions::default(), &Cancel::new()).await
}

pub(crate) fn claimed(report: &Report) -> BTreeSet<String> {
    let tasks = report.services.iter().flat_map(|service| &service.tasks);
    let claims = |task: &&TaskReport| task.outcome != RunOutcome::Undone;
    tasks.filter(claims).filter_map(|task| task.task.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn fifty_runs_under_any_two_failures_end_as_they_say_and_a_second_call_mends_it() {
    for seed in 0..25 {
        let mut chance = Chance(seed);
        let clock = clock();
        let cloud = cloud(&clock, seed);
        for _ in 0..chance.below(4) {
            cloud.behave_next("authapi-task-def", 1, &Behaviour::never_serves());
        }
        let mut plan = ChaosPlan::none();
        for _ in 0..2 {
            let fault = FAULTS[chance.below(FAULTS.len() as u64) as usize];
            plan = plan.at(chance.below(220) as usize, fault);
        }
        let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan.clone());
        let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock));
        let services = [auth(RUNS)];
        let report = up(&fleet, &services).await;
        let left = Left::in_(&cloud).await;
        assert_eq!(left.tasks, claimed(&report), "seed {seed}, {plan:?}: {report:#?}");
        assert_eq!(throttles(&cloud), 0, "seed {seed}");

        chaos.follow(ChaosPlan::none());
        let report = up(&fleet, &services).await;
        assert_outcomes(&report, RunOutcome::Ready);
        let left = Left::in_(&cloud).await;
        assert_eq!((left.tasks.len(), left.targets.len()), (50, 50), "seed {seed}, {plan:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_runs_whose_process_dies_are_gone_on_with() {
    let mut deaths = 0;
    for seed in 0..30 {
        let mut chance = Chance(seed);
        let clock = clock();
        let cloud = cloud(&clock, seed);
        let services = services(RUNS);
        for _ in 0..2 {
            let dying = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
            let dies_after = Duration::from_millis(chance.below(40_000));
            deaths += u32::from(tokio::time::timeout(dies_after, up(&dying, &services)).await.is_err());
        }
        let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
        assert_outcomes(&up(&fleet, &services).await, RunOutcome::Ready);
        let left = Left::in_(&cloud).await;
        assert_eq!((left.tasks.len(), left.targets.len()), (50, 50), "seed {seed}");
        assert_eq!(cloud.tasks().len(), 50, "seed {seed}: nothing was launched twice");
    }
    assert!(deaths > 40, "{deaths} deaths");
}

#[tokio::test(start_paused = true)]
async fn two_hundred_services_come_up_with_merged_calls_and_no_throttle() {
    let clock = clock();
    let cloud = cloud(&clock, 0);
    let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(clock);
    let report = up(&fleet, &services(200)).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert_eq!((cloud.tasks().len(), throttles(&cloud)), (200, 0));
    assert_eq!(cloud.lost_traffic_in_all(), Duration::ZERO);
    // Who asks for the same at the same time shares a call.
    assert!(count(&cloud, Action::DescribeTaskDefinition) <= 3);
    assert!(count(&cloud, Action::DescribeTargetGroups) <= 3);
    for action in [Action::BatchGetImage, Action::DescribeLogGroups, Action::DescribeLoadBalancers] {
        assert!((1..=3).contains(&count(&cloud, action)), "{action}: {}", count(&cloud, action));
    }
    for action in [Action::DescribeTasks, Action::DescribeTargetHealth, Action::RegisterTargets] {
        let calls = count(&cloud, action);
        assert!(calls <= 3 * 200, "{action}: {calls}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_of_services_that_have_nothing_in_common_keeps_within_every_quota() {
    let clock = clock();
    let cloud = cloud(&clock, 0);
    let service = |number: u32| {
        let mut definition = SAMPLE_SERVICES[0].definition().unwrap();
        definition.id = format!("auth-{number}").parse().unwrap();
        let image: ImageRef =
            format!("{SAMPLE_ACCOUNT}.dkr.ecr.{SAMPLE_REGION}.amazonaws.com/auth-{number}:1.0")
                .parse()
                .unwrap();
        let known: ImageRef = definition.containers[0].image.parse().unwrap();
        cloud.add_image(&image, cloud.image_facts(&known).unwrap());
        definition.containers[0].image = image.to_string();
        definition.containers[0].log.as_mut().unwrap().group = Some(format!("/ecs/auth-{number}"));
        cloud.add_log_group(&format!("/ecs/auth-{number}"));
        let task_definition = definition.id.clone();
        cloud.add_task_definition(definition);
        let one = services(number + 1).remove(number as usize);
        Service { request: LaunchRequest { task_definition, ..one.request }, ..one }
    };
    let services: Vec<Service> = (0..120).map(service).collect();
    let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(clock);
    let report = fleet.check(&services, Readiness::Healthy).await;
    assert_eq!((report.summary.succeeded, throttles(&cloud)), (120, 0), "{report:#?}");
    for action in [Action::DescribeTaskDefinition, Action::BatchGetImage, Action::DescribeLogGroups] {
        assert_eq!(count(&cloud, action), 120, "{action}");
    }
    // 120 at half of 10/s, but for the first five.
    assert!((23_000..40_000).contains(&report.elapsed_ms), "{} ms", report.elapsed_ms);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_our_own_limits_uses_up_no_deadline() {
    // A launch every 2.5 s and a registration every 12.5 s: the last task waits for minutes.
    let limits = Limits { share: 0.02, ..Limits::default() };
    let clock = clock();
    let cloud = cloud(&clock, 0);
    let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(clock).with_limits(limits);
    let short = |service: Service| Service {
        running_timeout: Duration::from_secs(60),
        healthy_timeout: Duration::from_secs(30),
        ..service
    };
    let services: Vec<Service> = services(60).into_iter().map(short).collect();
    let report = up(&fleet, &services).await;
    assert_outcomes(&report, RunOutcome::Ready);
    assert!(report.elapsed_ms > 150_000, "{} ms: they did not wait", report.elapsed_ms);
    assert_eq!(cloud.tasks().len(), 60);
}

#[tokio::test(start_paused = true)]
async fn what_is_cancelled_while_it_waits_is_not_launched() {
    let limits = Limits { share: 0.05, ..Limits::default() };
    let clock = clock();
    let cloud = cloud(&clock, 0);
    let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock)).with_limits(limits);
    let cancel = Cancel::new();
    let (services, options) = ([auth(100)], UpOptions::default());
    let bring_up = fleet.up(&services, &options, &cancel);
    let interrupt = async {
        clock.sleep_until(clock.now() + Duration::from_secs(20)).await;
        cancel.cancel();
        (clock.now(), cloud.tasks().len())
    };
    let (report, (cancelled_at, launched)) = tokio::join!(bring_up, interrupt);
    assert!((15..=25).contains(&launched), "{launched} launched at 1/s");
    assert_eq!(cloud.tasks().len(), launched, "no other was launched");
    assert_eq!(Left::in_(&cloud).await, Left::nothing(), "{report:#?}");
    assert!(
        clock.now().since(cancelled_at) < Duration::from_secs(180),
        "the undo waits for its own calls only"
    );
}

#[tokio::test(start_paused = true)]
async fn a_budget_ends_while_a_call_waits_for_its_turn() {
    let clock = clock();
    let cloud = cloud(&clock, 0);
    let limiter = Limiter::new(Arc::clone(&clock), &Limits { share: 0.001, ..Limits::default() });
    let others = limiter.admit(ApiClass::LaunchOnFargate).await;
    let ports = {
        let settings = ecs_warmstart::batch::BatchSettings::default();
        let given = Ports::from_one(cloud.clone());
        Ports::from_one(ecs_warmstart::batch::Coalescing::new(given, limiter, Arc::clone(&clock), settings))
    };
    let warm_start =
        WarmStart::new(ports.launcher, ports.registrar, ports.waiter).with_clock(Arc::clone(&clock));
    let spec = spec_behind(Gate::Running, Duration::from_secs(300), Duration::from_secs(120));
    let began = clock.now();
    let driven = warm_start.drive(State::launch(spec, began), Duration::from_secs(10)).await.unwrap();
    let Driven::Suspended { state, .. } = driven else { panic!("{driven:?}") };
    assert_eq!((state.phase(), cloud.tasks().len()), (PhaseName::Launching, 0));
    assert_eq!(clock.now().since(began), Duration::from_secs(10));
    drop(others);
}
