//! Where states are saved, so that another process can go on with them.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::machine::{Drain, State};

/// Saves states.
#[async_trait]
pub trait Checkpoint: Debug + Send + Sync + 'static {
    /// Saves the state of its run, over the one saved before. Called before every effect, and once at the end.
    ///
    /// # Errors
    ///
    /// Any error ends the driving before the effect is performed: what is not saved is not done.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may or may not have saved; either state can be gone on with.
    async fn save(&self, state: &State) -> Result<(), CheckpointError>;

    /// Saves the state of a drain, in the same way.
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save).
    ///
    /// # Cancel safety
    ///
    /// As [`save`](Self::save).
    async fn save_drain(&self, drain: &Drain) -> Result<(), CheckpointError>;
}

#[async_trait]
impl<T: Checkpoint + ?Sized> Checkpoint for Arc<T> {
    async fn save(&self, state: &State) -> Result<(), CheckpointError> {
        (**self).save(state).await
    }

    async fn save_drain(&self, drain: &Drain) -> Result<(), CheckpointError> {
        (**self).save_drain(drain).await
    }
}

/// A state could not be saved.
#[derive(Debug, thiserror::Error)]
#[error("the state of the run could not be saved")]
pub struct CheckpointError {
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl CheckpointError {
    /// What kept it from being saved.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: source.into() }
    }
}

/// Saves nothing: for runs that end with their process. `up` finds their tasks again by their tokens,
/// `down` by what runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCheckpoint;

#[async_trait]
impl Checkpoint for NoCheckpoint {
    async fn save(&self, _state: &State) -> Result<(), CheckpointError> {
        Ok(())
    }

    async fn save_drain(&self, _drain: &Drain) -> Result<(), CheckpointError> {
        Ok(())
    }
}
