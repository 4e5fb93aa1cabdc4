//! Many services over one cloud.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::options::{DownOptions, UpOptions, VerifyOptions};
use super::preflight::Balancers;
use super::recorder::Recorder;
use super::report::{Report, RunOutcome, ServiceReport};
use super::runs::Budget;
use super::service::Service;
use super::service_runs::Until;
use super::status::StatusReport;
use super::verified::{PlanReport, VerifyReport};
use super::verify::Verifier;
use super::{evidence, look, looked_into, up};
use crate::batch::{BatchSettings, Coalescing};
use crate::clock::{Clock, TokioClock};
use crate::diagnose::{FlightRecord, Subject};
use crate::driver::{Cancel, Capacity, Driven, Event, EventKind, Observer, Schedule, WarmStart};
use crate::error::{ErrorKind, PortError};
use crate::ids::{ClusterId, RunId, ServiceName, TaskArn};
use crate::limit::{Limiter, Limits};
use crate::machine::Cause;
use crate::policy::Policy;
use crate::ports::{Ports, Turn};
use crate::time::Timestamp;

/// Brings services up and says how they stand, all at once. Clones are handles on the same.
///
/// However many they are, their calls are merged ([`Coalescing`]) and kept within half of AWS's quotas ([`Limits`]). So one
/// fleet should do what one process has to do in an account and region.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The ports as they were given.
    given: Ports,
    /// None: every call is made by itself, at once.
    limits: Option<Limits>,
    /// The ports through which all calls go.
    pub(super) ports: Ports,
    schedule: Schedule,
    /// Where there is no capacity: by points in time, and so for every clock.
    capacity: Capacity,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) policy: Arc<Policy>,
    pub(super) observers: Arc<Vec<Arc<dyn Observer>>>,
    recorder: Option<Recorder>,
}

impl Fleet {
    /// On these ports, with tokio's clock, the default policy and the default limits.
    pub fn new(ports: Ports) -> Self {
        let fleet = Self {
            given: ports.clone(),
            limits: Some(Limits::default()),
            ports,
            schedule: Schedule::new(Limiter::unlimited()),
            capacity: Capacity::default(),
            clock: Arc::new(TokioClock::new()),
            policy: Arc::new(Policy::default()),
            observers: Arc::default(),
            recorder: None,
        };
        fleet.with_new_ports()
    }

    /// Tells the time by this clock. Earlier clones no longer share calls and limits with it.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self.with_new_ports()
    }

    /// Keeps its calls within these limits. Earlier clones no longer share calls and limits with it.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self.with_new_ports()
    }

    /// Makes every call by itself and at once: for ports that merge and limit calls already, and for comparisons.
    #[must_use]
    pub fn with_direct_calls(mut self) -> Self {
        self.limits = None;
        self.with_new_ports()
    }

    fn with_new_ports(mut self) -> Self {
        let given = self.given.clone();
        (self.ports, self.schedule) = match &self.limits {
            None => (given, Schedule::new(Limiter::unlimited())),
            Some(limits) => {
                let limiter = Limiter::new(Arc::clone(&self.clock), limits);
                let clock = Arc::clone(&self.clock);
                let merged = Coalescing::new(given, limiter.clone(), clock, BatchSettings::default());
                (Ports::from_one(merged), Schedule::new(limiter))
            }
        };
        self
    }

    /// Looks and waits by this policy.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// Tells events to this observer too.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        Arc::make_mut(&mut self.observers).push(Arc::new(observer));
        self
    }

    /// Keeps the evidence of runs that do not get ready there: for a flight record.
    #[must_use]
    pub fn with_recorder(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// What was kept so far of the runs of this process.
    pub(super) fn kept(&self) -> Vec<Subject> {
        self.recorder.as_ref().map(Recorder::subjects).unwrap_or_default()
    }

    pub(super) fn keep(&self, why: Subject) {
        if let Some(recorder) = &self.recorder {
            recorder.keep(why);
        }
    }

    /// Brings every service to its count, all at once: adopts the tasks that run for it, launches what is missing, and
    /// waits until each is ready. What cannot get ready is undone; an adopted task is left as it is. A service whose
    /// definitions cannot work is refused, and nothing of it is launched: see [`check`](Self::check).
    ///
    /// Two callers at once, or a call after one that was killed, end with the same tasks: they fill the same slots, and
    /// ask ECS with the same tokens. On a fleet that is up it changes nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops in the middle and undoes nothing; call again to go on. To end it in order, use `cancel`:
    /// what is not ready yet is undone, and the report says what became of it.
    pub async fn up(&self, services: &[Service], options: &UpOptions, cancel: &Cancel) -> Report {
        let began = self.clock.now();
        let call = options.run_id.clone().or_else(|| options.fresh.then(random_call));
        let balancers = Balancers::default();
        let around = [services, &options.neighbours].concat();
        let reports: Vec<ServiceReport> = self
            .each(services.to_vec(), |fleet, service| {
                let (options, cancel, call) = (options.clone(), cancel.clone(), call.clone());
                let balancers = Balancers::clone(&balancers);
                let neighbours = service.neighbours(&around);
                async move {
                    let begin = up::begin(
                        &fleet,
                        (&service, neighbours),
                        &options,
                        call.as_ref(),
                        &balancers,
                        &cancel,
                    );
                    let mut runs = match begin.await {
                        Ok(runs) => runs,
                        // What was not read because somebody asked to end is no reason of its own.
                        Err(_) if cancel.is_cancelled() => up::never_began(&service, &Cause::Cancelled),
                        Err(cause) => {
                            fleet.keep(evidence::of_cause(&service, *cause.clone()));
                            up::never_began(&service, &cause)
                        }
                    };
                    runs.drive(&fleet, Until::NONE, &cancel).await;
                    let mut report = runs.report();
                    if report.outcome == RunOutcome::Refused
                        && let Some(finding) = report.findings.first()
                    {
                        fleet.keep(evidence::of_refusal(&service, finding));
                    }
                    evidence::explain(&fleet, &service, &mut report, &cancel).await;
                    report
                }
            })
            .await;
        Report::new("up", self.clock.now().since(began), reports)
    }

    /// Takes every service down, all at once: out of its target groups first, then, when requests under way have ended,
    /// stopped. The addresses of its tasks that died earlier are taken out too. Only tasks of the services are stopped.
    ///
    /// Idempotent: called again after an interruption it finishes the job, and on a fleet that is down it changes nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or `cancel`, stops in the middle: what was begun stays begun, the report names what is left.
    pub async fn down(&self, services: &[Service], options: &DownOptions, cancel: &Cancel) -> Report {
        let runs = self.begin_down(services, options, Duration::MAX, cancel).await;
        match self.drive(runs, Budget::UNLIMITED, cancel).await {
            Driven::Finished(runs) | Driven::Suspended { state: runs, .. } => runs.report(self.clock.now()),
        }
    }

    /// Makes the target groups say what serves: puts in tasks that run and are not registered, waits until they are healthy,
    /// and names what it does not understand. Addresses that are proved stale are named too, and with
    /// [`prune`](VerifyOptions::prune) taken out. It starts and stops no task, and where everything is as it should be it
    /// changes nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or `cancel`, stops in the middle. Whatever was put in or taken out by then was right to be, so
    /// nothing is undone; called again, it goes on.
    pub async fn verify(
        &self,
        services: &[Service],
        options: &VerifyOptions,
        cancel: &Cancel,
    ) -> VerifyReport {
        let began = self.clock.now();
        let verified = Verifier::new(self, services, options, cancel).once().await;
        VerifyReport::new(self.clock.now().since(began), verified)
    }

    /// What [`verify`](Self::verify) would do at this moment, without waiting for anything.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn plan(&self, services: &[Service], options: &VerifyOptions, cancel: &Cancel) -> PlanReport {
        let began = self.clock.now();
        let planned = Verifier::new(self, services, options, cancel).plan().await;
        PlanReport::new(self.clock.now().since(began), planned)
    }

    /// Verifies until `cancel` is used, `every` so often, and hands each report to `each`; the last one is returned. No wait is
    /// longer than `every`, since the next round goes on.
    ///
    /// An address that was a task's while this watched, and is proved stale later, is taken out also without
    /// [`prune`](VerifyOptions::prune).
    ///
    /// # Cancel safety
    ///
    /// As [`verify`](Self::verify).
    pub async fn watch(
        &self,
        services: &[Service],
        options: &VerifyOptions,
        every: Duration,
        cancel: &Cancel,
        mut each: impl FnMut(&VerifyReport) + Send,
    ) -> VerifyReport {
        let mut verifier = Verifier::new(self, services, options, cancel).with_waits_up_to(every);
        loop {
            let began = self.clock.now();
            let verified = verifier.round().await;
            let report = VerifyReport::new(self.clock.now().since(began), verified);
            if cancel.is_cancelled() {
                return report;
            }
            each(&report);
            tokio::select! {
                () = self.clock.sleep_until(self.clock.now() + every) => {}
                () = cancel.asked() => return report,
            }
        }
    }

    /// Says what runs, what serves, and what is not as it should be in the target groups; changes nothing.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn status(&self, services: &[Service]) -> StatusReport {
        let began = self.clock.now();
        let services = look::look(self, services).await;
        StatusReport::new(self.clock.now().since(began), services)
    }

    /// What its clock says.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What tells why services do not run as they should, all at once; in the order of the services. Tasks that run are
    /// looked at, those that stopped within the hour that ECS remembers, their targets, and where something is wrong also
    /// the ends of their logs and their images. Changes nothing.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn evidence(&self, services: &[Service]) -> Vec<Subject> {
        self.each(
            services.to_vec(),
            |fleet, service| async move { looked_into::service(&fleet, &service).await },
        )
        .await
    }

    /// The same of one task. Its targets are those of the service that started it, where that is among `services`.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn evidence_of_task(
        &self,
        services: &[Service],
        cluster: &ClusterId,
        task: &TaskArn,
    ) -> Subject {
        looked_into::task(self, services, cluster, task).await
    }

    /// The same of an ECS service: its deployments and events, its tasks and those that it stopped.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn evidence_of_ecs_service(&self, cluster: &ClusterId, name: &str) -> Subject {
        looked_into::ecs_service(self, cluster, name, None).await
    }

    /// What is known now of these, as a flight record: evidence that was kept of runs, and of services that have none of it
    /// what can be read now.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn flight_record(&self, command: &str, services: &[Service]) -> FlightRecord {
        let mut subjects = self.recorder.as_ref().map(Recorder::subjects).unwrap_or_default();
        let is_kept = |service: &Service| subjects.iter().any(|it| it.name == service.name.as_str());
        let others: Vec<Service> = services.iter().filter(|service| !is_kept(service)).cloned().collect();
        subjects.extend(self.evidence(&others).await);
        FlightRecord::new(env!("CARGO_PKG_VERSION"), command, self.clock.now(), subjects)
    }

    /// Does the same with each of these, all at once; the answers are in their order.
    pub(super) async fn each<U, T, F>(
        &self,
        these: impl IntoIterator<Item = U>,
        work: impl Fn(Self, U) -> F,
    ) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let mut working = JoinSet::new();
        for (place, this) in these.into_iter().enumerate() {
            let work = work(self.clone(), this);
            working.spawn(async move { (place, work.await) });
        }
        let mut answers = working.join_all().await;
        answers.sort_by_key(|(place, _)| *place);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// What drives the runs of this fleet.
    pub(super) fn warm_start(&self, cancel: &Cancel) -> WarmStart {
        let ports = self.ports.clone();
        let warm_start = WarmStart::new(ports.launcher, ports.registrar, ports.waiter)
            .with_clock(Arc::clone(&self.clock))
            .with_policy((*self.policy).clone())
            .with_cancel(cancel.clone())
            .with_schedule(self.schedule.clone())
            .with_capacity(self.capacity.clone());
        self.observers.iter().cloned().fold(warm_start, WarmStart::with_observer)
    }

    /// Repeats a call that reads until it succeeds, cannot succeed, or `patience` is over.
    pub(super) async fn patiently<T, F>(
        &self,
        patience: Duration,
        cancel: &Cancel,
        call: impl Fn() -> F,
    ) -> Result<T, PortError>
    where
        F: Future<Output = Result<T, PortError>> + Send,
    {
        let mut until = self.clock.now() + patience;
        let mut failures = 0_u32;
        loop {
            let turn = Turn::default();
            let answer = tokio::select! {
                biased;
                answer = turn.of(call()) => answer,
                () = called_off(cancel, &turn) => return Err(not_made()),
            };
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // Who waits for his turn is not impatient meanwhile.
            until = until + turn.waited();
            failures = failures.saturating_add(1);
            let next = self.clock.now() + self.policy.backoff.delay(failures, u64::from(failures));
            if !error.kind().is_retryable() || next >= until || cancel.is_cancelled() {
                return Err(error);
            }
            tokio::select! {
                () = self.clock.sleep_until(next) => {}
                () = cancel.asked() => return Err(error),
            }
        }
    }

    pub(super) fn warn(&self, service: &Service, message: &str) {
        self.warn_of(&service.name, message);
    }

    pub(super) fn warn_of(&self, service: &ServiceName, message: &str) {
        let event = Event {
            at: self.clock.now(),
            service: service.clone(),
            run: RunId::for_slot(service, 0),
            task: None,
            kind: EventKind::Warning { message: message.to_owned() },
        };
        for observer in self.observers.iter() {
            observer.event(&event);
        }
    }
}

/// Waits until somebody asks for an end while the call still waits for its turn.
async fn called_off(cancel: &Cancel, turn: &Turn) {
    cancel.asked().await;
    if !turn.is_waiting() {
        std::future::pending::<()>().await;
    }
}

fn not_made() -> PortError {
    PortError::new(ErrorKind::Throttled, "the call was not made: it waited for its turn")
}

/// A name for a call that means "one more" and was given none.
pub(super) fn random_call() -> RunId {
    RunId::for_call(fastrand::u128(..))
}
