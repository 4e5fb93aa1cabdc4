//! Many services over one cloud.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::options::{DownOptions, UpOptions};
use super::report::{Report, ServiceReport};
use super::service::Service;
use super::status::{ServiceStatus, StatusReport};
use super::{down, look, up};
use crate::clock::{Clock, TokioClock};
use crate::driver::{Cancel, Event, EventKind, Observer, WarmStart};
use crate::error::PortError;
use crate::ids::RunId;
use crate::policy::Policy;
use crate::ports::Ports;

/// Brings services up and says how they stand, all at once. Clones are handles on the same.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub(super) ports: Ports,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) policy: Arc<Policy>,
    pub(super) observers: Arc<Vec<Arc<dyn Observer>>>,
}

impl Fleet {
    /// On these ports, with tokio's clock and the default policy.
    pub fn new(ports: Ports) -> Self {
        Self {
            ports,
            clock: Arc::new(TokioClock::new()),
            policy: Arc::new(Policy::default()),
            observers: Arc::default(),
        }
    }

    /// Tells the time by this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
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

    /// Brings every service to its count, all at once: adopts the tasks that run for it, launches what is missing, and
    /// waits until each is ready. What cannot get ready is undone; an adopted task is left as it is.
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
        let services = self
            .each(services, |fleet, service| {
                let (options, cancel, call) = (options.clone(), cancel.clone(), call.clone());
                async move { up::up(&fleet, &service, &options, call.as_ref(), &cancel).await }
            })
            .await;
        let services: Vec<ServiceReport> = services;
        Report::new("up", self.clock.now().since(began), services)
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
        let began = self.clock.now();
        let plans = self
            .each(services, |fleet, service| {
                let (options, cancel) = (options.clone(), cancel.clone());
                async move { down::plan(&fleet, &service, &options, &cancel).await }
            })
            .await;
        let guarded = if options.allow_empty { BTreeSet::new() } else { down::emptied(&plans) };
        let mut draining = JoinSet::new();
        for (place, (service, plan)) in services.iter().cloned().zip(plans).enumerate() {
            let (fleet, guarded, cancel) = (self.clone(), guarded.clone(), cancel.clone());
            draining.spawn(async move {
                (place, down::carry_out(&fleet, &service, plan, &guarded, &cancel).await)
            });
        }
        let reports = in_order(draining.join_all().await);
        Report::new("down", self.clock.now().since(began), reports)
    }

    /// Says what runs and what serves, and changes nothing.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn status(&self, services: &[Service]) -> StatusReport {
        let began = self.clock.now();
        let services: Vec<ServiceStatus> =
            self.each(services, |fleet, service| async move { look::look(&fleet, &service).await }).await;
        StatusReport::new(self.clock.now().since(began), services)
    }

    /// Does the same for every service, all at once; the answers are in the order of the services.
    async fn each<T, F>(&self, services: &[Service], work: impl Fn(Self, Service) -> F) -> Vec<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let mut working = JoinSet::new();
        for (place, service) in services.iter().enumerate() {
            let work = work(self.clone(), service.clone());
            working.spawn(async move { (place, work.await) });
        }
        in_order(working.join_all().await)
    }

    /// What drives the runs of this fleet.
    pub(super) fn warm_start(&self, cancel: &Cancel) -> WarmStart {
        let ports = self.ports.clone();
        let warm_start = WarmStart::new(ports.launcher, ports.registrar, ports.waiter)
            .with_clock(Arc::clone(&self.clock))
            .with_policy((*self.policy).clone())
            .with_cancel(cancel.clone());
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
        let until = self.clock.now() + patience;
        let mut failures = 0_u32;
        loop {
            let error = match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
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
        let event = Event {
            at: self.clock.now(),
            service: service.name.clone(),
            run: RunId::for_slot(&service.name, 0),
            task: None,
            kind: EventKind::Warning { message: message.to_owned() },
        };
        for observer in self.observers.iter() {
            observer.event(&event);
        }
    }
}

fn in_order<T>(mut answers: Vec<(usize, T)>) -> Vec<T> {
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// A name for a call that means "one more" and was given none.
fn random_call() -> RunId {
    RunId::for_call(fastrand::u128(..))
}
