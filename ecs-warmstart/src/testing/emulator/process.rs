//! The process of an emulator.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::{Installed, Venv};

/// How long a server may take to listen: two seconds on an idle machine, many more on a busy one.
const START_PATIENCE: Duration = Duration::from_secs(120);

/// How many of the last lines that a server wrote a failure shows.
const LINES_KEPT: usize = 40;

/// One call that an emulator was asked for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Note {
    /// `RunTask`, `RegisterTargets`, ...
    pub action: String,
    /// By whose access key it was signed.
    pub access_key: String,
    /// What it said: JSON as it came, or a form's fields.
    pub parameters: Value,
}

/// What is started.
#[derive(Debug)]
pub(in super::super) struct Program<'a> {
    pub(in super::super) venv: &'a Venv,
    pub(in super::super) environment: &'a [(&'a str, &'a str)],
}

/// A server on a free port of 127.0.0.1. It ends when this is dropped, or when this process ends, however it ends.
#[derive(Debug)]
pub(in super::super) struct Process {
    endpoint: String,
    directory: PathBuf,
    said: Said,
    /// Its standard input is open as long as this process lives: the server ends with it.
    child: Child,
}

impl Process {
    /// Installs it where that is needed, starts it, and waits until it listens.
    pub(in super::super) fn start(program: &Program<'_>) -> Result<Self, String> {
        Self::spawn(&program.venv.install()?, program.environment)
    }

    fn spawn(installed: &Installed, environment: &[(&str, &str)]) -> Result<Self, String> {
        let directory = directory_of_its_own(installed)?;
        let mut child = Command::new(&installed.python)
            .arg("-u")
            .arg(&installed.runner)
            .env("WARMSTART_CALLS", directory.join("calls"))
            .env("TMPDIR", &directory)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", installed.python.display()))?;
        let said = Said::default();
        let (sender, listening) = channel();
        if let Some(stderr) = child.stderr.take() {
            let said = said.clone();
            std::thread::spawn(move || said.read(BufReader::new(stderr), &sender));
        }
        // From here on a failure drops it, and so stops it.
        let mut process = Self { endpoint: String::new(), directory, said, child };
        process.endpoint = await_endpoint(&listening, &process.said)?;
        Ok(process)
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub(in super::super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Every call since the start, in order.
    pub(in super::super) fn notes(&self) -> Vec<Note> {
        // Without a call there is no file.
        let text = std::fs::read_to_string(self.directory.join("calls")).unwrap_or_default();
        text.lines().map(note).collect()
    }

    /// The last lines that it wrote.
    pub(in super::super) fn said(&self) -> String {
        self.said.text()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its input ends it, with what it started itself. It may have ended before.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A directory for its notes and whatever it stores, made anew.
fn directory_of_its_own(installed: &Installed) -> Result<PathBuf, String> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let directory = installed.directory.join(format!("run-{}-{number}", std::process::id()));
    // A process of the same id may have left one, long ago.
    let _ = std::fs::remove_dir_all(&directory);
    make(&directory)?;
    Ok(directory)
}

fn make(directory: &Path) -> Result<(), String> {
    std::fs::create_dir_all(directory)
        .map_err(|error| format!("cannot make {}: {error}", directory.display()))
}

fn note(line: &str) -> Note {
    let read: Value = serde_json::from_str(line).unwrap_or_default();
    let text = |name: &str| read[name].as_str().unwrap_or_default().to_owned();
    Note { action: text("action"), access_key: text("access_key"), parameters: read["parameters"].clone() }
}

fn await_endpoint(listening: &Receiver<String>, said: &Said) -> Result<String, String> {
    listening.recv_timeout(START_PATIENCE).map_err(|error| match error {
        RecvTimeoutError::Timeout => {
            format!("it does not listen after {START_PATIENCE:?}:\n{}", said.text())
        }
        RecvTimeoutError::Disconnected => format!("it ended:\n{}", said.text()),
    })
}

/// The last lines that the server wrote. It writes one for every request, so somebody has to read them.
#[derive(Clone, Debug, Default)]
struct Said {
    lines: Arc<Mutex<VecDeque<String>>>,
}

impl Said {
    fn read(&self, output: impl BufRead, listening: &Sender<String>) {
        for line in output.lines().map_while(Result::ok) {
            if let Some(at) = line.find("Running on http://") {
                let url = &line[at + "Running on ".len()..];
                let url: String = url.chars().take_while(|c| c.is_ascii_graphic()).collect();
                // Nobody waits any more: then nobody needs it.
                let _ = listening.send(url);
            }
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == LINES_KEPT {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    }

    fn text(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("  {line}\n")).collect()
    }
}
