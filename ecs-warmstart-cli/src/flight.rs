//! The flight record: what was looked at is written to a file, as soon as it is known and once more when the command ends.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ecs_warmstart::clock::{Clock, TokioClock};
use ecs_warmstart::diagnose::{FlightRecord, Subject};
use ecs_warmstart::fleet::{Fleet, Recorder, Service};

use crate::error::Error;

/// How long what can still be read is waited for at the end: whoever is offline waits no longer than that.
const LAST_LOOK: Duration = Duration::from_secs(20);

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
    /// One that is written there. That it can be is tried beforehand: afterwards the evidence would be lost.
    pub(crate) fn to(path: &Path, command: &'static str) -> Result<Self, Error> {
        let refused = |source| Error::RecordBeforehand { path: path.to_owned(), source };
        if path.is_dir() {
            return Err(refused(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let trial = beside(path);
        create(&trial).and_then(|_| fs::remove_file(&trial)).map_err(refused)?;
        let to = path.to_owned();
        let recorder = Recorder::new().with_listener(move |subjects| {
            let now = TokioClock::new().now();
            let record = FlightRecord::new(env!("CARGO_PKG_VERSION"), command, now, subjects.to_vec());
            // What fails now is tried again at the end, and said then.
            drop(replace(&to, &record.to_document()));
        });
        Ok(Self { recorder, aboard: Arc::default() })
    }

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

    /// Writes everything down, with what can still be read. Says whether there was anything to write; where nobody was asked
    /// there is not. Another Ctrl-C ends the reading, and what is known is there already.
    pub(crate) async fn write(&self, path: &Path, command: &str) -> Result<bool, Error> {
        let aboard = self.aboard.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Aboard { fleet, services }) = aboard else { return Ok(false) };
        let record = tokio::select! {
            record = fleet.flight_record(command, &services) => record,
            () = interrupted() => fleet.flight_record(command, &[]).await,
            () = tokio::time::sleep(LAST_LOOK) => fleet.flight_record(command, &[]).await,
        };
        replace(path, &record.to_document())
            .map_err(|source| Error::Record { path: path.to_owned(), source })?;
        Ok(true)
    }
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Writes the whole document or leaves what is there. Nobody else may read it: there are logs in it.
fn replace(path: &Path, document: &str) -> io::Result<()> {
    let next = beside(path);
    let written = create(&next).and_then(|mut file| {
        file.write_all(document.as_bytes())?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&next, path));
    if moved.is_err() {
        drop(fs::remove_file(&next));
    }
    moved
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn create(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
