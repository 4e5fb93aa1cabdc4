//! Many services at once: bring them up, and say how they stand.

mod options;
mod report;
mod service;
mod status;

pub use options::UpOptions;
pub use report::{
    CauseReport, Outcome, PhaseReport, REPORT_VERSION, Report, RunOutcome, ServiceReport, Summary,
    TargetReport, TaskReport,
};
pub use service::{GateKind, Service};
pub use status::{ServiceStatus, StatusReport, TaskStanding, Verdict};
