//! The server.

use std::sync::OnceLock;

use super::super::emulator::{Note, Process, Program, Request, Venv, is_left_out, needed, send};

const MOTO: Venv = Venv {
    name: "moto-5.2.5",
    requirements: include_str!("requirements.txt"),
    runner: include_str!("run.py"),
};

/// A server of moto on a free port of 127.0.0.1. It ends when this is dropped, or when the process ends, however it ends.
#[derive(Debug)]
pub struct Moto {
    process: Process,
}

impl Moto {
    /// Starts a server of its own; none where [`SWITCH`](super::SWITCH) is `off`, which is then said on standard error.
    ///
    /// The first start on a machine installs moto with pip, which takes a minute and a network.
    ///
    /// # Panics
    ///
    /// Where it cannot be installed or does not start. The message says how to leave such tests out.
    pub fn start() -> Option<Self> {
        if is_left_out() {
            return None;
        }
        let started = Process::start(&Program { venv: &MOTO, environment: &[] });
        let moto = Self { process: needed("moto, an emulator of AWS", started) };
        needed("moto, an emulator of AWS", moto.keep_tasks_running());
        Some(moto)
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
        self.process.endpoint()
    }

    /// The environment by which an AWS client finds it, and nothing else.
    pub fn environment(&self) -> [(&'static str, &str); 6] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_REGION", super::REGION),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
        ]
    }

    /// Every call since the start by its action (`RunTask`, ...), in order, those of the seeding included.
    pub fn calls(&self) -> Vec<String> {
        self.notes().into_iter().map(|note| note.action).collect()
    }

    /// Every call since the start, with who asked and for what.
    pub fn notes(&self) -> Vec<Note> {
        self.process.notes()
    }

    /// Without this every look at a task would take it on towards STOPPED.
    fn keep_tasks_running(&self) -> Result<(), String> {
        let transition = r#"{"model_name":"ecs::task","transition":{"progression":"time","seconds":3600}}"#;
        let request = Request {
            method: "POST",
            path: "/moto-api/state-manager/set-transition",
            headers: &[("Content-Type", "application/json")],
            body: transition,
        };
        let answer =
            send(self.endpoint(), &request).map_err(|error| format!("it does not answer: {error}"))?;
        if answer.status == 201 || answer.status == 200 {
            Ok(())
        } else {
            Err(format!("it refuses a transition, {}: {}", answer.status, answer.body))
        }
    }
}
