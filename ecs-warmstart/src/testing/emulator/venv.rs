//! A Python virtual environment, made once per target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is installed.
#[derive(Debug)]
pub(in super::super) struct Venv {
    /// The name of its directory. Changes with what it is for; whatever else changes is seen by the mark.
    pub(in super::super) name: &'static str,
    /// A requirements file of pip.
    pub(in super::super) requirements: &'static str,
    /// The program that is run in it.
    pub(in super::super) runner: &'static str,
}

/// Where it is, ready to run.
#[derive(Debug)]
pub(in super::super) struct Installed {
    pub(in super::super) python: PathBuf,
    pub(in super::super) runner: PathBuf,
    pub(in super::super) directory: PathBuf,
}

impl Venv {
    /// Installs it, unless it is there. Processes that do so at once wait for the first; what one of them left half made
    /// has no mark, and is made anew.
    pub(in super::super) fn install(&self) -> Result<Installed, String> {
        let emulators = target_directory()?.join("emulators");
        let directory = emulators.join(self.name);
        fs::create_dir_all(&emulators)
            .map_err(|error| format!("cannot make {}: {error}", emulators.display()))?;

        let lock = emulators.join(format!("{}.lock", self.name));
        let lock = File::create(&lock).map_err(|error| format!("cannot make {}: {error}", lock.display()))?;
        // Given back when the file is closed, also by a process that dies.
        lock.lock().map_err(|error| format!("cannot lock {}: {error}", self.name))?;

        let programs = directory.join(if cfg!(windows) { "Scripts" } else { "bin" });
        let installed = Installed {
            python: programs.join(if cfg!(windows) { "python.exe" } else { "python" }),
            runner: directory.join("run.py"),
            directory: directory.clone(),
        };
        let mark = directory.join("installed");
        if fs::read_to_string(&mark).is_ok_and(|found| found == self.requirements) {
            self.write_runner(&installed)?;
            return Ok(installed);
        }
        self.make(&installed)?;
        fs::write(&mark, self.requirements)
            .map_err(|error| format!("cannot write {}: {error}", mark.display()))?;
        Ok(installed)
    }

    fn write_runner(&self, installed: &Installed) -> Result<(), String> {
        let runner = &installed.runner;
        if fs::read_to_string(runner).is_ok_and(|found| found == self.runner) {
            return Ok(());
        }
        fs::write(runner, self.runner).map_err(|error| format!("cannot write {}: {error}", runner.display()))
    }

    fn make(&self, installed: &Installed) -> Result<(), String> {
        let directory = &installed.directory;
        if directory.exists() {
            fs::remove_dir_all(directory)
                .map_err(|error| format!("cannot remove {}: {error}", directory.display()))?;
        }
        let python = if cfg!(windows) { "python" } else { "python3" };
        run(Command::new(python).args(["-m", "venv"]).arg(directory))?;
        let requirements = directory.join("requirements.txt");
        fs::write(&requirements, self.requirements)
            .map_err(|error| format!("cannot write {}: {error}", requirements.display()))?;
        self.write_runner(installed)?;
        run(Command::new(&installed.python)
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "-r"])
            .arg(&requirements))
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let said = format!("{command:?}");
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{said} cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("{said} failed, {}:\n{out}{err}", output.status))
}

/// The target directory of the build: cargo marks it as a cache, and the test's own binary is in it.
fn target_directory() -> Result<PathBuf, String> {
    let binary =
        std::env::current_exe().map_err(|error| format!("this test does not know where it is: {error}"))?;
    binary
        .ancestors()
        .find(|directory| directory.join("CACHEDIR.TAG").exists())
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} is in no target directory of cargo", binary.display()))
}
