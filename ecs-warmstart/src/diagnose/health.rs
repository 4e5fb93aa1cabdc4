//! The health checks of containers: what they call, and whether they can pass in the time they give.
//!
//! The arithmetic is ECS's: failures within `startPeriod` do not count, after it `retries` in a row make the container
//! UNHEALTHY, so it is given `startPeriod + interval × retries`. The first check is one `interval` after the start.

use std::time::Duration;

use super::draft::Draft;
use super::evidence::{ContainerSettings, Evidence, HealthCheckSettings};
use super::logs;
use crate::catalogue::Code;
use crate::catalogue::Confidence::{High, Low, Medium};
use crate::machine::Cause;
use crate::observation::{ContainerObservation, HealthStatus, StopInfo, TargetState};

/// The longest `startPeriod` that ECS takes, in seconds.
const LONGEST_START_PERIOD: u32 = 300;
/// The most `retries` that ECS takes.
const MOST_RETRIES: u32 = 10;

/// What health checks call that slim images lack.
const PROGRAMS: [&str; 8] =
    ["curl", "wget", "mongosh", "mongo", "pg_isready", "redis-cli", "mysqladmin", "nc"];

pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for container in evidence.containers() {
        let Some(settings) = evidence.settings(&container.name) else {
            drafts.extend(unhealthy(container));
            continue;
        };
        let Some(check) = &settings.health_check else { continue };
        let failed = container.health == HealthStatus::Unhealthy || is_killed_for_health(evidence);
        if failed || holds_back(evidence, &container.name) {
            drafts.extend(impatient(evidence, settings, check));
            drafts.extend(too_short(evidence, container, check));
        }
        if failed {
            drafts.extend(unhealthy(container).map(|draft| draft.quote(arithmetic(&container.name, check))));
            drafts.extend(command(evidence, container, check));
        }
    }
    drafts
}

fn unhealthy(container: &ContainerObservation) -> Option<Draft> {
    (container.health == HealthStatus::Unhealthy).then(|| {
        Draft::new(Code::ContainerUnhealthy, High)
            .quote(format!("healthStatus of container {}: UNHEALTHY", container.name))
            .slot("container", &container.name)
    })
}

/// An ECS service ended the task for its health.
fn is_killed_for_health(evidence: &Evidence) -> bool {
    let of = |stop: &StopInfo| stop.reason.contains("failed container health checks");
    let task = evidence.task.iter().filter_map(|task| task.stop.as_ref());
    task.chain(evidence.siblings.iter().filter_map(|task| task.stop.as_ref())).any(of)
}

fn holds_back(evidence: &Evidence, container: &str) -> bool {
    matches!(&evidence.cause, Some(Cause::GateNotOpenInTime { containers, .. })
        if containers.iter().any(|name| name == container))
}

// --- The arithmetic

fn given(check: &HealthCheckSettings) -> u32 {
    check.start_period.saturating_add(check.interval.saturating_mul(check.retries))
}

fn arithmetic(container: &str, check: &HealthCheckSettings) -> String {
    format!(
        "healthCheck of container {container}: startPeriod {} s + interval {} s x retries {} = {} s",
        check.start_period,
        check.interval,
        check.retries,
        given(check)
    )
}

/// It was up, but later than its check waits.
fn impatient(
    evidence: &Evidence,
    settings: &ContainerSettings,
    check: &HealthCheckSettings,
) -> Option<Draft> {
    let (first, line) = logs::first_success(evidence)?;
    let seconds = whole_seconds(first);
    if seconds <= given(check) {
        return None;
    }
    Some(
        Draft::new(Code::HealthCheckImpatient, High)
            .quote(arithmetic(&settings.name, check))
            .quote(match line {
                Some(line) => format!("{} ({seconds} s after RUNNING)", logs::quote(line)),
                None => format!("first good answer: {seconds} s after RUNNING"),
            })
            .slot("container", &settings.name)
            .slot("first_success", seconds)
            .slot("given", given(check))
            .slot("setting", longer(check, seconds)),
    )
}

/// The setting with which a container that is up after so many seconds gets HEALTHY.
fn longer(check: &HealthCheckSettings, seconds: u32) -> String {
    let start_period = seconds.div_ceil(10).saturating_mul(10);
    if start_period <= LONGEST_START_PERIOD {
        return format!("startPeriod {start_period}");
    }
    let beyond = seconds.saturating_sub(LONGEST_START_PERIOD);
    let interval = check.interval.max(1);
    let retries = beyond.div_ceil(interval).saturating_add(1);
    if retries <= MOST_RETRIES {
        return format!("startPeriod {LONGEST_START_PERIOD} and retries {retries}");
    }
    let interval = beyond.div_ceil(MOST_RETRIES - 1);
    format!("startPeriod {LONGEST_START_PERIOD}, retries {MOST_RETRIES} and interval {interval}")
}

/// The run waited less than the check needs.
fn too_short(
    evidence: &Evidence,
    container: &ContainerObservation,
    check: &HealthCheckSettings,
) -> Option<Draft> {
    let Some(Cause::GateNotOpenInTime { waited, .. }) = &evidence.cause else { return None };
    // One that is UNHEALTHY had its time.
    if container.health != HealthStatus::Unknown {
        return None;
    }
    let waited = whole_seconds(*waited);
    let first = logs::first_success(evidence).map(|(first, _)| whole_seconds(first));
    let (needed, confidence) = match first {
        // The first check that can pass.
        Some(first) if first.saturating_add(check.interval) > waited => {
            (first.saturating_add(check.interval), High)
        }
        Some(_) => return None,
        None if check.interval >= waited => (check.interval.saturating_add(check.timeout), High),
        None if given(check) > waited => (given(check), Medium),
        None => return None,
    };
    Some(
        Draft::new(Code::WaitTooShort, confidence)
            .quote(arithmetic(&container.name, check))
            .quote(format!("waited: {waited} s"))
            .slot("container", &container.name)
            .slot("waited", waited)
            .slot("needed", needed),
    )
}

/// Rounded up.
fn whole_seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}

// --- What the check calls

fn command(evidence: &Evidence, container: &ContainerObservation, check: &HealthCheckSettings) -> Vec<Draft> {
    let command = check.command.join(" ");
    let words = || {
        command.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).filter(|it| !it.is_empty())
    };
    let called = PROGRAMS.into_iter().find(|program| words().any(|word| word == *program));
    let asks_localhost = command.contains("localhost");
    let quote = format!("healthCheck of container {}: {command}", container.name);
    let draft = |code, confidence| {
        Draft::new(code, confidence)
            .quote(&quote)
            .slot("container", &container.name)
            .slot("command", &command)
    };
    let mut drafts = Vec::new();
    if let Some(program) = called {
        let said = said_of(evidence, |line| lacks(line, program));
        let confidence = match &said {
            Some(_) => High,
            // Others find it up, only its own check does not.
            None if serves(evidence) => Medium,
            None => Low,
        };
        drafts.push(draft(Code::HealthCheckProgram, confidence).slot("program", program).quotes(said));
    }
    if asks_localhost {
        let refused = |line: &str| line.contains("::1") && line.to_lowercase().contains("refused");
        let said = said_of(evidence, refused);
        let confidence = if said.is_some() { High } else { Low };
        drafts.push(draft(Code::HealthCheckLocalhost, confidence).quotes(said));
    }
    drafts
}

/// A line of a log, or a container's reason.
fn said_of(evidence: &Evidence, says: impl Fn(&str) -> bool) -> Option<String> {
    let line = evidence.logs.iter().find(|line| says(&line.message)).map(logs::quote);
    let reason = |it: &ContainerObservation| {
        let reason = it.reason.as_deref().filter(|reason| says(reason))?;
        Some(format!("reason of container {}: {reason}", it.name))
    };
    line.or_else(|| evidence.containers().iter().find_map(reason))
}

fn lacks(line: &str, program: &str) -> bool {
    let missing = ["not found", "No such file"].iter().any(|words| line.contains(words));
    missing
        && line.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-'))).any(|word| word == program)
}

/// Whether anything but the check finds the application up.
fn serves(evidence: &Evidence) -> bool {
    let healthy = evidence.targets.iter().any(|target| target.seen.state == TargetState::Healthy);
    healthy || evidence.logs.iter().any(logs::is_ready)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_is_long_enough() {
        let check = HealthCheckSettings::default();
        for (seconds, expected) in [
            (95, "startPeriod 100"),
            (100, "startPeriod 100"),
            (300, "startPeriod 300"),
            (310, "startPeriod 300 and retries 2"),
            (590, "startPeriod 300, retries 10 and interval 33"),
            (9_000, "startPeriod 300, retries 10 and interval 967"),
        ] {
            assert_eq!(longer(&check, seconds), expected, "{seconds}");
        }
    }
}
