//! The commands, a file each: its options, and what it does.

mod down;
mod schema;
mod shared;
mod status;
mod up;
mod verify;

pub(crate) use down::Down;
pub(crate) use schema::Schema;
pub(crate) use status::Status;
pub(crate) use up::Up;
pub(crate) use verify::Verify;
