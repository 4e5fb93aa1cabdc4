//! The same thousand tasks under the schedules of others, side by side: `cargo bench -p benches --bench peers`.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::time::Duration;

use benches::fleet::{Measured, bring_up};
use benches::measure::quantile;
use benches::peers::{self, Failures, PEERS, Peer};
use benches::table::{duration, simulated};
use ecs_warmstart::policy::{Expected, Policy};

const TASKS: usize = 1_000;

fn main() {
    let given = std::env::args().skip(1).find_map(|given| given.parse().ok());
    let tasks = given.unwrap_or(TASKS);
    println!(
        "| {tasks} tasks | ready | RUNNING seen late by, p50 / p95 | healthy seen late by, p50 / p95 | calls per task | throttled | failed |"
    );
    println!("|---|---|---|---|---|---|---|");
    for peer in PEERS {
        let (measured, failures) = simulated(peers::bring_up(tasks, peer));
        row(peer.name, &measured, &failures);
        let patient = Peer { ends_at_missing: false, ..peer };
        let (measured, failures) = simulated(peers::bring_up(tasks, patient));
        row("the same, if MISSING is waited out", &measured, &failures);
    }
    row("ecs-warmstart, by the status alone", &simulated(bring_up(tasks, by_status())), &Failures::new());
    row("ecs-warmstart", &simulated(bring_up(tasks, Policy::default())), &Failures::new());
}

/// Without what is known of earlier starts, and with the first look at a target when the fastest groups check.
fn by_status() -> Policy {
    Policy {
        expected_running: Some(Expected { from: Duration::ZERO, until: Duration::ZERO }),
        first_target_look: Duration::from_secs(5),
        ..Policy::default()
    }
}

fn row(name: &str, measured: &Measured, failures: &Failures) {
    let late = |lags: &[_]| {
        let at = |part| quantile(lags, part).map_or_else(|| "-".to_owned(), duration);
        format!("{} / {}", at(0.5), at(0.95))
    };
    let failed: Vec<String> = failures.iter().map(|(why, times)| format!("{times}: {why}")).collect();
    let calls: usize = measured.calls.values().sum();
    println!(
        "| {name} | {} | {} | {} | {:.1} | {} | {} |",
        measured.ready,
        late(&measured.lags.running),
        late(&measured.lags.healthy),
        calls as f64 / measured.tasks as f64,
        measured.throttled,
        if failed.is_empty() { "none".to_owned() } else { failed.join("; ") },
    );
}
