//! The Lambda: parses events, drives starts and stops as far as an invocation's time allows, and hands on what is left.
//!
//! Everything that decides is in the library; the contract of the events and answers stands in this package's README.

mod aftermath;
mod allow;
mod answer;
mod concerned;
pub mod event;
pub mod failure;
mod function;
mod handler;
mod logging;
mod metrics;
mod queue;
mod resolve;
mod settings;
mod times;

pub use function::run;
pub use handler::{Handler, Invocation};
pub use queue::Queue;
pub use settings::Settings;
