//! Start ECS tasks that no ECS service runs, wait until they truly serve, and only then put them into load balancer
//! target groups. What cannot get there is undone, and the reason is said.
//!
//! - [`driver::WarmStart`] drives one task from its launch to ready targets, in one go or piece by piece.
//! - [`fleet::Fleet`] brings many services to their count: two callers at once, or a call after one that was killed, end
//!   with the same tasks.
//! - [`machine`] is what decides: a pure function from state and input to the next effect.
//! - [`preflight`] says what is wrong before anything is launched; [`image`] reads what people write for images.
//! - [`ports`] are the four traits to a cloud. With the feature `aws` (default) `aws::Aws` implements them on the AWS SDK;
//!   [`memory::InMemory`] is a simulated cloud with AWS's awkward truths, for your tests.
//!
//! # One task
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use ecs_warmstart::clock::TokioClock;
//! use ecs_warmstart::driver::WarmStart;
//! use ecs_warmstart::memory::{InMemory, SAMPLE_SERVICES};
//! use ecs_warmstart::spec::{Binding, Spec};
//!
//! // Instead of the simulated cloud: `let aws = ecs_warmstart::aws::connect(&Default::default()).await?;`
//! let clock = Arc::new(TokioClock::new());
//! let cloud = InMemory::sample(clock.clone());
//!
//! let auth = &SAMPLE_SERVICES[0];
//! let spec = Spec::builder(auth.name.parse()?, "event-4711".parse()?, auth.request()?)
//!     .binding(Binding::new(auth.target_group.parse()?, auth.port))
//!     .build()?;
//!
//! let warm_start = WarmStart::new(cloud.clone(), cloud.clone(), cloud.clone()).with_clock(clock);
//! let ready = warm_start.run(spec).await?;
//! assert_eq!(cloud.registered(), ready.targets);
//! # Ok(())
//! # }
//! ```
//!
//! # A test of your own starter
//!
//! The simulated cloud follows tokio's paused time: minutes pass in milliseconds, and the same seed gives the same world.
//!
//! ```
//! # use std::sync::Arc;
//! # use ecs_warmstart::{clock::TokioClock, driver::Cancel, fleet::*, memory::*, ports::Ports};
//! #[tokio::test(start_paused = true)]
//! async fn a_service_whose_image_is_for_another_platform_leaves_nothing_behind() {
//! # }
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//!     let clock = Arc::new(TokioClock::new());
//!     let cloud = InMemory::sample(clock.clone());
//!     cloud.behave("authapi-task-def", &Behaviour::stops(Stop::wrong_platform()));
//!
//!     let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(clock);
//!     let report = fleet.up(&sample_services(), &UpOptions::default(), &Cancel::new()).await;
//!
//!     assert_eq!(report.summary.failed, 1);
//!     assert_eq!(report.services[0].outcome, RunOutcome::Undone);
//!     assert_eq!(cloud.running_tasks().len(), 4);
//! }
//! ```
//!
//! # Features
//!
//! - `aws` (default): the ports on the AWS SDK. Without it the crate depends on no `aws-` crate.
//! - `ecr`, `logs`: what Amazon ECR says of images and CloudWatch Logs of logs, for checks before a launch and causes
//!   after one. `registry`: other registries.
//! - `test-util`: the conformance suite for implementations of the ports, fault injection, a clock moved by hand. Not a
//!   stable API.

pub mod address;
#[cfg(feature = "aws")]
pub mod aws;
pub mod batch;
pub mod catalogue;
pub mod clock;
pub mod config;
pub mod diagnose;
pub mod driver;
pub mod error;
pub mod facts;
pub mod fleet;
pub mod ids;
pub mod image;
pub mod limit;
pub mod machine;
pub mod memory;
pub mod observation;
pub mod overrides;
pub mod policy;
pub mod ports;
pub mod preflight;
pub mod quota;
pub mod reconcile;
#[cfg(feature = "registry")]
pub mod registry;
pub mod rollout;
pub mod spec;
pub mod started_by;
#[cfg(any(test, feature = "test-util"))]
pub mod testing;
pub mod time;

#[cfg(all(doctest, feature = "aws"))]
#[doc = include_str!("../../README.md")]
struct Readme;
