//! Starts and drains of many services, driven together and in pieces: all that has to be known between two pieces.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::report::{CauseReport, Report, RunOutcome, ServiceReport, TaskReport};
use super::service_runs::{ServiceRuns, Work};
use crate::ids::{ClusterId, TargetGroupArn, TaskDefinitionId};
use crate::machine::{Drain, State};
use crate::overrides::TaskOverride;
use crate::time::Timestamp;

/// The version of the form that this program writes.
const VERSION: u32 = 1;

/// What [`Fleet::begin_up`](super::Fleet::begin_up) and its like have begun, in flight or at its end: all there is to know to
/// go on with it, in this process or in another.
///
/// Written with serde it carries the version of its form; reading a form that this program does not know is an error.
/// Driven on twice from the same state it ends the same: every run asks ECS with the same tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runs {
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    command: String,
    began: Timestamp,
    services: Vec<ServiceRuns>,
}

/// How long one piece may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// After that no call is begun, and no waiting is begun that would go beyond it. Every run makes at least one call, if one
    /// is due, so that each piece makes progress.
    pub drive: Duration,
    /// A call that is still under way after that is given up. It may have taken effect; the state says so, and going on from
    /// it finds out. At least as long as `drive`.
    pub calls: Duration,
}

impl Budget {
    /// As long as it takes.
    pub const UNLIMITED: Self = Self { drive: Duration::MAX, calls: Duration::MAX };
}

/// What a piece of work names: whom it may concern whether it is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched<'a> {
    /// The clusters in which tasks are started or stopped.
    pub clusters: BTreeSet<&'a ClusterId>,
    /// The task definitions that are launched.
    pub task_definitions: BTreeSet<&'a TaskDefinitionId>,
    /// The groups in which targets are registered or deregistered.
    pub target_groups: BTreeSet<&'a TargetGroupArn>,
    /// What launches change of their definitions.
    pub overrides: Vec<&'a TaskOverride>,
}

impl Runs {
    pub(super) fn new(command: &str, began: Timestamp, services: Vec<ServiceRuns>) -> Self {
        Self { form: Form { command: command.to_owned(), began, services } }
    }

    /// Whether there is nothing left to drive.
    pub fn is_finished(&self) -> bool {
        self.form.services.iter().all(ServiceRuns::is_finished)
    }

    /// When it began.
    pub fn began(&self) -> Timestamp {
        self.form.began
    }

    /// What came of it by now. What is not over is reported as leaked, with what it may have done: drive it to its end first.
    pub fn report(&self, now: Timestamp) -> Report {
        let services = self.form.services.iter().map(ServiceRuns::report).collect();
        Report::new(&self.form.command, now.since(self.form.began), services)
    }

    /// Everything that driving it on may start, stop, register or deregister.
    pub fn touched(&self) -> Touched<'_> {
        let mut touched = Touched::default();
        for service in &self.form.services {
            service.touched(&mut touched);
        }
        touched
    }

    /// How far each start has got with its client tokens: all before this one are proved over.
    pub fn attempts(&self) -> Vec<u32> {
        let starts = self.form.services.iter().filter_map(|service| match &service.work {
            Work::Starts(raise) => Some(&raise.runs),
            Work::Drains { .. } | Work::Nothing { .. } | Work::Refused => None,
        });
        starts.flatten().map(State::attempt).collect()
    }

    /// Lets starts that have asked for nothing yet go on where [those](Self::attempts) of an earlier call of the same
    /// [`run_id`](super::UpOptions::run_id) ended.
    ///
    /// They lead to the same tasks without it too. But ECS answers a token that it knows as it did before, refusals for
    /// capacity included, for up to a day, so that a start which asks from the first token on takes as long as the earlier
    /// one did before it asks anything new.
    #[must_use]
    pub fn gone_on_from(mut self, attempts: &[u32]) -> Self {
        let starts = self.form.services.iter_mut().filter_map(|service| match &mut service.work {
            Work::Starts(raise) => Some(&mut raise.runs),
            Work::Drains { .. } | Work::Nothing { .. } | Work::Refused => None,
        });
        for (state, attempt) in starts.flatten().zip(attempts) {
            state.go_on_from(*attempt);
        }
        self
    }

    pub(super) fn into_services(self) -> (String, Timestamp, Vec<ServiceRuns>) {
        (self.form.command, self.form.began, self.form.services)
    }
}

// --- The written form

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    runs: &'a Form,
}

#[derive(Deserialize)]
struct Read {
    version: u32,
    runs: serde_json::Value,
}

impl Serialize for Runs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { version: VERSION, runs: &self.form }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Runs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        if read.version != VERSION {
            return Err(D::Error::custom(format!(
                "the runs have version {}; this program reads version {VERSION}",
                read.version
            )));
        }
        let form = serde_json::from_value(read.runs).map_err(D::Error::custom)?;
        Ok(Self { form })
    }
}

// --- What a service's part says

impl ServiceRuns {
    fn is_finished(&self) -> bool {
        match &self.work {
            Work::Starts(raise) => raise.runs.iter().all(|state| state.phase().is_final()),
            Work::Drains { drains } => drains.iter().all(|drain| drain.phase().is_final()),
            Work::Nothing { .. } | Work::Refused => true,
        }
    }

    pub(super) fn report(&self) -> ServiceReport {
        let (nothing, tasks) = match &self.work {
            Work::Starts(raise) => {
                (RunOutcome::Undone, raise.runs.iter().map(TaskReport::of).collect::<Vec<_>>())
            }
            Work::Drains { drains } => {
                (RunOutcome::Drained, drains.iter().map(TaskReport::of_drain).collect())
            }
            Work::Nothing { task } => (task.outcome, vec![(**task).clone()]),
            Work::Refused => (RunOutcome::Refused, Vec::new()),
        };
        let outcome = tasks.iter().map(|task| task.outcome).max().unwrap_or(nothing);
        let refused = self.work == Work::Refused;
        ServiceReport {
            service: self.service.to_string(),
            outcome,
            tasks,
            cause: self.findings.first().filter(|_| refused).map(CauseReport::from),
            findings: self.findings.clone(),
            warnings: self.warnings.clone(),
        }
    }

    fn touched<'a>(&'a self, touched: &mut Touched<'a>) {
        match &self.work {
            Work::Starts(raise) => {
                let specs = raise.runs.iter().map(State::spec).chain([&raise.spec]);
                for spec in specs {
                    touched.clusters.insert(spec.cluster());
                    touched.task_definitions.insert(&spec.request().task_definition);
                    touched.target_groups.extend(spec.bindings().iter().map(|it| &it.target_group));
                    let overrides = &spec.request().overrides;
                    if !overrides.is_empty() && !touched.overrides.contains(&overrides) {
                        touched.overrides.push(overrides);
                    }
                }
            }
            Work::Drains { drains } => {
                for spec in drains.iter().map(Drain::spec) {
                    touched.clusters.insert(&spec.cluster);
                    touched.target_groups.extend(spec.places.iter().map(|place| &place.target_group));
                }
            }
            Work::Nothing { .. } | Work::Refused => {}
        }
    }
}
