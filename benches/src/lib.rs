//! What is timed and measured: a run by synthetic answers, and fleets on a simulated cloud within the published quotas.

pub mod fleet;
pub mod measure;
pub mod peers;
pub mod table;
pub mod world;

use ecs_warmstart::ids::{ServiceName, TaskArn};
use ecs_warmstart::machine::{Effect, Input, Next, PhaseName, State, step};
use ecs_warmstart::observation::{
    ContainerObservation, HealthStatus, TargetObservation, TargetReason, TargetState, TaskObservation,
    TaskStatus,
};
use ecs_warmstart::policy::Policy;
use ecs_warmstart::spec::{Binding, Gate, LaunchRequest, Spec};
use ecs_warmstart::time::Timestamp;

/// When every run begins.
pub const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A run, the time, and what the machine asked for last.
#[derive(Clone, Debug)]
pub struct Run {
    /// Where it stands.
    pub state: State,
    /// What it asked for.
    pub next: Next,
    /// The time of the last step.
    pub now: Timestamp,
    /// How many steps it has gone.
    pub steps: usize,
}

impl Run {
    /// A run that is about to launch its task.
    pub fn launch() -> Self {
        Self { state: State::launch(spec(), START), next: Next::WakeAt(START), now: START, steps: 0 }
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.next == Next::Finished
    }

    /// One step on, by this input.
    #[must_use]
    pub fn step(self, input: Input, policy: &Policy) -> Self {
        let stepped = step(self.state, input, self.now, policy);
        Self { state: stepped.state, next: stepped.next, now: self.now, steps: self.steps + 1 }
    }

    /// One step on in fair weather: waits where it has to, and answers calls as a cloud would at that time. The input it
    /// made up comes back with it, so that the same steps can be gone again without making it up anew.
    #[must_use]
    pub fn go_on(mut self, policy: &Policy) -> (Self, Input) {
        let input = match &self.next {
            Next::WakeAt(at) => {
                self.now = self.now.max(*at);
                Input::Tick
            }
            Next::Perform(effect) => answer(effect, self.now),
            Next::Finished => Input::Tick,
        };
        (self.step(input.clone(), policy), input)
    }

    /// A run in fair weather, up to where it makes this call for the second time in this phase: the answer then says
    /// nothing new.
    ///
    /// # Panics
    ///
    /// If a run in fair weather does not get there.
    #[must_use]
    pub fn asked(phase: PhaseName, effect: &Effect) -> Self {
        let policy = Policy::default();
        let mut run = Self::launch();
        let mut times = 0;
        while times < 2 {
            assert!(!run.is_over(), "{effect:?} is asked for twice in {phase}");
            run = run.go_on(&policy).0;
            let there = run.state.phase() == phase && run.next == Next::Perform(effect.clone());
            times += usize::from(there);
        }
        run
    }
}

/// One binding, and a gate that waits for its container.
///
/// # Panics
///
/// Never: the names are well-formed.
pub fn spec() -> Spec {
    let service: ServiceName = "auth".parse().expect("a service's name");
    let cluster = "authapi-cluster".parse().expect("a cluster's name");
    let request =
        LaunchRequest::new(cluster, "authapi-task-def".parse().expect("a task definition"), &service);
    let group = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";
    let binding = Binding::new(group.parse().expect("a target group's ARN"), 8080);
    let gate = Gate::ContainersHealthy { containers: vec!["api".to_owned()] };
    Spec::builder(service, "auth/0".parse().expect("a run's id"), request)
        .binding(binding)
        .gate(gate)
        .build()
        .expect("a valid spec")
}

/// What the cloud answers at that time in fair weather.
fn answer(effect: &Effect, now: Timestamp) -> Input {
    let elapsed = now.since(START).as_secs();
    match effect {
        Effect::Launch { .. } => Input::Launched(task(elapsed)),
        Effect::FindTask => Input::Found(Vec::new()),
        Effect::FindRunning => Input::Running(Vec::new()),
        Effect::ObserveTask => Input::Task(task(elapsed)),
        Effect::ObserveTarget { binding } => {
            Input::Target { binding: *binding, observation: target(elapsed) }
        }
        Effect::Register { .. } => Input::Registered,
        Effect::Deregister { .. } => Input::Deregistered,
        Effect::StopTask => Input::StopAccepted,
    }
}

/// So many seconds after its launch: 10 s PROVISIONING, 20 s PENDING, 5 s ACTIVATING, and 10 s until it is HEALTHY.
fn task(elapsed: u64) -> TaskObservation {
    let (status, version) = match elapsed {
        0..10 => (TaskStatus::Provisioning, 1),
        10..30 => (TaskStatus::Pending, 2),
        30..35 => (TaskStatus::Activating, 3),
        _ => (TaskStatus::Running, 4),
    };
    let health = if elapsed < 45 { HealthStatus::Unknown } else { HealthStatus::Healthy };
    let address = "10.0.1.5".parse().expect("an address");
    let arn = "arn:aws:ecs:us-east-2:111122223333:task/authapi-cluster/0123456789abcdef0123456789abcdef";
    let task: TaskArn = arn.parse().expect("a task's ARN");
    TaskObservation {
        version: version + u64::from(health == HealthStatus::Healthy),
        created_at: Some(START),
        addresses: if status == TaskStatus::Running { vec![address] } else { Vec::new() },
        containers: vec![ContainerObservation {
            name: "api".to_owned(),
            health,
            ..ContainerObservation::default()
        }],
        ..TaskObservation::new(task, status)
    }
}

/// So many seconds after the launch of its task: not there, then initial, then healthy.
fn target(elapsed: u64) -> TargetObservation {
    match elapsed {
        0..50 => TargetObservation::not_registered(),
        50..70 => TargetObservation::new(TargetState::Initial, Some(TargetReason::InitialHealthChecking)),
        _ => TargetObservation::new(TargetState::Healthy, None),
    }
}
