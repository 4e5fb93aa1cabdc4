//! The command `ecs-warmstart`: its exit codes, for programs that call it. Everything else is the library's.
//!
//! Results go to stdout; progress, questions, logs and errors go to stderr.

mod args;
mod backend;
mod changes;
mod commands;
mod confirm;
mod error;
pub mod exit;
mod flight;
mod logging;
mod output;
mod run;
mod select;
mod signals;

use std::process::ExitCode;

use clap::Parser;

/// Reads the command line, does what it says, and tells how it ended.
pub fn main() -> ExitCode {
    let args = args::Args::parse();
    args.global.color.apply();
    let ended = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run::run(args)),
        Err(error) => Err(error.into()),
    };
    let ending = ended.unwrap_or_else(|error| {
        error.print();
        error.ending()
    });
    ExitCode::from(ending.code())
}
