//! Fleets of growing size within the published quotas, in simulated time: `cargo bench -p benches --bench fleet`.
//!
//! Sizes may be given: `cargo bench -p benches --bench fleet -- 1000 10000`. Each is run in a process of its own, so that
//! its memory is its own.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::process::Command;

use benches::fleet::{alone, bring_up, floor};
use benches::measure::{peak_memory, quantile};
use benches::table::{calls_per_run, duration, simulated};
use ecs_warmstart::policy::Policy;

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|given| !given.starts_with("--")).collect();
    if let [only, size] = arguments.as_slice()
        && only == "only"
    {
        return row(size.parse().expect("a number of tasks"));
    }
    let given: Vec<usize> = arguments.iter().filter_map(|given| given.parse().ok()).collect();
    let sizes = if given.is_empty() { SIZES.to_vec() } else { given };
    println!(
        "| tasks | ready | makespan | of the floor | of the floor of these very tasks | RUNNING seen late by, p50 / p95 | healthy seen late by, p50 / p95 | p95 beyond the poll that the quota allows | calls per task | throttled | CPU | memory, simulated cloud included |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let this = std::env::current_exe().expect("this program's path");
    for size in sizes {
        let status = Command::new(&this).args(["only", &size.to_string()]).status().expect("it starts");
        assert!(status.success(), "{size} tasks: {status}");
    }
}

fn row(tasks: usize) {
    let alone = simulated(alone());
    let measured = simulated(bring_up(tasks, Policy::default()));
    let floor = floor(tasks, alone);
    let late = |lags: &[_]| {
        let at = |part| quantile(lags, part).map_or_else(|| "-".to_owned(), duration);
        format!("{} / {}", at(0.5), at(0.95))
    };
    println!(
        "| {tasks} | {} | {} | {:.3} | {:.3} | {} | {} | {} | {} | {} | {} | {} |",
        measured.ready,
        duration(measured.makespan),
        measured.makespan.as_secs_f64() / floor.as_secs_f64(),
        measured.own_floor.map_or(f64::NAN, |own| measured.makespan.as_secs_f64() / own.as_secs_f64()),
        late(&measured.lags.running),
        late(&measured.lags.healthy),
        quantile(&measured.beyond_poll, 0.95).map_or_else(|| "-".to_owned(), duration),
        calls_per_run(&measured.calls, tasks),
        measured.throttled,
        measured.cpu.map_or_else(|| "-".to_owned(), duration),
        peak_memory().map_or_else(|| "-".to_owned(), |bytes| format!("{} MiB", bytes / 1024 / 1024)),
    );
}
