//! What the runs of one process know together: how long starts take, and how many looks there are to share.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::story::Story;
use crate::ids::{ClusterId, TargetGroupArn, TaskDefinitionId};
use crate::limit::{ApiClass, Limiter};
use crate::machine::PhaseName;
use crate::policy::{Expected, Policy};
use crate::time::{Timestamp, millis};

/// How many tasks one look takes in (AWS: 100).
const TASKS_PER_LOOK: usize = 100;

/// How many targets of a group one look takes in.
const TARGETS_PER_LOOK: usize = 200;

/// What part of the rate of task reads looks may take: the rest is for searches.
const TASK_SHARE: f64 = 0.8;

/// What part of the rate of ELBv2's reads looks may take: registrations take two fifths of the account's bucket.
const TARGET_SHARE: f64 = 0.6;

/// Makes the policy of each run fit the others. Clones are handles on the same.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    limiter: Limiter,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug)]
struct Known {
    /// How long the starts of a task definition took, shortest and longest.
    starts: HashMap<TaskDefinitionId, Expected>,
    tasks: Watched<ClusterId>,
    targets: Watched<TargetGroupArn>,
    /// From when on looks at targets are counted: other processes count from elsewhere.
    looks_from: Option<Timestamp>,
}

impl Schedule {
    /// For runs whose calls go through that limiter.
    pub(crate) fn new(limiter: Limiter) -> Self {
        let known = Known {
            starts: HashMap::new(),
            tasks: Watched::of(TASKS_PER_LOOK),
            targets: Watched::of(TARGETS_PER_LOOK),
            looks_from: None,
        };
        Self { limiter, known: Arc::new(Mutex::new(known)) }
    }

    /// The policy for one step of a run of that task definition: what is given, but that all runs together look no oftener
    /// than the quota allows, and soonest where earlier starts say that something is about to happen.
    pub(super) fn policy(
        &self,
        given: &Policy,
        definition: Option<&TaskDefinitionId>,
        now: Timestamp,
    ) -> Policy {
        let mut known = self.known();
        let looks_from = *known.looks_from.get_or_insert(now);
        let (task_looks, target_looks) = (known.tasks.looks, known.targets.looks);
        let waiting = known.targets.all;
        let expected = definition.and_then(|definition| known.starts.get(definition)).copied();
        drop(known);
        let apart = |looks: usize, class, share| {
            let rate = self.limiter.rate(class) * share;
            // Whole milliseconds, as points in time have them.
            Duration::from_millis(millis(
                Duration::try_from_secs_f64(looks as f64 / rate).unwrap_or_default(),
            ))
        };
        // As long as each run can look by itself, each does.
        let rate = self.limiter.rate(ApiClass::ElbRead) * TARGET_SHARE;
        let together = waiting as f64 > rate * given.poll_soon.as_secs_f64();
        let looks_from = together.then_some(looks_from);
        Policy {
            task_looks_apart: given.task_looks_apart.max(apart(
                task_looks,
                ApiClass::ClusterRead,
                TASK_SHARE,
            )),
            target_looks_apart: given.target_looks_apart.max(apart(
                target_looks,
                ApiClass::ElbRead,
                TARGET_SHARE,
            )),
            target_looks_from: given.target_looks_from.or(looks_from),
            expected_running: given.expected_running.or(expected),
            ..given.clone()
        }
    }

    /// Takes part, with nothing to look at yet.
    pub(super) fn take_part(&self) -> Part {
        Part { schedule: self.clone(), phase: None, cluster: None, groups: Vec::new() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one run adds to what is to be looked at. Dropped, it adds nothing any more.
#[derive(Debug)]
pub(super) struct Part {
    schedule: Schedule,
    phase: Option<PhaseName>,
    cluster: Option<ClusterId>,
    groups: Vec<TargetGroupArn>,
}

impl Part {
    /// The run has gone a step.
    pub(super) fn follow(&mut self, story: &impl Story) {
        let phase = story.phase();
        let before = self.phase.replace(phase);
        if before == Some(phase) {
            return;
        }
        let (tasks, targets) = looks_at(phase);
        let groups: Vec<TargetGroupArn> = if targets {
            (0..story.places())
                .filter_map(|place| story.place(place))
                .map(|(group, _)| group.clone())
                .collect()
        } else {
            Vec::new()
        };
        let cluster = tasks.then(|| story.cluster().clone());
        let mut known = self.schedule.known();
        // First in, then out: what stays is never at nothing in between.
        cluster.iter().for_each(|cluster| known.tasks.add(cluster));
        groups.iter().for_each(|group| known.targets.add(group));
        self.cluster.iter().for_each(|cluster| known.tasks.remove(cluster));
        self.groups.iter().for_each(|group| known.targets.remove(group));
        // The gate may open in the same step.
        let is_running = matches!(phase, PhaseName::AwaitingGate | PhaseName::Registering);
        if before == Some(PhaseName::AwaitingRunning) && is_running {
            known.learn(story);
        }
        drop(known);
        (self.cluster, self.groups) = (cluster, groups);
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut known = self.schedule.known();
        self.cluster.iter().for_each(|cluster| known.tasks.remove(cluster));
        self.groups.iter().for_each(|group| known.targets.remove(group));
    }
}

/// Whether a run in that phase looks at its task, and at its targets.
fn looks_at(phase: PhaseName) -> (bool, bool) {
    match phase {
        PhaseName::AwaitingRunning | PhaseName::AwaitingGate | PhaseName::AwaitingStopped => (true, false),
        PhaseName::Registering | PhaseName::AwaitingHealthy => (true, true),
        PhaseName::Draining => (false, true),
        PhaseName::Launching
        | PhaseName::UndoLaunch
        | PhaseName::UndoRegister
        | PhaseName::UndoTask
        | PhaseName::Deregistering
        | PhaseName::Stopping
        | PhaseName::Ready
        | PhaseName::Undone
        | PhaseName::Kept
        | PhaseName::Leaked
        | PhaseName::Drained
        | PhaseName::Halted => (false, false),
    }
}

impl Known {
    /// How long the start of that run's task took, by ECS's own clock.
    fn learn(&mut self, story: &impl Story) {
        let times = story.observation().and_then(|seen| seen.created_at.zip(seen.started_at));
        let (Some((created, started)), Some(request)) = (times, story.request()) else { return };
        if started < created {
            return;
        }
        let took = started.since(created);
        let start = self.starts.entry(request.task_definition.clone());
        let start = start.or_insert(Expected { from: took, until: took });
        *start = Expected { from: start.from.min(took), until: start.until.max(took) };
    }
}

/// How many runs look at each, and how many calls it takes to look at all once.
#[derive(Debug)]
struct Watched<K> {
    per_call: usize,
    runs: HashMap<K, usize>,
    /// All of them together.
    all: usize,
    looks: usize,
}

impl<K: Clone + Eq + Hash> Watched<K> {
    fn of(per_call: usize) -> Self {
        Self { per_call, runs: HashMap::new(), all: 0, looks: 0 }
    }

    fn add(&mut self, key: &K) {
        let runs = self.runs.entry(key.clone()).or_default();
        // One more call where those before fill theirs.
        self.looks += usize::from(runs.is_multiple_of(self.per_call));
        *runs += 1;
        self.all += 1;
    }

    fn remove(&mut self, key: &K) {
        if let Some(runs) = self.runs.get_mut(key) {
            *runs -= 1;
            self.all -= 1;
            self.looks -= usize::from(runs.is_multiple_of(self.per_call));
            if *runs == 0 {
                self.runs.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::TokioClock;
    use crate::limit::Limits;

    #[test]
    fn runs_look_together_where_the_quota_is_not_enough_for_each_to_look_by_itself() {
        let (earlier, now) = (Timestamp::from_millis(1_000), Timestamp::from_millis(2_000));
        let together = |limiter: Limiter, runs: usize| {
            let schedule = Schedule::new(limiter);
            schedule.policy(&Policy::default(), None, earlier);
            let arn = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/g/0123456789abcdef";
            (0..runs).for_each(|_| schedule.known().targets.add(&arn.parse().unwrap()));
            schedule.policy(&Policy::default(), None, now).target_looks_from
        };
        let limiter = || Limiter::new(Arc::new(TokioClock::starting_at(earlier)), &Limits::default());
        // Half of 10/s, but for what registrations take.
        assert_eq!((together(limiter(), 3), together(limiter(), 4)), (None, Some(earlier)));
        assert_eq!(together(Limiter::unlimited(), 1_000), None);
    }

    #[test]
    fn looks_are_counted_as_runs_come_and_go() {
        let mut watched = Watched::of(100);
        for run in 0..250 {
            watched.add(if run < 201 { &"many" } else { &"few" });
        }
        assert_eq!(watched.looks, 3 + 1);
        (0..101).for_each(|_| watched.remove(&"many"));
        assert_eq!(watched.looks, 1 + 1);
        (0..100).for_each(|_| watched.remove(&"many"));
        (0..49).for_each(|_| watched.remove(&"few"));
        watched.remove(&"never there");
        assert_eq!((watched.looks, watched.all, watched.runs.len()), (0, 0, 0));
    }
}
