//! The JSON Schemas of the reports, for programs that read them.

use serde_json::Value;

use super::{Report, StatusReport};

impl Report {
    /// The JSON Schema of the report.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

impl StatusReport {
    /// The JSON Schema of the report.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}
