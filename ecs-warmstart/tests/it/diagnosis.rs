//! The diagnosis against the corpus.

use std::collections::{BTreeMap, BTreeSet};

use ecs_warmstart::catalogue::{Code, of_stop};
use ecs_warmstart::diagnose::{Diagnosis, Evidence, diagnose};

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
    let quotes = root.evidence.join("\n");
    problems.extend(
        expect
            .evidence_says
            .iter()
            .filter(|part| !quotes.contains(*part))
            .map(|part| format!("the evidence does not say {part:?}: {quotes}")),
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
    assert_eq!(sources.len(), 6);
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
