//! Asking runs to end, from outside: first with an undo, then at once.

use std::sync::Arc;

use tokio::sync::watch;

/// A handle by which runs are asked to end. Clones are handles on the same.
///
/// The first [`cancel`](Self::cancel) undoes what is not ready yet; the second leaves everything as it is and names it.
#[derive(Clone, Debug)]
pub struct Cancel {
    level: Arc<watch::Sender<Level>>,
}

/// How urgently runs have been asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Not at all.
    None,
    /// Undo, then end.
    Undo,
    /// End at once, and name what is left.
    Abandon,
}

impl Cancel {
    /// A handle that nobody has used yet.
    pub fn new() -> Self {
        Self { level: Arc::new(watch::Sender::new(Level::None)) }
    }

    /// Asks the runs to undo and end; asked again, to end at once.
    pub fn cancel(&self) {
        self.level.send_modify(|level| {
            *level = match *level {
                Level::None => Level::Undo,
                Level::Undo | Level::Abandon => Level::Abandon,
            }
        });
    }

    /// Whether somebody has asked.
    pub fn is_cancelled(&self) -> bool {
        *self.level.borrow() != Level::None
    }

    /// Waits until somebody asks.
    pub(crate) async fn asked(&self) {
        self.above(Level::None).await;
    }

    pub(crate) fn level(&self) -> Level {
        *self.level.borrow()
    }

    /// Waits until more than `known` is asked for.
    pub(crate) async fn above(&self, known: Level) -> Level {
        let mut receiver = self.level.subscribe();
        let level = receiver.wait_for(|level| *level > known).await.map(|level| *level);
        match level {
            Ok(level) => level,
            // The sender lives in `self`, so this cannot come about; waiting for ever is what nobody asking means.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}
