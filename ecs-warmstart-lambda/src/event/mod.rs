//! What comes in: the events of EventBridge, direct calls, and the envelopes around them.

mod detail;
mod origin;
mod parse;
mod task_change;

pub use detail::{StartDetail, StopDetail};
pub use origin::Origin;
pub(crate) use parse::silent;
pub use parse::{Call, Event, Message, Request, parse};
