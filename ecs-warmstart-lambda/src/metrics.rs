//! What CloudWatch makes metrics of: one line of its embedded metric format for each service, counted for the function too.

use ecs_warmstart::fleet::{Report, RunOutcome, ServiceReport, TaskReport};
use ecs_warmstart::machine::PhaseName;
use ecs_warmstart::time::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of all metrics.
const NAMESPACE: &str = "EcsWarmstart";

/// A metric and its values.
type Metrics = Vec<(&'static str, &'static str, Vec<u64>)>;

/// Writes what came of a call.
pub(crate) fn finished(report: &Report, function: Option<&str>, now: Timestamp) {
    for service in &report.services {
        let metrics = metrics_of(service);
        if !metrics.is_empty() {
            print(&document(function, Some(&service.service), metrics, now));
        }
    }
}

/// Writes that a call was handed on.
pub(crate) fn continued(function: Option<&str>, now: Timestamp) {
    print(&document(function, None, vec![("Continuations", "Count", vec![1])], now));
}

/// What CloudWatch reads is standard output.
#[expect(clippy::print_stdout, reason = "the embedded metric format is read off standard output")]
fn print(document: &Value) {
    println!("{document}");
}

fn metrics_of(service: &ServiceReport) -> Metrics {
    let is_drain = |task: &TaskReport| {
        let drains = [PhaseName::Deregistering, PhaseName::Draining, PhaseName::Stopping];
        task.outcome == RunOutcome::Drained || task.phases.iter().any(|it| drains.contains(&it.phase))
    };
    let (drains, starts): (Vec<_>, Vec<_>) = service.tasks.iter().partition(|task| is_drain(task));
    let refused = |task: &&&TaskReport| task.outcome == RunOutcome::Refused;
    let succeeded = |tasks: &[&TaskReport]| count(tasks.iter().filter(|task| task.outcome.is_success()));
    let failed = |tasks: &[&TaskReport]| count(tasks.iter().filter(|task| !task.outcome.is_success()));
    let refusals = count(starts.iter().filter(refused));
    let mut metrics: Metrics = vec![
        ("StartsReady", "Count", vec![succeeded(&starts)]),
        ("StartFailures", "Count", vec![failed(&starts) - refusals]),
        ("StopsDrained", "Count", vec![succeeded(&drains)]),
        ("StopFailures", "Count", vec![failed(&drains) + refusals]),
        ("Leftovers", "Count", vec![count(service.tasks.iter().flat_map(|task| &task.leftovers))]),
    ];
    let ready: Vec<_> =
        starts.into_iter().filter(|task| task.outcome.is_success() && !task.adopted).collect();
    let each = |phases: &[PhaseName]| ready.iter().map(|task| time_in(task, phases)).collect();
    metrics.push((
        "TimeToRunning",
        "Milliseconds",
        each(&[PhaseName::Launching, PhaseName::AwaitingRunning]),
    ));
    metrics.push((
        "RunningToRegistered",
        "Milliseconds",
        each(&[PhaseName::AwaitingGate, PhaseName::Registering]),
    ));
    metrics.push(("RegisteredToHealthy", "Milliseconds", each(&[PhaseName::AwaitingHealthy])));
    metrics.push(("Overhead", "Milliseconds", each(&[PhaseName::Launching, PhaseName::Registering])));
    // A metric without a value is no value of 0.
    metrics.retain(|(_, unit, values)| match *unit {
        "Count" => values.iter().any(|value| *value > 0),
        _ => !values.is_empty(),
    });
    metrics
}

fn time_in(task: &TaskReport, phases: &[PhaseName]) -> u64 {
    task.phases.iter().filter(|it| phases.contains(&it.phase)).map(|it| it.ms).sum()
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

/// By the function, so that each has alarms of its own, and by the function and the service.
fn document(function: Option<&str>, service: Option<&str>, metrics: Metrics, now: Timestamp) -> Value {
    let definitions: Vec<Value> =
        metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let names = [("FunctionName", function), ("Service", service)];
    let names: Vec<(&str, &str)> =
        names.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let all: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    let over_services: Vec<&str> = all.iter().copied().filter(|name| *name != "Service").collect();
    let dimensions = if service.is_some() { json!([all, over_services]) } else { json!([over_services]) };
    let mut document = Map::new();
    document.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.as_millis(),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": definitions }],
        }),
    );
    document.extend(names.into_iter().map(|(name, value)| (name.to_owned(), json!(value))));
    for (name, _, values) in metrics {
        let value = if let [only] = values[..] { json!(only) } else { json!(values) };
        document.insert(name.to_owned(), value);
    }
    Value::Object(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecs_warmstart::fleet::PhaseReport;

    fn task(outcome: RunOutcome, phases: &[(PhaseName, u64)], leftovers: &[&str]) -> TaskReport {
        TaskReport {
            task: None,
            outcome,
            adopted: false,
            id: None,
            targets: Vec::new(),
            cause: None,
            phases: phases.iter().map(|&(phase, ms)| PhaseReport { phase, ms }).collect(),
            leftovers: leftovers.iter().map(|text| (*text).to_owned()).collect(),
            evidence: None,
        }
    }

    fn service(tasks: Vec<TaskReport>) -> ServiceReport {
        let outcome = tasks.iter().map(|task| task.outcome).max().unwrap();
        ServiceReport {
            service: "auth".to_owned(),
            outcome,
            cause: None,
            tasks,
            warnings: Vec::new(),
            findings: Vec::new(),
        }
    }

    #[test]
    fn a_start_is_counted_and_timed() {
        let ready = task(
            RunOutcome::Ready,
            &[
                (PhaseName::Launching, 200),
                (PhaseName::AwaitingRunning, 30_000),
                (PhaseName::AwaitingGate, 4_000),
                (PhaseName::Registering, 300),
                (PhaseName::AwaitingHealthy, 5_000),
            ],
            &[],
        );
        let failed = task(RunOutcome::Leaked, &[(PhaseName::UndoTask, 60_000)], &["task x may still run"]);
        let metrics = metrics_of(&service(vec![ready, failed]));
        let document =
            document(Some("warm"), Some("auth"), metrics, Timestamp::from_millis(1_700_000_000_123));
        assert_eq!(
            document,
            json!({
                "_aws": {
                    "Timestamp": 1_700_000_000_123_u64,
                    "CloudWatchMetrics": [{
                        "Namespace": "EcsWarmstart",
                        "Dimensions": [["FunctionName", "Service"], ["FunctionName"]],
                        "Metrics": [
                            { "Name": "StartsReady", "Unit": "Count" },
                            { "Name": "StartFailures", "Unit": "Count" },
                            { "Name": "Leftovers", "Unit": "Count" },
                            { "Name": "TimeToRunning", "Unit": "Milliseconds" },
                            { "Name": "RunningToRegistered", "Unit": "Milliseconds" },
                            { "Name": "RegisteredToHealthy", "Unit": "Milliseconds" },
                            { "Name": "Overhead", "Unit": "Milliseconds" },
                        ],
                    }],
                },
                "FunctionName": "warm",
                "Service": "auth",
                "StartsReady": 1,
                "StartFailures": 1,
                "Leftovers": 1,
                "TimeToRunning": 30_200,
                "RunningToRegistered": 4_300,
                "RegisteredToHealthy": 5_000,
                "Overhead": 500,
            })
        );
    }

    #[test]
    fn what_no_service_names_is_counted_for_the_function() {
        let now = Timestamp::EPOCH;
        let dimensions = |function| {
            let document = document(function, None, vec![("Continuations", "Count", vec![1])], now);
            document["_aws"]["CloudWatchMetrics"][0]["Dimensions"].clone()
        };
        assert_eq!(dimensions(Some("warm")), json!([["FunctionName"]]));
        assert_eq!(dimensions(None), json!([[]]));
    }

    #[test]
    fn drains_and_refusals_are_stops() {
        let drained = task(RunOutcome::Drained, &[(PhaseName::Draining, 9)], &[]);
        let halted = task(RunOutcome::Leaked, &[(PhaseName::Stopping, 9)], &["task x may still run"]);
        let refused = task(RunOutcome::Refused, &[], &[]);
        let metrics = metrics_of(&service(vec![drained, halted, refused]));
        let counts: Vec<_> = metrics.iter().map(|(name, _, values)| (*name, values[0])).collect();
        assert_eq!(counts, [("StopsDrained", 1), ("StopFailures", 2), ("Leftovers", 1)]);
    }
}
