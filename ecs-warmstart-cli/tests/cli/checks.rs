//! `check` and `image`, on the simulated cloud and on text alone.

use crate::common::command;
use ecs_warmstart::fleet::{CheckReport, Report, RunOutcome};
use serde_json::Value;

/// Exit code, stdout, stderr.
fn run(args: &[&str]) -> (i32, String, String) {
    let output = command().args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_sample_can_be_started_and_says_what_is_worth_knowing() {
    let (code, stdout, stderr) = run(&["check", "--backend", "memory", "--deny", "warnings"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.starts_with("SERVICE  ERRORS  WARNINGS  HINTS\n"), "{stdout}");
    assert!(stdout.contains("\n5 of 5 services can be started\n"), "{stdout}");
    assert_eq!(stdout.matches("(gate_without_check)").count(), 2, "{stdout}");
    let (code, stdout, _) = run(&["check", "auth", "--backend", "memory", "--output", "json"]);
    let report: CheckReport = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, report.command.as_str(), report.services.len()), (0, "check", 1));
    assert_eq!(report.services[0].findings, []);
}

#[test]
fn what_cannot_get_ready_in_time_is_refused_unless_it_is_not_checked() {
    let (code, stdout, _) =
        run(&["up", "auth", "--backend", "memory", "--health-wait", "3s", "--output", "json"]);
    assert_eq!(code, 3, "{stdout}");
    let report: Report = serde_json::from_str(&stdout).unwrap();
    let auth = &report.services[0];
    assert_eq!((auth.outcome, auth.tasks.len(), report.summary.failed), (RunOutcome::Refused, 0, 1));
    assert_eq!(auth.cause.as_ref().unwrap().code, "wait_too_short");
    let (code, stdout, _) = run(&["up", "auth", "--backend", "memory", "--health-wait", "3s"]);
    assert_eq!(code, 3, "{stdout}");
    assert!(stdout.contains("auth: error: cannot be healthy in 3 s, needs 15 s: "), "{stdout}");
    assert!(stdout.contains("set healthy_timeout to 15 s or more"), "{stdout}");
    let (code, stdout, _) =
        run(&["up", "auth", "--backend", "memory", "--health-wait", "3s", "--output", "json", "--no-check"]);
    let report: Report = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, report.services[0].outcome), (3, RunOutcome::Undone), "{stdout}");
}

#[test]
fn a_tag_is_made_of_environment_commit_and_time() {
    let sha = "622d2103ab1f5a0f0f6f1b8d7a2f3c4d5e6f7081";
    let tag = |name| run(&["image", "tag", "--env", name, "--sha", sha, "--time", "2025-08-20T12:45:00Z"]);
    assert_eq!(tag("pr-51"), (0, "pr-51-622d2103-20250820-124500\n".to_owned(), String::new()));
    let (code, stdout, stderr) = tag("feature/login");
    assert_eq!((code, stdout.as_str()), (0, "feature-login-622d2103-20250820-124500\n"));
    assert!(stderr.starts_with("note: \"feature/login\" is written \"feature-login\""), "{stderr}");
    let (code, stdout, stderr) = run(&[
        "image",
        "tag",
        "--env",
        "feature/login",
        "--sha",
        sha,
        "--time",
        "2025-08-20T12:45:00Z",
        "--output",
        "json",
    ]);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, stderr.as_str(), &report["version"]), (0, "", &Value::from(1)));
    assert_eq!(
        (&report["command"], report["notes"].as_array().unwrap().len()),
        (&Value::from("image tag"), 1)
    );
    assert_eq!(report["tag"], "feature-login-622d2103-20250820-124500");
    let (code, stdout, stderr) = tag("//");
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("give letters or digits"), "{stderr}");
}

#[test]
fn an_image_is_looked_at() {
    let image = "111122223333.dkr.ecr.us-east-2.amazonaws.com/authapi-container:1.0";
    let verify = |image, platform| {
        run(&["image", "verify", image, "--platform", platform, "--backend", "memory", "--output", "json"])
    };
    let (code, stdout, _) = verify(image, "linux/amd64");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &report["exists"], &report["fits"]), (0, &Value::Bool(true), &Value::Bool(true)));
    assert_eq!(report["platforms"][1]["platform"], "linux/arm64");
    let (code, stdout, _) = verify(image, "windows/amd64");
    assert_eq!(code, 3, "{stdout}");
    let (code, stdout, _) = verify(&image.replace("1.0", "2.0"), "linux/amd64");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &report["exists"]), (3, &Value::Bool(false)));
    let (code, _, stderr) = run(&["image", "verify", "team/app:pr-51/622d2103"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("as a tag it is pr-51-622d2103"), "{stderr}");
}
