//! The schemas that are checked in are those of the types.

use std::path::PathBuf;

use ecs_warmstart::config::Config;
use ecs_warmstart::fleet::{
    CheckReport, DeployReport, DiagnosisReport, PlanReport, Report, StatusReport, VerifyReport,
};
use serde_json::Value;

#[track_caller]
fn checked_in(file: &str, schema: Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas").join(file);
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        let mut sorted = schema.clone();
        sorted.sort_all_objects();
        std::fs::write(&path, serde_json::to_string_pretty(&sorted).unwrap() + "\n").unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    // The order of keys says nothing, and is another one under other features of serde_json.
    assert!(
        serde_json::from_str(&found).ok() == Some(schema),
        "schemas/{file} is not what the types say; look at the difference after\n    \
         UPDATE_SCHEMAS=1 cargo test -p ecs-warmstart --test schemas"
    );
}

#[test]
fn configuration() {
    checked_in("config.schema.json", Config::json_schema());
}

#[test]
fn report_of_up() {
    checked_in("report.schema.json", Report::json_schema());
}

#[test]
fn report_of_diagnose_of_a_deployment() {
    checked_in("deploy.schema.json", DeployReport::json_schema());
}

#[test]
fn report_of_diagnose() {
    checked_in("diagnosis.schema.json", DiagnosisReport::json_schema());
}

#[test]
fn report_of_status() {
    checked_in("status.schema.json", StatusReport::json_schema());
}

#[test]
fn report_of_verify() {
    checked_in("verify.schema.json", VerifyReport::json_schema());
}

#[test]
fn plan_of_verify() {
    checked_in("plan.schema.json", PlanReport::json_schema());
}

#[test]
fn report_of_check() {
    checked_in("check.schema.json", CheckReport::json_schema());
}
