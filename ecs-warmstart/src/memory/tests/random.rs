//! Whatever is asked of the cloud, whenever: it never panics, and what it says never goes back.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::kit::{FAMILY, Kit};
use crate::clock::Clock;
use crate::memory::{Behaviour, Refusal, Settings, Stop};
use crate::observation::TaskStatus;
use crate::ports::{HealthWaiter, TargetRegistrar};
use crate::quota::Quotas;

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Launch(u8),
    Stop(u8),
    StopServing(u8),
    Script(u8),
    Refuse,
    Register(u8),
    Deregister(u8),
    Look,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..90_000_u64).prop_map(Step::Wait),
        1 => (0..4_000_000_u64).prop_map(Step::Wait),
        3 => (0..12_u8).prop_map(Step::Launch),
        2 => (0..12_u8).prop_map(Step::Stop),
        1 => (0..12_u8).prop_map(Step::StopServing),
        2 => (0..8_u8).prop_map(Step::Script),
        1 => Just(Step::Refuse),
        3 => (0..6_u8).prop_map(Step::Register),
        2 => (0..6_u8).prop_map(Step::Deregister),
        6 => Just(Step::Look),
    ];
    proptest::collection::vec(step, 1..60)
}

fn script(number: u8) -> Behaviour {
    let minute = Duration::from_secs(60);
    match number {
        0 => Behaviour::never_serves(),
        1 => Behaviour::serves_for(minute),
        2 => Behaviour::stops(Stop::image_not_found()),
        3 => Behaviour::stops(Stop::spot_interruption(minute)),
        4 => Behaviour::stuck_in(TaskStatus::Pending),
        5 => Behaviour::lost(),
        6 => Behaviour { handles_sigterm: false, ..Behaviour::answers_with(503) },
        _ => Behaviour::without_address(),
    }
}

/// What was seen of each task last: status and version.
#[derive(Default)]
struct Seen(BTreeMap<crate::ids::TaskArn, (TaskStatus, u64)>);

impl Seen {
    async fn look(&mut self, kit: &Kit) {
        let tasks = kit.cloud.tasks();
        // Throttled looks see nothing.
        let Ok(looks) = kit.cloud.observe_tasks(&kit.request.cluster, &tasks).await else {
            return;
        };
        for look in looks {
            let (status, version) = self.0.get(&look.task).copied().unwrap_or((TaskStatus::Missing, 0));
            if look.status == TaskStatus::Missing {
                let stopped = kit.cloud.truth(&look.task).and_then(|truth| truth.stopped);
                let forgotten = stopped.is_some_and(|at| at + Duration::from_secs(3600) < kit.clock.now());
                assert!(status == TaskStatus::Missing || forgotten, "missing after {status}");
                continue;
            }
            assert!(look.status >= status, "{} after {status}", look.status);
            assert!(look.version >= version, "version {} after {version}", look.version);
            self.0.insert(look.task, (look.status, look.version));
        }
    }
}

async fn perform(kit: &Kit, step: &Step, seen: &mut Seen) {
    let nth = |number: u8| kit.cloud.tasks().get(usize::from(number)).cloned();
    match step {
        Step::Wait(millis) => kit.clock.advance(Duration::from_millis(*millis)),
        Step::Launch(token) => {
            let answer = kit.try_launch(&format!("t#{token}"), &kit.request).await;
            if let Ok(answer) = answer {
                assert!(kit.cloud.truth(&answer.task).is_some());
            }
        }
        Step::Stop(number) => {
            if let Some(task) = nth(*number) {
                kit.cloud.stop_by_hand(&task, "over");
                assert!(!kit.cloud.running_tasks().contains(&task));
            }
        }
        Step::StopServing(number) => {
            if let Some(task) = nth(*number) {
                kit.cloud.stop_serving(&task).unwrap();
            }
        }
        Step::Script(number) => kit.cloud.behave_next(FAMILY, 1, &script(*number)),
        Step::Refuse => kit.cloud.refuse_next(FAMILY, 1, &Refusal::no_fargate_capacity()),
        Step::Register(number) => {
            let target = kit.target(*number);
            if kit.register(&target).await.is_ok() {
                assert!(kit.cloud.registered().contains(&(kit.group.clone(), target)));
            }
        }
        Step::Deregister(number) => {
            let target = kit.target(*number);
            if kit.cloud.deregister(&kit.group, std::slice::from_ref(&target)).await.is_ok() {
                assert!(!kit.cloud.registered().contains(&(kit.group.clone(), target)));
            }
        }
        Step::Look => seen.look(kit).await,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_goes_back(steps in steps(), seed: u64, throttled: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let quotas = throttled.then(Quotas::published);
            let kit = Kit::with(Settings { seed, quotas, addresses: 4, ..Settings::default() });
            let (mut seen, mut lost) = (Seen::default(), Duration::ZERO);
            for step in &steps {
                perform(&kit, step, &mut seen).await;
                let now = kit.cloud.lost_traffic_in_all();
                assert!(now >= lost, "{now:?} after {lost:?}");
                lost = now;
            }
        });
    }
}
