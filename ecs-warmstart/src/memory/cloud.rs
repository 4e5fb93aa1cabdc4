//! The handle, and what is set up by it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::dice::Dice;
use super::group::Group;
use super::ledger::Action;
use super::settings::{GroupSettings, Settings};
use super::state::{DICE_LATENCY, State, revision};
use crate::clock::Clock;
use crate::facts::TaskDefinitionFacts;
use crate::ids::{ClusterId, TargetGroupArn, TaskDefinitionId};
use crate::ports::Result;
use crate::time::Timestamp;

/// A simulated cloud: ECS and ELBv2 with their awkward truths, behind every port.
///
/// A clone is a handle on the same cloud. It asks its [`Clock`] for the time and computes what has come about since:
/// nothing runs in the background, so under `tokio::time::pause` hours pass in milliseconds. The same
/// [`seed`](Settings::seed) and the same calls at the same times give the same world.
///
/// What it does as AWS does:
///
/// - A task goes from PROVISIONING to STOPPED, each step taking its time; it is missing for a moment after its launch, has
///   no address before its network interface, and serves only some time after RUNNING.
/// - A client token leads to one task, keeps `failures[]` too, and conflicts with another request.
/// - A target is `initial`, is checked once per interval, needs one passing check when it is new and the whole threshold
///   once it was unhealthy; it drains; and whether it passes depends on who has its address at that moment.
/// - Whatever is asked of it is written down: calls, tasks, targets, and the [traffic that was lost](Self::lost_traffic).
///
/// What tasks do is scripted: [`behave`](Self::behave), [`behave_next`](Self::behave_next),
/// [`refuse_next`](Self::refuse_next); what other people do is done by hand: [`run_by_hand`](Self::run_by_hand),
/// [`stop_by_hand`](Self::stop_by_hand), [`register_by_hand`](Self::register_by_hand).
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use ecs_warmstart::clock::{Clock, TokioClock};
/// use ecs_warmstart::memory::{Behaviour, InMemory, Stop};
/// use ecs_warmstart::ports::{HealthWaiterExt, TaskLauncher, WaitError};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
/// let cloud = InMemory::sample(Arc::clone(&clock));
/// let request = ecs_warmstart::memory::SAMPLE_SERVICES[0].request()?;
///
/// // The first task that is launched finds no image, the second one runs.
/// cloud.behave_next("authapi-task-def", 1, &Behaviour::stops(Stop::image_not_found()));
/// let dead = cloud.launch(&"auth/0#0".parse()?, &request).await?;
/// let minutes = Duration::from_secs(300);
/// let ended = cloud.wait_running(&*clock, &request.cluster, &dead.task, minutes).await;
/// assert!(matches!(ended, Err(WaitError::Stopped(_))));
///
/// let next = cloud.launch(&"auth/0#1".parse()?, &request).await?;
/// let running = cloud.wait_running(&*clock, &request.cluster, &next.task, minutes).await?;
/// assert_eq!(running.addresses.len(), 1);
/// assert_eq!(cloud.running_tasks(), [next.task]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct InMemory {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl InMemory {
    /// An empty cloud with the default settings.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_settings(clock, Settings::default())
    }

    /// An empty cloud.
    pub fn with_settings(clock: Arc<dyn Clock>, settings: Settings) -> Self {
        Self { shared: Arc::new(Shared { clock, state: Mutex::new(State::new(settings)) }) }
    }

    /// Makes a cluster.
    pub fn add_cluster(&self, cluster: &ClusterId) {
        self.now().0.clusters.insert(cluster.name().to_owned());
    }

    /// Registers a task definition and says its id: one without a revision becomes the next revision of its family.
    pub fn add_task_definition(&self, facts: TaskDefinitionFacts) -> TaskDefinitionId {
        let (mut state, _) = self.now();
        let revisions = state.definitions.entry(facts.id.family().to_owned()).or_default();
        let next = revisions.last_key_value().map_or(1, |(newest, _)| newest.saturating_add(1));
        let (number, id) = match revision(&facts.id) {
            Some(number) => (number, facts.id.clone()),
            None => (next, with_revision(&facts.id, next)),
        };
        revisions.insert(number, Arc::new(TaskDefinitionFacts { id: id.clone(), ..facts }));
        id
    }

    /// Makes a target group.
    pub fn add_target_group(&self, group: &TargetGroupArn, settings: GroupSettings) {
        let (mut state, now) = self.now();
        state.groups.insert(group.clone(), Group::new(settings, now));
    }

    /// The state and the time. The clock is read under the lock, so that the state never sees time go back.
    pub(super) fn now(&self) -> (MutexGuard<'_, State>, Timestamp) {
        let state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.shared.clock.now();
        (state, now)
    }

    /// Makes `count` calls as one: there, the effect, and back.
    pub(super) async fn call<T: Send>(
        &self,
        action: Action,
        count: usize,
        about: String,
        perform: impl FnOnce(&mut State, Timestamp) -> Result<T> + Send,
    ) -> Result<T> {
        self.travel().await;
        let answer = {
            let (mut state, now) = self.now();
            state.call(now, action, count, about, |state| perform(state, now))
        };
        self.travel().await;
        answer
    }

    async fn travel(&self) {
        let (latency, now) = self.latency();
        if !latency.is_zero() {
            self.shared.clock.sleep_until(now + latency).await;
        }
    }

    fn latency(&self) -> (Duration, Timestamp) {
        let (mut state, now) = self.now();
        state.travels += 1;
        let mut dice = Dice::new(state.settings.seed, DICE_LATENCY, state.travels);
        (dice.within(&state.settings.latency), now)
    }
}

impl fmt::Debug for InMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory").finish_non_exhaustive()
    }
}

pub(super) fn with_revision(id: &TaskDefinitionId, revision: u32) -> TaskDefinitionId {
    TaskDefinitionId::new(format!("{id}:{revision}")).expect("a family with a number is a revision")
}
