//! A fleet brought up within the quotas, and what it cost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{Fleet, RunOutcome, UpOptions};
use ecs_warmstart::limit::Limits;
use ecs_warmstart::memory::Action;
use ecs_warmstart::policy::Policy;
use ecs_warmstart::ports::Ports;
use ecs_warmstart::quota::Quotas;

use crate::measure::{Lags, Seen, calls, cpu_time};
use crate::world::World;

/// What bringing up a fleet came to.
#[derive(Clone, Debug)]
pub struct Measured {
    /// How many tasks there should be.
    pub tasks: usize,
    /// How many became ready.
    pub ready: usize,
    /// From the call to the last ready task, in simulated time.
    pub makespan: Duration,
    /// The calls by kind.
    pub calls: BTreeMap<Action, usize>,
    /// How many of them were throttled.
    pub throttled: usize,
    /// How late things were seen.
    pub lags: Lags,
    /// The processor time it took, the simulated cloud's included.
    pub cpu: Option<Duration>,
}

/// Brings up so many tasks by that policy, within the default share of the published quotas, which the cloud enforces.
pub async fn bring_up(tasks: usize, policy: Policy) -> Measured {
    let world = World::of(tasks, Some(Quotas::published()), 1);
    measure(&world, tasks, policy).await
}

/// How long one start takes that nobody hinders: the mean of thirty.
pub async fn alone() -> Duration {
    let mut sum = Duration::ZERO;
    for seed in 0..30 {
        sum += measure(&World::of(1, None, seed), 1, Policy::default()).await.makespan;
    }
    sum / 30
}

/// The least time in which so many tasks can be launched at the default share of Fargate's quota, and the last of them be
/// ready.
pub fn floor(tasks: usize, alone: Duration) -> Duration {
    let Limits { share, quotas } = Limits::default();
    let (burst, rate) =
        (f64::from(quotas.fargate_launch.burst) * share, quotas.fargate_launch.per_second * share);
    let launches = Duration::from_secs_f64((tasks as f64 - burst).max(0.0) / rate);
    launches + alone
}

async fn measure(world: &World, tasks: usize, policy: Policy) -> Measured {
    let seen = Arc::new(Seen::default());
    let began = cpu_time();
    let fleet = Fleet::new(Ports::from_one(world.cloud.clone()))
        .with_clock(Arc::clone(&world.clock))
        .with_policy(policy)
        .with_observer(Arc::clone(&seen));
    let report = fleet.up(&world.services, &UpOptions::default(), &Cancel::new()).await;
    let cpu = cpu_time().zip(began).map(|(ended, began)| ended.saturating_sub(began));
    let outcomes = report.services.iter().flat_map(|service| &service.tasks).map(|task| task.outcome);
    let (calls, throttled) = calls(&world.cloud);
    Measured {
        tasks,
        ready: outcomes.filter(|outcome| *outcome == RunOutcome::Ready).count(),
        makespan: Duration::from_millis(report.elapsed_ms),
        calls,
        throttled,
        lags: seen.lags(&world.cloud),
        cpu,
    }
}
