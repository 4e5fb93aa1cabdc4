//! The flight record: what was looked at is written to a file when the command ends, however it ends.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ecs_warmstart::diagnose::Subject;
use ecs_warmstart::fleet::{Fleet, Recorder, Service};

use crate::error::Error;

/// What this call of the command works on. Clones are handles on the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flight {
    recorder: Recorder,
    aboard: Arc<Mutex<Option<Aboard>>>,
}

/// What is looked at when the record is written.
#[derive(Debug)]
struct Aboard {
    fleet: Fleet,
    services: Vec<Service>,
}

impl Flight {
    /// The fleet with the recorder on.
    pub(crate) fn board(&self, fleet: Fleet, services: &[Service]) -> Fleet {
        let fleet = fleet.with_recorder(self.recorder.clone());
        let aboard = Aboard { fleet: fleet.clone(), services: services.to_vec() };
        *self.aboard.lock().unwrap_or_else(PoisonError::into_inner) = Some(aboard);
        fleet
    }

    /// Keeps what was looked at: that is all there is to write.
    pub(crate) fn keep(&self, subjects: &[Subject]) {
        if let Some(aboard) = self.aboard.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            aboard.services.clear();
        }
        subjects.iter().cloned().for_each(|subject| self.recorder.keep(subject));
    }

    /// Writes everything down. Where nothing was connected there is nothing to write.
    pub(crate) async fn write(&self, path: &Path, command: &str) -> Result<(), Error> {
        let aboard = self.aboard.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Aboard { fleet, services }) = aboard else { return Ok(()) };
        let record = fleet.flight_record(command, &services).await;
        std::fs::write(path, record.to_document())
            .map_err(|source| Error::Record { path: path.to_owned(), source })
    }
}
