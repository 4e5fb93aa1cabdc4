//! The arithmetic of health checks: whether they can pass in the time that there is.
//!
//! ECS checks a container first one `interval` after its start; failures within `startPeriod` do not count, after it
//! `retries` in a row make it UNHEALTHY. A load balancer checks a new target first within one interval of its own, and one
//! passing check is enough; once a target was unhealthy it has to pass the whole threshold.

use std::time::Duration;

use super::finding::{Code, Finding};
use super::subject::{Seen, Subject};
use crate::facts::{ContainerHealthCheck, TargetGroupFacts, TaskDefinitionFacts};

/// When a container that answers from `start` on is first seen HEALTHY: at its first check from then.
pub fn first_healthy(check: &ContainerHealthCheck, start: Duration) -> Duration {
    next_check(check.interval, start)
}

/// When a container that never answers becomes UNHEALTHY: `startPeriod + interval × retries`.
pub fn latest_kill(check: &ContainerHealthCheck) -> Duration {
    check.start_period.saturating_add(check.interval.saturating_mul(check.retries))
}

/// How long after its registration a target is healthy, at the latest, that answers from `start` after it on.
///
/// Registered once it answers (`start` is zero) it is healthy with its first check. Registered too early it fails checks,
/// and where these make it unhealthy it needs the whole threshold.
pub fn healthy_after(group: &TargetGroupFacts, start: Duration) -> Duration {
    let interval = group.health_check_interval.max(SHORTEST);
    let passes = next_check(interval, start);
    let failed = passes.as_millis().div_ceil(interval.as_millis()).saturating_sub(1);
    if failed >= u128::from(group.unhealthy_threshold.max(1)) {
        passes.saturating_add(interval.saturating_mul(group.healthy_threshold.saturating_sub(1)))
    } else {
        passes
    }
}

/// No interval is shorter; AWS's shortest is 5 s.
const SHORTEST: Duration = Duration::from_secs(1);

fn next_check(interval: Duration, from: Duration) -> Duration {
    let interval = interval.max(SHORTEST);
    let checks = from.as_millis().div_ceil(interval.as_millis()).max(1);
    interval.saturating_mul(u32::try_from(checks).unwrap_or(u32::MAX))
}

pub(super) fn check(
    subject: &Subject<'_>,
    definition: Option<&TaskDefinitionFacts>,
    groups: &[Seen<TargetGroupFacts>],
) -> Vec<Finding> {
    if !subject.waits_for_health {
        return Vec::new();
    }
    let mut findings = Vec::new();
    findings.extend(in_time(subject, definition, groups));
    if let (true, Some(definition)) = (subject.is_gated, definition) {
        findings.extend(impatient(subject, definition));
    }
    findings
}

/// A part of the time that is needed, and whose it is.
struct Part {
    takes: Duration,
    what: String,
}

fn in_time(
    subject: &Subject<'_>,
    definition: Option<&TaskDefinitionFacts>,
    groups: &[Seen<TargetGroupFacts>],
) -> Option<Finding> {
    let given = subject.healthy_timeout;
    let gate = if subject.is_gated { definition.and_then(slowest) } else { None };
    let bindings = subject.bindings.iter().zip(groups);
    let known = bindings.filter_map(|(binding, seen)| Some((binding, seen.known()?)));
    let traffic = known
        .map(|(binding, group)| Part {
            // The whole way of one that answers when it is registered.
            takes: healthy_after(group, Duration::ZERO),
            what: format!(
                "target group {} checks every {}",
                binding.target_group.name(),
                secs(group.health_check_interval)
            ),
        })
        .max_by_key(|part| part.takes);
    // The gate opens with a check one interval after the container's start, never sooner. The time that is given begins with
    // RUNNING, which is that start only for a container that is alone: the others' may be long before.
    let alone = definition.is_some_and(|definition| definition.containers.len() == 1);
    let floor = gate.as_ref().filter(|_| alone).map_or(Duration::ZERO, |gate| gate.first);
    let gate_takes = gate.as_ref().map_or(Duration::ZERO, |gate| gate.part.takes);
    let needed = gate_takes.saturating_add(traffic.as_ref().map_or(Duration::ZERO, |part| part.takes));
    if needed <= given {
        return None;
    }
    let parts: Vec<String> =
        gate.into_iter().map(|gate| gate.part).chain(traffic).map(|part| part.what).collect();
    let remedy = format!(
        "set healthy_timeout to {} or more (--health-wait), or shorten the intervals of the health checks: 5 s is the \
         shortest",
        secs(needed)
    );
    let because = parts.join("; ");
    Some(if floor > given {
        let summary = format!("cannot be healthy in {}, needs {}: {because}", secs(given), secs(needed));
        Finding::error(Code::NotHealthyInTime, summary, remedy)
    } else {
        let summary =
            format!("may not be healthy in {}, needs up to {}: {because}", secs(given), secs(needed));
        Finding::warning(Code::NotHealthyInTime, summary, remedy)
    })
}

/// The container that holds the gate shut for longest.
struct Slowest {
    /// When it is checked first.
    first: Duration,
    part: Part,
}

fn slowest(definition: &TaskDefinitionFacts) -> Option<Slowest> {
    let checked = definition.containers.iter().filter_map(|it| Some((it, it.health_check.as_ref()?)));
    let slowest = checked.map(|(container, check)| {
        // Who gives a container a startPeriod says that starting takes so long.
        let takes = first_healthy(check, check.start_period);
        let name = &container.name;
        let what = match check.start_period.is_zero() {
            true => format!("container {name} is checked first after {}", secs(check.interval)),
            false => format!(
                "container {name} has a startPeriod of {} and is checked every {}",
                secs(check.start_period),
                secs(check.interval)
            ),
        };
        Slowest { first: first_healthy(check, Duration::ZERO), part: Part { takes, what } }
    });
    slowest.max_by_key(|slowest| slowest.part.takes)
}

/// A container that is still within what its own check gives it, when the run gives up.
fn impatient(subject: &Subject<'_>, definition: &TaskDefinitionFacts) -> Option<Finding> {
    let given = subject.healthy_timeout;
    let checked = definition.containers.iter().filter_map(|it| Some((it, it.health_check.as_ref()?)));
    let (container, check) = checked.max_by_key(|(_, check)| latest_kill(check))?;
    let kill = latest_kill(check);
    (kill > given).then(|| {
        Finding::hint(
            Code::ImpatientTimeout,
            format!(
                "container {} may fail its health check for {} (startPeriod {} + interval {} × retries {}) before it is \
                 UNHEALTHY, but the start is given up after {}",
                container.name,
                secs(kill),
                secs(check.start_period),
                secs(check.interval),
                check.retries,
                secs(given)
            ),
            format!("set healthy_timeout to more than {}, or startPeriod and retries to less", secs(kill)),
        )
    })
}

fn secs(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{} s", duration.as_secs()),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}
