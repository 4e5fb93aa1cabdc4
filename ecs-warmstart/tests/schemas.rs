//! The schemas that are checked in are those of the types.

use std::path::PathBuf;

use ecs_warmstart::config::Config;
use ecs_warmstart::fleet::{Report, StatusReport};
use serde_json::Value;

#[track_caller]
fn checked_in(file: &str, schema: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas").join(file);
    let text = serde_json::to_string_pretty(schema).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "schemas/{file} is not what the types say; look at the difference after\n    \
         UPDATE_SCHEMAS=1 cargo test -p ecs-warmstart --test schemas"
    );
}

#[test]
fn configuration() {
    checked_in("config.schema.json", &Config::json_schema());
}

#[test]
fn report_of_up() {
    checked_in("report.schema.json", &Report::json_schema());
}

#[test]
fn report_of_status() {
    checked_in("status.schema.json", &StatusReport::json_schema());
}
