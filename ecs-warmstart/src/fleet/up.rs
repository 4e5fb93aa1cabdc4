//! `up` for one service: adopt what runs, fill slots until there is enough.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::task::JoinSet;

use super::facts::{read_facts, read_tasks};
use super::handle::Fleet;
use super::options::UpOptions;
use super::report::{RunOutcome, ServiceReport, TaskReport};
use super::resolve::resolve;
use super::service::Service;
use crate::driver::{Cancel, Claims, Driven, WarmStart};
use crate::ids::RunId;
use crate::machine::{Cause, State};
use crate::observation::{TaskObservation, TaskStatus};
use crate::ports::Selector;
use crate::spec::Spec;

pub(super) async fn up(
    fleet: &Fleet,
    service: &Service,
    options: &UpOptions,
    call: Option<&RunId>,
    cancel: &Cancel,
) -> ServiceReport {
    let mut raise = match Raise::begin(fleet, service, options, call, cancel).await {
        Ok(raise) => raise,
        Err(cause) => return report(service, vec![TaskReport::never_began(&cause)], Vec::new()),
    };
    if !options.fresh {
        match running_tasks(fleet, service, cancel).await {
            Ok(running) => raise.adopt(running),
            Err(cause) => return report(service, vec![TaskReport::never_began(&cause)], raise.warnings),
        }
    }
    raise.finish().await
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

/// A service on its way to its count.
struct Raise<'a> {
    service: &'a Service,
    call: Option<&'a RunId>,
    warm_start: WarmStart,
    fleet: &'a Fleet,
    /// The spec of its runs, but for the run id.
    spec: Spec,
    claims: Claims,
    next_slot: u32,
    runs: JoinSet<(usize, Result<State, String>)>,
    /// What came of each run, in the order in which they began.
    ended: VecDeque<Option<TaskReport>>,
    warnings: Vec<String>,
}

impl<'a> Raise<'a> {
    async fn begin(
        fleet: &'a Fleet,
        service: &'a Service,
        options: &UpOptions,
        call: Option<&'a RunId>,
        cancel: &Cancel,
    ) -> Result<Self, Box<Cause>> {
        let mut warnings = Vec::new();
        let facts = read_facts(fleet, service, cancel, &mut warnings).await?;
        let (spec, more) = resolve(service, &facts, RunId::for_slot(&service.name, 0), options.readiness)?;
        warnings.extend(more);
        for warning in &warnings {
            fleet.warn(service, warning);
        }
        let claims = Claims::default();
        let warm_start = fleet.warm_start(cancel).with_claims(claims.clone());
        Ok(Self {
            service,
            call,
            warm_start,
            fleet,
            spec,
            claims,
            next_slot: 0,
            runs: JoinSet::new(),
            ended: VecDeque::new(),
            warnings,
        })
    }

    /// Takes over tasks that run, as many as there should be.
    fn adopt(&mut self, running: Vec<TaskObservation>) {
        let wanted = usize::try_from(self.service.count).unwrap_or(usize::MAX);
        if running.len() > wanted {
            let more = running.len() - wanted;
            self.warn(format!(
                "{more} tasks more than the count of {wanted} run for this service; they are left alone"
            ));
        }
        for task in running.into_iter().take(wanted) {
            let run = RunId::for_adopted(&self.service.name, &task.task);
            self.claims.hold(&task.task, &run);
            let state = State::adopt(self.spec.with_run(run), task, self.fleet.clock.now());
            self.start(state);
        }
    }

    /// Begins to fill the next slot.
    fn fill_slot(&mut self) {
        let slot = self.next_slot;
        self.next_slot = self.next_slot.saturating_add(1);
        let run = match self.call {
            None => RunId::for_slot(&self.service.name, slot),
            Some(call) => RunId::for_named_slot(call, &self.service.name, slot),
        };
        self.start(State::launch(self.spec.with_run(run), self.fleet.clock.now()));
    }

    fn start(&mut self, state: State) {
        let place = self.ended.len();
        self.ended.push_back(None);
        let warm_start = self.warm_start.clone();
        self.runs.spawn(async move {
            let driven = warm_start.drive(state, Duration::MAX).await;
            let state = match driven {
                Ok(Driven::Finished(state) | Driven::Suspended { state, .. }) => Ok(state),
                Err(error) => Err(error.to_string()),
            };
            (place, state)
        });
    }

    async fn finish(mut self) -> ServiceReport {
        let wanted = usize::try_from(self.service.count).unwrap_or(usize::MAX);
        for _ in self.ended.len()..wanted {
            self.fill_slot();
        }
        while let Some(joined) = self.runs.join_next().await {
            match joined {
                Ok((place, Ok(state))) => self.take_in(place, &state),
                Ok((_, Err(message))) => self.warn(message),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        let tasks = self.ended.into_iter().flatten().collect();
        report(self.service, tasks, self.warnings)
    }

    fn take_in(&mut self, place: usize, state: &State) {
        match state.cause() {
            // Somebody has this slot's task already: this run was none, and the next slot may be free.
            Some(Cause::SlotTaken { .. }) => self.fill_slot(),
            // A task that was there before has died, perhaps taken back by whoever launched it: replace it.
            Some(cause @ (Cause::TaskStopped { .. } | Cause::TaskLost { .. }))
                if started_as_adopted(state) =>
            {
                self.warn(format!("a task that ran already is gone, another takes its place: {cause}"));
                if !state.leftovers().is_empty() {
                    self.ended[place] = Some(TaskReport::of(state));
                }
                self.fill_slot();
            }
            _ => self.ended[place] = Some(TaskReport::of(state)),
        }
    }

    fn warn(&mut self, message: String) {
        self.fleet.warn(self.service, &message);
        self.warnings.push(message);
    }
}

fn started_as_adopted(state: &State) -> bool {
    let adopted = state.task().map(|task| RunId::for_adopted(state.spec().service(), task));
    adopted.as_ref() == Some(state.spec().run())
}

fn report(service: &Service, tasks: Vec<TaskReport>, warnings: Vec<String>) -> ServiceReport {
    let outcome = tasks.iter().map(|task| task.outcome).max().unwrap_or(RunOutcome::Undone);
    ServiceReport { service: service.name.to_string(), outcome, tasks, warnings }
}
