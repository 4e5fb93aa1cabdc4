//! The two streams. Colours are taken out where they are not wanted.

use std::io::{self, ErrorKind, Write};

use crate::error::Error;

/// Whether somebody reads what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    There,
    /// A broken pipe.
    Gone,
}

/// Writes a result. Nobody reading any more is a graceful end: what was done counts, not who saw it. Who goes on writing has to
/// look at the answer.
pub(crate) fn stdout(text: &str) -> Result<Reader, Error> {
    let mut stdout = anstream::stdout().lock();
    reader(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())).map_err(Error::Output)
}

/// Writes for whoever watches. Where that fails there is nobody left to tell.
pub(crate) fn stderr(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

fn reader(written: io::Result<()>) -> io::Result<Reader> {
    match written {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(error),
    }
}
