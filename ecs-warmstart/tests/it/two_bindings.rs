//! A task in two target groups: ready means both, and an undo means both.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::{Cancel, Driven, Error, WarmStart};
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::fleet::{Budget, Fleet, GateKind, RunOutcome, Service, UpOptions};
use ecs_warmstart::ids::{ClusterId, TargetGroupArn, TaskArn};
use ecs_warmstart::memory::{Action, Behaviour, Call, GroupSettings, InMemory, Settings};
use ecs_warmstart::observation::{Target, TargetObservation, TargetReason, TargetState, TaskObservation};
use ecs_warmstart::ports::{HealthWaiter, Ports, Result};
use ecs_warmstart::spec::{Binding, OnFailure, Readiness, Spec};
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault, PortMethod};
use ecs_warmstart::time::Timestamp;

use crate::failures::Left;
use crate::specs::binding;
use crate::worlds::{assert_outcomes, auth, clock};

/// The service `auth`, behind a second group that is set up so.
fn two_groups(cloud: &InMemory, second: GroupSettings) -> Service {
    let mut service = auth(1);
    let second_binding = Binding { container: service.bindings[0].container.clone(), ..binding("nlb", 8080) };
    cloud.add_target_group(&second_binding.target_group, second);
    service.bindings.push(second_binding);
    service
}

/// What a check beforehand would have kept from starting.
fn unchecked() -> UpOptions {
    UpOptions { check: false, ..UpOptions::default() }
}

fn checked_every(seconds: u64) -> GroupSettings {
    GroupSettings { health_check_interval: Duration::from_secs(seconds), ..GroupSettings::default() }
}

#[tokio::test(start_paused = true)]
async fn ready_is_healthy_in_both() {
    for seed in 0..20 {
        let clock = clock();
        let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::with_seed(seed));
        let service = two_groups(&cloud, checked_every(30));
        let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
        let report = fleet.up(std::slice::from_ref(&service), &UpOptions::default(), &Cancel::new()).await;
        assert_outcomes(&report, RunOutcome::Ready);
        let targets = &report.services[0].tasks[0].targets;
        assert_eq!(targets.len(), 2);
        assert!(targets.iter().all(|target| target.state == "healthy"), "{targets:?}");
        assert_eq!(cloud.registered().len(), 2);
        // A look a second at each group as long as its first check is due: up to 30 s here.
        assert!(cloud.calls().len() <= 80, "{} calls", cloud.calls().len());
    }
}

#[tokio::test(start_paused = true)]
async fn where_one_fails_both_are_undone() {
    // No listener leads to the second group, whichever of the two comes first.
    for swapped in [false, true] {
        for fault in [None, Some(Fault::After(ErrorKind::Timeout)), Some(Fault::Before(ErrorKind::Throttled))]
        {
            for index in 0..20 {
                let clock = clock();
                let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
                let unused = GroupSettings { in_use: false, ..GroupSettings::default() };
                let mut service = two_groups(&cloud, unused);
                if swapped {
                    service.bindings.swap(0, 1);
                }
                let plan = fault.map_or_else(ChaosPlan::none, |fault| ChaosPlan::none().at(index, fault));
                let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan);
                let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock));
                let report = fleet.up(&[service], &unchecked(), &Cancel::new()).await;
                assert_outcomes(&report, RunOutcome::Undone);
                assert_eq!(report.services[0].tasks[0].cause.as_ref().unwrap().code, "target_group_unused");
                assert_eq!(Left::in_(&cloud).await, Left::nothing(), "{fault:?} at {index}");
                assert_eq!(cloud.lost_traffic_in_all(), Duration::ZERO);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_out_of_one_group_is_named_and_the_rest_is_undone() {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    let unused = GroupSettings { in_use: false, ..GroupSettings::default() };
    let service = two_groups(&cloud, unused);
    let denied = ChaosPlan::none().every(PortMethod::Deregister, Fault::Before(ErrorKind::Denied));
    let chaos = Chaos::new(Ports::from_one(cloud.clone()), denied);
    let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock));
    let report = fleet.up(&[service], &unchecked(), &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Leaked);
    assert_eq!(report.leftovers().count(), 2, "{report:#?}");
    let left = Left::in_(&cloud).await;
    assert!(left.tasks.is_empty(), "the task is stopped all the same");
    assert_eq!(cloud.registered().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_healthy_long_ago_is_looked_at_again() {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    // The second group gets healthy more than a minute after the task has ceased to serve.
    let service = two_groups(&cloud, checked_every(5));
    let first = service.bindings[0].target_group.clone();
    let seen = OnlyLater {
        cloud: cloud.clone(),
        late: service.bindings[1].target_group.clone(),
        clock: Arc::clone(&clock),
    };
    let spec = service.bindings.iter().cloned().fold(
        Spec::builder(service.name.clone(), "auth/0".parse().unwrap(), service.request.clone()),
        |spec, binding| spec.binding(binding),
    );
    let ports = Ports::from_one(cloud.clone());
    let warm_start = WarmStart::new(ports.launcher, ports.registrar, seen).with_clock(Arc::clone(&clock));
    let dies = async {
        // It serves for a while, then its port closes.
        while !was_looked_at(&cloud, &first) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(8)).await;
        cloud.stop_serving(&cloud.running_tasks()[0]).unwrap();
    };
    let (ended, ()) = tokio::join!(warm_start.run(spec.build().unwrap()), dies);
    let error = ended.unwrap_err();
    assert!(matches!(error, Error::Undone { .. }), "{error}");
    assert_eq!(Left::in_(&cloud).await, Left::nothing());
}

/// When the target was taken out last, and when its task was told to stop first.
fn taken_out_and_stopped(cloud: &InMemory) -> (Timestamp, Timestamp) {
    let calls = cloud.calls();
    let of = |action| calls.iter().filter(move |call| call.action == action);
    let taken_out = of(Action::DeregisterTargets).next_back().unwrap().at;
    (taken_out, of(Action::StopTask).next().unwrap().at)
}

/// A service that gets healthy in its own group, which drains so long, and not in time in another.
fn healthy_in_one_of_two(cloud: &InMemory, delay: Duration) -> Service {
    let (long, own) = (Duration::from_secs(400), checked_every(10));
    let mut service = two_groups(cloud, GroupSettings { registration: long..=long, ..own.clone() });
    let settings = GroupSettings { deregistration_delay: delay, ..own };
    cloud.add_target_group(&service.bindings[0].target_group, settings);
    // One that does not serve is registered, too.
    service.gate = GateKind::Running;
    service
}

#[tokio::test(start_paused = true)]
async fn an_undo_lets_requests_under_way_end() {
    let seconds = Duration::from_secs;
    for (serves, delay, least, most) in
        [(true, 20, 20, 25), (true, 300, 60, 61), (true, 0, 0, 5), (false, 300, 0, 1)]
    {
        let clock = clock();
        let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
        let service = healthy_in_one_of_two(&cloud, seconds(delay));
        if !serves {
            cloud.behave("authapi-task-def", &Behaviour::never_serves());
        }
        let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
        let report = fleet.up(&[service], &unchecked(), &Cancel::new()).await;
        assert_outcomes(&report, RunOutcome::Undone);
        let (taken_out, stopped) = taken_out_and_stopped(&cloud);
        let waited = stopped.since(taken_out);
        assert!((seconds(least)..=seconds(most)).contains(&waited), "{serves}, {delay} s: {waited:?}");
        assert_eq!(Left::in_(&cloud).await, Left::nothing());
    }
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_may_not_look_waits_all_its_time() {
    for (kind, waited) in [(ErrorKind::Denied, 60..=61), (ErrorKind::Throttled, 60..=70)] {
        let clock = clock();
        let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
        let service = healthy_in_one_of_two(&cloud, Duration::from_secs(5));
        let chaos = Chaos::new(Ports::from_one(cloud.clone()), ChaosPlan::none());
        let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock));
        let blinded = async {
            while cloud.count(Action::DeregisterTargets) < 2 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            chaos.follow(ChaosPlan::none().every(PortMethod::ObserveTargets, Fault::Before(kind)));
        };
        let (services, options, cancel) = ([service], unchecked(), Cancel::new());
        let (report, ()) = tokio::join!(fleet.up(&services, &options, &cancel), blinded);
        assert_outcomes(&report, RunOutcome::Undone);
        let (taken_out, stopped) = taken_out_and_stopped(&cloud);
        assert!(waited.contains(&stopped.since(taken_out).as_secs()), "{kind:?}");
    }
}

/// An invocation that ends before its time: the task is stopped, not left.
#[tokio::test(start_paused = true)]
async fn who_is_told_to_end_and_has_no_time_stops_the_task_at_once() {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    let service = healthy_in_one_of_two(&cloud, Duration::from_secs(300));
    let (group, cancel) = (service.bindings[0].target_group.clone(), Cancel::new());
    let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(Arc::clone(&clock));
    let mut runs = fleet.begin_up(&[service], &unchecked(), Duration::from_secs(60), &cancel).await;
    let piece = Budget { drive: Duration::from_secs(2), calls: Duration::from_secs(3) };
    let is_healthy = || {
        let registered = cloud.registered().into_iter().find(|(its, _)| *its == group);
        registered.is_some_and(|(_, target)| cloud.healthy_at(&group, &target).is_some())
    };
    let mut more = 5;
    while more > 0 {
        more -= u64::from(is_healthy());
        let Driven::Suspended { state, .. } = fleet.drive(runs, piece, &cancel).await else { panic!() };
        runs = state;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    cancel.cancel();
    let Driven::Finished(runs) = fleet.drive(runs, piece, &cancel).await else { panic!("it is left") };
    assert_outcomes(&runs.report(clock.now()), RunOutcome::Undone);
    let (taken_out, stopped) = taken_out_and_stopped(&cloud);
    assert!(stopped.since(taken_out) <= piece.calls);
    assert!(cloud.count(Action::DeregisterTargets) == 2 && cloud.running_tasks().is_empty());
}

/// Whether the group was asked of a target while its task served.
fn was_looked_at(cloud: &InMemory, group: &TargetGroupArn) -> bool {
    let task = cloud.running_tasks().first().cloned();
    let serving = task.and_then(|task| cloud.truth(&task)?.serving);
    let looks = |at| move |call: &Call| call.action == Action::DescribeTargetHealth && call.at >= at;
    let calls = cloud.calls();
    serving.is_some_and(|at| calls.iter().filter(|call| call.about.starts_with(group.name())).any(looks(at)))
}

/// A cloud in which one group is slow: for the first minute of a target it says `initial`, then `healthy`.
#[derive(Debug)]
struct OnlyLater {
    cloud: InMemory,
    late: TargetGroupArn,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl HealthWaiter for OnlyLater {
    async fn observe_tasks(&self, cluster: &ClusterId, tasks: &[TaskArn]) -> Result<Vec<TaskObservation>> {
        self.cloud.observe_tasks(cluster, tasks).await
    }

    async fn observe_targets(
        &self,
        group: &TargetGroupArn,
        targets: &[Target],
    ) -> Result<Vec<TargetObservation>> {
        let mut seen = self.cloud.observe_targets(group, targets).await?;
        let task = self.cloud.running_tasks().first().cloned();
        let serving = task.and_then(|task| self.cloud.truth(&task)?.serving);
        let long = serving.is_some_and(|at| self.clock.now().since(at) >= Duration::from_secs(70));
        if *group == self.late && seen[0].state != TargetState::Unused {
            seen[0] = if long {
                TargetObservation::new(TargetState::Healthy, None)
            } else {
                TargetObservation::new(TargetState::Initial, Some(TargetReason::InitialHealthChecking))
            };
        }
        Ok(seen)
    }
}

#[tokio::test(start_paused = true)]
async fn registered_is_in_both_and_undone_is_in_none_whatever_fails() {
    for on_failure in [OnFailure::Undo, OnFailure::Keep] {
        for fault in [
            Fault::Before(ErrorKind::Denied),
            Fault::After(ErrorKind::Timeout),
            Fault::Before(ErrorKind::Throttled),
            Fault::After(ErrorKind::Other),
        ] {
            for index in 0..24 {
                let clock = clock();
                let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
                let service = Service { on_failure, ..two_groups(&cloud, checked_every(10)) };
                let chaos = Chaos::new(Ports::from_one(cloud.clone()), ChaosPlan::none().at(index, fault));
                let fleet = Fleet::new(chaos.ports()).with_clock(Arc::clone(&clock));
                let options = UpOptions { readiness: Readiness::Registered, ..UpOptions::default() };
                let report = fleet.up(&[service], &options, &Cancel::new()).await;
                let task = &report.services[0].tasks[0];
                let left = Left::in_(&cloud).await;
                let what = format!("{fault:?} at {index}, {on_failure:?}: {report:#?}");
                match task.outcome {
                    RunOutcome::Registered => assert_eq!(cloud.registered().len(), 2, "{what}"),
                    RunOutcome::Undone => assert_eq!(left, Left::nothing(), "{what}"),
                    RunOutcome::Kept => {
                        assert_eq!(on_failure, OnFailure::Keep, "{what}");
                        assert!(left.tasks.contains(task.task.as_ref().unwrap()), "{what}");
                    }
                    RunOutcome::Ready | RunOutcome::Drained | RunOutcome::Refused | RunOutcome::Leaked => {
                        panic!("{what}")
                    }
                }
            }
        }
    }
}
