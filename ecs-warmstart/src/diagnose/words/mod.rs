//! The words of every code: one sentence, one remedy. What stands in braces is filled in from the evidence.

mod before;
mod fill;
mod health;
mod image;
mod running;
mod table;

pub(super) use fill::{fill, repository};
pub(super) use table::of;
