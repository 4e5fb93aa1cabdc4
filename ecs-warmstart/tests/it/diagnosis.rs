//! The diagnosis against the corpus, and against whatever else there may be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use ecs_warmstart::catalogue::{Code, Confidence, of_stop};
use ecs_warmstart::diagnose::{
    Diagnosis, Evidence, ImageEvidence, LogLine, ServiceEvent, TargetEvidence, diagnose,
};
use ecs_warmstart::observation::{
    ContainerObservation, HealthStatus, StopCode, StopInfo, Target, TargetObservation, TargetReason,
    TargetState, TaskObservation, TaskStatus,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::corpus::{Case, SourceKind, cases};

/// Of one code: how often it was said rightly, how often it was said, how often it should have been.
#[derive(Clone, Copy, Debug, Default)]
struct Score {
    right: usize,
    said: usize,
    meant: usize,
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is what somebody reads who changes the rules")]
fn precision_and_recall_on_the_corpus() {
    let cases = cases();
    assert!(cases.len() >= 60, "the corpus has only {} cases", cases.len());
    let mut scores: BTreeMap<Code, Score> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (file, case) in cases {
        let said = diagnose(&case.evidence()).root().code;
        let meant = case.expect.root;
        scores.entry(said).or_default().said += 1;
        scores.entry(meant).or_default().meant += 1;
        if said == meant {
            scores.entry(said).or_default().right += 1;
        } else {
            wrong.push(format!("{file}: {}: it is {meant}, not {said}", case.name));
        }
    }
    println!("{:<26} {:>5} {:>9} {:>6}", "CLASS", "CASES", "PRECISION", "RECALL");
    for (code, Score { right, said, meant }) in &scores {
        let percent = |of: usize| right * 100 / of.max(1);
        println!("{:<26} {meant:>5} {:>8}% {:>5}%", code.as_str(), percent(*said), percent(*meant));
    }
    let right = cases.len() - wrong.len();
    println!("{right} of {} cases, {} classes", cases.len(), scores.len());
    assert!(wrong.is_empty(), "wrong on the corpus:\n{}", wrong.join("\n"));
}

/// Confidence, chain, sentence and remedy, where the case says them.
#[test]
fn the_corpus_is_told_in_full() {
    let mut wrong = Vec::new();
    for (file, case) in cases() {
        let said = diagnose(&case.evidence());
        for problem in problems(case, &said) {
            wrong.push(format!("{file}: {}: {problem}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn problems(case: &Case, said: &Diagnosis) -> Vec<String> {
    let mut problems = Vec::new();
    let (expect, root) = (&case.expect, said.root());
    if expect.confidence.is_some_and(|confidence| confidence != root.confidence) {
        problems.push(format!("confidence {}", root.confidence));
    }
    let chain: Vec<Code> = root.chain.iter().map(|link| link.code).collect();
    if expect.chain.as_ref().is_some_and(|expected| *expected != chain) {
        problems.push(format!("chain {chain:?}"));
    }
    let others: Vec<Code> = said.others().iter().map(|finding| finding.code).collect();
    if expect.others.as_ref().is_some_and(|expected| *expected != others) {
        problems.push(format!("others {others:?}"));
    }
    problems.extend(
        expect
            .summary_says
            .iter()
            .filter(|part| !root.summary.contains(*part))
            .map(|part| format!("the sentence does not say {part:?}: {}", root.summary)),
    );
    problems.extend(
        expect
            .remedy_says
            .iter()
            .filter(|part| !root.remedy.contains(*part))
            .map(|part| format!("the remedy does not say {part:?}: {}", root.remedy)),
    );
    if root.transient != root.code.is_transient()
        || [&root.summary, &root.remedy].iter().any(|it| it.contains('{'))
    {
        problems.push(format!("{root:?}"));
    }
    problems
}

#[test]
fn every_class_and_every_kind_of_source_is_in_the_corpus() {
    let cases = cases();
    let meant: BTreeSet<Code> = cases.iter().map(|(_, case)| case.expect.root).collect();
    let missing: Vec<&Code> = Code::ALL.iter().filter(|code| !meant.contains(code)).collect();
    assert!(missing.is_empty(), "no case has as its root {missing:?}");
    let sources: BTreeSet<SourceKind> = cases.iter().map(|(_, case)| case.source).collect();
    assert_eq!(sources.len(), 5);
    let names: BTreeSet<(&str, &str)> =
        cases.iter().map(|(file, case)| (file.as_str(), case.name.as_str())).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
}

/// What relaunches tasks and what names causes read the same words.
#[test]
fn what_is_transient_is_so_for_the_machine_too() {
    for (file, case) in cases() {
        let Some(task) = case.evidence().task else { continue };
        let only = Evidence { task: Some(task.clone()), ..Evidence::default() };
        let Some(stop) = &task.stop else { continue };
        let relaunched = of_stop(stop, &task.containers).is_some_and(|said| said.code.is_transient());
        let root = diagnose(&only);
        // A task that this program took back says nothing of its own.
        if root.root().code != Code::TakenBack {
            assert_eq!(root.root().transient, relaunched, "{file}: {}: {:?}", case.name, root.root());
        }
    }
}

/// The seed's way from the pull to the service: one finding, and what followed from it.
#[test]
fn a_chain_has_one_root() {
    let (_, case) =
        cases().iter().find(|(_, case)| case.name == "one chain from the pull to the service").unwrap();
    let said = diagnose(&case.evidence());
    assert!(said.others().is_empty(), "{:?}", said.others());
    let chain: Vec<&str> = said.root().chain.iter().map(|link| link.summary.as_str()).collect();
    assert_eq!(
        chain,
        [
            "the task failed to start",
            "service web cannot start its tasks",
            "the deployment of service web failed"
        ]
    );
}

// --- Whatever else there may be

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

/// The evidence of the corpus whose root is sure.
fn sure_cases() -> &'static [Evidence] {
    static SURE: OnceLock<Vec<Evidence>> = OnceLock::new();
    SURE.get_or_init(|| {
        let evidence = cases().iter().map(|(_, case)| case.evidence());
        evidence.filter(|evidence| diagnose(evidence).root().confidence == Confidence::High).collect()
    })
}

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
            prop_assert!(link.code.is_symptom() && link.code.stage() >= said.root().code.stage());
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
        at in any::<Index>(),
        parts in any::<[bool; 4]>(),
    ) {
        let sure = sure_cases();
        prop_assert!(sure.len() > 100);
        let mut evidence = index.get(sure).clone();
        let before = diagnose(&evidence);
        add_unrelated(&mut evidence, &chatter, at, parts);
        let after = diagnose(&evidence);
        prop_assert_eq!(after.root().code, before.root().code);
        prop_assert_eq!(&after.root().remedy, &before.root().remedy);
    }
}
