//! The server, and the tools that stand beside it.

use std::process::Command;

use super::super::emulator::{Note, Process, Program, Venv, is_left_out, needed};
use super::super::moto::{ACCOUNT, Moto, REGION};

const MINISTACK: Venv = Venv {
    name: "ministack-1.5.33",
    requirements: include_str!("requirements.txt"),
    runner: include_str!("run.py"),
};

/// A server of ministack on a free port of 127.0.0.1, whose functions find ECS and ELBv2 at moto. It ends when this is
/// dropped, or when the process ends, however it ends, and the functions that it runs end with it.
#[derive(Debug)]
pub struct Ministack {
    process: Process,
}

impl Ministack {
    /// Starts a server of its own; none where [`SWITCH`](super::super::moto::SWITCH) is `off`, which is then said on
    /// standard error.
    ///
    /// The first start on a machine installs ministack with pip, which takes a minute and a network.
    ///
    /// # Panics
    ///
    /// Where it cannot be installed or does not start. The message says how to leave such tests out.
    pub fn start(moto: &Moto) -> Option<Self> {
        if is_left_out() {
            return None;
        }
        let environment = [
            ("AWS_ENDPOINT_URL_ECS", moto.endpoint()),
            ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", moto.endpoint()),
            ("MINISTACK_ACCOUNT_ID", ACCOUNT),
            ("MINISTACK_REGION", REGION),
        ];
        let started = Process::start(&Program { venv: &MINISTACK, environment: &environment });
        Some(Self { process: needed("ministack, an emulator of AWS", started) })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        self.process.endpoint()
    }

    /// The environment by which an AWS client finds it, and nothing else.
    pub fn environment(&self) -> [(&'static str, &str); 6] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_CONFIG_FILE", "/dev/null"),
        ]
    }

    /// Every call since the start, with who asked and for what; of the services that have no actions on the wire, method
    /// and path.
    pub fn notes(&self) -> Vec<Note> {
        self.process.notes()
    }

    /// The last lines that it wrote, those of the functions among them.
    pub fn said(&self) -> String {
        self.process.said()
    }
}

/// A program of the environment that ministack is installed in: `aws`, `cfn-lint`, `parliament`, `python`. None where the
/// emulators are left out.
///
/// # Panics
///
/// Where it cannot be installed.
pub fn tool(name: &str) -> Option<Command> {
    if is_left_out() {
        return None;
    }
    let installed = needed("the tools for templates", MINISTACK.install());
    Some(Command::new(installed.python.with_file_name(name)))
}
