//! Keeps the calls of a process within a share of AWS's quotas: token buckets, first come, first served.
//!
//! The quotas are the account's, so whoever takes all of them throttles its neighbours and, through AWS's own retries,
//! itself. [`Limits`] says how much of them to take; a [`Limiter`] makes whoever is ahead of it wait. Where AWS throttles all
//! the same, since others are at it too, the rate is halved, and restored as calls succeed.

mod bucket;
mod class;
mod limiter;
mod limits;

pub use class::ApiClass;
pub use limiter::{Limiter, Pass};
pub use limits::Limits;
