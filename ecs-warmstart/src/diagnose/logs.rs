//! What the log says: known patterns, an entry point that waits without end, where the application listens.

use std::collections::BTreeMap;
use std::time::Duration;

use super::draft::Draft;
use super::evidence::{Evidence, LogLine};
use super::patterns::{ERRORS, PATTERNS, READY};
use crate::catalogue::Code;
use crate::catalogue::Confidence::{self, High, Low, Medium};
use crate::machine::Cause;
use crate::observation::{HealthStatus, TargetReason, TargetState};

/// That often the same line is no progress.
const WAITS: usize = 3;
/// So many lines are quoted of one kind.
const QUOTED: usize = 2;

pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    // A log of a task that serves has old troubles in it, not the present one.
    if !is_in_trouble(evidence) {
        return Vec::new();
    }
    let mut drafts = known(evidence);
    drafts.extend(waits(evidence, &drafts));
    drafts.extend(listens(evidence));
    drafts
}

/// Whether anything but the log says that something is wrong.
fn is_in_trouble(evidence: &Evidence) -> bool {
    let stops = evidence.task.as_ref().is_none_or(|task| task.is_ending());
    evidence.cause.is_some() || stops || is_unhealthy(evidence)
}

fn is_unhealthy(evidence: &Evidence) -> bool {
    let containers = evidence.containers().iter().any(|it| it.health == HealthStatus::Unhealthy);
    containers || evidence.targets.iter().any(|target| target.seen.state != TargetState::Healthy)
}

fn known(evidence: &Evidence) -> Vec<Draft> {
    let mut drafts: BTreeMap<Code, Draft> = BTreeMap::new();
    for line in &evidence.logs {
        let said = line.message.to_lowercase();
        let found = PATTERNS.iter().find(|pattern| pattern.says.iter().all(|part| said.contains(part)));
        let Some(pattern) = found else { continue };
        if is_over(evidence, line, pattern.code) {
            continue;
        }
        let confidence = corroborated(evidence, pattern.code, pattern.confidence);
        let draft = drafts.remove(&pattern.code).unwrap_or_else(|| {
            Draft::new(pattern.code, confidence)
                .slot("container", &line.container)
                .slot("line", line.message.trim())
        });
        let full = draft.quotes.len() >= QUOTED;
        drafts.insert(pattern.code, if full { draft } else { draft.quote(quote(line)) });
    }
    drafts.into_values().collect()
}

/// A dependency that was waited for and then came is no cause any more.
fn is_over(evidence: &Evidence, line: &LogLine, code: Code) -> bool {
    let after = evidence.logs.iter().skip_while(|other| !std::ptr::eq(*other, line));
    code == Code::DependencyUnreachable && after.skip(1).any(is_ready)
}

/// The log and something else that agrees with it make it sure.
fn corroborated(evidence: &Evidence, code: Code, alone: Confidence) -> Confidence {
    let exited = evidence
        .containers()
        .iter()
        .any(|it| it.exit_code.is_some_and(|code| !matches!(code, 0 | 137 | 143)));
    let waited = matches!(
        evidence.cause,
        Some(Cause::GateNotOpenInTime { .. } | Cause::NotHealthyInTime { .. } | Cause::TargetUnusable { .. })
    );
    let agrees = match code {
        Code::DependencyUnreachable => exited || waited || is_unhealthy(evidence),
        Code::ImageIncomplete | Code::EnvironmentMissing => exited,
        _ => false,
    };
    if agrees { High } else { alone }
}

/// The same words again and again, and none that says that it serves.
fn waits(evidence: &Evidence, known: &[Draft]) -> Option<Draft> {
    let ended =
        evidence.task.as_ref().is_some_and(|task| task.containers.iter().any(|it| it.exit_code.is_some()));
    let dependency = known.iter().any(|draft| draft.code == Code::DependencyUnreachable);
    if ended || dependency || evidence.logs.iter().any(is_ready) {
        return None;
    }
    let mut times: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for line in &evidence.logs {
        let words = without_numbers(&line.message);
        if words.contains("wait") || words.contains("retry") || words.contains("not ready") {
            *times.entry((&line.container, words)).or_default() += 1;
        }
    }
    let ((container, words), _) =
        times.into_iter().filter(|(_, times)| *times >= WAITS).max_by_key(|(_, times)| *times)?;
    let line = evidence
        .logs
        .iter()
        .rfind(|it| it.container == container && without_numbers(&it.message) == words)?;
    Some(
        Draft::new(Code::EntrypointWaits, Medium)
            .quote(quote(line))
            .slot("container", container)
            .slot("line", line.message.trim()),
    )
}

/// Counters and times differ from line to line.
fn without_numbers(message: &str) -> String {
    message.to_lowercase().chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Where the application says that it listens, against where it is asked.
fn listens(evidence: &Evidence) -> Option<Draft> {
    let refused = |reason: &Option<TargetReason>| {
        matches!(reason, Some(TargetReason::FailedHealthChecks | TargetReason::Timeout))
    };
    let target = evidence.targets.iter().find(|target| refused(&target.seen.reason))?;
    let port = target.target.port;
    // A task in awsvpc mode is asked at the container's port itself; elsewhere the host's port is another one.
    let direct = target.target.id.parse::<std::net::IpAddr>().is_ok();
    let (line, host, listened) = evidence.logs.iter().rev().find_map(|line| {
        let (host, port) = listening(&line.message)?;
        Some((line, host, port))
    })?;
    let draft = |code, confidence| {
        Draft::new(code, confidence)
            .quote(quote(line))
            .slot("container", &line.container)
            .slot("listened", listened)
            .slot("port", port)
    };
    if matches!(host.as_str(), "127.0.0.1" | "localhost" | "[::1]") && (listened == port || !direct) {
        Some(draft(Code::ListensOnLoopback, High))
    } else if direct && listened != port {
        let declared =
            evidence.definition.iter().flat_map(|it| &it.containers).any(|it| it.ports.contains(&listened));
        // It may listen on both and name only one.
        Some(draft(Code::ListensOnOtherPort, if declared { Low } else { Medium }))
    } else {
        None
    }
}

/// Host (empty where none is said) and port of a line such as `Listening on http://127.0.0.1:8000`.
fn listening(message: &str) -> Option<(String, u16)> {
    let lower = message.to_lowercase();
    let said = ["listening on", "listening at", "running on", "started on", "running at"];
    let after = said.iter().find_map(|words| lower.split_once(words).map(|(_, after)| after))?;
    let after = after.trim_start_matches([':', ' ']).trim_start_matches("tcp://");
    let after = after.strip_prefix("http://").or_else(|| after.strip_prefix("https://")).unwrap_or(after);
    let after =
        after.strip_prefix("port").map_or(after, |rest| rest.trim_start_matches([' ', ':', '(', 's', ')']));
    let token: String =
        after.chars().take_while(|c| !c.is_whitespace() && !matches!(c, '/' | ',' | '(')).collect();
    match token.rsplit_once(':') {
        Some((host, port)) => Some((host.to_owned(), port.parse().ok()?)),
        None => Some((String::new(), token.trim_end_matches('.').parse().ok()?)),
    }
}

pub(super) fn is_ready(line: &LogLine) -> bool {
    let said = line.message.to_lowercase();
    READY.iter().any(|words| said.contains(words))
}

/// From RUNNING to the first line that says that it serves.
pub(super) fn first_success(evidence: &Evidence) -> Option<(Duration, Option<&LogLine>)> {
    if let Some(observed) = evidence.first_success {
        return Some((observed, None));
    }
    let started = evidence.task.as_ref()?.started_at?;
    // The last one: an entry point may say that its database is there before its application is.
    let line = evidence.logs.iter().rfind(|line| is_ready(line) && line.at.is_some())?;
    Some((line.at?.since(started), Some(line)))
}

/// The last line that looks like an error.
pub(super) fn last_error<'a>(evidence: &'a Evidence, container: &str) -> Option<&'a LogLine> {
    evidence.logs.iter().rfind(|line| {
        let said = line.message.to_lowercase();
        line.container == container && ERRORS.iter().any(|word| said.contains(word))
    })
}

pub(super) fn quote(line: &LogLine) -> String {
    let from =
        if line.container.is_empty() { "log".to_owned() } else { format!("log of {}", line.container) };
    format!("{from}: {}", line.message.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_application_listens() {
        for (line, expected) in [
            ("Listening on http://127.0.0.1:8000", Some(("127.0.0.1", 8000))),
            ("INFO: Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)", Some(("0.0.0.0", 8000))),
            ("Server listening on port 3000", Some(("", 3000))),
            ("Tomcat started on port(s): 8080 (http)", Some(("", 8080))),
            ("listening on :9090", Some(("", 9090))),
            ("Running on http://[::1]:5000", Some(("[::1]", 5000))),
            ("[INFO] Listening at: http://127.0.0.1:8000 (1)", Some(("127.0.0.1", 8000))),
            ("listening on the stars", None),
        ] {
            let found = listening(line);
            let found = found.as_ref().map(|(host, port)| (host.as_str(), *port));
            assert_eq!(found, expected, "{line}");
        }
    }
}
