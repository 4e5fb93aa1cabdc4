//! The configuration file: which services there are, and how each is started.
//!
//! TOML, with `${VAR}` and `${VAR:-default}` from the environment inside string values. What is wrong with a file is said
//! for people, all at once: the place, the line, and the nearest known name.

mod build;
mod error;
mod expand;
#[cfg(test)]
mod fallback_tests;
mod file;
mod keys;
mod load;
mod scalar;
#[cfg(test)]
mod tests;

pub use error::{ConfigError, Problem};
pub use load::Config;
