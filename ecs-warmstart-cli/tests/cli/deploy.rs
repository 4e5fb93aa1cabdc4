//! `deploy` on the simulated cloud, and what it refuses.

use crate::common::command;
use ecs_warmstart::fleet::{DeployOutcome, DeployReport};

const IMAGE: &str = "shop-container=111122223333.dkr.ecr.us-east-2.amazonaws.com/shop-container:2.0";

/// Runs the command: exit code, stdout, stderr.
fn deploy(args: &[&str]) -> (i32, String, String) {
    let all = ["deploy", "--ecs-service", "shop", "--cluster", "shop-cluster", "--backend", "memory"];
    let output = command().args(all).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn ends(args: &[&str], code: i32, outcome: DeployOutcome) -> DeployReport {
    let (ended, stdout, stderr) = deploy(&[args, &["--output", "json"]].concat());
    assert_eq!(ended, code, "{stdout}{stderr}");
    let report: DeployReport = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report.outcome, outcome, "{report:#?}");
    report
}

#[test]
fn an_image_is_deployed_by_its_digest() {
    let report = ends(&["--image", IMAGE], 0, DeployOutcome::Deployed);
    assert!(report.images[0].image.contains(":2.0@sha256:"), "{report:#?}");
    assert!(report.task_definition.unwrap().ends_with("shop-task-def:2"));
    ends(&[], 0, DeployOutcome::Unchanged);
}

#[test]
fn a_rollback_is_no_success_and_says_why() {
    let args = ["--image", IMAGE, "--scenario", "oom", "--rollback"];
    let report = ends(&args, 3, DeployOutcome::RolledBack);
    assert_eq!(report.cause.unwrap().code, "out_of_memory");
    let (ended, stdout, stderr) = deploy(&args);
    assert_eq!(ended, 3);
    assert!(
        stdout.contains("shop: shop-task-def:2 failed and was rolled back to shop-task-def:1"),
        "{stdout}"
    );
    assert!(stdout.contains("remedy: raise memory"), "{stdout}");
    assert!(stderr.contains("going back to shop-task-def:1"), "{stderr}");
}

#[test]
fn changes_come_from_a_file_and_the_command_line_has_the_last_word() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("next.json");
    let patch = r#"{ "containerDefinitions": [{ "name": "shop-container",
        "environment": [{ "name": "LOG_LEVEL", "value": "debug" }], "healthCheck": { "startPeriod": 60 } }] }"#;
    std::fs::write(&path, patch).unwrap();
    let path = path.to_str().unwrap();
    let set = "shop-container.environment.LOG_LEVEL=info";
    ends(&["--patch", path, "--set", set, "--image", IMAGE], 0, DeployOutcome::Deployed);
    std::fs::write(path, r#"{ "containerDefinitions": [{ "name": "shop-container", "cpu": 1 }] }"#).unwrap();
    let (ended, _, stderr) = deploy(&["--patch", path]);
    assert_eq!(ended, 2);
    assert!(stderr.contains("is no file of changes: unknown field `cpu`"), "{stderr}");
}

#[test]
fn what_cannot_work_changes_nothing() {
    let report = ends(&["--image", &format!("{IMAGE}-arm64")], 3, DeployOutcome::Refused);
    assert_eq!(report.cause.unwrap().code, "image_platform_mismatch");
    for (args, expected) in [
        (&["--patch", "/nowhere.json"][..], "/nowhere.json could not be read"),
        (&["--image", "web"], "such as web=repository/web:2.0"),
        (&["--set", "web.healthCheck.interval=1"], "interval is from 5 to 300"),
        (
            &["--unset", "web.environment.A=1"],
            "--unset web.environment.A: a variable is taken out by its name",
        ),
        (&["--scenario", "no-listener"], "has no part in a deployment"),
    ] {
        let (ended, stdout, stderr) = deploy(args);
        assert_eq!((ended, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
    }
}

#[test]
fn a_secret_is_never_repeated_whatever_is_wrong() {
    for (args, expected) in [
        (
            &["--set", "web.enviroment.TOKEN=hunter2"][..],
            "--set web.enviroment.TOKEN: \"enviroment\" cannot be set",
        ),
        (&["--set", "web.environment.TOKEN:hunter2"], "--set, number 1 of 1: it has no `=`"),
        (&["--set", "web.environment.A=1", "--set", "hunter2"], "--set, number 2 of 2: it has no `=`"),
        (&["--set", "TOKEN=hunter2"], "--set TOKEN: CONTAINER.environment.NAME=VALUE"),
        (&["--set", "web.environment=hunter2"], "--set web.environment: CONTAINER"),
        (&["--set", ".environment.TOKEN=hunter2"], "--set .environment.TOKEN: CONTAINER"),
        (&["--set", "=hunter2"], "--set : CONTAINER"),
        (&["--set", "web.healthCheck.TOKEN=hunter2"], "a health check has no \"TOKEN\""),
        (&["--set", "web.healthCheck.interval=hunter2"], "seconds are expected"),
        (&["--set", "web.healthCheck.startPeriod=1ms hunter2"], "seconds are expected"),
        (&["--set", "web.healthCheck.retries=hunter2"], "a number is expected"),
        (&["--set", "web.environment.TOKEN=two", "hunter2"], "there are arguments that belong to no option"),
        (&["set", "web.environment.TOKEN=hunter2"], "hint: quote a value that has spaces"),
        (&["--st", "web.environment.TOKEN=hunter2"], "unexpected argument '--st'"),
        (&["--sett=web.environment.TOKEN=hunter2"], "unexpected argument '--sett'"),
        (&["--unset", "web.environment.TOKEN=hunter2"], "--unset web.environment.TOKEN: "),
        (&["--unset", "hunter2"], "--unset, number 1 of 1: "),
    ] {
        let (ended, stdout, stderr) = deploy(args);
        assert_eq!(ended, 2, "{args:?}: {stdout}{stderr}");
        assert!(stderr.contains(expected), "{args:?}: {stderr}");
        assert!(!format!("{stdout}{stderr}").contains("hunter2"), "{args:?}: {stdout}{stderr}");
    }
}

#[test]
fn a_secret_in_a_file_of_changes_is_never_repeated_either() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("next.json");
    let variable = |of: &str| format!("{{ \"name\": \"web\", \"environment\": {of} }}");
    for container in [
        variable("\"hunter2\""),
        variable("\"hunter2, expected hunter2\""),
        variable("{ \"TOKEN\": \"hunter2\" }"),
        variable("[\"TOKEN=hunter2\"]"),
        variable("[{ \"TOKEN\": \"hunter2\" }]"),
        variable("[{ \"name\": \"TOKEN\", \"value\": [\"hunter2\"] }]"),
        variable("[{ \"name\": \"TOKEN\", \"value\": hunter2 }]"),
        variable("[{ \"name\": \"TOKEN\", \"value\": \"hunter2\", \"valueFrom\": \"hunter2\" }]"),
        variable(
            "[{ \"name\": \"A\", \"value\": \"hunter2\" }, { \"name\": \"A\", \"value\": \"hunter2\" }]",
        ),
        "{ \"name\": \"web\", \"healthCheck\": { \"command\": \"curl -u a:hunter2 http://127.0.0.1\" } }"
            .to_owned(),
        "{ \"name\": \"web\", \"healthCheck\": { \"interval\": \"hunter2\" } }".to_owned(),
        "\"hunter2\"".to_owned(),
    ] {
        std::fs::write(&path, format!("{{ \"containerDefinitions\": [{container}] }}")).unwrap();
        let (ended, stdout, stderr) = deploy(&["--patch", path.to_str().unwrap()]);
        assert_eq!(ended, 2, "{container}: {stdout}{stderr}");
        assert!(stderr.contains("is no file of changes: "), "{container}: {stderr}");
        assert!(!format!("{stdout}{stderr}").contains("hunter2"), "{container}: {stdout}{stderr}");
    }
}
