//! `-v`: what the library and the SDK say of themselves, on stderr.

use std::io;

use anstream::{AutoStream, ColorChoice};
use tracing_subscriber::EnvFilter;

/// Begins to log where `-v` is given. The log takes the place of progress, so that one thing writes to stderr.
pub(crate) fn init(verbose: u8) {
    let filter = match verbose {
        0 => return,
        1 => "ecs_warmstart=info,warn",
        2 => "ecs_warmstart=debug,info",
        _ => "ecs_warmstart=trace,debug",
    };
    let ansi = match AutoStream::choice(&io::stderr()) {
        ColorChoice::Never => false,
        ColorChoice::Auto | ColorChoice::AlwaysAnsi | ColorChoice::Always => true,
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(io::stderr)
        .with_ansi(ansi)
        .init();
}
