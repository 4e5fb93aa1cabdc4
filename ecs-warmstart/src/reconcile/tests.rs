//! Each rule by itself, then all of them over random worlds.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::error::{ErrorKind, Failure};
use crate::facts::{TargetGroupFacts, TargetType};
use crate::ids::{TargetGroupArn, TaskArn};
use crate::observation::{
    ContainerObservation, HealthStatus, Host, PortBinding, Target, TargetObservation, TargetReason,
    TargetState, TaskObservation, TaskStatus,
};
use crate::spec::{Binding, Gate};
use crate::started_by::StartedBy;

fn group(name: &str) -> TargetGroupArn {
    format!("arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/{name}/0123456789abcdef")
        .parse()
        .unwrap()
}

fn arn(id: &str) -> TaskArn {
    format!("arn:aws:ecs:us-east-2:111122223333:task/c/{id}").parse().unwrap()
}

fn task(id: &str, address: &str, status: TaskStatus) -> TaskObservation {
    TaskObservation {
        addresses: vec![address.parse().unwrap()],
        containers: vec![ContainerObservation { name: "api".into(), ..ContainerObservation::default() }],
        started_by: Some("somebody".into()),
        ..TaskObservation::new(arn(id), status)
    }
}

fn running(id: &str, address: &str) -> TaskObservation {
    task(id, address, TaskStatus::Running)
}

fn seen(state: TargetState) -> TargetObservation {
    TargetObservation::new(state, None)
}

fn service(name: &str, its_group: &str) -> ServiceView {
    ServiceView {
        service: name.parse().unwrap(),
        bindings: vec![Binding::new(group(its_group), 8080)],
        misfits: Vec::new(),
        gate: Gate::Running,
        network_mode: None,
        tasks: Vec::new(),
        ended: Vec::new(),
        others: Vec::new(),
    }
}

fn facts() -> TargetGroupFacts {
    TargetGroupFacts {
        health_check_interval: Duration::from_secs(10),
        ..TargetGroupFacts::new(TargetType::Ipv4)
    }
}

/// One service bound to one group from which stale targets are removed.
fn world(targets: Vec<(Target, TargetObservation)>) -> View {
    let group_view = GroupView { removal: Removal::Remove, ..GroupView::new(Some(facts()), targets) };
    let groups = BTreeMap::from([(group("auth"), group_view)]);
    View { services: vec![service("auth", "auth")], groups, ..View::default() }
}

fn target(id: &str) -> Target {
    Target::new(id, 8080)
}

/// The plan, a line an item.
fn lines(view: &View) -> Vec<String> {
    let line = |item: &Item| {
        let about = item.target.as_ref().map_or_else(|| "-".to_owned(), Target::to_string);
        let what = match &item.action {
            Action::Register => "register".to_owned(),
            Action::Deregister(Stale::TaskStopped(task)) => format!("deregister, {} has stopped", task.id()),
            Action::Deregister(Stale::OtherTask(task)) => format!("deregister, {} is there", task.id()),
            Action::Keep(Keep::Unhealthy(_)) => "keep, Unhealthy".to_owned(),
            Action::Keep(keep) => format!("keep, {keep:?}"),
            Action::Report(finding) => format!("report {}", finding.code()),
        };
        format!("{about} {what}")
    };
    reconcile(view).items.iter().map(line).collect()
}

#[test]
fn a_right_target_is_left_alone_whatever_its_health() {
    for (state, expected) in [
        (TargetState::Healthy, "10.0.0.1:8080 keep, Healthy"),
        (TargetState::Initial, "10.0.0.1:8080 keep, Starting"),
        (TargetState::Unavailable, "10.0.0.1:8080 keep, Starting"),
        (TargetState::Unhealthy, "10.0.0.1:8080 keep, Unhealthy"),
        (TargetState::UnhealthyDraining, "10.0.0.1:8080 keep, Unhealthy"),
        (TargetState::Unused, "10.0.0.1:8080 keep, Unhealthy"),
        (TargetState::Draining, "10.0.0.1:8080 keep, Returning"),
    ] {
        let mut view = world(vec![(target("10.0.0.1"), seen(state))]);
        view.services[0].tasks.push(running("1", "10.0.0.1"));
        assert_eq!(lines(&view), [expected]);
    }
}

/// A task in network mode `host` says no ports, and of a machine that may not be described nobody says which it is.
#[test]
fn a_target_on_a_machine_stays_where_a_task_that_does_not_say_may_stand_behind_it() {
    let on = |id: &str, instance: Option<&str>, ports: &[u16], status| {
        let port = |&host_port: &u16| PortBinding { container_port: 8080, host_port };
        let ports = ports.iter().map(port).collect();
        let api = ContainerObservation { name: "api".into(), ports, ..ContainerObservation::default() };
        TaskObservation {
            addresses: Vec::new(),
            host: Some(Host { container_instance: "ci".into(), ec2_instance: instance.map(str::to_owned) }),
            containers: vec![api],
            ..task(id, "10.0.0.1", status)
        }
    };
    let gone = "i-1:32768 deregister, gone has stopped";
    let named = "i-1:32768 report stale_target";
    for (instance, ports, expected) in [
        (Some("i-1"), &[][..], named),
        (Some("i-2"), &[], gone),
        (None, &[32768], named),
        (None, &[32769], gone),
        (Some("i-1"), &[32769], gone),
    ] {
        let mut view = world(vec![(Target::new("i-1", 32768), seen(TargetState::Unhealthy))]);
        view.services[0].ended.push(on("gone", Some("i-1"), &[32768], TaskStatus::Stopped));
        view.services[0].others.push(on("other", instance, ports, TaskStatus::Running));
        assert_eq!(lines(&view), [expected], "{instance:?} {ports:?}");
    }
}

#[test]
fn every_task_of_a_service_is_registered_not_only_the_first() {
    let mut view = world(vec![(target("10.0.0.1"), seen(TargetState::Healthy))]);
    view.services[0].tasks =
        vec![running("1", "10.0.0.1"), running("2", "10.0.0.2"), running("3", "10.0.0.3")];
    let expected = ["10.0.0.2:8080 register", "10.0.0.3:8080 register", "10.0.0.1:8080 keep, Healthy"];
    assert_eq!(lines(&view), expected);
}

#[test]
fn only_tasks_that_run_and_are_through_their_gate_are_registered() {
    let mut view = world(Vec::new());
    view.services[0].gate = Gate::ContainersHealthy { containers: vec!["api".into()] };
    let mut healthy = running("1", "10.0.0.1");
    healthy.containers[0].health = HealthStatus::Healthy;
    let stopping = TaskObservation { stop_requested: true, ..running("3", "10.0.0.3") };
    let nowhere = TaskObservation { addresses: Vec::new(), ..running("5", "10.0.0.5") };
    view.services[0].tasks = vec![
        healthy,
        running("2", "10.0.0.2"),
        stopping,
        task("4", "10.0.0.4", TaskStatus::Activating),
        nowhere,
    ];
    let expected = ["10.0.0.1:8080 register", "- report not_through_gate", "- report no_address_yet"];
    assert_eq!(lines(&view), expected);
}

#[test]
fn a_shut_gate_takes_nothing_out() {
    let mut view = world(vec![(target("10.0.0.1"), seen(TargetState::Healthy))]);
    view.services[0].gate = Gate::ContainersHealthy { containers: vec!["api".into()] };
    view.services[0].tasks.push(running("1", "10.0.0.1"));
    assert_eq!(lines(&view), ["10.0.0.1:8080 keep, Healthy"]);
}

#[test]
fn a_target_whose_task_has_stopped_is_removed_where_that_is_allowed() {
    let mut view = world(vec![(target("10.0.0.1"), seen(TargetState::Unhealthy))]);
    view.services[0].ended.push(task("1", "10.0.0.1", TaskStatus::Stopped));
    assert_eq!(lines(&view), ["10.0.0.1:8080 deregister, 1 has stopped"]);
    view.groups.get_mut(&group("auth")).unwrap().removal = Removal::Report;
    assert_eq!(lines(&view), ["10.0.0.1:8080 report stale_target"]);
    assert!(reconcile(&view).is_empty());
}

#[test]
fn nothing_is_proved_while_the_task_still_stops() {
    let mut view = world(vec![(target("10.0.0.1"), seen(TargetState::Healthy))]);
    view.services[0].ended =
        vec![task("0", "10.0.0.1", TaskStatus::Stopped), task("1", "10.0.0.1", TaskStatus::Stopping)];
    assert_eq!(lines(&view), ["10.0.0.1:8080 report stopping_task"]);
}

#[test]
fn a_stale_target_that_was_known_to_be_ours_is_removed_and_another_is_reported() {
    let unhealthy = || seen(TargetState::Unhealthy);
    let mut view = world(vec![(target("10.0.0.1"), unhealthy()), (target("10.0.0.2"), unhealthy())]);
    view.services[0].ended =
        vec![task("1", "10.0.0.1", TaskStatus::Stopped), task("2", "10.0.0.2", TaskStatus::Stopped)];
    view.groups.get_mut(&group("auth")).unwrap().removal = Removal::Known([target("10.0.0.1")].into());
    assert_eq!(
        lines(&view),
        ["10.0.0.1:8080 deregister, 1 has stopped", "10.0.0.2:8080 report stale_target"]
    );
}

#[test]
fn a_group_that_cannot_be_read_is_reported_to_each_of_its_services_and_nothing_is_planned_for_it() {
    let mut view = world(vec![(target("10.0.0.1"), seen(TargetState::Healthy))]);
    view.services[0].tasks.push(running("1", "10.0.0.1"));
    view.services[0].bindings.push(Binding::new(group("gone"), 8080));
    view.services.push(service("canary", "gone"));
    view.services.push(service("batch", "secret"));
    let failure = |kind| Failure::new(kind, "no");
    view.unreadable = [("gone", ErrorKind::NotFound), ("secret", ErrorKind::Denied)]
        .map(|(name, kind)| (group(name), failure(kind)))
        .into();
    let expected = [
        "10.0.0.1:8080 keep, Healthy",
        "- report group_not_found",
        "- report group_not_found",
        "- report group_unreadable",
    ];
    assert_eq!(lines(&view), expected);
    let plan = reconcile(&view);
    let services: Vec<&str> =
        plan.findings().map(|(item, _)| item.service.as_ref().unwrap().as_str()).collect();
    assert_eq!(services, ["auth", "canary", "batch"]);
    assert!(plan.findings().all(|(_, finding)| finding.keeps_out()));
}

#[test]
fn an_address_that_a_new_task_of_the_service_has_is_not_stale() {
    let mut view = world(vec![(target("10.0.0.1"), seen(TargetState::Initial))]);
    view.services[0].ended.push(task("1", "10.0.0.1", TaskStatus::Stopped));
    view.services[0].tasks.push(running("2", "10.0.0.1"));
    assert_eq!(lines(&view), ["10.0.0.1:8080 keep, Starting"]);
    view.services[0].tasks = vec![task("2", "10.0.0.1", TaskStatus::Pending)];
    assert_eq!(lines(&view), ["10.0.0.1:8080 report not_running_yet"]);
}

#[test]
fn the_address_of_another_service_is_removed_only_with_proof_that_nobody_put_it_there() {
    let mut view = world(vec![(target("10.0.0.1"), seen(TargetState::Healthy))]);
    view.services[0].others.push(running("2", "10.0.0.1"));
    assert_eq!(lines(&view), ["10.0.0.1:8080 report other_task"]);
    view.services[0].ended.push(task("1", "10.0.0.1", TaskStatus::Stopped));
    assert_eq!(lines(&view), ["10.0.0.1:8080 deregister, 2 is there"]);
    // It is the business of the service whose task stood there, whoever else is bound to the group.
    view.services.insert(0, service("canary", "auth"));
    view.services[0].others.push(running("2", "10.0.0.1"));
    assert_eq!(reconcile(&view).items[0].service.as_ref().unwrap().as_str(), "auth");
}

#[test]
fn a_task_that_says_it_was_started_into_the_group_belongs_there() {
    let address = target("10.0.0.1");
    let arn = group("auth");
    let said = |port| StartedBy::elsewhere(&"pdf".parse().unwrap(), &arn, port).unwrap().to_string();
    let other = StartedBy::elsewhere(&"pdf".parse().unwrap(), &group("canary"), 8080).unwrap().to_string();
    for (started_by, line) in [
        (said(8080), "10.0.0.1:8080 keep, Healthy"),
        (said(80), "10.0.0.1:8080 deregister, 2 is there"),
        (other, "10.0.0.1:8080 deregister, 2 is there"),
        ("ecs-warmstart/pdf".to_owned(), "10.0.0.1:8080 deregister, 2 is there"),
    ] {
        let mut view = world(vec![(address.clone(), seen(TargetState::Healthy))]);
        view.services[0].ended.push(task("1", "10.0.0.1", TaskStatus::Stopped));
        let there = TaskObservation { started_by: Some(started_by.clone()), ..running("2", "10.0.0.1") };
        view.services[0].others.push(there);
        assert_eq!(lines(&view), [line], "{started_by}");
    }
}

#[test]
fn two_services_may_share_a_group() {
    let mut view = world(vec![
        (target("10.0.0.1"), seen(TargetState::Healthy)),
        (target("10.0.0.2"), seen(TargetState::Healthy)),
    ]);
    view.services.push(service("canary", "auth"));
    let (one, other) = (running("1", "10.0.0.1"), running("2", "10.0.0.2"));
    view.services[0].tasks.push(one.clone());
    view.services[0]
        .others
        .push(TaskObservation { started_by: Some("ecs-warmstart/canary".into()), ..other.clone() });
    view.services[1].tasks.push(other);
    view.services[1].others.push(TaskObservation { started_by: Some("ecs-warmstart/auth".into()), ..one });
    assert_eq!(lines(&view), ["10.0.0.1:8080 keep, Healthy", "10.0.0.2:8080 keep, Healthy"]);
}

#[test]
fn nothing_is_registered_by_a_binding_that_does_not_fit_and_nothing_of_it_is_a_strangers() {
    let healthy = || seen(TargetState::Healthy);
    let mut view = world(vec![(target("10.0.0.1"), healthy()), (Target::new("10.0.0.1", 80), healthy())]);
    let mut canary = service("canary", "auth");
    canary.misfits = std::mem::take(&mut canary.bindings);
    canary.tasks = vec![running("1", "10.0.0.1"), running("2", "10.0.0.2")];
    view.services[0].others = canary.tasks.clone();
    // It looks as if the address had been taken over from a task of auth's.
    view.services[0].ended.push(task("0", "10.0.0.1", TaskStatus::Stopped));
    view.services.push(canary);
    assert_eq!(lines(&view), ["10.0.0.1:8080 keep, Healthy", "10.0.0.1:80 report wrong_port"]);
}

#[test]
fn what_nobody_knows_is_kept_and_reported() {
    let view = world(vec![
        (target("10.9.9.9"), seen(TargetState::Unhealthy)),
        (target("10.9.9.8"), seen(TargetState::Draining)),
    ]);
    assert_eq!(lines(&view), ["10.9.9.8:8080 keep, Draining", "10.9.9.9:8080 report unknown_target"]);
}

#[test]
fn a_wrong_port_is_reported_beside_the_right_one() {
    let mut view = world(vec![(Target::new("10.0.0.1", 80), seen(TargetState::Unhealthy))]);
    view.services[0].tasks.push(running("1", "10.0.0.1"));
    assert_eq!(lines(&view), ["10.0.0.1:8080 register", "10.0.0.1:80 report wrong_port"]);
    let plan = reconcile(&view);
    let (_, finding) = plan.findings().next().unwrap();
    assert_eq!(finding.to_string(), "the task is registered with this port, but should be with 8080");
}

#[test]
fn a_full_group_takes_nothing_more_but_still_gives_up_what_is_stale() {
    let full = || {
        let stale = (target("10.0.0.1"), seen(TargetState::Unhealthy));
        let unknown = (target("10.0.0.8"), seen(TargetState::Healthy));
        let mut view = world(vec![stale, unknown]);
        view.groups.get_mut(&group("auth")).unwrap().quota = 2;
        view.services[0].ended.push(task("1", "10.0.0.1", TaskStatus::Stopped));
        view.services[0].tasks = vec![running("2", "10.0.0.2"), running("3", "10.0.0.3")];
        view
    };
    let expected = [
        "10.0.0.1:8080 deregister, 1 has stopped",
        "10.0.0.2:8080 register",
        "10.0.0.8:8080 report unknown_target",
        "10.0.0.3:8080 report quota_reached",
    ];
    assert_eq!(lines(&full()), expected);
    let mut view = full();
    view.groups.get_mut(&group("auth")).unwrap().quota = 1;
    assert!(lines(&view).contains(&"10.0.0.1:8080 deregister, 1 has stopped".to_owned()));
}

#[test]
fn a_group_that_cannot_work_is_reported() {
    let mut view = world(Vec::new());
    view.services[0].tasks.push(running("1", "10.0.0.1"));
    view.services[0].bindings[0].target_type = Some(TargetType::Instance);
    view.groups.get_mut(&group("auth")).unwrap().facts.as_mut().unwrap().in_use = false;
    assert_eq!(lines(&view), ["- report wrong_target_type", "- report group_not_in_use"]);
}

#[test]
fn instance_targets_are_told_apart_by_their_ports() {
    let hosted = |id: &str, host_port| TaskObservation {
        addresses: Vec::new(),
        host: Some(Host { container_instance: "ci".into(), ec2_instance: Some("i-1".into()) }),
        containers: vec![ContainerObservation {
            name: "api".into(),
            ports: vec![PortBinding { container_port: 8080, host_port }],
            ..ContainerObservation::default()
        }],
        ..running(id, "10.0.0.1")
    };
    let unhealthy = || seen(TargetState::Unhealthy);
    let mut view = world(vec![
        (Target::new("i-1", 32768), unhealthy()),
        (Target::new("i-1", 32769), unhealthy()),
        (Target::new("i-1", 32770), unhealthy()),
    ]);
    view.services[0].tasks.push(hosted("1", 32768));
    view.services[0].ended.push(TaskObservation { status: TaskStatus::Stopped, ..hosted("2", 32769) });
    let expected = [
        "i-1:32769 deregister, 2 has stopped",
        "i-1:32768 keep, Unhealthy",
        "i-1:32770 report unknown_target",
    ];
    assert_eq!(lines(&view), expected);
}

// --- All rules over random worlds

fn addresses() -> impl Strategy<Value = String> {
    (0..6_u8).prop_map(|last| format!("10.0.0.{last}"))
}

fn tasks(prefix: &'static str, statuses: Vec<TaskStatus>) -> impl Strategy<Value = Vec<TaskObservation>> {
    let starters = prop::sample::select(vec!["ecs-warmstart/pdf", "ecs-svc/1", "somebody"]);
    let one = (addresses(), prop::sample::select(statuses), starters);
    prop::collection::vec(one, 0..4).prop_map(move |tasks| {
        let named = tasks.into_iter().enumerate();
        named
            .map(|(n, (address, status, by))| TaskObservation {
                started_by: Some(by.to_owned()),
                ..task(&format!("{prefix}{n}"), &address, status)
            })
            .collect()
    })
}

fn worlds() -> impl Strategy<Value = View> {
    let alive = vec![TaskStatus::Pending, TaskStatus::Running, TaskStatus::Running];
    let states = prop::sample::select(vec![
        TargetState::Initial,
        TargetState::Healthy,
        TargetState::Unhealthy,
        TargetState::Draining,
        TargetState::Unused,
    ]);
    let ports = prop::sample::select(vec![8080_u16, 8080, 80]);
    let targets = prop::collection::btree_map((addresses(), ports), states, 0..8);
    let known = prop::collection::btree_set(addresses().prop_map(|id| Target::new(id, 8080)), 0..4);
    let removal = prop_oneof![Just(Removal::Report), Just(Removal::Remove), known.prop_map(Removal::Known),];
    (
        tasks("own", alive.clone()),
        tasks("ended", vec![TaskStatus::Stopped]),
        tasks("other", alive),
        targets,
        removal,
        1..9_usize,
    )
        .prop_map(|(own, ended, others, targets, removal, quota)| {
            let targets = targets.into_iter().map(|((id, port), state)| (Target::new(id, port), seen(state)));
            let mut view = world(targets.collect());
            let its = view.groups.get_mut(&group("auth")).unwrap();
            (its.removal, its.quota) = (removal, quota);
            (view.services[0].tasks, view.services[0].ended, view.services[0].others) = (own, ended, others);
            view
        })
}

fn has(tasks: &[TaskObservation], target: &Target) -> bool {
    tasks.iter().any(|task| task.addresses[0].to_string() == target.id)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_removed_without_proof_and_the_plan_ends_what_it_begins(view in worlds()) {
        let plan = reconcile(&view);
        let (auth, its) = (&view.services[0], &view.groups[&group("auth")]);
        let mut after = its.targets.clone();
        for item in &plan.items {
            match &item.action {
                Action::Deregister(_) => {
                    let target = item.target.as_ref().unwrap();
                    let is_allowed = match &its.removal {
                        Removal::Report => false,
                        Removal::Known(known) => known.contains(target),
                        Removal::Remove => true,
                    };
                    prop_assert!(is_allowed);
                    prop_assert!(!has(&auth.tasks, target), "{:?} is behind a task that lives", target);
                    prop_assert!(has(&auth.ended, target), "{:?} was never ours", target);
                    after.retain(|(its, _)| its != target);
                }
                Action::Register => {
                    let target = item.target.clone().unwrap();
                    let runs = auth.tasks.iter().any(|task| task.status == TaskStatus::Running && has(std::slice::from_ref(task), &target));
                    prop_assert!(runs && target.port == 8080);
                    prop_assert!(its.targets.iter().all(|(its, _)| *its != target), "registers what is there or drains");
                    after.push((target, seen(TargetState::Initial)));
                }
                Action::Keep(_) | Action::Report(_) => {}
            }
        }
        prop_assert!(after.len() <= its.quota.max(its.targets.len()), "more than the group can hold");
        // Every target is spoken of exactly once.
        for (target, _) in &its.targets {
            prop_assert_eq!(plan.items.iter().filter(|item| item.target.as_ref() == Some(target)).count(), 1);
        }
        let mut then = view.clone();
        then.groups.get_mut(&group("auth")).unwrap().targets = after;
        prop_assert!(reconcile(&then).is_empty(), "a second look finds nothing more to do");
    }
}

#[test]
fn an_unused_target_is_no_reason_to_register_again() {
    let unused = TargetObservation::new(TargetState::Unused, Some(TargetReason::NotInUse));
    let mut view = world(vec![(target("10.0.0.1"), unused)]);
    view.services[0].tasks.push(running("1", "10.0.0.1"));
    assert!(reconcile(&view).is_empty());
}
