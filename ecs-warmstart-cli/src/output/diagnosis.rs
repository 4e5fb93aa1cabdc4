//! The result of `diagnose` for people: what is wrong, by what that is known, and what to do.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use ecs_warmstart::fleet::{CauseReport, DiagnosisReport, SubjectReport};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const DO: Style = AnsiColor::Cyan.on_default().bold();

/// The result of `diagnose`.
pub(crate) fn text(report: &DiagnosisReport) -> String {
    let mut text = String::new();
    for subject in &report.subjects {
        of_subject(&mut text, subject);
    }
    let summary = &report.summary;
    let style = if summary.failed == 0 { GOOD } else { BAD };
    let _ = writeln!(text, "{style}{} of {} well{style:#}", summary.succeeded, summary.services);
    text
}

fn of_subject(text: &mut String, subject: &SubjectReport) {
    let style = if subject.well { GOOD } else { BAD };
    let _ = writeln!(text, "{style}{}:{style:#} {}", subject.name, head(&subject.root));
    if !subject.well {
        details(text, &subject.root);
        for other in &subject.others {
            let _ = writeln!(text, "  also: {}", head(other));
            remedy(text, other, "    ");
        }
    }
    for unread in &subject.unread {
        let _ = writeln!(text, "  not read: {unread}");
    }
    text.push('\n');
}

fn head(cause: &CauseReport) -> String {
    match cause.confidence {
        Some(confidence) => format!("{} ({}, {confidence})", cause.summary, cause.code),
        None => format!("{} ({})", cause.summary, cause.code),
    }
}

/// What a cause rests on, what followed from it, what to do.
pub(super) fn details(text: &mut String, cause: &CauseReport) {
    for evidence in &cause.evidence {
        let _ = writeln!(text, "  {evidence}");
    }
    for link in &cause.chain {
        let _ = writeln!(text, "  so: {}", link.summary);
    }
    remedy(text, cause, "  ");
}

fn remedy(text: &mut String, cause: &CauseReport, indent: &str) {
    if let Some(remedy) = &cause.remedy {
        let _ = writeln!(text, "{indent}{DO}remedy:{DO:#} {remedy}");
    }
}
