//! Many services at once: bring them up, keep their target groups true, take them down, and say how they stand; in one go or
//! in pieces.

mod change;
mod checked;
mod deploy;
mod deployed;
mod diagnosed;
mod doubt;
mod down;
mod drift;
mod evidence;
mod facts;
mod from_state;
mod handle;
mod images;
mod look;
mod looked_into;
mod mend;
mod not_begun;
mod options;
mod parts;
mod pieces;
mod pinned;
mod preflight;
mod recorder;
mod report;
mod resolve;
mod rolling;
mod runs;
mod sample;
mod schema;
mod service;
mod service_runs;
mod status;
mod survey;
mod up;
mod verified;
mod verify;

pub use change::Change;
pub use checked::{CheckReport, ServiceCheck};
pub use deploy::{DEFAULT_DEPLOY_WAIT, Deploy};
pub use deployed::{DeployOutcome, DeployReport, PinnedImage};
pub use diagnosed::{DiagnosisReport, SubjectReport};
pub use handle::Fleet;
pub use options::{DownOptions, UpOptions, VerifyOptions};
pub use recorder::Recorder;
pub use report::{
    CauseReport, LinkReport, Outcome, PhaseReport, REPORT_VERSION, Report, RunOutcome, ServiceReport,
    Summary, TargetReport, TaskReport,
};
pub use runs::{Budget, Runs, Touched};
pub use sample::sample_services;
pub use service::{GateKind, Service};
pub use status::{ServiceStatus, StatusReport, TaskStanding, Verdict};
pub use verified::{
    ChangeKind, ChangeReport, FindingReport, PlanReport, ServicePlan, ServiceVerified, TaskVerified,
    VerifyOutcome, VerifyReport,
};
