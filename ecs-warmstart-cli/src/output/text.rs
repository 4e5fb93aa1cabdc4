//! Results for people: a table, one line that sums it up, and what there is to do.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use ecs_warmstart::fleet::{
    CauseReport, Report, RunOutcome, ServiceReport, StatusReport, Summary, TargetReport, TaskReport,
};
use ecs_warmstart::observation::Target;
use ecs_warmstart::preflight::Severity;

use super::checked;
use super::diagnosis::details;
use super::verified::findings;

pub(super) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();

/// The result of `up`.
pub(crate) fn up(report: &Report) -> String {
    let registered = report.services.iter().any(|service| service.outcome == RunOutcome::Registered);
    runs(report, if registered { "ready or registered (health was not waited for)" } else { "ready" })
}

/// The result of `down`.
pub(crate) fn down(report: &Report) -> String {
    runs(report, "down")
}

fn runs(report: &Report, what: &str) -> String {
    let mut table = table(["SERVICE", "OUTCOME", "TASK", "TARGETS", "TIME"]);
    for service in &report.services {
        if service.tasks.is_empty() {
            table.add_row([service.service.as_str(), service.outcome.as_str(), "-", "-", "-"]);
        }
        for task in &service.tasks {
            table.add_row(task_row(service, task));
        }
    }
    align_right(&mut table, &[4]);
    let mut text = shown(&table);
    sum_up(&mut text, &report.summary, what);
    for service in &report.services {
        remarks(&mut text, service);
    }
    leftovers(&mut text, report.leftovers());
    text
}

fn task_row(service: &ServiceReport, task: &TaskReport) -> [String; 5] {
    let outcome = match task.adopted {
        true => format!("{} (adopted)", task.outcome.as_str()),
        false => task.outcome.as_str().to_owned(),
    };
    let id = task.task.as_deref().map_or("-", short);
    let ms = task.phases.iter().map(|phase| phase.ms).fold(0, u64::saturating_add);
    [service.service.clone(), outcome, id.to_owned(), targets(&task.targets), seconds(ms)]
}

/// One below the other, each with its group.
pub(super) fn targets(targets: &[TargetReport]) -> String {
    let lines: Vec<String> = targets
        .iter()
        .map(|TargetReport { target_group, id, port, state }| {
            format!("{} {state} in {}", one_target(id, *port), group_name(target_group))
        })
        .collect();
    if lines.is_empty() { "-".to_owned() } else { lines.join("\n") }
}

pub(super) fn one_target(id: &str, port: u16) -> String {
    Target::new(id, port).to_string()
}

/// `targetgroup/NAME/ID` ends the ARN.
pub(super) fn group_name(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or(arn)
}

pub(super) fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn seconds(ms: u64) -> String {
    match ms / 1000 {
        seconds @ 60.. => format!("{}m {:02}s", seconds / 60, seconds % 60),
        seconds => format!("{seconds}.{}s", ms % 1000 / 100),
    }
}

pub(super) fn sum_up(text: &mut String, summary: &Summary, what: &str) {
    let style = if summary.failed == 0 { GOOD } else { BAD };
    let services = if summary.services == 1 { "service" } else { "services" };
    let _ =
        writeln!(text, "\n{style}{} of {} {services} {what}{style:#}", summary.succeeded, summary.services);
}

/// Why it is not ready, and what else a person should know.
fn remarks(text: &mut String, service: &ServiceReport) {
    // What was started all the same says its warnings below.
    for found in service.findings.iter().filter(|_| service.outcome == RunOutcome::Refused) {
        if found.severity != Severity::Hint {
            checked::finding(text, &service.service, found);
        }
    }
    for task in &service.tasks {
        if let Some(cause) = &task.cause {
            cause_of(text, &service.service, cause);
        }
    }
    for warning in &service.warnings {
        let _ = writeln!(text, "\n{}: warning: {warning}", service.service);
    }
}

pub(super) fn cause_of(text: &mut String, service: &str, cause: &CauseReport) {
    let _ = writeln!(text, "\n{BAD}{service}:{BAD:#} {} ({})", cause.summary, cause.code);
    details(text, cause);
}

pub(super) fn leftovers<'a>(text: &mut String, leftovers: impl Iterator<Item = &'a str>) {
    let mut leftovers = leftovers.peekable();
    if leftovers.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "\n{BAD}left over, to be looked after by hand:{BAD:#}");
    for leftover in leftovers {
        let _ = writeln!(text, "  {leftover}");
    }
}

/// The result of `status`.
pub(crate) fn status(report: &StatusReport) -> String {
    let mut table = table(["SERVICE", "CLUSTER", "TASKS", "HEALTHY", "UNHEALTHY", "PORT", "VERDICT"]);
    for service in &report.services {
        let ports: Vec<String> = service.ports.iter().map(ToString::to_string).collect();
        table.add_row([
            service.service.clone(),
            service.cluster.clone(),
            format!("{}/{}", service.running, service.desired),
            service.healthy.to_string(),
            service.unhealthy.to_string(),
            ports.join(", "),
            service.verdict.as_str().to_owned(),
        ]);
    }
    align_right(&mut table, &[2, 3, 4, 5]);
    let mut text = shown(&table);
    sum_up(&mut text, &report.summary, "ready");
    for service in &report.services {
        if let Some(cause) = &service.cause {
            cause_of(&mut text, &service.service, cause);
        }
        findings(&mut text, &service.service, &service.findings);
    }
    text
}

pub(super) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    // A line that is too long is broken by the terminal; breaking it here would break what is copied from it.
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

pub(super) fn align_right(table: &mut Table, columns: &[usize]) {
    for index in columns {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

pub(super) fn shown(table: &Table) -> String {
    table.trim_fmt() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::samples;
    use snapbox::{assert_data_eq, str};

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_mixed_report() {
        assert_data_eq!(
            plain(&up(&samples::report())),
            str![[r#"
SERVICE  OUTCOME          TASK      TARGETS                                   TIME
auth     ready (adopted)  0a1b2c3d  10.0.1.5:8080 healthy in auth            41.2s
                                    [2001:db8::5]:8080 healthy in internal
auth     ready            0a1b2c3d  10.0.1.5:8080 healthy in auth            41.2s
web      undone           -         -                                       5m 00s
batch    leaked           0a1b2c3d  10.0.1.5:8080 unhealthy in batch         41.2s

1 of 3 services ready

auth: warning: the task definition may not be read; the gate is running

web: no task was launched in 5m (capacity)
  RunTask: RESOURCE:ENI: nothing could be placed

batch: 10.0.1.5:8080 was not healthy in batch in 2m (not_healthy_in_time)
  target health: unhealthy, Target.Timeout

left over, to be looked after by hand:
  task arn:aws:ecs:us-east-2:111122223333:task/batch-cluster/0a1b2c3d may still run: aws ecs stop-task --cluster batch-cluster --task arn:aws:ecs:us-east-2:111122223333:task/batch-cluster/0a1b2c3d

"#]]
        );
    }

    #[test]
    fn all_ready() {
        assert_data_eq!(
            plain(&up(&samples::report_of(&[RunOutcome::Ready, RunOutcome::Ready]))),
            str![[r#"
SERVICE    OUTCOME  TASK      TARGETS                              TIME
service-0  ready    0a1b2c3d  10.0.1.5:8080 healthy in service-0  41.2s
service-1  ready    0a1b2c3d  10.0.1.5:8080 healthy in service-1  41.2s

2 of 2 services ready

"#]]
        );
    }

    #[test]
    fn health_not_waited_for() {
        assert_data_eq!(
            plain(&up(&samples::report_of(&[RunOutcome::Registered]))),
            str![[r#"
SERVICE    OUTCOME     TASK      TARGETS                                 TIME
service-0  registered  0a1b2c3d  10.0.1.5:8080 registered in service-0  41.2s

1 of 1 service ready or registered (health was not waited for)

"#]]
        );
    }

    #[test]
    fn what_runs_and_what_serves() {
        assert_data_eq!(
            plain(&status(&samples::status())),
            str![[r#"
SERVICE  CLUSTER       TASKS  HEALTHY  UNHEALTHY        PORT  VERDICT
auth     auth-cluster    1/1        2          0  8080, 9090  ready
web      web-cluster    0/10        0          0          80  unknown

1 of 2 services ready

auth: 10.9.9.9:8080 in auth: no task of the service is known to be behind this target; it is kept (unknown_target)
  find out who registered it; if nobody needs it, deregister it by hand

web: ListTasks failed: AccessDeniedException: not allowed (denied)
  ListTasks: AccessDeniedException: not allowed

"#]]
        );
    }

    #[test]
    fn colours_are_there_to_be_taken_out() {
        let text = up(&samples::report_of(&[RunOutcome::Ready]));
        assert!(text.contains("\u{1b}[1m\u{1b}[32m1 of 1 service ready\u{1b}[0m"), "{text:?}");
    }

    #[test]
    fn times() {
        for (ms, expected) in [(0, "0.0s"), (41_290, "41.2s"), (60_000, "1m 00s"), (3_605_000, "60m 05s")] {
            assert_eq!(seconds(ms), expected);
        }
    }
}
