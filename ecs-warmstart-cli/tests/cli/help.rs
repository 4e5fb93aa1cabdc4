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
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");
    let library = concat!(env!("CARGO_MANIFEST_DIR"), "/../ecs-warmstart/schemas");
    for (document, directory) in [
        ("config", library),
        ("report", library),
        ("verify", library),
        ("plan", library),
        ("status", library),
        ("check", library),
        ("diagnosis", library),
        ("deploy", library),
        ("image", here),
        ("tag", here),
    ] {
        let path = format!("{directory}/{document}.schema.json");
        let output = command().args(["schema", document]).output().unwrap();
        assert!(output.status.success());
        if directory == here && std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&path, &output.stdout).unwrap();
        }
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), schema, "{document}");
    }
}
