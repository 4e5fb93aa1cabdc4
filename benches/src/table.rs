//! Numbers as they stand in tables, and the simulated time in which they are won.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use ecs_warmstart::memory::Action;

/// Runs in simulated time: hours pass in moments.
///
/// # Panics
///
/// If there is no runtime to be had.
pub fn simulated<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(work)
}

/// Seconds, with as many digits as matter.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 100.0 { format!("{seconds:.2} s") } else { format!("{seconds:.0} s") }
}

/// How many calls of each kind there were for each run.
pub fn calls_per_run(calls: &BTreeMap<Action, usize>, runs: usize) -> String {
    let all: usize = calls.values().sum();
    let each = |number: usize| format!("{:.2}", number as f64 / runs as f64);
    let by_action: Vec<String> =
        calls.iter().map(|(action, number)| format!("{action} {}", each(*number))).collect();
    format!("{}: {}", each(all), by_action.join(", "))
}
