//! The JSON Schemas of the reports, for programs that read them.

use serde_json::Value;

use super::{CheckReport, DeployReport, DiagnosisReport, PlanReport, Report, StatusReport, VerifyReport};

impl Report {
    /// The JSON Schema of the report.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

impl CheckReport {
    /// The JSON Schema of the report.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

impl DeployReport {
    /// The JSON Schema of the report.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

impl DiagnosisReport {
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

impl VerifyReport {
    /// The JSON Schema of the report.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

impl PlanReport {
    /// The JSON Schema of the plan.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}
