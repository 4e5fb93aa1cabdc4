//! What a run costs while it waits: less than 4 KiB of heap, and no thread.

#![expect(clippy::print_stderr, reason = "the number stands in the README")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use benches::table::simulated;
use benches::{START, spec};
use ecs_warmstart::batch::{BatchSettings, Coalescing};
use ecs_warmstart::clock::{Clock, TokioClock};
use ecs_warmstart::driver::{Cancel, WarmStart};
use ecs_warmstart::error::{ErrorKind, PortError};
use ecs_warmstart::facts::{
    EcsServiceFacts, ImageFacts, LoadBalancerFacts, LogLine, LogQuery, TargetGroupFacts, TaskDefinitionFacts,
};
use ecs_warmstart::fleet::{Fleet, Service, UpOptions, sample_services};
use ecs_warmstart::ids::{ClientToken, ClusterId, TargetGroupArn, TaskArn, TaskDefinitionId};
use ecs_warmstart::image::ImageRef;
use ecs_warmstart::limit::{Limiter, Limits};
use ecs_warmstart::machine::State;
use ecs_warmstart::observation::{Target, TargetObservation, TaskObservation, TaskStatus};
use ecs_warmstart::ports::{HealthWaiter, Inspector, Ports, Result, Selector, TargetRegistrar, TaskLauncher};
use ecs_warmstart::spec::LaunchRequest;
use tokio::task::JoinSet;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// In bytes. What waits for its turn to launch takes the most: the call it is about to make is in it.
const AT_MOST: usize = 4_096;

/// A cloud that keeps nothing: every task is PENDING for ever.
#[derive(Debug)]
struct Forgetful;

fn pending(task: TaskArn) -> TaskObservation {
    TaskObservation::new(task, TaskStatus::Pending)
}

#[async_trait]
impl TaskLauncher for Forgetful {
    async fn launch(&self, token: &ClientToken, _: &LaunchRequest) -> Result<TaskObservation> {
        let number: String = token.as_str().chars().filter(char::is_ascii_digit).collect();
        let arn = format!("arn:aws:ecs:us-east-2:111122223333:task/authapi-cluster/{number:0>32}");
        Ok(pending(arn.parse().expect("an ARN")))
    }

    async fn find(&self, _: &ClusterId, _: &Selector) -> Result<Vec<TaskArn>> {
        Ok(Vec::new())
    }

    async fn stop(&self, _: &ClusterId, _: &TaskArn, _: &str) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl HealthWaiter for Forgetful {
    async fn observe_tasks(&self, _: &ClusterId, tasks: &[TaskArn]) -> Result<Vec<TaskObservation>> {
        Ok(tasks.iter().cloned().map(pending).collect())
    }

    async fn observe_targets(
        &self,
        _: &TargetGroupArn,
        targets: &[Target],
    ) -> Result<Vec<TargetObservation>> {
        Ok(targets.iter().map(|_| TargetObservation::not_registered()).collect())
    }
}

#[async_trait]
impl TargetRegistrar for Forgetful {
    async fn register(&self, _: &TargetGroupArn, _: &[Target]) -> Result<()> {
        Ok(())
    }

    async fn deregister(&self, _: &TargetGroupArn, _: &[Target]) -> Result<()> {
        Ok(())
    }

    async fn targets(&self, _: &TargetGroupArn) -> Result<Vec<(Target, TargetObservation)>> {
        Ok(Vec::new())
    }
}

fn not_allowed() -> PortError {
    PortError::new(ErrorKind::Denied, "it has nothing to describe")
}

#[async_trait]
impl Inspector for Forgetful {
    async fn task_definition(&self, _: &TaskDefinitionId) -> Result<TaskDefinitionFacts> {
        Err(not_allowed())
    }

    async fn target_group(&self, _: &TargetGroupArn) -> Result<TargetGroupFacts> {
        Err(not_allowed())
    }

    async fn deregistration_delay(&self, _: &TargetGroupArn) -> Result<Duration> {
        Err(not_allowed())
    }

    async fn load_balancers(&self) -> Result<Vec<LoadBalancerFacts>> {
        Err(not_allowed())
    }

    async fn image(&self, _: &ImageRef) -> Result<ImageFacts> {
        Err(not_allowed())
    }

    async fn log_group_exists(&self, _: &str) -> Result<bool> {
        Err(not_allowed())
    }

    async fn log_tail(&self, _: &LogQuery) -> Result<Vec<LogLine>> {
        Err(not_allowed())
    }

    async fn ecs_service(&self, _: &ClusterId, _: &str) -> Result<EcsServiceFacts> {
        Err(not_allowed())
    }
}

/// The heap that so many runs take, twenty seconds after they began, beyond what was there before.
async fn heap_of(runs: u32, share: f64) -> usize {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(START));
    let limits = Limits { share, ..Limits::default() };
    let limiter = Limiter::new(Arc::clone(&clock), &limits);
    let given = Ports::from_one(Forgetful);
    let ports =
        Ports::from_one(Coalescing::new(given, limiter, Arc::clone(&clock), BatchSettings::default()));
    let warm_start =
        WarmStart::new(ports.launcher, ports.registrar, ports.waiter).with_clock(Arc::clone(&clock));
    let before = dhat::HeapStats::get().curr_bytes;
    let mut waiting = JoinSet::new();
    let of_all = spec();
    for run in 0..runs {
        let spec = of_all.with_run(format!("auth/{run}").parse().expect("a run's id"));
        let warm_start = warm_start.clone();
        let state = State::launch(spec, clock.now());
        waiting.spawn(async move { warm_start.drive(state, Duration::MAX).await.is_ok() });
    }
    tokio::time::sleep(Duration::from_secs(20)).await;
    let heap = dhat::HeapStats::get().curr_bytes.saturating_sub(before);
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    assert_eq!((waiting.len(), threads), (runs as usize, 1), "all wait, on one thread");
    heap
}

/// The same of the tasks of one service that a fleet brings up.
async fn heap_in_fleet(tasks: u32, share: f64) -> usize {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(START));
    let fleet = Fleet::new(Ports::from_one(Forgetful))
        .with_clock(Arc::clone(&clock))
        .with_limits(Limits { share, ..Limits::default() });
    let of_all = spec();
    let service = Service {
        name: of_all.service().clone(),
        count: tasks,
        request: of_all.request().clone(),
        bindings: of_all.bindings().to_vec(),
        ..sample_services().remove(0)
    };
    let options = UpOptions {
        fresh: true,
        check: false,
        run_id: Some("call".parse().expect("a name")),
        ..UpOptions::default()
    };
    let before = dhat::HeapStats::get().curr_bytes;
    let up = tokio::spawn(async move { fleet.up(&[service], &options, &Cancel::new()).await });
    tokio::time::sleep(Duration::from_secs(20)).await;
    let heap = dhat::HeapStats::get().curr_bytes.saturating_sub(before);
    assert!(!up.is_finished(), "all wait");
    heap
}

fn main() {
    let _profiler = dhat::Profiler::builder().testing().build();
    // Twenty thousand times the quota makes none of them wait for it; a thousandth makes nearly all wait for their launch.
    for (share, what) in [(0.001, "for its turn to launch"), (20_000.0, "for its task")] {
        let alone = [100, 1_100].map(|runs| simulated(heap_of(runs, share)));
        let in_fleet = [100, 1_100].map(|tasks| simulated(heap_in_fleet(tasks, share)));
        for ([few, many], whose) in [(alone, "a run"), (in_fleet, "a fleet's run")] {
            let each = (many - few) / 1_000;
            eprintln!("{whose} that waits {what} takes {each} bytes of heap");
            assert!(each <= AT_MOST, "{whose} that waits {what} takes {each} bytes of heap");
        }
    }
}
