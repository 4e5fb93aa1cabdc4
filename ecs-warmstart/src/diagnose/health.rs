//! The health checks of containers: what they call, and whether they can pass in the time they give.
//!
//! The arithmetic is ECS's: failures within `startPeriod` do not count, after it `retries` in a row make the container
//! UNHEALTHY, so it is given `startPeriod + interval × retries`. The first check is one `interval` after the start.

use std::time::Duration;

use super::draft::Draft;
use super::evidence::{ContainerSettings, Evidence, HealthCheckSettings};
use super::{health_command, logs};
use crate::catalogue::Code;
use crate::catalogue::Confidence::{High, Medium};
use crate::machine::Cause;
use crate::observation::{ContainerObservation, HealthStatus, StopInfo};

/// The longest `startPeriod` and `interval` that ECS takes, in seconds.
const LONGEST: u32 = 300;
/// The most `retries` that ECS takes.
const MOST_RETRIES: u32 = 10;

pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let killed = is_killed_for_health(evidence);
    for container in evidence.containers() {
        let settings = evidence.settings(&container.name);
        let Some((settings, check)) = settings.and_then(|it| Some((it, it.health_check.as_ref()?))) else {
            drafts.extend(unhealthy(container));
            drafts.extend(health_command::missing_by_reason(container));
            continue;
        };
        let failed = container.health == HealthStatus::Unhealthy
            || (killed && container.health == HealthStatus::Unknown);
        if failed {
            drafts.extend(unhealthy(container).map(|draft| draft.quote(arithmetic(&container.name, check))));
            drafts.extend(impatient(evidence, settings, check));
            drafts.extend(health_command::rule(evidence, container, check));
        } else if holds_back(evidence, &container.name) {
            drafts.extend(too_short(evidence, container, check));
            // Nothing is UNHEALTHY yet: only what is proven counts.
            let proven = health_command::rule(evidence, container, check);
            drafts.extend(proven.into_iter().filter(|draft| draft.confidence == High));
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
    task.chain(evidence.peers().filter_map(|task| task.stop.as_ref())).any(of)
}

fn holds_back(evidence: &Evidence, container: &str) -> bool {
    matches!(&evidence.cause, Some(Cause::GateNotOpenInTime { containers, .. })
        if containers.iter().any(|name| name == container))
}

// --- The arithmetic

fn arithmetic(container: &str, check: &HealthCheckSettings) -> String {
    format!(
        "healthCheck of container {container}: startPeriod {} s + interval {} s x retries {} = {} s",
        check.start_period,
        check.interval,
        check.retries,
        check.given()
    )
}

/// It was up, but later than its check waits.
fn impatient(
    evidence: &Evidence,
    settings: &ContainerSettings,
    check: &HealthCheckSettings,
) -> Option<Draft> {
    let (first, line) = logs::first_success(evidence, &settings.name)?;
    let seconds = whole_seconds(first);
    if seconds <= check.given() {
        return None;
    }
    let draft = Draft::new(Code::HealthCheckImpatient, High)
        .quote(arithmetic(&settings.name, check))
        .quote(match line {
            Some(line) => format!("{} ({seconds} s after RUNNING)", logs::quote(line)),
            None => format!("first good answer: {seconds} s after RUNNING"),
        })
        .slot("container", &settings.name)
        .slot("first_success", seconds)
        .slot("given", check.given());
    Some(match longer(check, seconds) {
        Some(setting) => draft.slot("setting", setting),
        None => draft.remedy(format!(
            "let the application be up sooner: no health check that ECS accepts waits {seconds} s (startPeriod and \
             interval are at most {LONGEST}, retries at most {MOST_RETRIES}); or let its command pass while it starts"
        )),
    })
}

/// The settings with which a container that is up after so many seconds gets HEALTHY; nothing where ECS accepts none that
/// are long enough. None is lowered.
fn longer(check: &HealthCheckSettings, seconds: u32) -> Option<String> {
    let start_period = seconds.div_ceil(10).saturating_mul(10).min(LONGEST).max(check.start_period);
    let (mut retries, mut interval) = (check.retries, check.interval.max(1));
    let beyond = seconds.saturating_sub(start_period);
    if beyond > 0 {
        // One more than the time divides into: the first check may come late.
        retries = beyond.div_ceil(interval).saturating_add(1).max(retries);
    }
    if retries > MOST_RETRIES {
        retries = MOST_RETRIES.max(check.retries);
        interval = beyond.div_ceil(MOST_RETRIES - 1).max(interval);
    }
    if interval > LONGEST.max(check.interval) {
        return None;
    }
    let changes = [
        ("startPeriod", start_period, check.start_period),
        ("interval", interval, check.interval),
        ("retries", retries, check.retries),
    ];
    let changed = changes.iter().filter(|(_, new, old)| new != old);
    let settings: Vec<String> = changed.map(|(name, new, _)| format!("{name} {new}")).collect();
    (!settings.is_empty()).then(|| settings.join(" and "))
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
    let first = logs::first_success(evidence, &container.name).map(|(first, _)| whole_seconds(first));
    let (needed, confidence) = match first {
        // The first check that can pass.
        Some(first) if first.saturating_add(check.interval) > waited => {
            (first.saturating_add(check.interval), High)
        }
        Some(_) => return None,
        None if check.interval >= waited => (check.interval.saturating_add(check.timeout), High),
        None if check.given() > waited => (check.given(), Medium),
        None => return None,
    };
    let draft = Draft::new(Code::WaitTooShort, confidence)
        .quote(arithmetic(&container.name, check))
        .quote(format!("waited: {waited} s"))
        .slot("container", &container.name)
        .slot("waited", waited)
        .slot("needed", needed);
    // In the words of the check beforehand.
    Some(match confidence {
        High => {
            let name = &container.name;
            draft.saying(format!("container {name} cannot be HEALTHY in {waited} s, needs {needed} s"))
        }
        _ => draft,
    })
}

/// Rounded up.
fn whole_seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_is_long_enough() {
        let default = HealthCheckSettings::default();
        let quick = HealthCheckSettings { interval: 5, retries: 10, ..default.clone() };
        let patient = HealthCheckSettings { start_period: 200, interval: 60, retries: 2, ..default.clone() };
        let longest =
            HealthCheckSettings { start_period: 300, interval: 300, retries: 10, ..default.clone() };
        for (check, seconds, expected) in [
            (&default, 95, Some("startPeriod 100")),
            (&default, 100, Some("startPeriod 100")),
            (&default, 300, Some("startPeriod 300")),
            (&default, 310, Some("startPeriod 300")),
            (&default, 420, Some("startPeriod 300 and retries 5")),
            (&default, 590, Some("startPeriod 300 and interval 33 and retries 10")),
            (&default, 3_000, Some("startPeriod 300 and interval 300 and retries 10")),
            (&default, 3_001, None),
            (&default, 9_000, None),
            (&quick, 310, Some("startPeriod 300")),
            (&quick, 355, Some("startPeriod 300 and interval 7")),
            (&patient, 330, Some("startPeriod 300")),
            (&longest, 9_000, None),
        ] {
            assert_eq!(longer(check, seconds).as_deref(), expected, "{seconds} {check:?}");
        }
    }

    #[test]
    fn no_setting_is_lowered_and_all_are_accepted() {
        for start_period in [0, 30, 300] {
            for (interval, retries) in [(5, 1), (5, 10), (30, 3), (300, 1), (300, 10)] {
                for seconds in (0..4_000).step_by(7) {
                    let check = HealthCheckSettings {
                        start_period,
                        interval,
                        retries,
                        ..HealthCheckSettings::default()
                    };
                    let Some(setting) = longer(&check, seconds).filter(|_| seconds > check.given()) else {
                        continue;
                    };
                    let mut new = check.clone();
                    for part in setting.split(" and ") {
                        let (name, value) = part.split_once(' ').unwrap();
                        let value = value.parse().unwrap();
                        match name {
                            "startPeriod" => new.start_period = value,
                            "interval" => new.interval = value,
                            _ => new.retries = value,
                        }
                    }
                    assert!(new.given() >= seconds, "{seconds}: {setting} after {check:?}");
                    assert!(new.start_period >= start_period && new.start_period <= 300, "{setting}");
                    assert!(new.interval >= interval && new.interval <= 300, "{setting}");
                    assert!(new.retries >= retries && new.retries <= 10, "{setting}");
                }
            }
        }
    }
}
