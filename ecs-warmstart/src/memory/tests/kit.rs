//! A cloud in which everything takes exactly so long.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::error::PortError;
use crate::ids::{ClientToken, TargetGroupArn, TaskArn};
use crate::memory::{GroupSettings, InMemory, SAMPLE_SERVICES, Settings};
use crate::observation::{Target, TargetObservation, TaskObservation};
use crate::ports::{HealthWaiter, Selector, TargetRegistrar, TaskLauncher};
use crate::spec::LaunchRequest;
use crate::testing::ManualClock;
use crate::time::Timestamp;

pub(super) const FAMILY: &str = "authapi-task-def";

/// The sample on a clock moved by hand.
pub(super) struct Kit {
    pub(super) cloud: InMemory,
    pub(super) clock: Arc<ManualClock>,
    pub(super) request: LaunchRequest,
    pub(super) group: TargetGroupArn,
    began: Timestamp,
}

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn exactly(time: u64) -> RangeInclusive<Duration> {
    seconds(time)..=seconds(time)
}

/// Known after 2, PENDING with an address at 10, ACTIVATING at 30, RUNNING at 33, serving at 37; a stop takes
/// 1 + 4 + 5.
pub(super) fn exact() -> Settings {
    Settings {
        invisible: exactly(2),
        provisioning_awsvpc: exactly(10),
        provisioning_other: exactly(1),
        pending: exactly(20),
        activating: exactly(3),
        serving: exactly(4),
        deactivating: exactly(1),
        stopping: exactly(4),
        deprovisioning: exactly(5),
        ..Settings::default()
    }
}

impl Kit {
    pub(super) fn new() -> Self {
        Self::with(exact())
    }

    pub(super) fn with(settings: Settings) -> Self {
        let clock = Arc::new(ManualClock::default());
        let cloud = InMemory::sample_with(Arc::clone(&clock) as Arc<dyn Clock>, settings);
        let group = SAMPLE_SERVICES[0].target_group.parse().unwrap();
        let kit =
            Self { cloud, began: clock.now(), clock, request: SAMPLE_SERVICES[0].request().unwrap(), group };
        kit.group_with(GroupSettings::default());
        kit
    }

    /// Makes the group anew: a registration takes 1 s, checks are 10 s apart, and 3 have to pass again.
    pub(super) fn group_with(&self, settings: GroupSettings) {
        let settings = GroupSettings {
            registration: exactly(1),
            health_check_interval: seconds(10),
            healthy_threshold: 3,
            ..settings
        };
        self.cloud.add_target_group(&self.group, settings);
    }

    /// Seconds since the beginning.
    pub(super) fn at(&self, second: u64) -> Timestamp {
        self.began + seconds(second)
    }

    pub(super) fn go_to(&self, second: u64) {
        self.clock.advance_to(self.at(second));
    }

    pub(super) async fn launch(&self, token: &str) -> TaskObservation {
        self.try_launch(token, &self.request).await.unwrap()
    }

    pub(super) async fn try_launch(
        &self,
        token: &str,
        request: &LaunchRequest,
    ) -> Result<TaskObservation, PortError> {
        self.cloud.launch(&ClientToken::new(token).unwrap(), request).await
    }

    pub(super) async fn observe(&self, task: &TaskArn) -> TaskObservation {
        self.cloud.observe_tasks(&self.request.cluster, std::slice::from_ref(task)).await.unwrap().remove(0)
    }

    pub(super) async fn find(&self) -> Vec<TaskArn> {
        self.find_by(&Selector::StartedBy(self.request.started_by.clone())).await
    }

    pub(super) async fn find_by(&self, selector: &Selector) -> Vec<TaskArn> {
        self.cloud.find(&self.request.cluster, selector).await.unwrap()
    }

    pub(super) async fn stop(&self, task: &TaskArn, reason: &str) {
        self.cloud.stop(&self.request.cluster, task, reason).await.unwrap();
    }

    pub(super) async fn register(&self, target: &Target) -> Result<(), PortError> {
        self.cloud.register(&self.group, std::slice::from_ref(target)).await
    }

    pub(super) async fn deregister(&self, target: &Target) {
        self.cloud.deregister(&self.group, std::slice::from_ref(target)).await.unwrap();
    }

    pub(super) async fn look(&self, target: &Target) -> TargetObservation {
        self.cloud.observe_targets(&self.group, std::slice::from_ref(target)).await.unwrap().remove(0)
    }

    /// The target of the task with that number, by launches.
    pub(super) fn target(&self, number: u8) -> Target {
        Target::new(format!("10.0.0.{}", number + 4), 8080)
    }

    /// Moves on second by second until the target is seen so, and says how many seconds that took since the beginning.
    pub(super) async fn seconds_until(
        &self,
        target: &Target,
        seen: impl Fn(&TargetObservation) -> bool + Send + Sync,
    ) -> u64 {
        for _ in 0..1000 {
            let look = self.look(target).await;
            if seen(&look) {
                return self.clock.now().since(self.began).as_secs();
            }
            self.clock.advance(seconds(1));
        }
        panic!("{target} never gets there: {}", self.look(target).await);
    }
}
