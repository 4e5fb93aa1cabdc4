//! Starters that poll as others do: each task by itself, on a fixed schedule.
//!
//! They launch at our pace, or nearly all of their launches would be throttled: what is compared is how they wait. Each call
//! is tried three times, as the SDKs do it ("standard" retries).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::fleet::Service;
use ecs_warmstart::ids::RunId;
use ecs_warmstart::limit::{ApiClass, Limiter, Limits};
use ecs_warmstart::memory::InMemory;
use ecs_warmstart::observation::{Target, TargetState, TaskObservation, TaskStatus};
use ecs_warmstart::ports::{HealthWaiter, Result, TargetRegistrar, TaskLauncher};
use ecs_warmstart::quota::Quotas;
use tokio::task::JoinSet;

use crate::fleet::Measured;
use crate::measure::{Seen, calls};
use crate::world::World;

/// Between two looks.
#[derive(Clone, Copy, Debug)]
pub enum Poll {
    /// Always as long.
    Every(Duration),
    /// The waiters of the Rust and Go SDKs: from `min` to a bound that doubles up to `max`, at random, in whole seconds.
    Doubling {
        /// The least, and the first bound.
        min: Duration,
        /// The most.
        max: Duration,
    },
}

impl Poll {
    /// How long to wait after so many looks (1 is the first), `chance` between 0 and 1.
    pub fn delay(self, looks: u32, chance: f64) -> Duration {
        match self {
            Self::Every(interval) => interval,
            Self::Doubling { min, max } => {
                let bound = min.saturating_mul(2_u32.saturating_pow(looks.saturating_sub(1))).min(max);
                let spread = (bound - min).as_secs() + 1;
                min + Duration::from_secs((chance * spread as f64) as u64)
            }
        }
    }
}

/// A starter as others write it.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Whose schedule it has.
    pub name: &'static str,
    /// How it polls for RUNNING. It gives up after 300 s.
    pub running: Poll,
    /// How it polls for healthy. It gives up after 120 s.
    pub healthy: Poll,
    /// Whether MISSING ends the wait for RUNNING, as it does in all of these, or is waited out.
    pub ends_at_missing: bool,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The schedules to compare with.
pub const PEERS: [Peer; 3] = [
    Peer {
        name: "Rust SDK's waiters (6 to 600 s, 15 to 120 s)",
        running: Poll::Doubling { min: seconds(6), max: seconds(600) },
        healthy: Poll::Doubling { min: seconds(15), max: seconds(120) },
        ends_at_missing: true,
    },
    Peer {
        name: "botocore's waiters (6 s, 15 s)",
        running: Poll::Every(seconds(6)),
        healthy: Poll::Every(seconds(15)),
        ends_at_missing: true,
    },
    Peer {
        name: "a Python starter (5 s)",
        running: Poll::Every(seconds(5)),
        healthy: Poll::Every(seconds(5)),
        ends_at_missing: true,
    },
];

/// Why a start of a peer failed, and how many did.
pub type Failures = BTreeMap<&'static str, usize>;

/// Starts so many tasks as the peer does, on a cloud with the published quotas.
///
/// # Panics
///
/// Never: no task of it panics.
pub async fn bring_up(tasks: usize, peer: Peer) -> (Measured, Failures) {
    let world = World::of(tasks, Some(Quotas::published()), 1);
    let limiter = Limiter::new(Arc::clone(&world.clock), &Limits::default());
    let seen = Arc::new(Seen::default());
    let began = world.clock.now();
    let mut starting = JoinSet::new();
    for service in &world.services {
        for slot in 0..service.count {
            let starter = Starter {
                peer,
                cloud: world.cloud.clone(),
                clock: Arc::clone(&world.clock),
                seen: Arc::clone(&seen),
            };
            let (service, limiter) = (service.clone(), limiter.clone());
            starting.spawn(async move { starter.start(&service, slot, &limiter).await });
        }
    }
    let mut failures = Failures::new();
    for failed in starting.join_all().await.into_iter().filter_map(Result::err) {
        *failures.entry(failed).or_default() += 1;
    }
    let (calls, throttled) = calls(&world.cloud);
    let measured = Measured {
        tasks,
        ready: tasks - failures.values().sum::<usize>(),
        makespan: world.clock.now().since(began),
        own_floor: None,
        beyond_poll: Vec::new(),
        calls,
        throttled,
        lags: seen.lags(&world.cloud),
        cpu: None,
    };
    (measured, failures)
}

struct Starter {
    peer: Peer,
    cloud: InMemory,
    clock: Arc<dyn Clock>,
    seen: Arc<Seen>,
}

impl Starter {
    async fn start(
        &self,
        service: &Service,
        slot: u32,
        limiter: &Limiter,
    ) -> std::result::Result<(), &'static str> {
        let run = RunId::for_slot(&service.name, slot);
        let token = ecs_warmstart::ids::ClientToken::for_attempt(&run, 0);
        let pass = limiter.admit(ApiClass::LaunchOnFargate).await;
        let launched = self.retried(|| self.cloud.launch(&token, &service.request)).await;
        pass.answered(&Ok(()));
        let task = launched.map_err(|_| "RunTask failed")?.task;
        let running = self.wait_running(service, &task).await?;
        self.seen.running(&task, self.clock.now());

        let binding = &service.bindings[0];
        let targets = [Target::new(running.addresses[0].to_string(), binding.port)];
        let registered = self.retried(|| self.cloud.register(&binding.target_group, &targets)).await;
        registered.map_err(|_| "RegisterTargets was throttled")?;
        let deadline = self.clock.now() + seconds(120);
        for looks in 1.. {
            let look = self.retried(|| self.cloud.observe_targets(&binding.target_group, &targets)).await;
            let look = look.map_err(|_| "DescribeTargetHealth was throttled")?;
            if look[0].state == TargetState::Healthy {
                break;
            }
            self.wait(self.peer.healthy, looks, deadline).await.ok_or("not seen healthy in 120 s")?;
        }
        self.seen.healthy(&task, self.clock.now());
        Ok(())
    }

    async fn wait_running(
        &self,
        service: &Service,
        task: &ecs_warmstart::ids::TaskArn,
    ) -> std::result::Result<TaskObservation, &'static str> {
        let (cluster, tasks) = (&service.request.cluster, std::slice::from_ref(task));
        let deadline = self.clock.now() + seconds(300);
        for looks in 1.. {
            let look = self.retried(|| self.cloud.observe_tasks(cluster, tasks)).await;
            let task = look.map_err(|_| "DescribeTasks was throttled")?.remove(0);
            match task.status {
                TaskStatus::Running if !task.addresses.is_empty() => return Ok(task),
                TaskStatus::Missing if self.peer.ends_at_missing => return Err("MISSING"),
                _ => {}
            }
            self.wait(self.peer.running, looks, deadline).await.ok_or("not seen RUNNING in 300 s")?;
        }
        Err("never looked")
    }

    /// Waits for the next look; nothing where the time is over.
    async fn wait(&self, poll: Poll, looks: u32, deadline: ecs_warmstart::time::Timestamp) -> Option<()> {
        let now = self.clock.now();
        if now >= deadline {
            return None;
        }
        // As the SDK's waiter: the last look is at the deadline.
        let at = (now + poll.delay(looks, fastrand::f64())).min(deadline);
        self.clock.sleep_until(at).await;
        Some(())
    }

    /// Three tries, between them a random part of 1 s and of 2 s.
    async fn retried<T, F: Future<Output = Result<T>>>(&self, call: impl Fn() -> F) -> Result<T> {
        let mut tries = 0;
        loop {
            let answer = call().await;
            tries += 1;
            match &answer {
                Err(error) if error.kind().is_retryable() && tries < 3 => {
                    let pause = seconds(tries).mul_f64(fastrand::f64());
                    self.clock.sleep_until(self.clock.now() + pause).await;
                }
                _ => return answer,
            }
        }
    }
}
