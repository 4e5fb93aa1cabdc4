//! What applications write when they cannot start: a table of patterns in log lines.
//!
//! A line is matched in lower case. The table holds what the runtimes and drivers print themselves, not what one
//! application might.

use crate::catalogue::Code;

/// A line alone is never sure: an application may write it of something that it then does without.
pub(super) struct Pattern {
    /// All of these are in the line, in lower case.
    pub(super) says: &'static [&'static str],
    pub(super) code: Code,
    /// And this is so of the line as it was written.
    and: fn(&str) -> bool,
}

const fn pattern(says: &'static [&'static str], code: Code) -> Pattern {
    Pattern { says, code, and: |_| true }
}

/// What the line says, where it is one of them.
pub(super) fn known(message: &str) -> Option<&'static Pattern> {
    let said = message.to_lowercase();
    PATTERNS
        .iter()
        .find(|pattern| pattern.says.iter().all(|part| said.contains(part)) && (pattern.and)(message))
}

/// A dictionary misses keys as well; the environment has names in capitals.
fn misses_variable(message: &str) -> bool {
    let name = message.split_once("KeyError: '").and_then(|(_, rest)| rest.split_once('\''));
    name.is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

const PATTERNS: &[Pattern] = &[
    pattern(&["exec format error"], Code::ImagePlatformMismatch),
    // The process's own heap, whatever the container may have.
    pattern(&["java.lang.outofmemoryerror"], Code::HeapExhausted),
    pattern(&["javascript heap out of memory"], Code::HeapExhausted),
    pattern(&["no space left on device"], Code::DiskFull),
    pattern(&["address already in use"], Code::PortInUse),
    pattern(&["eaddrinuse"], Code::PortInUse),
    // Credentials before reachability: whoever is refused was reached.
    pattern(&["password authentication failed"], Code::DependencyDenied),
    pattern(&["access denied for user"], Code::DependencyDenied),
    pattern(&["no pg_hba.conf entry"], Code::DependencyDenied),
    pattern(&["wrongpass"], Code::DependencyDenied),
    pattern(&["noauth authentication required"], Code::DependencyDenied),
    pattern(&["is not authorized to perform", "assumed-role"], Code::TaskRoleDenied),
    pattern(&["accessdenied", "is not authorized to perform"], Code::TaskRoleDenied),
    pattern(&["database not ready"], Code::DependencyUnreachable),
    pattern(&["database is not ready"], Code::DependencyUnreachable),
    pattern(&["database unavailable"], Code::DependencyUnreachable),
    pattern(&["waiting for database"], Code::DependencyUnreachable),
    pattern(&["waiting for db"], Code::DependencyUnreachable),
    pattern(&["waiting for postgres"], Code::DependencyUnreachable),
    pattern(&["waiting for mysql"], Code::DependencyUnreachable),
    pattern(&["waiting for redis"], Code::DependencyUnreachable),
    pattern(&["database system is starting up"], Code::DependencyUnreachable),
    pattern(&["could not connect to server"], Code::DependencyUnreachable),
    pattern(&["connection to server at", "failed"], Code::DependencyUnreachable),
    pattern(&["can't connect to mysql server"], Code::DependencyUnreachable),
    pattern(&["communications link failure"], Code::DependencyUnreachable),
    pattern(&["could not translate host name"], Code::DependencyUnreachable),
    pattern(&["mongonetworkerror"], Code::DependencyUnreachable),
    pattern(&["serverselectiontimeout"], Code::DependencyUnreachable),
    pattern(&["redis", "connection refused"], Code::DependencyUnreachable),
    pattern(&["sqlstate[hy000] [2002]"], Code::DependencyUnreachable),
    pattern(&["econnrefused", ":5432"], Code::DependencyUnreachable),
    pattern(&["econnrefused", ":3306"], Code::DependencyUnreachable),
    pattern(&["econnrefused", ":6379"], Code::DependencyUnreachable),
    pattern(&["econnrefused", ":27017"], Code::DependencyUnreachable),
    pattern(&["modulenotfounderror"], Code::ImageIncomplete),
    pattern(&["cannot find module"], Code::ImageIncomplete),
    pattern(&["err_module_not_found"], Code::ImageIncomplete),
    pattern(&["unsupported url type \"workspace:\""], Code::ImageIncomplete),
    pattern(&["could not find or load main class"], Code::ImageIncomplete),
    pattern(&["error while loading shared libraries"], Code::ImageIncomplete),
    Pattern { says: &["keyerror: '"], code: Code::EnvironmentMissing, and: misses_variable },
    pattern(&["environment variable", "not set"], Code::EnvironmentMissing),
    pattern(&["environment variable", "is required"], Code::EnvironmentMissing),
    pattern(&["missing required environment variable"], Code::EnvironmentMissing),
    pattern(&["environment variable", "must be set"], Code::EnvironmentMissing),
];

/// What a line says that tells of something the application does without.
pub(super) const GOES_ON: &[&str] = &[
    "skipped",
    "skipping",
    "falling back",
    "using fallback",
    "continuing without",
    "continuing anyway",
    "continuing with",
    "will continue",
    "proceeding without",
    "proceeding anyway",
    "ignoring",
    "ignored",
    "non-fatal",
    "not fatal",
    "using default",
    "defaulting to",
    "disabling",
];

/// What a line says of something that is tried again.
pub(super) const RETRIES: &[&str] =
    &["retrying", "will retry", "trying again", "try again in", "trying another", "reconnecting"];

/// What is printed when a program ends because of what was printed before: no error of its own.
pub(super) const ENDINGS: &[&str] = &[
    "npm error code",
    "npm error command",
    "npm error lifecycle script",
    "npm error path",
    "npm error workspace",
    "npm error a complete log",
    "npm err! failed at the",
    "command failed with exit code",
    "process exited with code",
    "worker (pid:",
    "shutting down: master",
    "worker failed to boot",
    "exception in worker process",
    "application startup failed. exiting",
    "application run failed",
    "emitted 'error' event",
    "background on this error at",
];

/// What the traceback of a missing variable holds.
pub(super) const ENVIRON: &[&str] = &["environ", "<frozen os>", "/os.py"];

/// What a server prints once it serves.
pub(super) const READY: &[&str] = &[
    "listening on",
    "listening at",
    "application startup complete",
    "ready to accept connections",
    "ready for start up",
    "server started",
    "server is running",
    "running on http",
    "started application in",
    "tomcat started on port",
];

/// What an entry point prints once what it waited for is there.
pub(super) const DEPENDENCY_READY: &[&str] =
    &["database is ready", "database ready", "postgres is ready", "mysql is ready", "redis is ready"];

/// What a worker prints that has nothing to do: it is at work.
pub(super) const IDLE: &[&str] =
    &["message", "request", "connection", "job", "task", "event", "work", "client", "signal"];

/// A listener that is not the one that is asked.
pub(super) const ASIDE: &[&str] = &["metrics", "admin", "debug", "management", "prometheus", "connect"];

/// What a shell says of a program that is not there, and of one that it may not run.
pub(super) const MISSING: &[&str] = &["not found", "no such file"];
pub(super) const FORBIDDEN: &[&str] = &["permission denied", "cannot execute"];

/// What a line of an error begins with or holds: quoted beside an exit code, and a doubt about an error before it.
pub(super) const ERRORS: &[&str] = &["traceback", "panic", "fatal", "error", "exception", "failed"];
