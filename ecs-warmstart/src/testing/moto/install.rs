//! A Python virtual environment with moto in it, made once per target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const REQUIREMENTS: &str = include_str!("requirements.txt");
const RUNNER: &str = include_str!("run.py");

/// Changes with the requirements' first line; whatever else changes is seen by the mark.
const NAME: &str = "moto-5.2.5";

/// Where moto is, ready to run.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) python: PathBuf,
    pub(super) runner: PathBuf,
    pub(super) directory: PathBuf,
}

/// Installs moto, unless it is there. Processes that do so at once wait for the first; what one of them left half made
/// has no mark, and is made anew.
pub(super) fn install() -> Result<Installed, String> {
    let emulators = target_directory()?.join("emulators");
    let directory = emulators.join(NAME);
    fs::create_dir_all(&emulators)
        .map_err(|error| format!("cannot make {}: {error}", emulators.display()))?;

    let lock = emulators.join(format!("{NAME}.lock"));
    let lock = File::create(&lock).map_err(|error| format!("cannot make {}: {error}", lock.display()))?;
    // Given back when the file is closed, also by a process that dies.
    lock.lock().map_err(|error| format!("cannot lock {NAME}: {error}"))?;

    let installed = Installed {
        python: directory.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" }),
        runner: directory.join("run.py"),
        directory: directory.clone(),
    };
    let mark = directory.join("installed");
    let wanted = format!("{REQUIREMENTS}{RUNNER}");
    if fs::read_to_string(&mark).is_ok_and(|found| found == wanted) {
        return Ok(installed);
    }
    make(&installed)?;
    fs::write(&mark, wanted).map_err(|error| format!("cannot write {}: {error}", mark.display()))?;
    Ok(installed)
}

fn make(installed: &Installed) -> Result<(), String> {
    let directory = &installed.directory;
    if directory.exists() {
        fs::remove_dir_all(directory)
            .map_err(|error| format!("cannot remove {}: {error}", directory.display()))?;
    }
    let python = if cfg!(windows) { "python" } else { "python3" };
    run(Command::new(python).args(["-m", "venv"]).arg(directory))?;
    let requirements = directory.join("requirements.txt");
    for (path, text) in [(&requirements, REQUIREMENTS), (&installed.runner, RUNNER)] {
        fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    run(Command::new(&installed.python)
        .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "-r"])
        .arg(&requirements))
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
