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
    /// In its target group.
    pub registered: Option<Timestamp>,
    /// Its target healthy.
    pub healthy: Option<Timestamp>,
}

impl Seen {
    /// The task is seen RUNNING.
    pub fn running(&self, task: &TaskArn, at: Timestamp) {
        self.tasks().entry(task.clone()).or_default().running.get_or_insert(at);
    }

    /// Its registration was answered.
    pub fn registered(&self, task: &TaskArn, at: Timestamp) {
        self.tasks().entry(task.clone()).or_default().registered.get_or_insert(at);
    }

    /// Its target is seen healthy.
    pub fn healthy(&self, task: &TaskArn, at: Timestamp) {
        self.tasks().entry(task.clone()).or_default().healthy.get_or_insert(at);
    }

    /// When the last of these tasks would be ready at the earliest, from the start of all: each launched in its slot, and then
    /// only what the cloud itself takes for it.
    pub fn floor(&self, cloud: &InMemory, slot: impl Fn(usize) -> Duration) -> Duration {
        let places = Places::of(cloud);
        let mut starts = Vec::new();
        for (task, seen) in self.tasks().iter() {
            let healthy = places.healthy_at(cloud, task);
            let Some(truth) = cloud.truth(task) else { continue };
            if let (Some(open), Some(registered), Some(healthy)) =
                (truth.containers_healthy, seen.registered, healthy)
            {
                starts.push((truth.launched, open.since(truth.launched) + healthy.since(registered)));
            }
        }
        starts.sort_unstable();
        let ready = starts.into_iter().enumerate().map(|(place, (_, own))| slot(place) + own);
        ready.max().unwrap_or_default()
    }

    /// For each target how late it was seen healthy beyond what the quota explains, shortest first. One look takes in one
    /// group, so at any time as many looks are needed as there are groups with a target that is awaited.
    pub fn beyond_poll(&self, cloud: &InMemory, looks_per_second: f64) -> Vec<Duration> {
        let places = Places::of(cloud);
        let mut waits = Vec::new();
        for (task, seen) in self.tasks().iter() {
            let truth = places.healthy_at(cloud, task);
            if let (Some(group), Some(registered), Some(true_since), Some(seen_at)) =
                (places.group(cloud, task), seen.registered, truth, seen.healthy)
            {
                waits.push(Wait { group, registered, true_since, seen_at });
            }
        }
        let groups = groups_awaited(&waits);
        let poll_at = |at: Timestamp| {
            let awaited = groups.range(..=at).next_back().map_or(1, |(_, groups)| (*groups).max(1));
            SHORTEST_POLL.max(Duration::from_secs_f64(awaited as f64 / looks_per_second))
        };
        let beyond =
            |wait: &Wait| wait.seen_at.since(wait.true_since).saturating_sub(poll_at(wait.true_since));
        let mut beyond: Vec<Duration> = waits.iter().map(beyond).collect();
        beyond.sort_unstable();
        beyond
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<TaskArn, Moments>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long after the truth each was seen.
    pub fn lags(&self, cloud: &InMemory) -> Lags {
        let mut lags = Lags::default();
        let places = Places::of(cloud);
        for (task, seen) in self.tasks().iter() {
            let truth = cloud.truth(task);
            let true_since = truth.and_then(|truth| truth.running.zip(truth.address)).map(|(a, b)| a.max(b));
            if let Some((seen_at, true_since)) = seen.running.zip(true_since) {
                lags.running.push(seen_at.since(true_since));
            }
            if let Some((seen_at, true_since)) = seen.healthy.zip(places.healthy_at(cloud, task)) {
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
            (_, PhaseName::AwaitingHealthy) => self.registered(task, event.at),
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

/// One target from its registration until it was seen healthy.
#[derive(Clone, Debug)]
struct Wait {
    group: TargetGroupArn,
    registered: Timestamp,
    true_since: Timestamp,
    seen_at: Timestamp,
}

/// Nobody looks oftener than that.
const SHORTEST_POLL: Duration = Duration::from_secs(1);

/// From when on how many groups have a target that is awaited.
fn groups_awaited(waits: &[Wait]) -> BTreeMap<Timestamp, usize> {
    let mut changes: BTreeMap<Timestamp, Vec<(&TargetGroupArn, bool)>> = BTreeMap::new();
    for wait in waits {
        changes.entry(wait.registered).or_default().push((&wait.group, true));
        changes.entry(wait.seen_at).or_default().push((&wait.group, false));
    }
    let mut in_group: HashMap<&TargetGroupArn, usize> = HashMap::new();
    let mut groups = BTreeMap::new();
    for (at, changes) in changes {
        for (group, comes) in changes {
            let awaited = in_group.entry(group).or_default();
            *awaited = if comes { *awaited + 1 } else { awaited.saturating_sub(1) };
            if *awaited == 0 {
                in_group.remove(group);
            }
        }
        groups.insert(at, in_group.len());
    }
    groups
}

/// Where tasks are registered: every task has an address of its own, and is in one group.
#[derive(Debug)]
struct Places {
    by_address: HashMap<String, (TargetGroupArn, Target)>,
}

impl Places {
    fn of(cloud: &InMemory) -> Self {
        let registered = cloud.registered().into_iter();
        Self { by_address: registered.map(|place| (place.1.id.clone(), place)).collect() }
    }

    fn place(&self, cloud: &InMemory, task: &TaskArn) -> Option<&(TargetGroupArn, Target)> {
        cloud.addresses(task).first().and_then(|address| self.by_address.get(&address.to_string()))
    }

    fn group(&self, cloud: &InMemory, task: &TaskArn) -> Option<TargetGroupArn> {
        self.place(cloud, task).map(|(group, _)| group.clone())
    }

    /// When its target was healthy for the first time.
    fn healthy_at(&self, cloud: &InMemory, task: &TaskArn) -> Option<Timestamp> {
        let (group, target) = self.place(cloud, task)?;
        cloud.healthy_at(group, target)
    }
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
