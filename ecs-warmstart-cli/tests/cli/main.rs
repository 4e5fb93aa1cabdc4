//! The command as it is run.

mod bad_input;
mod checks;
mod common;
mod deploy;
mod diagnose;
mod help;
mod memory;
mod moto;
mod readme;
#[cfg(unix)]
mod signals;
