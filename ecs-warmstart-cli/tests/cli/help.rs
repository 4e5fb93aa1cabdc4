//! What the command says of itself, and the schemas it prints.

use crate::common::command;
use serde_json::Value;
use snapbox::file;

#[test]
fn help() {
    command().arg("--help").assert().success().stderr_eq("").stdout_eq(file!["snapshots/help.txt"]);
    command()
        .args(["up", "--help"])
        .assert()
        .success()
        .stderr_eq("")
        .stdout_eq(file!["snapshots/help-up.txt"]);
}

#[test]
fn schemas_are_those_that_are_checked_in() {
    for document in ["config", "report", "status"] {
        let path = format!("{}/../ecs-warmstart/schemas/{document}.schema.json", env!("CARGO_MANIFEST_DIR"));
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let output = command().args(["schema", document]).output().unwrap();
        assert!(output.status.success());
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), schema);
    }
}
