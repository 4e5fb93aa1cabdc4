//! The results of `verify` and of its plan, for people.

use std::fmt::Write as _;

use ecs_warmstart::fleet::{
    ChangeKind, ChangeReport, FindingReport, PlanReport, ServiceVerified, VerifyReport,
};

use super::text::{
    BAD, GOOD, cause_of, group_name, leftovers, one_target, short, shown, sum_up, table, targets,
};

/// The result of `verify`.
pub(crate) fn verify(report: &VerifyReport) -> String {
    let mut table = table(["SERVICE", "OUTCOME", "TASK", "TARGETS"]);
    for service in &report.services {
        if service.tasks.is_empty() {
            table.add_row([service.service.as_str(), service.outcome.as_str(), "-", "-"]);
        }
        for task in &service.tasks {
            let outcome = if task.outcome.is_success() { service.outcome } else { task.outcome };
            let row =
                [service.service.as_str(), outcome.as_str(), short(&task.task), &targets(&task.targets)];
            table.add_row(row);
        }
    }
    let mut text = shown(&table);
    sum_up(&mut text, &report.summary, "as they should be");
    for service in &report.services {
        remarks(&mut text, service);
    }
    leftovers(&mut text, report.leftovers());
    text
}

fn remarks(text: &mut String, service: &ServiceVerified) {
    let name = &service.service;
    for cause in service.cause.iter().chain(service.tasks.iter().filter_map(|task| task.cause.as_ref())) {
        cause_of(text, name, cause);
    }
    changes(text, name, &service.changes);
    findings(text, name, &service.findings);
    for warning in &service.warnings {
        let _ = writeln!(text, "\n{name}: warning: {warning}");
    }
}

/// The result of `verify --plan`.
pub(crate) fn plan(report: &PlanReport) -> String {
    let mut text = String::new();
    let kept: usize = report.services.iter().map(|service| service.kept).sum();
    let (style, needed) = match report.changes_needed {
        0 if report.is_nothing_to_do() => (GOOD, "nothing to do".to_owned()),
        0 => (BAD, "not everything could be looked at".to_owned()),
        1 => (BAD, "1 change needed".to_owned()),
        more => (BAD, format!("{more} changes needed")),
    };
    let are = if kept == 1 { "target is" } else { "targets are" };
    let _ = writeln!(text, "{style}{needed}{style:#}; {kept} {are} as they should be");
    for service in &report.services {
        if let Some(cause) = &service.cause {
            cause_of(&mut text, &service.service, cause);
        }
        changes(&mut text, &service.service, &service.changes);
        findings(&mut text, &service.service, &service.findings);
        for warning in &service.warnings {
            let _ = writeln!(text, "\n{}: warning: {warning}", service.service);
        }
    }
    text
}

/// One line each, as a `diff` has it: what comes in and what goes out.
fn changes(text: &mut String, service: &str, changes: &[ChangeReport]) {
    if changes.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{service}:");
    for change in changes {
        let target = one_target(&change.id, change.port);
        let group = group_name(&change.target_group);
        let why = &change.why;
        let _ = match (change.change, change.made) {
            (ChangeKind::Register, true) => writeln!(text, "  + {target} registered in {group}: {why}"),
            (ChangeKind::Register, false) => writeln!(text, "  + {target} into {group}: {why}"),
            (ChangeKind::Deregister, true) => writeln!(text, "  - {target} deregistered from {group}: {why}"),
            (ChangeKind::Deregister, false) => writeln!(text, "  - {target} out of {group}: {why}"),
        };
    }
}

/// What is wrong, and below it what to do about it.
pub(super) fn findings(text: &mut String, service: &str, findings: &[FindingReport]) {
    for finding in findings {
        let about = about(finding).map_or_else(String::new, |about| format!("{about}: "));
        let (code, summary, remedy) = (&finding.code, &finding.summary, &finding.remedy);
        let _ = writeln!(text, "\n{BAD}{service}:{BAD:#} {about}{summary} ({code})\n  {remedy}");
    }
}

fn about(finding: &FindingReport) -> Option<String> {
    let group = group_name(finding.target_group.as_ref()?);
    Some(match (&finding.id, finding.port, &finding.task) {
        (Some(id), Some(port), _) => format!("{} in {group}", one_target(id, port)),
        (_, _, Some(task)) => format!("task {} in {group}", short(task)),
        _ => group.to_owned(),
    })
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
    fn what_was_found_and_mended() {
        assert_data_eq!(
            plain(&verify(&samples::verified())),
            str![[r#"
SERVICE  OUTCOME    TASK      TARGETS
auth     repaired   0a1b2c3d  10.0.1.5:8080 healthy in auth
web      unhealthy  0a1b2c3d  10.0.1.5:8080 unhealthy in web
cron     no_tasks   -         -
batch    failed     -         -

1 of 4 services as they should be

auth:
  - 10.0.1.4:8080 deregistered from auth: its task 0a1b2c3c has stopped
  + 10.0.1.5:8080 registered in auth: its task runs and was not registered

auth: 10.9.9.9:8080 in auth: no task of the service is known to be behind this target; it is kept (unknown_target)
  find out who registered it; if nobody needs it, deregister it by hand

auth: warning: 1 of 2 tasks run; `up` brings it to its count

web: 10.0.1.5:8080 was not healthy in web in 2m (not_healthy_in_time)
  target health: unhealthy, Target.Timeout

batch: ListTasks failed: AccessDeniedException: not allowed (denied)
  ListTasks: AccessDeniedException: not allowed

"#]]
        );
    }

    #[test]
    fn what_would_be_done() {
        assert_data_eq!(
            plain(&plan(&samples::plan())),
            str![[r#"
2 changes needed; 3 targets are as they should be

auth:
  - 10.0.1.4:8080 out of auth: its task 0a1b2c3c has stopped
  + [2001:db8::5]:8080 into auth: its task runs and is not registered

auth: 10.9.9.9:8080 in auth: no task of the service is known to be behind this target; it is kept (unknown_target)
  find out who registered it; if nobody needs it, deregister it by hand

auth: task 0a1b2c3d in auth: no task of the service is known to be behind this target; it is kept (unknown_target)
  find out who registered it; if nobody needs it, deregister it by hand

auth: the tasks run different images of container web: sha256:1 in 0a1b, sha256:2 in 3c4d (different_images)
  take the older ones out with `down --task arn:aws:ecs:us-east-2:111122223333:task/auth-cluster/0a1b2c3d`

"#]]
        );
    }

    #[test]
    fn nothing_to_do() {
        let report = PlanReport::new(std::time::Duration::ZERO, Vec::new());
        assert_eq!(plain(&plan(&report)), "nothing to do; 0 targets are as they should be\n");
    }
}
