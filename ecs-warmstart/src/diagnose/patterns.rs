//! What applications write when they cannot start: a table of patterns in log lines.
//!
//! A line is matched in lower case. The table holds what the runtimes and drivers print themselves, not what one
//! application might.

use crate::catalogue::Code;
use crate::catalogue::Confidence::{self, High, Medium};

pub(super) struct Pattern {
    /// All of these are in the line, in lower case.
    pub(super) says: &'static [&'static str],
    pub(super) code: Code,
    /// How sure the line alone makes it.
    pub(super) confidence: Confidence,
}

const fn sure(says: &'static [&'static str], code: Code) -> Pattern {
    Pattern { says, code, confidence: High }
}

const fn hint(says: &'static [&'static str], code: Code) -> Pattern {
    Pattern { says, code, confidence: Medium }
}

pub(super) const PATTERNS: &[Pattern] = &[
    sure(&["exec format error"], Code::ImagePlatformMismatch),
    // The process's own heap, whatever the container may have.
    sure(&["java.lang.outofmemoryerror"], Code::HeapExhausted),
    sure(&["javascript heap out of memory"], Code::HeapExhausted),
    sure(&["no space left on device"], Code::DiskFull),
    sure(&["address already in use"], Code::PortInUse),
    sure(&["eaddrinuse"], Code::PortInUse),
    // Credentials before reachability: whoever is refused was reached.
    sure(&["password authentication failed"], Code::DependencyDenied),
    sure(&["access denied for user"], Code::DependencyDenied),
    sure(&["no pg_hba.conf entry"], Code::DependencyDenied),
    sure(&["wrongpass"], Code::DependencyDenied),
    sure(&["noauth authentication required"], Code::DependencyDenied),
    sure(&["is not authorized to perform", "assumed-role"], Code::TaskRoleDenied),
    sure(&["accessdenied", "is not authorized to perform"], Code::TaskRoleDenied),
    hint(&["database not ready"], Code::DependencyUnreachable),
    hint(&["database is not ready"], Code::DependencyUnreachable),
    hint(&["database unavailable"], Code::DependencyUnreachable),
    hint(&["waiting for database"], Code::DependencyUnreachable),
    hint(&["waiting for db"], Code::DependencyUnreachable),
    hint(&["waiting for postgres"], Code::DependencyUnreachable),
    hint(&["waiting for mysql"], Code::DependencyUnreachable),
    hint(&["waiting for redis"], Code::DependencyUnreachable),
    hint(&["database system is starting up"], Code::DependencyUnreachable),
    hint(&["could not connect to server"], Code::DependencyUnreachable),
    hint(&["connection to server at", "failed"], Code::DependencyUnreachable),
    hint(&["can't connect to mysql server"], Code::DependencyUnreachable),
    hint(&["communications link failure"], Code::DependencyUnreachable),
    hint(&["could not translate host name"], Code::DependencyUnreachable),
    hint(&["mongonetworkerror"], Code::DependencyUnreachable),
    hint(&["serverselectiontimeout"], Code::DependencyUnreachable),
    hint(&["redis", "connection refused"], Code::DependencyUnreachable),
    hint(&["sqlstate[hy000] [2002]"], Code::DependencyUnreachable),
    hint(&["econnrefused", ":5432"], Code::DependencyUnreachable),
    hint(&["econnrefused", ":3306"], Code::DependencyUnreachable),
    hint(&["econnrefused", ":6379"], Code::DependencyUnreachable),
    hint(&["econnrefused", ":27017"], Code::DependencyUnreachable),
    hint(&["modulenotfounderror"], Code::ImageIncomplete),
    hint(&["cannot find module"], Code::ImageIncomplete),
    hint(&["err_module_not_found"], Code::ImageIncomplete),
    hint(&["unsupported url type \"workspace:\""], Code::ImageIncomplete),
    hint(&["could not find or load main class"], Code::ImageIncomplete),
    hint(&["error while loading shared libraries"], Code::ImageIncomplete),
    hint(&["keyerror: '"], Code::EnvironmentMissing),
    hint(&["environment variable", "not set"], Code::EnvironmentMissing),
    hint(&["environment variable", "is required"], Code::EnvironmentMissing),
    hint(&["missing required environment variable"], Code::EnvironmentMissing),
    hint(&["environment variable", "must be set"], Code::EnvironmentMissing),
];

/// What a server prints once it serves.
pub(super) const READY: &[&str] = &[
    "listening on",
    "listening at",
    "application startup complete",
    "database is ready",
    "ready to accept connections",
    "ready for start up",
    "server started",
    "server is running",
    "running on http",
    "started application in",
    "tomcat started on port",
];

/// What a line of an error begins with or holds, for the quote beside an exit code.
pub(super) const ERRORS: &[&str] = &["traceback", "panic", "fatal", "error", "exception", "failed"];
