//! Simulated clouds, and fleets over them.

use std::sync::Arc;

use ecs_warmstart::batch::{BatchSettings, Coalescing};
use ecs_warmstart::clock::{Clock, TokioClock};
use ecs_warmstart::fleet::{Fleet, Report, RunOutcome, Service, sample_services};
use ecs_warmstart::limit::{Limiter, Limits};
use ecs_warmstart::memory::{InMemory, Settings};
use ecs_warmstart::ports::Ports;

use crate::specs::START;

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(TokioClock::starting_at(START))
}

/// What lies between a run and the ports.
pub(crate) type Between = fn(Ports, &Arc<dyn Clock>) -> Ports;

/// Nothing.
pub(crate) fn direct(ports: Ports, _: &Arc<dyn Clock>) -> Ports {
    ports
}

/// Merged calls within limits, as in a fleet.
pub(crate) fn merged(ports: Ports, clock: &Arc<dyn Clock>) -> Ports {
    let limiter = Limiter::new(Arc::clone(clock), &Limits::default());
    Ports::from_one(Coalescing::new(ports, limiter, Arc::clone(clock), BatchSettings::default()))
}

/// The sample's cloud, and a fleet over it.
pub(crate) fn sample(settings: Settings) -> (InMemory, Fleet) {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), settings);
    let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(clock);
    (cloud, fleet)
}

/// One service of the sample, with so many tasks.
pub(crate) fn auth(count: u32) -> Service {
    let auth = sample_services().into_iter().find(|service| service.name.as_str() == "auth").unwrap();
    Service { count, ..auth }
}

#[track_caller]
pub(crate) fn assert_outcomes(report: &Report, expected: RunOutcome) {
    for service in &report.services {
        assert_eq!(service.outcome, expected, "{service:#?}");
    }
}
