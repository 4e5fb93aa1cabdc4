//! The whole way on the simulated cloud. A start takes a second or two there: the simulation runs thirty times as fast as
//! the clock.

use std::io::{BufRead as _, Read};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::common::{command, spawn, spawn_into};
use ecs_warmstart::fleet::{
    Outcome, PlanReport, Report, RunOutcome, StatusReport, Verdict, VerifyOutcome, VerifyReport,
};
use serde_json::Value;

/// Runs the command on the simulated cloud: exit code, stdout, stderr.
fn run(args: &[&str]) -> (i32, String, String) {
    let output = command().args(args).args(["--backend", "memory"]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn five_services_come_up() {
    let (code, stdout, stderr) = run(&["up"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.starts_with("SERVICE"), "{stdout}");
    assert!(stdout.ends_with("\n5 of 5 services ready\n"), "{stdout}");
    assert_eq!(stdout.matches(" healthy in ").count(), 5, "{stdout}");
    let mut lines = stderr.lines();
    let note = lines.next().unwrap();
    assert!(note.contains("simulated") && note.contains("30 times as fast"), "{stderr}");
    let ready = lines.filter(|line| line.split_whitespace().nth(1) == Some("ready")).count();
    assert_eq!(ready, 5, "{stderr}");
}

#[test]
fn the_report_has_its_form() {
    let (code, stdout, _) = run(&["up", "--output", "json"]);
    assert_eq!(code, 0, "{stdout}");
    let report: Report = serde_json::from_str(&stdout).unwrap();
    assert_eq!((report.version, report.command.as_str(), report.outcome), (1, "up", Outcome::Succeeded));
    assert_eq!((report.summary.services, report.summary.succeeded, report.summary.failed), (5, 5, 0));
    // The services run at the same time: all of them take about as long as the slowest.
    assert!((5_000..300_000).contains(&report.elapsed_ms), "{stdout}");
    for service in &report.services {
        assert_eq!((service.outcome, service.tasks.len()), (RunOutcome::Ready, 1), "{service:?}");
        let task = &service.tasks[0];
        assert!(task.task.is_some() && !task.adopted && task.cause.is_none(), "{task:?}");
        assert!(task.targets.iter().all(|target| target.state == "healthy"), "{task:?}");
        assert!(!task.targets.is_empty() && !task.phases.is_empty(), "{task:?}");
    }
}

#[test]
fn every_event_is_a_line_and_the_report_is_the_last() {
    let (code, stdout, stderr) = run(&["up", "--output", "ndjson"]);
    assert_eq!(code, 0, "{stdout}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, events) = lines.split_last().unwrap();
    let report: Report = serde_json::from_value(last["report"].clone()).unwrap();
    assert_eq!(report.outcome, Outcome::Succeeded);
    let ready = events.iter().filter(|event| event["event"] == "entered" && event["to"] == "ready").count();
    assert_eq!(ready, 5, "{stdout}");
    assert!(events.iter().all(|event| event["at"].is_u64() && event["service"].is_string()), "{stdout}");
}

#[test]
fn one_service_and_no_wait_for_health() {
    let (code, stdout, _) = run(&["up", "--output", "json"]);
    assert_eq!(code, 0);
    let name = serde_json::from_str::<Report>(&stdout).unwrap().services[0].service.clone();
    let (code, stdout, _) = run(&["up", &name, "--skip-health-check", "--output", "json"]);
    assert_eq!(code, 0, "{stdout}");
    let report: Report = serde_json::from_str(&stdout).unwrap();
    assert_eq!((report.services.len(), report.services[0].outcome), (1, RunOutcome::Registered));
}

#[test]
fn too_little_time_undoes_everything() {
    let (code, stdout, stderr) = run(&["up", "--max-wait", "1s"]);
    assert_eq!(code, 3, "{stdout}{stderr}");
    assert!(stdout.contains("\n0 of 5 services ready\n"), "{stdout}");
    assert_eq!(stdout.matches("(not_running_in_time)").count(), 5, "{stdout}");
}

#[test]
fn status_says_what_is_wrong() {
    let (code, stdout, stderr) = run(&["status"]);
    assert_eq!(code, 3, "{stdout}");
    assert!(stderr.contains("the sample is brought up first"), "{stderr}");
    assert!(stdout.contains("\n4 of 5 services ready\n"), "{stdout}");
    assert!(stdout.contains("(stale_target)\n  remove it with verify --prune\n"), "{stdout}");
    let (code, stdout, _) = run(&["status", "--output", "json"]);
    assert_eq!(code, 3);
    let report: StatusReport = serde_json::from_str(&stdout).unwrap();
    let [auth, others @ ..] = report.services.as_slice() else { panic!("{stdout}") };
    assert_eq!((auth.verdict, auth.running, auth.findings.len()), (Verdict::Unhealthy, 1, 1), "{stdout}");
    assert!(others.iter().all(|service| service.verdict == Verdict::Ready), "{stdout}");
    let (_, stdout, _) = run(&["status", "pdf", "--output", "ndjson"]);
    assert_eq!(stdout.lines().count(), 1);
    let line: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(serde_json::from_value::<StatusReport>(line["report"].clone()).unwrap().services.len(), 1);
}

#[test]
fn verify_puts_in_what_is_missing_and_takes_out_what_is_dead() {
    let (code, stdout, stderr) = run(&["verify", "--output", "json"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let report: VerifyReport = serde_json::from_str(&stdout).unwrap();
    let [auth, others @ ..] = report.services.as_slice() else { panic!("{stdout}") };
    assert_eq!((auth.outcome, auth.findings.len()), (VerifyOutcome::Registered, 1), "{stdout}");
    assert!(others.iter().all(|it| it.outcome == VerifyOutcome::AlreadyHealthy), "{stdout}");

    let (code, stdout, _) = run(&["verify", "--prune", "auth", "--output", "json"]);
    assert_eq!(code, 0, "{stdout}");
    let report: VerifyReport = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report.services.len(), 1);
    let auth = &report.services[0];
    assert_eq!((auth.outcome, auth.findings.len(), auth.changes.len()), (VerifyOutcome::Repaired, 0, 2));
}

#[test]
fn a_plan_ends_with_3_where_something_is_to_be_done() {
    let (code, stdout, _) = run(&["verify", "--plan"]);
    assert_eq!(code, 3, "{stdout}");
    assert!(stdout.starts_with("1 change needed; 4 targets are as they should be\n"), "{stdout}");
    let (_, stdout, _) = run(&["verify", "--plan", "--prune", "--output", "json"]);
    let plan: PlanReport = serde_json::from_str(&stdout).unwrap();
    assert_eq!((plan.changes_needed, plan.services[0].changes.len()), (2, 2), "{stdout}");
}

#[test]
fn a_watch_prints_every_round() {
    let mut child = spawn(&["verify", "--watch", "--output", "ndjson", "--backend", "memory"]);
    let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let rounds = lines.map(|line| line.unwrap()).filter(|line| line.starts_with("{\"report\""));
    let reports: Vec<VerifyReport> = rounds
        .take(3)
        .map(|line| {
            let line: Value = serde_json::from_str(&line).unwrap();
            serde_json::from_value(line["report"].clone()).unwrap()
        })
        .collect();
    assert!(reports.iter().all(|report| report.outcome == Outcome::Succeeded), "{reports:#?}");
    assert_eq!(reports[0].services[0].outcome, VerifyOutcome::Registered);
    assert_eq!(reports[2].services[0].outcome, VerifyOutcome::AlreadyHealthy);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_option_without_effect_is_said() {
    let (code, _, stderr) = run(&["status", "--config", "mine.toml"]);
    assert_eq!(code, 3);
    assert!(stderr.contains("--config mine.toml has no effect"), "{stderr}");
}

#[test]
fn a_log_takes_the_place_of_progress() {
    let (code, stdout, stderr) = run(&["up", "-v"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(stderr.matches("to=ready").count(), 5, "{stderr}");
    assert!(stderr.lines().all(|line| line.contains("INFO") || line.contains("WARN")), "{stderr}");
}

#[test]
fn nobody_reading_is_a_graceful_end() {
    for output in ["text", "json", "ndjson"] {
        let mut child = spawn(&["up", "--backend", "memory", "--output", output]);
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{output}: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("error"), "{output}: {stderr}");
    }
}

#[test]
fn a_watch_that_nobody_reads_any_more_ends() {
    for output in ["text", "ndjson"] {
        let mut child = spawn(&["verify", "--watch", "--backend", "memory", "--output", output]);
        let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut String::new()).unwrap();
        drop(stdout);
        let (mut stderr, (said, says)) = (child.stderr.take().unwrap(), channel());
        std::thread::spawn(move || {
            let mut text = String::new();
            let read = stderr.read_to_string(&mut text);
            let _ = said.send(read.map(|_| text));
        });
        let ended = says.recv_timeout(Duration::from_secs(60));
        if ended.is_err() {
            child.kill().unwrap();
        }
        let code = child.wait().unwrap().code();
        let stderr = ended.expect("it goes on for nobody").unwrap();
        assert_eq!(code, Some(0), "{output}: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("error"), "{output}: {stderr}");
    }
}

#[test]
fn a_watch_is_no_one_document() {
    let (code, stdout, stderr) = run(&["verify", "--watch", "--output", "json"]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("hint: --output ndjson makes of every round one line"), "{stderr}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = spawn_into(full, &["status", "--backend", "memory"]);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error: the result could not be written\ncaused by: No space left"), "{stderr}");
}

#[test]
fn five_services_go_down() {
    let (code, stdout, stderr) = run(&["down", "--allow-empty", "--drain-wait", "30s"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.ends_with("\n5 of 5 services down\n"), "{stdout}");
    assert_eq!(stdout.matches(" deregistered in ").count(), 5, "{stdout}");
    let drained = stderr.lines().filter(|line| line.split_whitespace().nth(1) == Some("drained")).count();
    assert_eq!(drained, 5, "{stderr}");
}

#[test]
fn the_last_healthy_target_is_guarded() {
    let (code, stdout, stderr) = run(&["down", "auth"]);
    assert_eq!(code, 3, "{stdout}{stderr}");
    assert!(stdout.contains("0 of 1 service down"), "{stdout}");
    assert!(
        stdout.contains("would be left without a healthy target") && stdout.contains("--allow-empty"),
        "{stdout}"
    );
}
