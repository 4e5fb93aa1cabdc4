//! The process of the emulator.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::http::post;
use super::install::{Installed, install};

/// The variable that leaves out every test on an emulator where it is `off`.
pub const SWITCH: &str = "WARMSTART_EMULATOR";

/// How long the server may take to listen: two seconds on an idle machine, many more on a busy one.
const START_PATIENCE: Duration = Duration::from_secs(120);

/// How many of the last lines that the server wrote a failure shows.
const LINES_KEPT: usize = 40;

/// A server of moto on a free port of 127.0.0.1. It ends when this is dropped, or when the process ends, however it ends.
#[derive(Debug)]
pub struct Moto {
    endpoint: String,
    calls: PathBuf,
    /// Its standard input is open as long as this process lives: the server ends with it.
    child: Child,
}

impl Moto {
    /// Starts a server of its own; none where [`SWITCH`] is `off`, which is then said on standard error.
    ///
    /// The first start on a machine installs moto with pip, which takes a minute and a network.
    ///
    /// # Panics
    ///
    /// Where it cannot be installed or does not start. The message says how to leave such tests out.
    pub fn start() -> Option<Self> {
        if std::env::var_os(SWITCH).is_some_and(|value| value == "off") {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test").to_owned();
            // Not by a macro: what a macro prints is hidden for a test that passes.
            let _ = writeln!(std::io::stderr(), "{test}: left out, because {SWITCH} is off");
            return None;
        }
        match install().and_then(|installed| Self::spawn(&installed)) {
            Ok(moto) => Some(moto),
            Err(why) => panic!(
                "this test needs moto, an emulator of AWS, and it is not there: {why}\nIt takes python3 with venv and pip. \
                 To leave such tests out, set {SWITCH}=off."
            ),
        }
    }

    /// The one server that the tests of this process share. Names have to be unique among them.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Moto>> = OnceLock::new();
        let shared = SHARED.get_or_init(Self::start).as_ref();
        if shared.is_none() {
            // The first test alone would have said so.
            Self::start();
        }
        shared
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The environment by which an AWS client finds it, and nothing else.
    pub fn environment(&self) -> [(&'static str, &str); 6] {
        [
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_REGION", super::REGION),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
        ]
    }

    /// Every call since the start by its action (`RunTask`, ...), in order, those of the seeding included.
    pub fn calls(&self) -> Vec<String> {
        // Without a call there is no file.
        let text = std::fs::read_to_string(&self.calls).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn spawn(installed: &Installed) -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let calls = installed.directory.join(format!("calls-{}-{number}", std::process::id()));
        // A process of the same id may have left one, long ago.
        let _ = std::fs::remove_file(&calls);
        let mut child = Command::new(&installed.python)
            .arg("-u")
            .arg(&installed.runner)
            .env("WARMSTART_CALLS", &calls)
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
        let mut moto = Self { endpoint: String::new(), calls, child };
        moto.endpoint = await_endpoint(&listening, &said)?;
        moto.keep_tasks_running()?;
        Ok(moto)
    }

    /// Without this every look at a task would take it on towards STOPPED.
    fn keep_tasks_running(&self) -> Result<(), String> {
        let transition = r#"{"model_name":"ecs::task","transition":{"progression":"time","seconds":3600}}"#;
        let headers = [("Content-Type", "application/json")];
        let answer = post(&self.endpoint, "/moto-api/state-manager/set-transition", &headers, transition)
            .map_err(|error| format!("moto does not answer: {error}"))?;
        if answer.status == 201 || answer.status == 200 {
            Ok(())
        } else {
            Err(format!("moto refuses a transition, {}: {}", answer.status, answer.body))
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.calls);
    }
}

fn await_endpoint(listening: &Receiver<String>, said: &Said) -> Result<String, String> {
    listening.recv_timeout(START_PATIENCE).map_err(|error| match error {
        RecvTimeoutError::Timeout => {
            format!("moto does not listen after {START_PATIENCE:?}:\n{}", said.text())
        }
        RecvTimeoutError::Disconnected => format!("moto ended:\n{}", said.text()),
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
