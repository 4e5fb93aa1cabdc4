//! Bring five services up at once, and once more: the second time nothing is launched.
//!
//! `cargo run -p examples --example fleet`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::sync::Arc;

use ecs_warmstart::clock::{Clock, TokioClock};
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{Fleet, Report, UpOptions, sample_services};
use ecs_warmstart::memory::{Behaviour, InMemory, Stop};
use ecs_warmstart::ports::Ports;

// Paused time: the minute that the tasks take passes at once.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    let cloud = InMemory::sample(Arc::clone(&clock));
    let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(clock);
    let services = sample_services();
    let (options, cancel) = (UpOptions::default(), Cancel::new());

    // The first task of one service finds no image. What it left behind is undone, and the others come up.
    cloud.behave_next("pdfcreator-task-def", 1, &Behaviour::stops(Stop::image_not_found()));
    println!("The first time, with an image missing:");
    print(&fleet.up(&services, &options, &cancel).await);

    println!("Again, with the image in place: the tasks that run are adopted.");
    print(&fleet.up(&services, &options, &cancel).await);
    println!(
        "{} tasks run, {} targets are registered",
        cloud.running_tasks().len(),
        cloud.registered().len()
    );
}

fn print(report: &Report) {
    for service in &report.services {
        for task in &service.tasks {
            let how = if task.adopted { "adopted" } else { "launched" };
            let why = task.cause.as_ref().map(|cause| format!(": {}", cause.summary)).unwrap_or_default();
            println!("  {:<6} {how:<8} {}{why}", service.service, task.outcome.as_str());
        }
    }
    let summary = &report.summary;
    println!(
        "  {} of {} services ready after {} s",
        summary.succeeded,
        summary.services,
        report.elapsed_ms / 1000
    );
}
