//! What is written where: results to stdout, everything else to stderr.

pub(crate) mod checked;
pub(crate) mod deployed;
pub(crate) mod diagnosis;
pub(crate) mod image;
pub(crate) mod json;
mod progress;
#[cfg(test)]
pub(crate) mod samples;
mod streams;
pub(crate) mod text;
pub(crate) mod verified;

pub(crate) use progress::Progress;
pub(crate) use streams::{Reader, stderr, stdout};
