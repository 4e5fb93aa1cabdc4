//! From the command line to the end: reads, asks, acts, prints.

use std::sync::Arc;

use ecs_warmstart::config::Config;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{DownOptions, Report, StatusReport, UpOptions};
use ecs_warmstart::spec::Readiness;
use serde::Serialize;

use crate::args::{Args, Backend, Command, Document, Down, Format, Global, Status, Up};
use crate::backend::Scene;
use crate::confirm::{Intent, Plan, confirm};
use crate::error::Error;
use crate::exit::Ending;
use crate::output::{self, Progress, json, text};
use crate::{logging, signals};

pub(crate) async fn run(args: Args) -> Result<Ending, Error> {
    logging::init(args.global.verbose);
    match args.command {
        Command::Up(up) => run_up(&args.global, up).await,
        Command::Down(down) => run_down(&args.global, down).await,
        Command::Status(status) => run_status(&args.global, status).await,
        Command::Schema { document } => {
            let schema = match document {
                Document::Config => Config::json_schema(),
                Document::Report => Report::json_schema(),
                Document::Status => StatusReport::json_schema(),
            };
            output::stdout(&json::document(&schema))?;
            Ok(Ending::Ready)
        }
    }
}

async fn run_up(global: &Global, up: Up) -> Result<Ending, Error> {
    let mut scene = Scene::new(global, &up.services)?;
    for service in &mut scene.services {
        service.running_timeout = up.max_wait.unwrap_or(service.running_timeout);
        service.healthy_timeout = up.health_wait.unwrap_or(service.healthy_timeout);
    }
    let fleet = scene.fleet(global).await?;
    let plan = Plan {
        services: &scene.services,
        intent: if up.fresh { Intent::Launch } else { Intent::BringUp },
        region: scene.region.as_deref(),
        endpoint_url: global.endpoint_url.as_deref(),
    };
    confirm(&plan, global.backend, global.yes)?;

    let progress = Arc::new(progress(global, &scene));
    let cancel = Cancel::new();
    let watch = signals::watch(cancel.clone(), Arc::clone(&progress))?;
    let fleet = fleet.with_observer(Arc::clone(&progress));
    let report = fleet.up(&scene.services, &options(&up), &cancel).await;
    drop(watch);
    progress.finish();
    if let Err(error) = print(global.output, &report, text::up) {
        // Somebody has to look after these, so they are said where it can still be read.
        report.leftovers().for_each(|leftover| progress.note(leftover.to_owned()));
        return Err(error);
    }
    Ok(Ending::of_report(&report, cancel.is_cancelled()))
}

async fn run_down(global: &Global, down: Down) -> Result<Ending, Error> {
    let scene = Scene::new(global, &down.services)?;
    let fleet = scene.fleet(global).await?;
    let plan = Plan {
        services: &scene.services,
        intent: Intent::TakeDown,
        region: scene.region.as_deref(),
        endpoint_url: global.endpoint_url.as_deref(),
    };
    confirm(&plan, global.backend, global.yes)?;

    let progress = Arc::new(progress(global, &scene));
    let cancel = Cancel::new();
    let watch = signals::watch(cancel.clone(), Arc::clone(&progress))?;
    if global.backend == Backend::Memory {
        // A simulated cloud begins empty: there would be nothing to take down.
        progress.note("the sample is brought up first".to_owned());
        fleet.up(&scene.services, &UpOptions::default(), &cancel).await;
    }
    let fleet = fleet.with_observer(Arc::clone(&progress));
    let options = DownOptions { drain_wait: down.drain_wait, allow_empty: down.allow_empty, task: down.task };
    let report = fleet.down(&scene.services, &options, &cancel).await;
    drop(watch);
    progress.finish();
    print(global.output, &report, text::down)?;
    Ok(Ending::of_report(&report, cancel.is_cancelled()))
}

fn options(up: &Up) -> UpOptions {
    let readiness = if up.skip_health_check { Readiness::Registered } else { Readiness::Healthy };
    UpOptions { fresh: up.fresh, run_id: up.run_id.clone(), readiness }
}

async fn run_status(global: &Global, status: Status) -> Result<Ending, Error> {
    let scene = Scene::new(global, &status.services)?;
    let fleet = scene.fleet(global).await?;
    progress(global, &scene).finish();
    let report = fleet.status(&scene.services).await;
    print(global.output, &report, text::status)?;
    Ok(Ending::of_status(&report))
}

fn progress(global: &Global, scene: &Scene) -> Progress {
    let width = scene.services.iter().map(|service| service.name.as_str().len()).max().unwrap_or(0);
    let progress = Progress::new(global.output, global.verbose > 0, width);
    for note in &scene.notes {
        progress.note(note.clone());
    }
    progress
}

fn print<T: Serialize>(format: Format, report: &T, text: impl Fn(&T) -> String) -> Result<(), Error> {
    output::stdout(&match format {
        Format::Text => text(report),
        Format::Json => json::document(report),
        Format::Ndjson => json::report_line(report),
    })
}
