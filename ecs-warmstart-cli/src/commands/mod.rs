//! The commands, a file each: its options, and what it does.

mod check;
mod deploy;
mod diagnose;
mod down;
mod image;
mod schema;
mod shared;
mod status;
mod up;
mod verify;

pub(crate) use check::Check;
pub(crate) use deploy::Deploy;
pub(crate) use diagnose::Diagnose;
pub(crate) use down::Down;
pub(crate) use image::Image;
pub(crate) use schema::Schema;
pub(crate) use status::Status;
pub(crate) use up::Up;
pub(crate) use verify::Verify;
