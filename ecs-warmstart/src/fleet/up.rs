//! `up` for one service: adopt what runs, fill slots until there is enough.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::facts::{read_facts, read_tasks};
use super::handle::Fleet;
use super::options::UpOptions;
use super::pinned::pins;
use super::preflight::{Balancers, Checked, check};
use super::report::TaskReport;
use super::resolve::resolve;
use super::service::Service;
use super::service_runs::{Piece, ServiceRuns, Until, Work, earlier};
use crate::catalogue::DRAINED_BY_US;
use crate::diagnose::Evidence;
use crate::driver::{Cancel, Claims};
use crate::ids::{ClusterId, RunId};
use crate::machine::{Cause, State};
use crate::observation::{TaskObservation, TaskStatus};
use crate::ports::Selector;
use crate::preflight::{Finding, Severity, no_images};
use crate::spec::{Pins, Spec};
use crate::time::Timestamp;

/// Reads what there is, and makes the runs that bring the service to its count. Launches nothing yet.
pub(super) async fn begin(
    fleet: &Fleet,
    (service, neighbours): (&Service, Vec<ClusterId>),
    options: &UpOptions,
    call: Option<&RunId>,
    balancers: &Balancers,
    cancel: &Cancel,
) -> Result<ServiceRuns, Box<Cause>> {
    let checked = read(fleet, service, options, balancers, cancel).await?;
    if checked.has_error() && !runs_already(fleet, service, options, &checked, cancel).await? {
        return Ok(ServiceRuns::refused(service.name.clone(), checked.findings));
    }
    let pins = match (options.pin, &checked.facts.task_definition) {
        (true, Some(definition)) => pins(fleet, service, definition, cancel).await,
        (true, None) => Err(no_images(&service.request.task_definition)),
        (false, _) => Ok(Pins::default()),
    };
    let pins = match pins {
        Ok(pins) => pins,
        Err(error) => {
            let findings = [vec![error], checked.findings].concat();
            return Ok(ServiceRuns::refused(service.name.clone(), findings));
        }
    };
    let mut warnings = checked.warnings;
    let run = RunId::for_slot(&service.name, 0);
    let (spec, more) = resolve(service, &checked.facts, run, options.readiness)?;
    warnings.extend(more);
    let serious = checked.findings.iter().filter(|finding| finding.severity != Severity::Hint);
    warnings.extend(serious.map(Finding::to_string));
    for warning in &warnings {
        fleet.warn(service, warning);
    }
    let spec = spec.with_pins(pins).with_fresh(options.fresh).with_neighbours(neighbours);
    let mut raise = Raise { spec, call: call.cloned(), refills: true, next_slot: 0, runs: Vec::new() };
    if !options.fresh {
        let running = running_tasks(fleet, service, cancel).await?;
        warnings.extend(raise.adopt(fleet, service, running));
    }
    // Only now: what the reading waited for its turn is not the tasks' time.
    let now = fleet.clock.now();
    for _ in raise.runs.len()..usize::try_from(service.count).unwrap_or(usize::MAX) {
        let state = raise.next_slot(now);
        raise.runs.push(state);
    }
    let work = Work::Starts(Box::new(raise));
    Ok(ServiceRuns { service: service.name.clone(), warnings, findings: checked.findings, work })
}

/// Whether as many tasks run as should, so that what only a launch needs is no reason to leave them alone: somebody may have
/// deleted their image's tag long after they were started.
async fn runs_already(
    fleet: &Fleet,
    service: &Service,
    options: &UpOptions,
    checked: &Checked,
    cancel: &Cancel,
) -> Result<bool, Box<Cause>> {
    let mut errors = checked.findings.iter().filter(|finding| finding.severity == Severity::Error);
    if options.fresh || !errors.all(|finding| finding.code.is_about_launches()) {
        return Ok(false);
    }
    let running = running_tasks(fleet, service, cancel).await?.len();
    Ok(running >= usize::try_from(service.count).unwrap_or(usize::MAX))
}

/// The facts, checked where that is wanted.
async fn read(
    fleet: &Fleet,
    service: &Service,
    options: &UpOptions,
    balancers: &Balancers,
    cancel: &Cancel,
) -> Result<Checked, Box<Cause>> {
    if options.check {
        let patience = service.running_timeout;
        return check(fleet, service, options.readiness, patience, balancers, cancel).await;
    }
    let mut warnings = Vec::new();
    let facts = read_facts(fleet, service, cancel, &mut warnings).await?;
    Ok(Checked { facts, findings: Vec::new(), warnings, evidence: Evidence::default() })
}

/// A run that ended before it began.
pub(super) fn never_began(service: &Service, cause: &Cause) -> ServiceRuns {
    ServiceRuns::nothing(service.name.clone(), Vec::new(), TaskReport::never_began(cause))
}

/// The tasks that run for the service: those that serve first, then the oldest.
async fn running_tasks(
    fleet: &Fleet,
    service: &Service,
    cancel: &Cancel,
) -> Result<Vec<TaskObservation>, Box<Cause>> {
    let ours = Selector::StartedBy(service.request.started_by.clone());
    let mut seen = read_tasks(fleet, service, &ours, cancel).await?;
    seen.retain(|task| !task.is_ending());
    seen.sort_by_cached_key(|task| (task.status != TaskStatus::Running, task.created_at, task.task.clone()));
    Ok(seen)
}

/// A service on its way to its count: the runs of its tasks, those that adopt first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raise {
    /// The spec of its runs, but for the run id.
    pub(super) spec: Spec,
    /// The call that means "one more", where it is one.
    pub(super) call: Option<RunId>,
    /// Whether a task that ran already and is gone is replaced.
    pub(super) refills: bool,
    pub(super) next_slot: u32,
    pub(super) runs: Vec<State>,
}

impl Raise {
    /// Takes over tasks that run, as many as there should be.
    fn adopt(&mut self, fleet: &Fleet, service: &Service, running: Vec<TaskObservation>) -> Option<String> {
        let wanted = usize::try_from(service.count).unwrap_or(usize::MAX);
        let warning = (running.len() > wanted).then(|| {
            let more = running.len() - wanted;
            format!("{more} tasks more than the count of {wanted} run for this service; they are left alone")
        });
        if let Some(warning) = &warning {
            fleet.warn(service, warning);
        }
        let now = fleet.clock.now();
        let adopt = |task: TaskObservation| {
            let run = RunId::for_adopted(&service.name, &task.task);
            State::adopt(self.spec.with_run(run), task, now)
        };
        self.runs.extend(running.into_iter().take(wanted).map(adopt));
        warning
    }

    /// The run that fills the next slot.
    fn next_slot(&mut self, now: Timestamp) -> State {
        let (service, slot) = (self.spec.service(), self.next_slot);
        let run = match &self.call {
            None => RunId::for_slot(service, slot),
            Some(call) => RunId::for_named_slot(call, service, slot),
        };
        self.next_slot = self.next_slot.saturating_add(1);
        State::launch(self.spec.with_run(run), now)
    }

    /// Drives what is not over; answers when to go on, where something is left, and what a person should know.
    pub(super) async fn drive(
        &mut self,
        fleet: &Fleet,
        limits: Until,
        cancel: &Cancel,
    ) -> (Option<Timestamp>, Vec<String>) {
        let claims = Claims::default();
        // All before any is driven: a task that one run holds is no other's to take.
        for (state, task) in self.runs.iter().filter_map(|state| Some((state, state.task()?))) {
            claims.hold(task, state.spec().run());
        }
        let warm_start = fleet.warm_start(cancel).with_claims(claims);
        let piece = Arc::new(Piece { clock: Arc::clone(&fleet.clock), warm_start, limits });
        let mut drive = Drive { piece, running: JoinSet::new(), ended: Vec::new() };
        for state in std::mem::take(&mut self.runs) {
            if state.phase().is_final() {
                // What took its place, where something did, is among the others.
                drive.ended.push(Some(state));
            } else {
                drive.begin(state);
            }
        }
        let (mut resume_at, mut warnings) = (None, Vec::new());
        while let Some(joined) = drive.running.join_next().await {
            let (place, state, resume) = match joined {
                Ok(joined) => joined,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            };
            resume_at = earlier(resume_at, resume);
            match replaced(&state, self.refills) {
                None => {
                    drive.ended[place] = Some(state);
                    continue;
                }
                Some(Replaced::SlotTaken) => {}
                Some(Replaced::Gone(why)) => {
                    fleet.warn_of(self.spec.service(), &why);
                    warnings.push(why);
                    if !state.leftovers().is_empty() {
                        drive.ended[place] = Some(state);
                    }
                }
            }
            let next = self.next_slot(fleet.clock.now());
            drive.begin(next);
        }
        self.runs = drive.ended.into_iter().flatten().collect();
        (resume_at, warnings)
    }
}

/// The runs of a service while they are driven.
struct Drive {
    piece: Arc<Piece>,
    running: JoinSet<(usize, State, Option<Timestamp>)>,
    /// What came of each run, in the order in which they began.
    ended: Vec<Option<State>>,
}

impl Drive {
    fn begin(&mut self, mut state: State) {
        let place = self.ended.len();
        self.ended.push(None);
        let piece = Arc::clone(&self.piece);
        self.running.spawn(async move {
            let resume_at = piece.start(&mut state).await;
            (place, state, resume_at)
        });
    }
}

/// Why another run takes the place of one that ended.
enum Replaced {
    /// Somebody has this slot's task already: this run was none, and the next slot may be free.
    SlotTaken,
    /// A task that was there before has died, perhaps taken back by whoever launched it.
    Gone(String),
}

fn replaced(state: &State, refills: bool) -> Option<Replaced> {
    if !state.phase().is_final() {
        return None;
    }
    match state.cause()? {
        Cause::SlotTaken { .. } => Some(Replaced::SlotTaken),
        cause @ (Cause::TaskStopped { .. } | Cause::TaskLost { .. })
            if refills && started_as_adopted(state) && !was_drained(cause) =>
        {
            Some(Replaced::Gone(format!("a task that ran already is gone, another takes its place: {cause}")))
        }
        _ => None,
    }
}

/// Somebody took it down on purpose while this brought it up: it is not for this to bring it up again.
fn was_drained(cause: &Cause) -> bool {
    matches!(cause, Cause::TaskStopped { stop, .. } if stop.reason.starts_with(DRAINED_BY_US))
}

fn started_as_adopted(state: &State) -> bool {
    let adopted = state.task().map(|task| RunId::for_adopted(state.spec().service(), task));
    adopted.as_ref() == Some(state.spec().run())
}
