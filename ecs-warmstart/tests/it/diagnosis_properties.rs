//! The diagnosis against whatever else there may be: any evidence, and evidence that has nothing to do with it.

use std::sync::OnceLock;

use ecs_warmstart::catalogue::{Code, Confidence};
use ecs_warmstart::diagnose::{
    Evidence, FailedRead, ImageEvidence, LogLine, ServiceEvent, TargetEvidence, diagnose,
};
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::observation::{
    ContainerObservation, HealthStatus, StopCode, StopInfo, Target, TargetObservation, TargetReason,
    TargetState, TaskObservation, TaskStatus,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::corpus::cases;

fn text() -> impl Strategy<Value = String> {
    let known = select(
        &[
            "",
            "CannotPullContainerError: not found",
            "OutOfMemoryError",
            "ecs-warmstart: drained",
            "codes: [503]",
            "codes: [",
            "Listening on http://127.0.0.1:",
            "listening on port 99999999",
            "Database not ready",
            "(reason ",
            "is unhealthy in (reason codes: []",
            "{container}",
            "InternalError",
            "\u{0}",
            "exec: ",
            "🦀::1 refused",
        ][..],
    );
    prop_oneof![3 => known.prop_map(ToOwned::to_owned), 2 => any::<String>(), 1 => "[ -~]{0,60}"]
}

fn stop() -> impl Strategy<Value = StopInfo> {
    let code = select(
        &["TaskFailedToStart", "EssentialContainerExited", "UserInitiated", "SpotInterruption", "New"][..],
    );
    (prop::option::of(code), text())
        .prop_map(|(code, reason)| StopInfo { code: code.map(StopCode::parse), reason })
}

fn container() -> impl Strategy<Value = ContainerObservation> {
    let health = select(&[HealthStatus::Unknown, HealthStatus::Healthy, HealthStatus::Unhealthy][..]);
    (select(&["web", "router", ""][..]), health, any::<Option<i32>>(), prop::option::of(text())).prop_map(
        |(name, health, exit_code, reason)| ContainerObservation {
            name: name.to_owned(),
            health,
            exit_code,
            reason,
            ..ContainerObservation::default()
        },
    )
}

fn task() -> impl Strategy<Value = TaskObservation> {
    let status =
        select(&[TaskStatus::Pending, TaskStatus::Running, TaskStatus::Stopped, TaskStatus::Missing][..]);
    (status, prop::option::of(stop()), prop::collection::vec(container(), 0..3)).prop_map(
        |(status, stop, containers)| {
            let arn = "arn:aws:ecs:us-east-2:111122223333:task/prod/0a1b".parse().unwrap();
            TaskObservation { stop, containers, ..TaskObservation::new(arn, status) }
        },
    )
}

fn target() -> impl Strategy<Value = TargetEvidence> {
    let state = select(
        &[TargetState::Initial, TargetState::Healthy, TargetState::Unhealthy, TargetState::Unused][..],
    );
    let reason = prop_oneof![
        Just(TargetReason::ResponseCodeMismatch),
        Just(TargetReason::FailedHealthChecks),
        Just(TargetReason::NotInUse),
        text().prop_map(TargetReason::Other),
    ];
    (state, prop::option::of(reason), prop::option::of(text())).prop_map(|(state, reason, description)| {
        healthy_target_with(TargetObservation { state, reason, description })
    })
}

fn healthy_target_with(seen: TargetObservation) -> TargetEvidence {
    let group = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/other/0123456789abcdef";
    TargetEvidence {
        target_group: group.parse().unwrap(),
        target: Target::new("10.0.9.9", 80),
        seen,
        health_path: None,
    }
}

fn line(message: impl Strategy<Value = String>) -> impl Strategy<Value = LogLine> {
    message.prop_map(|message| LogLine { container: "web".to_owned(), at: None, message })
}

/// Any part of a case of the corpus beside random parts.
fn evidence() -> impl Strategy<Value = Evidence> {
    let from_corpus = any::<Index>().prop_map(|index| index.get(cases()).1.evidence());
    let parts = (
        prop::option::of(task()),
        prop::collection::vec(task(), 0..3),
        prop::collection::vec(target(), 0..3),
        prop::collection::vec(line(text()), 0..8),
        any::<[bool; 4]>(),
    );
    (from_corpus, parts).prop_map(|(mut evidence, (task, siblings, targets, logs, takes))| {
        if takes[0] {
            evidence.task = task;
        }
        if takes[1] {
            evidence.siblings = siblings;
        }
        if takes[2] {
            evidence.targets = targets;
        }
        if takes[3] {
            evidence.logs = logs;
        }
        evidence
    })
}

/// What an exit code says by itself, which a better-known cause led to.
const EXITS: [Code; 5] =
    [Code::ApplicationFailed, Code::ApplicationEnded, Code::Killed, Code::Terminated, Code::Aborted];

/// Words that no rule knows.
fn chatter() -> impl Strategy<Value = String> {
    let word = select(
        &["GET", "/", "200", "user", "42", "ms", "cache", "hit", "loaded", "config", "INFO", "ok"][..],
    );
    prop::collection::vec(word, 1..8).prop_map(|words| words.join(" "))
}

/// What goes on beside: chatter in the log, other targets that are well, events of a service at work, other images.
fn add_unrelated(evidence: &mut Evidence, chatter: &[LogLine], at: Index, parts: [bool; 4]) {
    for line in chatter {
        evidence.logs.insert(at.index(evidence.logs.len() + 1), line.clone());
    }
    if parts[0] {
        evidence.targets.push(healthy_target_with(TargetObservation::new(TargetState::Healthy, None)));
    }
    if parts[1] {
        let arn = "arn:aws:ecs:us-east-2:111122223333:task/prod/ffff".parse().unwrap();
        evidence.siblings.push(TaskObservation::new(arn, TaskStatus::Running));
    }
    if parts[2] {
        evidence.images.push(ImageEvidence {
            image: "somebody-elses:1".to_owned(),
            exists: Some(true),
            platforms: ["linux/amd64", "linux/arm64"].map(ToOwned::to_owned).to_vec(),
            digests: vec!["sha256:ffff".to_owned()],
        });
    }
    if let Some(service) = evidence.ecs_service.as_mut().filter(|_| parts[3]) {
        let message = "(service web) registered 1 targets in (target-group other)".to_owned();
        let place = at.index(service.events.len() + 1);
        service.events.insert(place, ServiceEvent { at: None, message });
    }
}

/// What rules know, said by somebody else or of something that was done without.
fn alarming() -> impl Strategy<Value = String> {
    let said = select(
        &[
            "exec /usr/bin/x: exec format error",
            "java.lang.OutOfMemoryError: Java heap space",
            "write /tmp/x: no space left on device",
            "listen EADDRINUSE: address already in use :::9090",
            "password authentication failed for user metrics",
            "AccessDenied: x is not authorized to perform: cloudwatch:PutMetricData",
            "Database not ready, waiting...",
            "ModuleNotFoundError: No module named 'extra'",
            "KeyError: 'EXTRA'",
            "Listening on http://127.0.0.1:8080",
            "listening on 0.0.0.0:9901",
            "server started",
            "/bin/sh: curl: not found",
            "connect to ::1 port 8080 failed: Connection refused",
            "Waiting for the moon",
            "fatal error",
        ][..],
    );
    said.prop_map(ToOwned::to_owned)
}

/// A task of a former revision, and what it died of.
fn former_task() -> impl Strategy<Value = TaskObservation> {
    let stop = select(
        &[
            (
                "EssentialContainerExited",
                "Essential container in task exited",
                "OutOfMemoryError: Container killed",
            ),
            ("EssentialContainerExited", "Essential container in task exited", ""),
            ("TaskFailedToStart", "CannotPullContainerError: failed to resolve ref x:1: not found", ""),
            ("TaskFailedToStart", "RESOURCE:FARGATE", ""),
            ("SpotInterruption", "Your Spot Task was interrupted.", ""),
            ("ServiceSchedulerInitiated", "Task failed container health checks", ""),
        ][..],
    );
    (stop, any::<Option<i32>>()).prop_map(|((code, reason, of_container), exit_code)| {
        let arn = "arn:aws:ecs:us-east-2:111122223333:task/prod/eeee".parse().unwrap();
        TaskObservation {
            task_definition: Some("web:6".parse().unwrap()),
            stop: Some(StopInfo { code: Some(StopCode::parse(code)), reason: reason.to_owned() }),
            containers: vec![ContainerObservation {
                name: "web".to_owned(),
                exit_code,
                reason: Some(of_container.to_owned()).filter(|reason| !reason.is_empty()),
                image_digest: Some(format!("sha256:{}", "e".repeat(64))),
                ..ContainerObservation::default()
            }],
            ..TaskObservation::new(arn, TaskStatus::Stopped)
        }
    })
}

/// What a container beside writes, and what tasks of a former revision died of.
fn add_alarming(evidence: &mut Evidence, lines: &[String], at: Index, former: Vec<TaskObservation>) {
    // Without any container nobody knows which is beside.
    let knows_containers = evidence.task.as_ref().is_some_and(|task| !task.containers.is_empty());
    for line in lines.iter().filter(|_| knows_containers) {
        let line = LogLine { container: "proxy".to_owned(), at: None, message: line.clone() };
        evidence.logs.insert(at.index(evidence.logs.len() + 1), line);
    }
    if evidence.task.as_ref().is_some_and(|task| task.task_definition.is_some()) {
        evidence.siblings.extend(former);
    }
}

/// The case with the task's revision known.
fn of_a_revision(mut evidence: Evidence) -> Evidence {
    if let Some(task) = &mut evidence.task {
        task.task_definition.get_or_insert_with(|| "web:7".parse().unwrap());
    }
    evidence
}

/// The evidence of the corpus whose root is sure.
fn sure_cases() -> &'static [Evidence] {
    static SURE: OnceLock<Vec<Evidence>> = OnceLock::new();
    SURE.get_or_init(|| {
        let evidence = cases().iter().map(|(_, case)| of_a_revision(case.evidence()));
        evidence.filter(|evidence| diagnose(evidence).root().confidence == Confidence::High).collect()
    })
}

/// The evidence of the corpus in which something from outside ended the task.
fn told_cases() -> &'static [Evidence] {
    static TOLD: OnceLock<Vec<Evidence>> = OnceLock::new();
    TOLD.get_or_init(|| {
        let told =
            [Code::StoppedByUser, Code::Drained, Code::ScaledIn, Code::SpotInterruption, Code::HostGone];
        let meant = cases().iter().filter(|(_, case)| told.contains(&case.expect.root));
        meant.map(|(_, case)| case.evidence()).collect()
    })
}

/// Without their answers nobody knows that all is well.
const CALLS: [&str; 4] = ["ListTasks", "DescribeTasks", "DescribeServices", "DescribeTargetHealth"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_evidence_gives_a_finding(evidence in evidence()) {
        let said = diagnose(&evidence);
        for finding in std::iter::once(said.root()).chain(said.others()) {
            prop_assert!(!finding.summary.is_empty() && !finding.remedy.is_empty());
            prop_assert_eq!(finding.transient, finding.code.is_transient());
        }
        for link in &said.root().chain {
            prop_assert!(link.code.is_symptom() || EXITS.contains(&link.code), "{:?}", link);
            let later = link.code.stage() >= said.root().code.stage();
            prop_assert!(later || !link.code.is_symptom() || link.code == Code::TaskFailedToStart, "{:?}", link);
        }
        prop_assert_eq!(diagnose(&evidence), said);
    }

    #[test]
    fn evidence_comes_back_from_its_document(evidence in evidence()) {
        let document = serde_json::to_string(&evidence).unwrap();
        let again: Evidence = serde_json::from_str(&document).unwrap();
        prop_assert_eq!(again, evidence);
    }

    #[test]
    fn a_sure_root_stands_whatever_goes_on_beside(
        index in any::<Index>(),
        chatter in prop::collection::vec(line(chatter()), 0..12),
        alarming in prop::collection::vec(alarming(), 0..8),
        former in prop::collection::vec(former_task(), 0..4),
        at in any::<Index>(),
        parts in any::<[bool; 4]>(),
    ) {
        let sure = sure_cases();
        prop_assert!(sure.len() > 100);
        let mut evidence = index.get(sure).clone();
        let before = diagnose(&evidence);
        add_unrelated(&mut evidence, &chatter, at, parts);
        add_alarming(&mut evidence, &alarming, at, former);
        let after = diagnose(&evidence);
        prop_assert_eq!(after.root().code, before.root().code);
        prop_assert_eq!(&after.root().remedy, &before.root().remedy);
    }

    /// Who was told to stop writes what he likes on his way out.
    #[test]
    fn what_told_a_task_to_stop_stands_whatever_its_log_says(
        index in any::<Index>(),
        alarming in prop::collection::vec(line(alarming()), 1..8),
        exit_code in select(&[None, Some(0), Some(1), Some(143)][..]),
    ) {
        let mut evidence = index.get(told_cases()).clone();
        let before = diagnose(&evidence).root().code;
        evidence.logs.extend(alarming);
        let containers = evidence.task.iter_mut().flat_map(|task| &mut task.containers);
        containers.for_each(|container| container.exit_code = exit_code);
        prop_assert_eq!(diagnose(&evidence).root().code, before);
    }

    /// A line alone is never sure.
    #[test]
    fn a_log_alone_is_no_proof(alarming in prop::collection::vec(line(alarming()), 1..8)) {
        let arn = "arn:aws:ecs:us-east-2:111122223333:task/prod/0a1b".parse().unwrap();
        let mut task = TaskObservation::new(arn, TaskStatus::Stopped);
        task.containers.push(ContainerObservation { name: "web".to_owned(), ..ContainerObservation::default() });
        let evidence = Evidence { task: Some(task), logs: alarming, ..Evidence::default() };
        prop_assert!(diagnose(&evidence).root().confidence < Confidence::High);
    }

    /// No more is said of what could not be read than that it could not.
    #[test]
    fn what_could_not_be_read_is_not_taken_for_nothing(index in any::<Index>(), call in select(&CALLS[..])) {
        let mut evidence = index.get(cases()).1.evidence();
        let message = "AccessDeniedException: not allowed".to_owned();
        evidence.failed_reads.push(FailedRead { call: call.to_owned(), kind: ErrorKind::Denied, message });
        let said = diagnose(&evidence);
        prop_assert!(!matches!(said.root().code, Code::NothingWrong | Code::NotStarted));
        let all = std::iter::once(said.root()).chain(said.others());
        prop_assert!(all.filter(|finding| finding.code == Code::Denied).count() >= 1);
    }
}

/// Each line is looked at once, not once for each line before it: that would take a quarter of an hour.
#[test]
fn a_long_log_is_read_once() {
    let (_, case) = cases().iter().find(|(_, case)| case.name == "503 because of its database").unwrap();
    let mut evidence = case.evidence();
    let line = evidence.logs[0].clone();
    evidence.logs = vec![line; 50_000];
    assert_eq!(diagnose(&evidence).root().code, Code::DependencyUnreachable);
}
