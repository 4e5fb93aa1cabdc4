//! The two streams. Colours are taken out where they are not wanted.

use std::io::{self, ErrorKind, Write};

use crate::error::Error;

/// Writes a result. Nobody reading any more (a broken pipe) is a graceful end: what was done counts, not who saw it.
pub(crate) fn stdout(text: &str) -> Result<(), Error> {
    let mut stdout = anstream::stdout().lock();
    match graceful(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())) {
        Ok(()) => Ok(()),
        Err(error) => Err(Error::Output(error)),
    }
}

/// Writes for whoever watches. Where that fails there is nobody left to tell.
pub(crate) fn stderr(text: &str) {
    let mut stderr = anstream::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

fn graceful(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
