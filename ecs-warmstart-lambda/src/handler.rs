//! One invocation: reads, checks, drives, and hands on what is left.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::driver::{Cancel, Driven, TracingObserver};
use ecs_warmstart::fleet::{Budget, Change, DownOptions, Fleet, Runs, Service, UpOptions};
use ecs_warmstart::ids::RunId;
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::Readiness;
use ecs_warmstart::time::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::aftermath::Aftermath;
use crate::answer::{Answer, failure_of};
use crate::event::{Call, Event, Message, Origin, Request, StartDetail, StopDetail, parse, silent};
use crate::failure::{Failure, FailureKind};
use crate::metrics;
use crate::queue::Queue;
use crate::settings::Settings;
use crate::times::Times;

/// What an answer or a message may have. Step Functions takes 256 KiB of all it carries; a message of SQS takes more.
const LARGEST_STATE: usize = 240 * 1024;

/// Answers events. Clones are handles on the same.
#[derive(Clone, Debug)]
pub struct Handler {
    settings: Arc<Settings>,
    fleet: Fleet,
    queue: Option<Arc<dyn Queue>>,
    dead_letters: Option<Arc<dyn Queue>>,
}

/// What is known of an invocation besides its event.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// Names it, the same over its retries.
    pub id: String,
    /// When it is ended, whatever it does.
    pub deadline: Timestamp,
    /// The time now. Made anew for each invocation: between two of them a function is frozen, and a monotone clock may
    /// stand still.
    pub clock: Arc<dyn Clock>,
}

impl Handler {
    /// A handler over these ports. Without a queue what cannot be finished in time is undone.
    pub fn new(settings: Settings, ports: Ports, queue: Option<Arc<dyn Queue>>) -> Self {
        let fleet = Fleet::new(ports).with_limits(settings.limits).with_observer(TracingObserver);
        Self { settings: Arc::new(settings), fleet, queue, dead_letters: None }
    }

    /// Tells this queue what was handed on and failed for good. Without it such a failure is answered, and whoever delivered
    /// the message delivers it again.
    pub fn with_dead_letters(self, dead_letters: Option<Arc<dyn Queue>>) -> Self {
        Self { dead_letters, ..self }
    }

    /// Answers an event.
    ///
    /// # Errors
    ///
    /// [`Failure`] by its kind. A batch of several messages fails only where all of them do.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops in the middle and undoes nothing. The same event again goes on with the same tasks.
    pub async fn handle(&self, payload: Value, invocation: &Invocation) -> Result<Value, Failure> {
        match parse(payload, &invocation.id) {
            Ok(Event::One(call)) => self.one(*call, invocation).await,
            Ok(Event::Batch(messages)) => self.batch(messages, invocation).await,
            Err(failure) => Err(failure),
        }
    }

    async fn one(&self, call: Call, invocation: &Invocation) -> Result<Value, Failure> {
        let work = Work::new(self, invocation, &call);
        let answer = work.answer(call.request).await?;
        tracing::info!(%answer, "answered");
        answer.into_value().map_err(|error| {
            // No answer is known to come to this; the state is lost with it, so it is no success.
            Failure::new(FailureKind::Leaked, format!("the answer cannot be written: {error}"))
        })
    }

    /// A message of a queue. Where it is one of our own, nobody but us knows what its failure asks for.
    async fn message(&self, call: Call, invocation: &Invocation) -> Result<(), Failure> {
        let (origin, handed_on) = (call.origin.clone(), call.handed_on);
        match (self.one(call, invocation).await, origin) {
            (Ok(_), _) => Ok(()),
            (Err(failure), Some(origin)) if handed_on => {
                let origin = origin.after(failure.attempts());
                self.aftermath(&origin, invocation).of(failure).await
            }
            (Err(failure), _) => Err(failure),
        }
    }

    fn aftermath<'a>(&'a self, origin: &'a Origin, invocation: &'a Invocation) -> Aftermath<'a> {
        Aftermath {
            origin,
            again: self.queue.as_deref(),
            dead_letters: self.dead_letters.as_deref(),
            clock: &*invocation.clock,
            until: Times::of(invocation.clock.now(), invocation.deadline, None, false).tell,
        }
    }

    async fn batch(&self, messages: Vec<Message>, invocation: &Invocation) -> Result<Value, Failure> {
        let all = messages.len();
        let mut working = JoinSet::new();
        for (place, message) in messages.into_iter().enumerate() {
            let (handler, invocation) = (self.clone(), invocation.clone());
            working.spawn(async move {
                let result = match message.call {
                    Ok(call) => handler.message(*call, &invocation).await,
                    Err(failure) => Err(failure),
                };
                (place, message.id, result)
            });
        }
        let mut done = working.join_all().await;
        done.sort_by_key(|(place, ..)| *place);
        let failed: Vec<(String, Failure)> =
            done.into_iter().filter_map(|(_, id, result)| Some((id, result.err()?))).collect();
        for (id, failure) in &failed {
            tracing::error!(message = id, error_type = failure.kind().error_type(), "{failure}");
        }
        let worst = failed.iter().map(|(_, failure)| failure.kind()).max();
        match worst {
            Some(kind) if failed.len() == all => {
                let lines: Vec<String> = failed.iter().map(|(_, failure)| failure.to_string()).collect();
                Err(Failure::new(kind, lines.join("\n")))
            }
            Some(_) | None => {
                let failures = failed.iter().map(|(id, _)| json!({ "itemIdentifier": id }));
                Ok(json!({ "batchItemFailures": failures.collect::<Vec<_>>() }))
            }
        }
    }
}

/// One call within its invocation.
struct Work<'a> {
    settings: &'a Settings,
    fleet: Fleet,
    queue: Option<&'a Arc<dyn Queue>>,
    clock: &'a Arc<dyn Clock>,
    reads_answer: bool,
    origin: Option<Origin>,
    times: Times,
}

impl<'a> Work<'a> {
    fn new(handler: &'a Handler, invocation: &'a Invocation, call: &Call) -> Self {
        let undoes = !call.reads_answer && handler.queue.is_none();
        let now = invocation.clock.now();
        Self {
            settings: &handler.settings,
            fleet: handler.fleet.clone().with_clock(Arc::clone(&invocation.clock)),
            queue: handler.queue.as_ref(),
            clock: &invocation.clock,
            reads_answer: call.reads_answer,
            origin: call.origin.clone(),
            times: Times::of(now, invocation.deadline, call.budget, undoes),
        }
    }

    async fn answer(&self, request: Request) -> Result<Answer, Failure> {
        let cancel = Cancel::new();
        let runs = match request {
            Request::Start { run, detail } => self.start(run, &detail, &cancel).await?,
            Request::Stop(detail) => self.stop(&detail, &cancel).await?,
            Request::Step { state } => read_state(state)?,
            Request::TaskChange(task) => {
                let services = self.settings.services_around(&task);
                match self.fleet.begin_change(&services, *task, self.patience(), &cancel).await {
                    Change::Work(runs) => runs,
                    Change::Nothing { why } => return Ok(Answer::Ignored { reason: why }),
                }
            }
        };
        // A state comes from outside too.
        self.settings.allow.check(&runs.touched())?;
        match self.fleet.drive(runs, self.times.to_drive(self.clock.now()), &cancel).await {
            Driven::Finished(runs) => self.finish(&runs),
            Driven::Suspended { state, resume_at } => self.hand_on(state, resume_at, &cancel).await,
        }
    }

    async fn start(&self, run: RunId, detail: &StartDetail, cancel: &Cancel) -> Result<Runs, Failure> {
        let service = self.settings.service_of(detail)?;
        self.settings.allow.check_service(&service)?;
        let ensure = detail.ensure == Some(true);
        tracing::info!(%run, service = %service.name, ensure, "start");
        let readiness =
            if detail.wait_for_healthy == Some(false) { Readiness::Registered } else { Readiness::Healthy };
        // Its role reads no images and logs, and its time is short: the command checks.
        let run_id = if ensure { name_elsewhere(&service) } else { Some(run) };
        let options = UpOptions {
            fresh: !ensure,
            run_id,
            readiness,
            check: false,
            pin: false,
            neighbours: self.settings.all_services(),
        };
        let runs = self.fleet.begin_up(&[service], &options, self.patience(), cancel).await;
        let attempts = detail.attempts.as_deref().filter(|_| !ensure);
        Ok(runs.gone_on_from(attempts.unwrap_or_default()))
    }

    async fn stop(&self, detail: &StopDetail, cancel: &Cancel) -> Result<Runs, Failure> {
        let services = self.settings.services_to_stop(detail)?;
        for service in &services {
            self.settings.allow.check_service(service)?;
            tracing::info!(service = %service.name, "stop");
        }
        let options = DownOptions {
            drain_wait: detail.drain_wait(),
            allow_empty: detail.allow_empty != Some(false),
            task: None,
            only_here: detail.of_start(None).is_some(),
            neighbours: self.settings.all_services(),
        };
        Ok(self.fleet.begin_down(&services, &options, self.patience(), cancel).await)
    }

    /// How long to read before anything is begun: as long as there is time at all.
    fn patience(&self) -> Duration {
        self.times.calls.since(self.clock.now())
    }

    /// Gives what is not over to whoever goes on with it; where nobody does, it is undone.
    async fn hand_on(&self, runs: Runs, resume_at: Timestamp, cancel: &Cancel) -> Result<Answer, Failure> {
        let now = self.clock.now();
        // Who reads the answer knows himself what he began.
        let message = message(&runs, self.origin.as_ref().filter(|_| !self.reads_answer));
        let fits = message.len() <= LARGEST_STATE;
        if !fits {
            tracing::error!(bytes = message.len(), "the state is too large to be handed on");
        } else if self.reads_answer {
            metrics::continued(self.settings.function.as_deref(), now);
            return Ok(Answer::Waiting { state: Box::new(runs), resume_at, now });
        } else if let Some(queue) = self.queue {
            let sent = tokio::select! {
                biased;
                sent = queue.send(&message, resume_at.since(now)) => sent,
                () = self.clock.sleep_until(self.times.send) => Err("no answer in time".to_owned()),
            };
            match sent {
                Ok(()) => {
                    metrics::continued(self.settings.function.as_deref(), now);
                    return Ok(Answer::Continued { resume_at });
                }
                Err(why) => tracing::error!(why, "the state could not be handed on, so it is undone"),
            }
        }
        self.undo(runs, cancel).await
    }

    /// Takes back what is not over, in the time that is left; what cannot be is named.
    async fn undo(&self, runs: Runs, cancel: &Cancel) -> Result<Answer, Failure> {
        cancel.cancel();
        let budget = self.times.to_undo(self.clock.now());
        let runs = match self.fleet.drive(runs, budget, cancel).await {
            Driven::Finished(runs) => runs,
            Driven::Suspended { state, .. } => {
                // Asked a second time it ends at once, and calls nobody.
                cancel.cancel();
                match self.fleet.drive(state, Budget::UNLIMITED, cancel).await {
                    Driven::Finished(runs) | Driven::Suspended { state: runs, .. } => runs,
                }
            }
        };
        self.finish(&runs)
    }

    fn finish(&self, runs: &Runs) -> Result<Answer, Failure> {
        let now = self.clock.now();
        let report = runs.report(now);
        metrics::finished(&report, self.settings.function.as_deref(), now);
        match failure_of(&report) {
            None => Ok(Answer::Finished { report: Box::new(report) }),
            Some(failure) => Err(failure.after(runs.attempts())),
        }
    }
}

/// The slots of a service that is brought to its count elsewhere than it is at home are others than its own.
fn name_elsewhere(service: &Service) -> Option<RunId> {
    let started_by = &service.request.started_by;
    if *started_by == service.name.started_by() { None } else { started_by.parse().ok() }
}

/// The call that goes on.
fn message(runs: &Runs, origin: Option<&Origin>) -> String {
    json!({ "action": "step", "state": runs, "origin": origin.map(Origin::carried) }).to_string()
}

fn read_state(state: Value) -> Result<Runs, Failure> {
    let read = match state {
        // A state machine may carry it as text.
        Value::String(text) => serde_json::from_str(&text),
        state => serde_json::from_value(state),
    };
    read.map_err(|error| Failure::invalid_event(format!("`state`: {}", silent(&error.to_string()))))
}
