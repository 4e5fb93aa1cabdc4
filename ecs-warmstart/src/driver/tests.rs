//! The exact calls of a run, in their order: by mocks, since on a simulated cloud other ways would lead to the same end.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mockall::Sequence;

use super::{Checkpoint, CheckpointError, Driven, Error, WarmStart};
use crate::clock::TokioClock;
use crate::error::{ErrorKind, PortError};
use crate::ids::{ClusterId, TargetGroupArn, TaskArn};
use crate::machine::{Cause, Drain, PhaseName, State};
use crate::observation::{Target, TargetObservation, TargetState, TaskObservation, TaskStatus};
use crate::ports::{MockHealthWaiter, MockTargetRegistrar, MockTaskLauncher};
use crate::spec::{Binding, LaunchRequest, Spec};
use crate::time::Timestamp;

const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";
const TASK: &str = "arn:aws:ecs:us-east-2:111122223333:task/c/1";

fn spec() -> Spec {
    let service = "auth".parse().unwrap();
    let request = LaunchRequest::new("c".parse().unwrap(), "web".parse().unwrap(), &service);
    let binding = Binding::new(GROUP.parse().unwrap(), 8080);
    Spec::builder(service, "auth/0".parse().unwrap(), request).binding(binding).build().unwrap()
}

fn task(status: TaskStatus) -> TaskObservation {
    let addresses =
        if status == TaskStatus::Running { vec!["10.0.1.5".parse().unwrap()] } else { Vec::new() };
    TaskObservation { addresses, ..TaskObservation::new(TASK.parse().unwrap(), status) }
}

fn is_target(group: &TargetGroupArn, targets: &[Target]) -> bool {
    group.as_str() == GROUP && targets == [Target::new("10.0.1.5", 8080)]
}

fn is_task(cluster: &ClusterId, tasks: &[TaskArn]) -> bool {
    cluster.as_str() == "c" && tasks == [TASK.parse().unwrap()]
}

#[derive(Default)]
struct Mocks {
    launcher: MockTaskLauncher,
    registrar: MockTargetRegistrar,
    waiter: MockHealthWaiter,
    order: Sequence,
}

impl Mocks {
    fn launches(&mut self, token: &'static str, answer: Result<TaskStatus, ErrorKind>) -> &mut Self {
        let launch = self.launcher.expect_launch().withf(move |its, _| its.as_str() == token);
        launch.times(1).in_sequence(&mut self.order).return_once(move |_, _| match answer {
            Ok(status) => Ok(task(status)),
            Err(kind) => Err(PortError::new(kind, "refused")),
        });
        self
    }

    fn sees_task(&mut self, status: TaskStatus) -> &mut Self {
        let look = self.waiter.expect_observe_tasks().withf(is_task).times(1).in_sequence(&mut self.order);
        look.return_once(move |_, _| Ok(vec![task(status)]));
        self
    }

    fn sees_target(&mut self, seen: TargetObservation) -> &mut Self {
        let look =
            self.waiter.expect_observe_targets().withf(is_target).times(1).in_sequence(&mut self.order);
        look.return_once(move |_, _| Ok(vec![seen]));
        self
    }

    fn registers(&mut self) -> &mut Self {
        let register =
            self.registrar.expect_register().withf(is_target).times(1).in_sequence(&mut self.order);
        register.return_once(|_, _| Ok(()));
        self
    }

    fn deregisters(&mut self) -> &mut Self {
        let deregister =
            self.registrar.expect_deregister().withf(is_target).times(1).in_sequence(&mut self.order);
        deregister.return_once(|_, _| Ok(()));
        self
    }

    fn stops(&mut self) -> &mut Self {
        let stop = self.launcher.expect_stop().withf(|cluster, task, reason| {
            cluster.as_str() == "c" && task.as_str() == TASK && reason.starts_with("ecs-warmstart: ")
        });
        stop.times(1).in_sequence(&mut self.order).return_once(|_, _, _| Ok(()));
        self
    }

    fn play(&mut self) -> WarmStart {
        let mocks = std::mem::take(self);
        WarmStart::new(mocks.launcher, mocks.registrar, mocks.waiter)
            .with_clock(TokioClock::starting_at(Timestamp::from_millis(1_700_000_000_000)))
    }
}

fn healthy() -> TargetObservation {
    TargetObservation::new(TargetState::Healthy, None)
}

#[tokio::test(start_paused = true)]
async fn a_start_makes_these_calls_and_no_other() {
    let warm_start = Mocks::default()
        .launches("auth/0#0", Ok(TaskStatus::Provisioning))
        .sees_task(TaskStatus::Pending)
        .sees_task(TaskStatus::Running)
        .sees_target(TargetObservation::not_registered())
        .registers()
        .sees_target(healthy())
        .play();
    let ready = warm_start.run(spec()).await.unwrap();
    assert_eq!(ready.task.as_str(), TASK);
    assert_eq!(ready.targets, [(GROUP.parse().unwrap(), Target::new("10.0.1.5", 8080))]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_with_the_same_token() {
    let warm_start = Mocks::default()
        .launches("auth/0#0", Err(ErrorKind::Timeout))
        .launches("auth/0#0", Err(ErrorKind::Throttled))
        .launches("auth/0#0", Ok(TaskStatus::Running))
        .sees_target(healthy())
        .play();
    warm_start.run(spec()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_undo_takes_the_task_out_of_traffic_before_it_stops_it() {
    let not_in_use =
        TargetObservation::new(TargetState::Unused, Some(crate::observation::TargetReason::NotInUse));
    let warm_start = Mocks::default()
        .launches("auth/0#0", Ok(TaskStatus::Provisioning))
        .sees_task(TaskStatus::Running)
        .sees_target(TargetObservation::not_registered())
        .registers()
        .sees_target(not_in_use)
        .deregisters()
        .stops()
        .play();
    let error = warm_start.run(spec()).await.unwrap_err();
    let Error::Undone { cause } = error else { panic!("{error}") };
    assert!(matches!(*cause, Cause::TargetUnusable { .. }));
}

#[derive(Clone, Debug, Default)]
struct Saves {
    phases: Arc<Mutex<Vec<PhaseName>>>,
    fail_from: Option<usize>,
}

#[async_trait]
impl Checkpoint for Saves {
    async fn save(&self, state: &State) -> Result<(), CheckpointError> {
        let mut phases = self.phases.lock().unwrap();
        phases.push(state.phase());
        match self.fail_from {
            Some(from) if phases.len() > from => Err(CheckpointError::new("the disk is full")),
            _ => Ok(()),
        }
    }

    async fn save_drain(&self, _drain: &Drain) -> Result<(), CheckpointError> {
        panic!("no drain is driven here")
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_saved_is_not_done() {
    let saves = Saves { fail_from: Some(0), ..Saves::default() };
    let warm_start = Mocks::default().play().with_checkpoint(saves);
    let error = warm_start.run(spec()).await.unwrap_err();
    assert!(matches!(error, Error::Checkpoint(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_state_is_saved_before_every_call_and_at_the_end() {
    let saves = Saves::default();
    let warm_start = Mocks::default()
        .launches("auth/0#0", Ok(TaskStatus::Running))
        .sees_target(healthy())
        .play()
        .with_checkpoint(saves.clone());
    warm_start.run(spec()).await.unwrap();
    let phases = saves.phases.lock().unwrap().clone();
    assert_eq!(phases, [PhaseName::Launching, PhaseName::Registering, PhaseName::Ready]);
}

#[tokio::test(start_paused = true)]
async fn a_budget_ends_before_a_wait_that_would_go_beyond_it() {
    let warm_start = Mocks::default().launches("auth/0#0", Ok(TaskStatus::Provisioning)).play();
    let now = Timestamp::from_millis(1_700_000_000_000);
    let driven = warm_start.drive(State::launch(spec(), now), Duration::from_secs(2)).await.unwrap();
    let Driven::Suspended { state, resume_at } = driven else { panic!("{driven:?}") };
    assert_eq!(state.phase(), PhaseName::AwaitingRunning);
    assert!(resume_at > now + Duration::from_secs(2) && resume_at < now + Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn even_without_a_budget_a_call_that_is_due_is_made() {
    let warm_start = Mocks::default().launches("auth/0#0", Ok(TaskStatus::Running)).play();
    let now = Timestamp::from_millis(1_700_000_000_000);
    let driven = warm_start.drive(State::launch(spec(), now), Duration::ZERO).await.unwrap();
    let Driven::Suspended { state, .. } = driven else { panic!("{driven:?}") };
    assert_eq!(state.phase(), PhaseName::Registering);
}
