//! The result of `deploy`, for people.

use std::fmt::Write as _;

use ecs_warmstart::fleet::{DeployOutcome, DeployReport};

use super::diagnosis::details;
use super::text::{BAD, GOOD, short, shown, table, targets};

/// The result of `deploy`.
pub(crate) fn text(report: &DeployReport) -> String {
    let mut text = String::new();
    if !report.tasks.is_empty() {
        let mut table = table(["TASK", "STATUS", "TARGETS"]);
        for task in &report.tasks {
            table.add_row([short(&task.task), &task.status, &targets(&task.targets)]);
        }
        text.push_str(&shown(&table));
    }
    let style = if report.outcome.is_success() { GOOD } else { BAD };
    let _ = writeln!(text, "{style}{}:{style:#} {}", report.ecs_service, head(report));
    for image in &report.images {
        let _ = writeln!(text, "  {} is {}", image.container, image.image);
    }
    if let Some(cause) = &report.cause {
        let _ = writeln!(text, "  {} ({})", cause.summary, cause.code);
        details(&mut text, cause);
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "  {warning}");
    }
    text
}

fn head(report: &DeployReport) -> String {
    let name = |id: &Option<String>| id.as_deref().map_or("what it had", short).to_owned();
    let (new, former) = (name(&report.task_definition), name(&report.former));
    let failure = report.failure.as_deref().unwrap_or("it failed");
    match report.outcome {
        DeployOutcome::Deployed => format!("runs {new}: stable, healthy, and of the images that were meant"),
        DeployOutcome::Unchanged => format!("runs {new} already; nothing was changed"),
        DeployOutcome::Refused => format!("refused: {failure}"),
        DeployOutcome::Failed => format!("{new} failed: {failure}"),
        DeployOutcome::RolledBack => format!("{new} failed and was rolled back to {former}: {failure}"),
        DeployOutcome::RollbackFailed => {
            format!("{new} failed, and {former} is not seen to serve again: {failure}")
        }
        DeployOutcome::Interrupted => failure.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::samples;
    use snapbox::{assert_data_eq, str};

    fn plain(outcome: DeployOutcome) -> String {
        anstream::adapter::strip_str(&text(&samples::deployed(outcome))).to_string()
    }

    #[test]
    fn what_became_of_it() {
        assert_data_eq!(
            plain(DeployOutcome::Deployed),
            str![[r#"
TASK      STATUS   TARGETS
0a1b2c3d  RUNNING  10.0.1.5:8080 healthy in web
web: runs web:2: stable, healthy, and of the images that were meant
  web is web:2.0@sha256:0a1b

"#]]
        );
        assert_data_eq!(
            plain(DeployOutcome::RolledBack),
            str![[r#"
TASK      STATUS   TARGETS
0a1b2c3d  RUNNING  10.0.1.5:8080 healthy in web
web: web:2 failed and was rolled back to web:1: ECS gave the deployment up: tasks failed to start.
  web is web:2.0@sha256:0a1b
  container web used more memory than it may (out_of_memory)
  reason of container web: OutOfMemoryError
  remedy: raise memory
  the service runs web:1 again

"#]]
        );
        assert_data_eq!(
            plain(DeployOutcome::Refused),
            str![[r#"
TASK      STATUS   TARGETS
0a1b2c3d  RUNNING  10.0.1.5:8080 healthy in web
web: refused: ECS gave the deployment up: tasks failed to start.
  web is web:2.0@sha256:0a1b
  container web used more memory than it may (out_of_memory)
  reason of container web: OutOfMemoryError
  remedy: raise memory
  the service runs web:1 again

"#]]
        );
    }
}
