//! Why: evidence to findings, the first of which is the root cause. Pure: no clock, no I/O, the same evidence gives the same
//! answer, now or from a flight record in a year.
//!
//! A *rule* looks at one kind of evidence and drafts findings: a code of the [catalogue](crate::catalogue), how sure it is,
//! and what it rests on, quoted. The words (one sentence, one remedy) stand in tables by code. [`diagnose`](fn@diagnose) puts
//! drafts of the same code together, ranks them, and hangs what followed from the root onto it as its chain.
//!
//! ```
//! use ecs_warmstart::catalogue::Code;
//! use ecs_warmstart::diagnose::{Evidence, diagnose};
//! use ecs_warmstart::observation::{StopCode, StopInfo, TaskObservation, TaskStatus};
//!
//! let arn = "arn:aws:ecs:us-east-2:111122223333:task/web/1".parse()?;
//! let mut task = TaskObservation::new(arn, TaskStatus::Stopped);
//! task.stop = Some(StopInfo {
//!     code: Some(StopCode::TaskFailedToStart),
//!     reason: "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not \
//!              contain descriptor matching platform 'linux/amd64'"
//!         .to_owned(),
//! });
//! let why = diagnose(&Evidence { task: Some(task), ..Evidence::default() });
//! assert_eq!(why.root().code, Code::ImagePlatformMismatch);
//! assert!(why.root().remedy.contains("docker buildx build --platform linux/amd64"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attribution;
mod calls;
mod draft;
mod events;
mod evidence;
mod exits;
mod finding;
mod from_facts;
mod health;
mod health_command;
mod images;
mod lines;
mod listens;
mod logs;
mod patterns;
mod presence;
mod rank;
mod reads;
mod record;
mod refine;
mod siblings;
mod stops;
mod targets;
mod words;

pub(crate) use draft::printable;
pub use evidence::{
    ContainerSettings, DefinitionEvidence, DeploymentEvidence, EcsServiceEvidence, Evidence, FailedRead,
    HealthCheckSettings, ImageEvidence, LogLine, Refusal, ServiceEvent, TargetEvidence,
};
pub use finding::{Diagnosis, Finding, Link};
pub use rank::diagnose;
pub use record::{FlightRecord, InvalidRecord, RECORD_VERSION, Subject};
