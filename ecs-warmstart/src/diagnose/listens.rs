//! Where the application says that it listens, against where its target is asked.

use std::net::IpAddr;

use super::draft::Draft;
use super::evidence::{Evidence, LogLine, TargetEvidence};
use super::logs::quote;
use super::patterns::ASIDE;
use super::targets;
use crate::catalogue::Code;
use crate::catalogue::Confidence::{self, High, Low, Medium};
use crate::observation::TargetReason;

/// A line that says where somebody listens: the line, the host (empty where none is said), the port.
type Listener<'a> = (&'a LogLine, String, u16);

pub(super) fn rule(evidence: &Evidence) -> Option<Draft> {
    let refused = |target: &TargetEvidence| {
        matches!(target.seen.reason, Some(TargetReason::FailedHealthChecks | TargetReason::Timeout))
    };
    let target = targets::seen(evidence).into_iter().find(refused)?;
    let listeners: Vec<Listener<'_>> = evidence
        .logs
        .iter()
        .filter(|line| evidence.may_answer(&line.container, &target))
        .filter_map(|line| listening(&line.message).map(|(host, port)| (line, host, port)))
        .collect();
    of_target(evidence, &target, &listeners)
}

fn of_target(evidence: &Evidence, target: &TargetEvidence, listeners: &[Listener<'_>]) -> Option<Draft> {
    let port = target.target.port;
    // A task in awsvpc mode is asked at the container's port itself; elsewhere the host's port is another one.
    let direct = target.target.id.parse::<IpAddr>().is_ok();
    let is_asked = |(_, host, listened): &&Listener<'_>| !is_loopback(host) && (*listened == port || !direct);
    if listeners.iter().any(|listener| is_asked(&listener)) {
        return None;
    }
    // A closed port refuses. Where connections run out, something before it lets nobody through, perhaps as well.
    let runs_out = target.seen.reason == Some(TargetReason::Timeout);
    let draft = |code, (line, _, listened): &Listener<'_>, confidence: Confidence| {
        Draft::new(code, if runs_out { confidence.min(Medium) } else { confidence })
            .quote(quote(line))
            .slot("container", &line.container)
            .slot("listened", listened)
            .slot("port", port)
    };
    let on_loopback =
        |(_, host, listened): &&Listener<'_>| is_loopback(host) && (*listened == port || !direct);
    if let Some(listener) = listeners.iter().rfind(on_loopback) {
        return Some(if is_name(&listener.1) {
            // Many a banner says localhost of an application that listens everywhere.
            draft(Code::ListensOnLoopback, listener, if runs_out { Low } else { Medium }).saying(format!(
                "the application in container {} says that it listens on localhost; where that is the loopback interface \
                 alone, no load balancer reaches it",
                listener.0.container
            ))
        } else {
            draft(Code::ListensOnLoopback, listener, High)
        });
    }
    let elsewhere = listeners.iter().rfind(|(_, _, listened)| direct && *listened != port)?;
    let declared =
        evidence.definition.iter().flat_map(|it| &it.containers).any(|it| it.ports.contains(&elsewhere.2));
    // It may listen on both and name only one.
    Some(draft(Code::ListensOnOtherPort, elsewhere, if declared { Low } else { Medium }))
}

fn is_loopback(host: &str) -> bool {
    is_name(host) || matches!(host, "127.0.0.1" | "[::1]")
}

fn is_name(host: &str) -> bool {
    host == "localhost"
}

/// Host (empty where none is said) and port of a line such as `Listening on http://127.0.0.1:8000`.
fn listening(message: &str) -> Option<(String, u16)> {
    let lower = message.to_lowercase();
    if ASIDE.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let said = ["listening on", "listening at", "running on", "started on", "running at"];
    let (before, after) = said.iter().find_map(|words| lower.split_once(words))?;
    // `postgres running on 10.0.0.5:5432` speaks of somebody else.
    if ["postgres", "mysql", "redis", "mongo", "database", "kafka"].iter().any(|it| before.contains(it)) {
        return None;
    }
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
            ("metrics listening on :9090", None),
            ("connected to postgres running on 10.0.0.5:5432", None),
            ("found postgres running on 10.0.0.5:5432", None),
        ] {
            let found = listening(line);
            let found = found.as_ref().map(|(host, port)| (host.as_str(), *port));
            assert_eq!(found, expected, "{line}");
        }
    }
}
