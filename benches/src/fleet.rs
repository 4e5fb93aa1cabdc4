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
    /// The least time in which these very tasks could have been ready, if each was launched as soon as the quota allows, and
    /// whatever happens to it is acted on at once. Not told of peers: nobody notes when they register.
    pub own_floor: Option<Duration>,
    /// How late things were seen.
    pub lags: Lags,
    /// How late targets were seen healthy beyond the time between two looks at a group that the quota allowed then, shortest
    /// first. Not told of peers.
    pub beyond_poll: Vec<Duration>,
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

/// When the task that is launched in that place of the order can be launched at the earliest.
fn slot(place: usize) -> Duration {
    let Limits { share, quotas } = Limits::default();
    let (burst, rate) =
        (f64::from(quotas.fargate_launch.burst) * share, quotas.fargate_launch.per_second * share);
    Duration::from_secs_f64((place as f64 + 1.0 - burst).max(0.0) / rate)
}

/// What remains of ELB's calls for looks, while so many registrations were made in that time.
fn looks_per_second(calls: &BTreeMap<Action, usize>, makespan: Duration) -> f64 {
    let Limits { share, quotas } = Limits::default();
    let writes = calls.get(&Action::RegisterTargets).copied().unwrap_or(0) as f64;
    let left = quotas.elb_account.per_second * share - writes / makespan.as_secs_f64().max(1.0);
    left.min(quotas.elb_read.per_second * share).max(1.0)
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
    let makespan = Duration::from_millis(report.elapsed_ms);
    Measured {
        tasks,
        ready: outcomes.filter(|outcome| *outcome == RunOutcome::Ready).count(),
        makespan,
        own_floor: Some(seen.floor(&world.cloud, slot)),
        lags: seen.lags(&world.cloud),
        beyond_poll: seen.beyond_poll(&world.cloud, looks_per_second(&calls, makespan)),
        calls,
        throttled,
        cpu,
    }
}
