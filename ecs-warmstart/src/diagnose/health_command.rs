//! What the health check of a container calls: a program that its image lacks, or `localhost` where nobody listens.

use super::draft::Draft;
use super::evidence::{Evidence, HealthCheckSettings};
use super::logs;
use crate::catalogue::Code;
use crate::catalogue::Confidence::{High, Low};
use crate::observation::{ContainerObservation, HealthStatus};

/// What health checks call that slim images lack.
const PROGRAMS: [&str; 8] =
    ["curl", "wget", "mongosh", "mongo", "pg_isready", "redis-cli", "mysqladmin", "nc"];

pub(super) fn rule(
    evidence: &Evidence,
    container: &ContainerObservation,
    check: &HealthCheckSettings,
) -> Vec<Draft> {
    let command = check.command.join(" ");
    let quote = format!("healthCheck of container {}: {command}", container.name);
    let draft = |code, confidence| {
        Draft::new(code, confidence)
            .quote(&quote)
            .slot("container", &container.name)
            .slot("command", &command)
    };
    let mut drafts = Vec::new();
    let image = evidence.settings(&container.name).and_then(|it| it.image.as_deref()).unwrap_or("IMAGE");
    let words: Vec<&str> = command.split(|c: char| !is_of_word(c)).collect();
    if let Some(program) = PROGRAMS.into_iter().find(|program| words.contains(program)) {
        drafts.push(match said_of(evidence, container, |line| lacks(line, program)) {
            Some(said) => draft(Code::HealthCheckProgram, High).slot("program", program).quote(said),
            // The everyday case is a path that answers 404 or 500: nothing is said of the program.
            None => draft(Code::HealthCheckProgram, Low)
                .slot("program", program)
                .saying(format!(
                    "the health check of container {} calls {program}: a slim image may lack it",
                    container.name
                ))
                .remedy(format!("see whether it is there: docker run --rm --entrypoint {program} {image}")),
        });
    } else {
        drafts.extend(missing_by_reason(container).map(|draft| draft.quote(&quote)));
    }
    if command.contains("localhost") {
        let port = port_of(&command);
        let said = said_of(evidence, container, |line| refuses(line, port));
        let confidence = if said.is_some() { High } else { Low };
        drafts.push(draft(Code::HealthCheckLocalhost, confidence).quotes(said));
    }
    drafts
}

/// A container that runs and is UNHEALTHY has started: the program that its reason misses is its health check's.
pub(super) fn missing_by_reason(container: &ContainerObservation) -> Option<Draft> {
    let reason = container.reason.as_deref()?;
    let (before, _) = reason.split_once("\": executable file not found")?;
    let (_, program) = before.rsplit_once("exec: \"")?;
    let runs = container.exit_code.is_none() && container.health == HealthStatus::Unhealthy;
    runs.then(|| {
        Draft::new(Code::HealthCheckProgram, High)
            .quote(format!("reason of container {}: {reason}", container.name))
            .slot("container", &container.name)
            .slot("program", program)
    })
}

/// A line of the container's log, or its reason.
fn said_of(
    evidence: &Evidence,
    container: &ContainerObservation,
    says: impl Fn(&str) -> bool,
) -> Option<String> {
    let is_of = |name: &str| name.is_empty() || name == container.name;
    let line =
        evidence.logs.iter().find(|line| is_of(&line.container) && says(&line.message)).map(logs::quote);
    let reason = || {
        let reason = container.reason.as_deref().filter(|reason| says(reason))?;
        Some(format!("reason of container {}: {reason}", container.name))
    };
    line.or_else(reason)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

/// What a shell and what the runtime say of a program that is not there, and nothing else: an access log that has the
/// program's name as user agent also says "not found".
fn lacks(line: &str, program: &str) -> bool {
    let by_runtime = line.contains(&format!("exec: \"{program}\": executable file not found"));
    let by_shell = [": not found", ": command not found"].iter().any(|words| {
        let said = format!("{program}{words}");
        line.match_indices(&said).any(|(at, _)| !line[..at].ends_with(is_of_word))
    });
    by_runtime || by_shell
}

/// The port that the command asks at localhost.
fn port_of(command: &str) -> Option<u16> {
    let (before, after) = command.split_once("localhost")?;
    let digits: String =
        after.strip_prefix(':').unwrap_or("").chars().take_while(char::is_ascii_digit).collect();
    let default = if before.ends_with("https://") { 443 } else { 80 };
    if digits.is_empty() { Some(default) } else { digits.parse().ok() }
}

/// Whether `::1` refused a connection at that port: at another one it was somebody else who asked.
fn refuses(line: &str, port: Option<u16>) -> bool {
    let Some(port) = port else { return false };
    let asked = [format!("[::1]:{port}"), format!("::1:{port}"), format!("::1 port {port}")];
    let names = asked.iter().any(|asked| {
        line.match_indices(asked.as_str())
            .any(|(at, it)| !line[at + it.len()..].starts_with(|c: char| c.is_ascii_digit()))
    });
    names && line.to_lowercase().contains("refused")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_these_words_say_that_a_program_is_not_there() {
        for (line, expected) in [
            ("/bin/sh: curl: not found", true),
            ("sh: 1: curl: not found", true),
            ("bash: line 1: curl: command not found", true),
            ("OCI runtime exec failed: exec: \"curl\": executable file not found in $PATH", true),
            ("WARN path not found: /healthz ua=\"curl/8.5.0\"", false),
            ("curl: (22) The requested URL returned error: 404 Not Found", false),
            ("GET /healthz 404 curl/8.5.0 file not found", false),
            ("libcurl: not found", false),
            ("wget: not found", false),
        ] {
            assert_eq!(lacks(line, "curl"), expected, "{line}");
        }
    }

    #[test]
    fn the_port_that_refused_is_the_port_that_is_asked() {
        for (command, line, expected) in [
            (
                "curl -f http://localhost:8080/health",
                "connect to ::1 port 8080 failed: Connection refused",
                true,
            ),
            ("curl -f http://localhost:8080/health", "connect ECONNREFUSED ::1:8080", true),
            ("curl -f http://localhost:8080/health", "connect ECONNREFUSED ::1:80801", false),
            ("curl -f http://localhost:8080/health", "Error: connect ECONNREFUSED ::1:9000 (billing)", false),
            ("curl -f http://localhost/health", "connect ECONNREFUSED ::1:80", true),
            ("curl -f https://localhost/health", "connect ECONNREFUSED ::1:80", false),
            ("curl -f http://localhost:8080/health", "Connecting to localhost:8080 ([::1]:8080)", false),
        ] {
            assert_eq!(refuses(line, port_of(command)), expected, "{command}: {line}");
        }
    }
}
