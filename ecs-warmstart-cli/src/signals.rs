//! Ctrl-C and SIGTERM: the first undoes what is not ready, or ends in order; the second leaves everything as it is and names
//! it.

use std::io;
use std::sync::Arc;

use ecs_warmstart::driver::Cancel;
use tokio::task::JoinHandle;

use crate::output::Progress;

/// What the first signal brings about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnSignal {
    /// What is not ready is undone.
    Undo,
    /// What was begun stays as it is, and the same command again goes on.
    End,
}

/// Hands every signal on, until the guard is dropped.
///
/// # Errors
///
/// When the operating system does not let signals be caught.
pub(crate) fn watch(cancel: Cancel, progress: Arc<Progress>, first: OnSignal) -> io::Result<Watch> {
    let mut signals = Signals::new()?;
    let task = tokio::spawn(async move {
        while let Some(name) = signals.next().await {
            let again = cancel.is_cancelled();
            cancel.cancel();
            progress.note(match first {
                _ if again => format!("{name} again: leaving everything as it is"),
                OnSignal::Undo => format!(
                    "{name}: undoing what is not ready; once more leaves everything as it is and names it"
                ),
                OnSignal::End => format!("{name}: ending; the same command again goes on from here"),
            });
        }
    });
    Ok(Watch { task })
}

/// Listens while it lives.
#[derive(Debug)]
pub(crate) struct Watch {
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> Option<&'static str> {
        tokio::select! {
            signal = self.interrupt.recv() => signal.map(|()| "interrupted"),
            signal = self.terminate.recv() => signal.map(|()| "asked to end"),
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Option<&'static str> {
        tokio::signal::ctrl_c().await.ok().map(|()| "interrupted")
    }
}
