//! What is measured of a fleet, against the truth that only the simulated cloud knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ecs_warmstart::driver::{Event, EventKind, Observer};
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::ids::{TargetGroupArn, TaskArn};
use ecs_warmstart::machine::PhaseName;
use ecs_warmstart::memory::{Action, InMemory};
use ecs_warmstart::observation::Target;
use ecs_warmstart::time::Timestamp;

/// When things were seen of each task.
#[derive(Debug, Default)]
pub struct Seen {
    tasks: Mutex<HashMap<TaskArn, Moments>>,
}

/// When a task was seen to be so.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// RUNNING with an address.
    pub running: Option<Timestamp>,
    /// Its target healthy.
    pub healthy: Option<Timestamp>,
}

impl Seen {
    /// The task is seen RUNNING.
    pub fn running(&self, task: &TaskArn, at: Timestamp) {
        self.tasks().entry(task.clone()).or_default().running.get_or_insert(at);
    }

    /// Its target is seen healthy.
    pub fn healthy(&self, task: &TaskArn, at: Timestamp) {
        self.tasks().entry(task.clone()).or_default().healthy.get_or_insert(at);
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<TaskArn, Moments>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long after the truth each was seen.
    pub fn lags(&self, cloud: &InMemory) -> Lags {
        let mut lags = Lags::default();
        let places: HashMap<String, (TargetGroupArn, Target)> =
            cloud.registered().into_iter().map(|place| (place.1.id.clone(), place)).collect();
        for (task, seen) in self.tasks().iter() {
            let truth = cloud.truth(task);
            let true_since = truth.and_then(|truth| truth.running.zip(truth.address)).map(|(a, b)| a.max(b));
            if let Some((seen_at, true_since)) = seen.running.zip(true_since) {
                lags.running.push(seen_at.since(true_since));
            }
            // Every task has an address of its own, and is in one group.
            let place = cloud.addresses(task).first().and_then(|address| places.get(&address.to_string()));
            if let Some((seen_at, (group, target))) = seen.healthy.zip(place)
                && let Some(true_since) = cloud.healthy_at(group, target)
            {
                lags.healthy.push(seen_at.since(true_since));
            }
        }
        lags.running.sort_unstable();
        lags.healthy.sort_unstable();
        lags
    }
}

/// Takes note of what a run sees.
impl Observer for Seen {
    fn event(&self, event: &Event) {
        let (Some(task), EventKind::Entered { from, to, .. }) = (&event.task, &event.kind) else { return };
        match (from, to) {
            (PhaseName::AwaitingRunning, PhaseName::AwaitingGate | PhaseName::Registering) => {
                self.running(task, event.at);
            }
            (_, PhaseName::Ready) => self.healthy(task, event.at),
            _ => {}
        }
    }
}

/// How long after the truth it was seen, shortest first.
#[derive(Clone, Debug, Default)]
pub struct Lags {
    /// RUNNING.
    pub running: Vec<Duration>,
    /// Healthy.
    pub healthy: Vec<Duration>,
}

/// The quantile of sorted durations; nothing where there are none.
pub fn quantile(sorted: &[Duration], part: f64) -> Option<Duration> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((part * last as f64).round() as usize).copied()
}

/// How many calls there were of each kind, and how many were throttled.
pub fn calls(cloud: &InMemory) -> (BTreeMap<Action, usize>, usize) {
    let mut by_action = BTreeMap::new();
    let mut throttled = 0;
    for call in cloud.calls() {
        *by_action.entry(call.action).or_default() += 1;
        throttled += usize::from(call.failed == Some(ErrorKind::Throttled));
    }
    (by_action, throttled)
}

/// The processor time of this process so far, where the system says it (Linux).
pub fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name in parentheses; user and system time are fields 14 and 15, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// The most memory that this process has had, in bytes, where the system says it (Linux).
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
