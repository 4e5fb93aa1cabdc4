//! What is wrong is said in one clear sentence, with exit code 2, and nothing is started.

use crate::common::{command, group};
use snapbox::str;

/// Runs `up` on that file, and holds stderr against what is expected.
#[track_caller]
fn refused(file: &str, stderr: impl snapbox::IntoData) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("warmstart.toml"), file).unwrap();
    command().current_dir(dir.path()).arg("up").assert().code(2).stdout_eq("").stderr_eq(stderr);
}

fn service(more: &str) -> String {
    format!(
        "[services.auth]\ncluster = \"c\"\ntask_definition = \"t\"\n{more}\n[[services.auth.bindings]]\n\
         target_group = \"{}\"\nport = 8080\n",
        group("auth")
    )
}

#[test]
fn a_missing_file() {
    let dir = tempfile::tempdir().unwrap();
    for line in [&["up"][..], &["status"], &["up", "--output", "json"]] {
        command().current_dir(dir.path()).args(line).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: cannot read warmstart.toml
hint: a configuration file is needed; --config names another one
caused by: No such file or directory (os error 2)

"#]]);
    }
    command().args(["status", "--config", "/nowhere/fleet.toml"]).assert().code(2).stderr_eq(str![[r#"
error: cannot read /nowhere/fleet.toml
hint: a configuration file is needed; --config names another one
caused by: No such file or directory (os error 2)

"#]]);
}

#[test]
fn every_finding_with_its_line() {
    refused(
        &service("clutser = \"x\"\nplatform_version = \"${WARMSTART_NOT_SET}\""),
        str![[r#"
error: unknown key `clutser` in services.auth
  --> warmstart.toml:4:1
  |
4 | clutser = "x"
  | ^^^^^^^
hint: did you mean `cluster`?
error: the environment variable WARMSTART_NOT_SET is not set
  --> warmstart.toml:5:20
  |
5 | platform_version = "${WARMSTART_NOT_SET}"
  |                    ^^^^^^^^^^^^^^^^^^^^^^
hint: set it, or give a default: ${WARMSTART_NOT_SET:-default}

"#]],
    );
}

#[test]
fn a_malformed_arn() {
    refused(
        &service("").replace("elasticloadbalancing", "ecs"),
        str![[r#"
error: services.auth.bindings[0].target_group: "arn:aws:ecs:us-east-2:111122223333:targetgroup/auth/0123456789abcdef" is not a target group's ARN: it is of "ecs", not of "elasticloadbalancing"
  --> warmstart.toml:6:16
  |
6 | target_group = "arn:aws:ecs:us-east-2:111122223333:targetgroup/auth/0123456789abcdef"
  |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

"#]],
    );
}

#[test]
fn a_port_out_of_range() {
    refused(
        &service("").replace("8080", "70000"),
        str![[r#"
error: services.auth.bindings[0].port: 70000 is out of range, 1 to 65535
  --> warmstart.toml:7:8
  |
7 | port = 70000
  |        ^^^^^

"#]],
    );
}

#[test]
fn no_subnets() {
    refused(
        &service("launch_type = \"FARGATE\""),
        str![[r#"
error: services.auth: no subnets are given; a Fargate task needs at least one (`subnets = ["subnet-…"]`)
  --> warmstart.toml:1:11
  |
1 | [services.auth]
  |           ^^^^

"#]],
    );
}

#[test]
fn two_services_with_one_name() {
    refused(
        &format!("{}{}", service(""), service("")),
        str![[r#"
error: `auth` is given twice
  --> warmstart.toml:8:11
  |
8 | [services.auth]
  |           ^^^^

"#]],
    );
}

#[test]
fn a_name_that_is_too_long() {
    refused(
        &service("").replace("services.auth", &format!("services.{}", "a".repeat(65))),
        str![[r#"
error: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" is not a service's name: the name has 65 characters, at most 64
  --> warmstart.toml:1:11
  |
1 | [services.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]
  |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

"#]],
    );
}

#[test]
fn an_unknown_service_with_the_nearest_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("warmstart.toml"), service("")).unwrap();
    for what in ["up", "status"] {
        command().current_dir(dir.path()).args([what, "auht"]).assert().code(2).stdout_eq("").stderr_eq(
            str![[r#"
error: there is no service "auht"
hint: did you mean "auth"?

"#]],
        );
    }
    command().current_dir(dir.path()).args(["up", "payments"]).assert().code(2).stderr_eq(str![[r#"
error: there is no service "payments"
hint: there are: auth

"#]]);
}

#[test]
fn a_run_id_that_is_none() {
    command().args(["up", "--run-id", "ci 7"]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: invalid value 'ci 7' for '--run-id <ID>': "ci 7" is not a run id: ' ' is not a printable ASCII character

For more information, try '--help'.

"#]]);
}

#[test]
fn no_region_and_no_credentials() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("warmstart.toml"), service("")).unwrap();
    let up = || command().current_dir(dir.path()).arg("up");
    up().assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: no AWS region is set; give --region, AWS_REGION, or `region = "…"` in the configuration file

"#]]);
    up().args(["--region", "us-east-2"]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: no valid AWS credentials: [..]
...
"#]]);
    up().args(["--region", "us-east-2", "--endpoint-url", "localhost"]).assert().code(2).stderr_eq(str![[
        r#"
error: "localhost" is not an endpoint: it begins with http:// or https:// and names a host

"#
    ]]);
}

#[test]
fn a_wrong_command_line() {
    command().args(["up", "--max-wait", "soon"]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
error: invalid value 'soon' for '--max-wait <DURATION>': a duration such as 5m or 90s is expected

For more information, try '--help'.

"#]]);
}
