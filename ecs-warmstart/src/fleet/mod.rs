//! Many services at once: bring them up, and say how they stand.

mod down;
mod facts;
mod from_state;
mod handle;
mod look;
mod options;
mod report;
mod resolve;
mod sample;
mod schema;
mod service;
mod status;
mod up;

pub use handle::Fleet;
pub use options::{DownOptions, UpOptions};
pub use report::{
    CauseReport, Outcome, PhaseReport, REPORT_VERSION, Report, RunOutcome, ServiceReport, Summary,
    TargetReport, TaskReport,
};
pub use sample::sample_services;
pub use service::{GateKind, Service};
pub use status::{ServiceStatus, StatusReport, TaskStanding, Verdict};
