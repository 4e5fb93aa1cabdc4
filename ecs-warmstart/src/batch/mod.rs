//! Many callers, few calls: [`Coalescing`] wraps the ports and merges what is asked at the same time.
//!
//! Reads of tasks go in chunks of 100 per cluster, reads of targets in one call per group, registrations in chunks of 200
//! per group; who asks for the same definition shares one call. Nothing is cached: every answer is from a call that was
//! begun after it was asked for. `RunTask` is not merged: a call launches one task by the token of its slot.

mod changes;
mod coalescing;
mod inspects;
mod merger;
mod queue;
mod reads;
#[cfg(test)]
mod tests;

pub use coalescing::{BatchSettings, Coalescing};
