//! What several commands do in the same way.

use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{Fleet, UpOptions};
use serde::Serialize;

use crate::args::{Format, Global};
use crate::backend::Scene;
use crate::error::Error;
use crate::output::{self, Progress, Reader, json};

/// Whoever watches, told beforehand what a person should know.
pub(super) fn progress(global: &Global, scene: &Scene) -> Progress {
    let width = scene.services.iter().map(|service| service.name.as_str().len()).max().unwrap_or(0);
    let progress = Progress::new(global.output, global.verbose > 0, width);
    for note in &scene.notes {
        progress.note(note.clone());
    }
    progress
}

/// A simulated cloud begins empty: there would be nothing to look at and nothing to take down.
pub(super) async fn bring_up_sample(fleet: &Fleet, scene: &Scene, progress: &Progress, cancel: &Cancel) {
    progress.note("the sample is brought up first".to_owned());
    fleet.up(&scene.services, &UpOptions::default(), cancel).await;
}

/// Writes a result as it was asked for.
pub(super) fn print<T: Serialize>(
    format: Format,
    report: &T,
    text: impl Fn(&T) -> String,
) -> Result<Reader, Error> {
    output::stdout(&match format {
        Format::Text => text(report),
        Format::Json => json::document(report),
        Format::Ndjson => json::report_line(report),
    })
}
