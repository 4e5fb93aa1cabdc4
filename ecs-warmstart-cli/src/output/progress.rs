//! What happens while `up` works, as it happens.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecs_warmstart::driver::{Event, EventKind, Observer, TracingObserver};
use ecs_warmstart::ids::{RunId, ServiceName};
use ecs_warmstart::machine::PhaseName;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{json, streams};
use crate::args::Format;

/// Shows events to whoever watches.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: Shown,
    width: usize,
    runs: Mutex<Runs>,
}

/// How they are shown.
#[derive(Debug)]
enum Shown {
    /// One line per run that changes, on a terminal.
    Live(MultiProgress),
    /// One line per event, on stderr.
    Plain,
    /// One JSON object per event, on stdout.
    Json,
    /// As log lines, where `-v` is given. With `--output ndjson` the events go to stdout too.
    Log { json: bool },
}

#[derive(Debug, Default)]
struct Runs {
    labels: HashMap<RunId, String>,
    counts: HashMap<ServiceName, usize>,
    bars: HashMap<RunId, ProgressBar>,
}

impl Progress {
    /// `width` is that of the longest service name.
    pub(crate) fn new(format: Format, log: bool, width: usize) -> Self {
        let json = format == Format::Ndjson;
        let shown = if log {
            Shown::Log { json }
        } else if json {
            Shown::Json
        } else if std::io::stderr().is_terminal() {
            Shown::Live(MultiProgress::new())
        } else {
            Shown::Plain
        };
        Self { shown, width, runs: Mutex::default() }
    }

    /// Says something that belongs to no run.
    pub(crate) fn note(&self, text: String) {
        match &self.shown {
            Shown::Live(live) => live.suspend(|| streams::stderr(&format!("{text}\n"))),
            Shown::Plain | Shown::Json => streams::stderr(&format!("{text}\n")),
            Shown::Log { .. } => tracing::warn!("{text}"),
        }
    }

    /// Leaves the last state on the terminal.
    pub(crate) fn finish(&self) {
        for bar in self.runs().bars.values() {
            if !bar.is_finished() {
                bar.abandon();
            }
        }
    }

    /// Nothing in a run depends on what is shown: after a panic elsewhere the rest is still shown.
    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self, live: &MultiProgress, event: &Event, label: &str) {
        if matches!(event.kind, EventKind::Warning { .. }) {
            let line = plain(event, label, self.width);
            return live.suspend(|| streams::stderr(&line));
        }
        let mut runs = self.runs();
        let bar = runs.bars.entry(event.run.clone()).or_insert_with(|| {
            let bar = live.add(ProgressBar::new_spinner().with_style(style("{spinner}")));
            bar.set_prefix(format!("{label:width$}", width = self.width));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        match &event.kind {
            EventKind::Started { phase } => bar.set_message(phase_text(*phase, "")),
            EventKind::Entered { to, because, .. } if to.is_final() => {
                bar.set_style(style(if *to == PhaseName::Ready { "✓" } else { "✗" }));
                bar.finish_with_message(phase_text(*to, because));
            }
            EventKind::Entered { to, because, .. } => bar.set_message(phase_text(*to, because)),
            EventKind::Switched { to, .. } => bar.set_message(format!("on {to}")),
            EventKind::Retrying { call, failure, .. } => bar.set_message(format!("{call} again: {failure}")),
            // Warnings are done with; what a later version may add is not for the eye.
            _ => {}
        }
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event) {
        match &self.shown {
            Shown::Live(live) => {
                let label = self.runs().label(event);
                self.live(live, event, &label);
            }
            Shown::Plain => {
                let label = self.runs().label(event);
                streams::stderr(&plain(event, &label, self.width));
            }
            Shown::Json => json_line(event),
            Shown::Log { json } => {
                TracingObserver.event(event);
                if *json {
                    json_line(event);
                }
            }
        }
    }
}

/// A line that cannot be written is let go: the run matters more, and the report at the end says whether stdout works.
fn json_line(event: &Event) {
    let _ = streams::stdout(&json::event_line(event));
}

impl Runs {
    /// The service's name; from its second run on with a number.
    fn label(&mut self, event: &Event) -> String {
        if let Some(label) = self.labels.get(&event.run) {
            return label.clone();
        }
        // A warning may come before any run, and belong to the service as a whole.
        if matches!(event.kind, EventKind::Warning { .. }) {
            return event.service.to_string();
        }
        let count = self.counts.entry(event.service.clone()).or_default();
        *count += 1;
        let label = match *count {
            1 => event.service.to_string(),
            more => format!("{} {more}", event.service),
        };
        self.labels.insert(event.run.clone(), label.clone());
        label
    }
}

fn style(mark: &str) -> ProgressStyle {
    ProgressStyle::with_template(&format!("{mark} {{prefix}}  {{msg}}  {{elapsed}}"))
        .expect("the marks have no braces but those of the spinner")
}

fn phase_text(phase: PhaseName, because: &str) -> String {
    format!("{:16}  {because}", phase.as_str()).trim_end().to_owned()
}

/// `auth  awaiting_running  the task is PENDING`
fn plain(event: &Event, label: &str, width: usize) -> String {
    let what = match &event.kind {
        EventKind::Started { phase } => phase_text(*phase, ""),
        EventKind::Entered { to, because, .. } => phase_text(*to, because),
        EventKind::Switched { from, to, because } => format!("{:16}  {from} -> {to}: {because}", "switched"),
        EventKind::Retrying { call, failure, .. } => format!("{:16}  {call}: {failure}", "retrying"),
        EventKind::Warning { message } => format!("{:16}  {message}", "warning"),
        _ => return String::new(),
    };
    format!("{label:width$}  {what}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::samples;

    #[test]
    fn plain_lines() {
        let mut runs = Runs::default();
        let lines: String = samples::events()
            .iter()
            .map(|event| {
                let label = runs.label(event);
                plain(event, &label, 6)
            })
            .collect();
        snapbox::assert_data_eq!(
            lines,
            snapbox::str![[r#"
auth    launching
auth    awaiting_running  the task is PENDING
auth    retrying          RegisterTargets: Throttling: Rate exceeded
auth 2  switched          FARGATE_SPOT in subnet-a -> FARGATE in subnet-a: Capacity is unavailable at this time.
auth    warning           the task definition may not be read
auth 2  launching
auth    ready             every target is healthy

"#]]
        );
    }

    #[test]
    fn live_lines_follow_their_run_to_its_end() {
        let progress = Progress {
            shown: Shown::Live(MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden())),
            width: 6,
            runs: Mutex::default(),
        };
        for event in samples::events() {
            progress.event(&event);
        }
        let bars = progress.runs().bars.clone();
        let bar = |run: &str| &bars[&run.parse::<RunId>().unwrap()];
        assert_eq!(bar("auth/0").message(), "ready             every target is healthy");
        assert!(bar("auth/0").is_finished());
        assert_eq!(
            (bar("auth/1").prefix().as_str(), bar("auth/1").message().as_str()),
            ("auth 2", "launching")
        );
        assert!(!bar("auth/1").is_finished());
        progress.finish();
        assert!(bar("auth/1").is_finished());
    }
}
