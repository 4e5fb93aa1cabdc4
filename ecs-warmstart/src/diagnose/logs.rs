//! What the log says: known patterns, and an entry point that waits without end.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::draft::Draft;
use super::evidence::{Evidence, LogLine, TargetEvidence};
use super::lines::{self, Story, Tone};
use super::patterns::{DEPENDENCY_READY, IDLE, Pattern, READY, known};
use super::stops::{stop_of, was_told_from_outside};
use super::{listens, targets};
use crate::catalogue::Code;
use crate::catalogue::Confidence::{self, High, Low, Medium};
use crate::machine::Cause;
use crate::observation::{ContainerObservation, HealthStatus, TargetReason, TargetState};

/// That often the same line is no progress.
const WAITS: usize = 3;
/// So many lines are quoted of one kind.
const QUOTED: usize = 2;

pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    // A log of a task that serves, or that was told to stop, has old troubles in it, not the present one.
    if !is_in_trouble(evidence) || stop_of(evidence).is_some_and(was_told_from_outside) {
        return Vec::new();
    }
    let lines = Log::of(evidence);
    let mut drafts = lines.known();
    drafts.extend(lines.waits(&drafts));
    drafts.extend(listens::rule(evidence));
    drafts
}

/// Whether anything but the log says that something is wrong.
fn is_in_trouble(evidence: &Evidence) -> bool {
    let stops = evidence.task.as_ref().is_none_or(|task| task.is_ending());
    let unhealthy = evidence.containers().iter().any(|it| it.health == HealthStatus::Unhealthy);
    let targets = evidence.targets.iter().any(|target| target.seen.state != TargetState::Healthy);
    evidence.cause.is_some() || stops || unhealthy || targets
}

/// The log beside what else is known.
struct Log<'a> {
    evidence: &'a Evidence,
    targets: Vec<TargetEvidence>,
    /// Of each container, the place of the last line that says that it serves.
    ready: HashMap<&'a str, usize>,
    /// And of the last one that says that what it waited for is there.
    dependency_ready: HashMap<&'a str, usize>,
    /// And what its lines tell beside.
    stories: HashMap<&'a str, Story<'a>>,
}

impl<'a> Log<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        let last = |is: fn(&LogLine) -> bool| {
            let lines = evidence.logs.iter().enumerate().filter(|(_, line)| is(line));
            lines.map(|(place, line)| (line.container.as_str(), place)).collect()
        };
        let mut stories: HashMap<&str, Story<'_>> = HashMap::new();
        for (place, line) in evidence.logs.iter().enumerate() {
            stories.entry(line.container.as_str()).or_default().hear(place, line);
        }
        Self {
            evidence,
            stories,
            targets: targets::seen(evidence),
            ready: last(is_ready),
            dependency_ready: last(says_dependency_is_ready),
        }
    }

    fn known(&self) -> Vec<Draft> {
        let mut drafts: BTreeMap<(Code, &str), Draft> = BTreeMap::new();
        for (place, line) in self.evidence.logs.iter().enumerate() {
            let Some(pattern) = known(&line.message) else { continue };
            let code = pattern.code;
            let Some(confidence) = self.confidence(pattern, place, line) else { continue };
            let draft = Draft::new(code, confidence)
                .slot("container", &line.container)
                .slot("line", line.message.trim());
            let known = drafts.entry((code, &line.container)).or_insert_with(|| draft.clone());
            let full = known.quotes.len() >= QUOTED;
            let draft = if full { draft } else { draft.quote(quote(line)) };
            let doubt = self.doubt(pattern, place, line).filter(|_| confidence == Medium);
            known.merge(draft.quotes(doubt.map(quote)));
        }
        drafts.into_values().collect()
    }

    /// How sure a line is; nothing where what it says has passed.
    fn confidence(&self, pattern: &Pattern, place: usize, line: &LogLine) -> Option<Confidence> {
        let (code, container) = (pattern.code, line.container.as_str());
        let after = |places: &HashMap<&str, usize>| places.get(container).is_some_and(|it| *it > place);
        let came_up = after(&self.ready);
        if code == Code::DependencyUnreachable {
            // An application may listen while its health path still says that the database is away.
            let over = came_up && !self.answers(container, is_5xx);
            if over || after(&self.dependency_ready) {
                return None;
            }
        } else if came_up {
            return Some(Low);
        }
        // Who answers that there is no such path is up.
        let contradicted = self.answers(container, |seen| is_wrong_code(seen) && !is_5xx(seen));
        if contradicted {
            return Some(Low);
        }
        let tone = lines::tone(&line.message, pattern);
        let agrees = self.agrees(code, container) && !self.is_vague(place, line);
        let another = self.doubt(pattern, place, line).is_some();
        Some(match (tone, agrees, another) {
            (Tone::GoesOn, ..) | (Tone::Warns, false, _) | (Tone::Warns | Tone::Retries, _, true) => Low,
            (Tone::Plain, true, false) => High,
            (Tone::Plain | Tone::Retries, ..) | (Tone::Warns, true, false) => Medium,
        })
    }

    /// The error by which a container that failed may have ended instead.
    fn doubt(&self, pattern: &Pattern, place: usize, line: &LogLine) -> Option<&'a LogLine> {
        let failed = self.has_failed(&line.container);
        failed.then(|| self.stories.get(line.container.as_str())?.another_error(pattern.code, place))?
    }

    fn is_vague(&self, place: usize, line: &LogLine) -> bool {
        self.stories.get(line.container.as_str()).is_some_and(|story| story.is_vague(place))
    }

    /// Whether something else says the same of that container.
    fn agrees(&self, code: Code, container: &str) -> bool {
        let exited = self.has_failed(container);
        let ill = || self.is_ill(container) || self.answers(container, is_5xx);
        match code {
            Code::DependencyUnreachable => exited || ill() || self.answers(container, is_refused),
            Code::DependencyDenied => exited || ill(),
            Code::ImagePlatformMismatch
            | Code::HeapExhausted
            | Code::DiskFull
            | Code::PortInUse
            | Code::TaskRoleDenied
            | Code::ImageIncomplete
            | Code::EnvironmentMissing => exited,
            _ => false,
        }
    }

    /// Whether it exited with an error of its own.
    fn has_failed(&self, container: &str) -> bool {
        let failed = |code: i32| !matches!(code, 0 | 137 | 143);
        let is_it = |name: &str| container.is_empty() || name == container;
        self.evidence.containers().iter().any(|it| is_it(&it.name) && it.exit_code.is_some_and(failed))
    }

    /// Whether it is UNHEALTHY, or holds the gate shut.
    fn is_ill(&self, container: &str) -> bool {
        let is_it = |name: &str| container.is_empty() || name == container;
        let unhealthy = |it: &ContainerObservation| is_it(&it.name) && it.health == HealthStatus::Unhealthy;
        let holds = matches!(&self.evidence.cause, Some(Cause::GateNotOpenInTime { containers, .. })
            if containers.iter().any(|name| is_it(name)));
        holds || self.evidence.containers().iter().any(unhealthy)
    }

    /// Whether one of the targets that lead to that container says so.
    fn answers(&self, container: &str, says: impl Fn(&TargetEvidence) -> bool) -> bool {
        self.targets.iter().any(|target| says(target) && self.evidence.may_answer(container, target))
    }

    /// The same words again and again, and none that says that it serves.
    fn waits(&self, known: &[Draft]) -> Option<Draft> {
        let evidence = self.evidence;
        let ended = evidence.containers().iter().any(|it| it.exit_code.is_some());
        let dependency = known.iter().any(|it| it.code == Code::DependencyUnreachable && it.is_cause());
        if ended || dependency {
            return None;
        }
        let mut times: BTreeMap<(&str, String), (usize, &LogLine)> = BTreeMap::new();
        for line in evidence.logs.iter().filter(|line| self.may_wait(&line.container)) {
            let words = without_numbers(&line.message);
            if is_waiting(&words) {
                let (times, last) = times.entry((&line.container, words)).or_insert((0, line));
                (*times, *last) = (*times + 1, line);
            }
        }
        let lines = times.into_values().filter(|(times, _)| *times >= WAITS);
        let (_, line) = lines.max_by_key(|(times, _)| *times)?;
        // What waits takes no connection: it would refuse one, not let it run into the void.
        let runs_out = self.answers(&line.container, is_timeout) && !self.is_ill(&line.container);
        Some(
            Draft::new(Code::EntrypointWaits, if runs_out { Low } else { Medium })
                .quote(quote(line))
                .slot("container", &line.container)
                .slot("line", line.message.trim()),
        )
    }

    /// Whether that container is one that has not come up.
    fn may_wait(&self, container: &str) -> bool {
        let healthy = |it: &ContainerObservation| it.name == container && it.health == HealthStatus::Healthy;
        let aside = !self.targets.is_empty()
            && !self.targets.iter().any(|target| self.evidence.may_answer(container, target));
        !self.ready.contains_key(container)
            && !self.evidence.containers().iter().any(healthy)
            && (!aside || self.is_ill(container))
    }
}

fn is_wrong_code(target: &TargetEvidence) -> bool {
    target.seen.reason == Some(TargetReason::ResponseCodeMismatch)
}

fn is_5xx(target: &TargetEvidence) -> bool {
    let codes = targets::codes(target.seen.description.as_deref());
    is_wrong_code(target) && codes.is_some_and(|codes| codes.split(',').any(|it| it.trim().starts_with('5')))
}

fn is_refused(target: &TargetEvidence) -> bool {
    target.seen.reason == Some(TargetReason::FailedHealthChecks)
}

fn is_timeout(target: &TargetEvidence) -> bool {
    target.seen.reason == Some(TargetReason::Timeout)
}

fn is_waiting(words: &str) -> bool {
    let waits = words.contains("wait") || words.contains("retry") || words.contains("not ready");
    let idle = words.split_once("waiting for ").is_some_and(|(_, what)| {
        IDLE.iter().any(|it| what.split_whitespace().take(3).any(|word| word.starts_with(it)))
    });
    waits && !idle
}

/// Counters and times differ from line to line.
fn without_numbers(message: &str) -> String {
    message.to_lowercase().chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn is_ready(line: &LogLine) -> bool {
    let said = line.message.to_lowercase();
    READY.iter().any(|words| said.contains(words)) && !says_dependency_is_ready(line)
}

fn says_dependency_is_ready(line: &LogLine) -> bool {
    let said = line.message.to_lowercase();
    DEPENDENCY_READY.iter().any(|words| said.contains(words))
}

/// From RUNNING to the first line of that container that says that it serves.
pub(super) fn first_success<'a>(
    evidence: &'a Evidence,
    container: &str,
) -> Option<(Duration, Option<&'a LogLine>)> {
    if let Some(observed) = evidence.first_success {
        return Some((observed, None));
    }
    let started = evidence.task.as_ref()?.started_at?;
    let is_of = |line: &&LogLine| line.container == container && line.at.is_some() && is_ready(line);
    let line = evidence.logs.iter().find(is_of)?;
    Some((line.at?.since(started), Some(line)))
}

/// The last line of that container with one of these words.
pub(super) fn last_that_says<'a>(
    evidence: &'a Evidence,
    container: &str,
    words: &[&str],
) -> Option<&'a LogLine> {
    evidence.logs.iter().rfind(|line| {
        let said = line.message.to_lowercase();
        line.container == container && words.iter().any(|word| said.contains(word))
    })
}

pub(super) fn quote(line: &LogLine) -> String {
    let from =
        if line.container.is_empty() { "log".to_owned() } else { format!("log of {}", line.container) };
    format!("{from}: {}", line.message.trim())
}
