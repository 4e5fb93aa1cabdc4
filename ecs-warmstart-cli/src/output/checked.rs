//! The result of `check`, for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use ecs_warmstart::fleet::CheckReport;
use ecs_warmstart::preflight::{Finding, Severity};

use super::text::{BAD, GOOD, align_right, cause_of, shown, table};

const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// A table of how much there is, then each finding with what to do.
pub(crate) fn text(report: &CheckReport) -> String {
    let mut table = table(["SERVICE", "ERRORS", "WARNINGS", "HINTS"]);
    for service in &report.services {
        let count = |severity| service.count(severity).to_string();
        let counts = [count(Severity::Error), count(Severity::Warning), count(Severity::Hint)];
        let [errors, warnings, hints] = match service.cause {
            Some(_) => ["?", "?", "?"].map(str::to_owned),
            None => counts,
        };
        table.add_row([service.service.clone(), errors, warnings, hints]);
    }
    align_right(&mut table, &[1, 2, 3]);
    let mut text = shown(&table);
    let summary = &report.summary;
    let style = if summary.failed == 0 { GOOD } else { BAD };
    let services = if summary.services == 1 { "service" } else { "services" };
    let (passed, all) = (summary.succeeded, summary.services);
    let _ = writeln!(text, "\n{style}{passed} of {all} {services} can be started{style:#}");
    for service in &report.services {
        if let Some(cause) = &service.cause {
            cause_of(&mut text, &service.service, cause);
        }
        for found in &service.findings {
            finding(&mut text, &service.service, found);
        }
    }
    text
}

/// One finding, and what to do about it.
pub(super) fn finding(text: &mut String, service: &str, finding: &Finding) {
    let style = match finding.severity {
        Severity::Error => BAD,
        Severity::Warning => WARNING,
        Severity::Hint => HINT,
    };
    let (severity, code) = (finding.severity.as_str(), finding.code.as_str());
    let _ = writeln!(text, "\n{service}: {style}{severity}:{style:#} {} ({code})", finding.summary);
    let _ = writeln!(text, "  {}", finding.remedy);
}
