//! What the cloud's words mean: one table of codes, and one of the sentences in which ECS says them.
//!
//! It stands below the machine and below the diagnosis, so that both agree on what is worth another try.

mod code;
mod confidence;
mod rank;
mod sentence;
mod stop;

pub use code::{Code, Lasting, Role, Stage};
pub use confidence::Confidence;
pub use rank::rank;
pub use sentence::{Meaning, read, read_event, read_placement};
pub(crate) use stop::of_task;
pub use stop::{DRAINED_BY_US, STOPPED_BY_US, is_by_us, of_stop, was_told};
