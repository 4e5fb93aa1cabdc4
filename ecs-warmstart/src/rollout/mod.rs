//! Whether an ECS service has come to run what it should: stable, healthy, and of the image that was meant. Pure.
//!
//! "Stable" alone says nothing of targets, and nothing of a circuit breaker that has gone back: whoever waits for it reports
//! both as a success.

mod judge;
#[cfg(test)]
mod tests;
mod way_back;

pub use judge::{Failed, Goal, SeenTarget, SeenTask, Standing, judge};
pub use way_back::{WayBack, way_back};
