//! Why a run is where it is, in words: for events.

use super::State;
use super::state::{LaunchStep, Phase, Run, Standing, Via};
use crate::spec::Gate;

impl State {
    /// Why the run is in its phase, as a fragment: "the task is RUNNING at 10.0.1.5".
    pub fn because(&self) -> String {
        let run = &self.run;
        match &run.phase {
            Phase::Launching { .. } if run.attempt == 0 && run.asked_since.is_none() => {
                "no task runs yet".to_owned()
            }
            Phase::Launching { step: LaunchStep::Look } => {
                "this attempt is over; another may get there".to_owned()
            }
            Phase::Launching { step: LaunchStep::Ask } => {
                let attempt = format!("attempt {}", run.attempt.saturating_add(1));
                if run.spec.pools() == 1 {
                    attempt
                } else {
                    format!("{attempt}, on {}", run.spec.pool(run.pool))
                }
            }
            Phase::AwaitingRunning => came_to_its_task(run),
            Phase::AwaitingGate => format!("the task is RUNNING{}", reachable_at(run)),
            Phase::Registering { .. } => gate_opened(run),
            Phase::AwaitingHealthy => format!("registered in {}", groups(run)),
            Phase::Ready => ready(run),
            Phase::UndoLaunch { undo, .. } | Phase::UndoRegister { undo } | Phase::UndoTask { undo } => {
                undo.cause.to_string()
            }
            Phase::Undone { cause } | Phase::Kept { cause } | Phase::Leaked { cause, .. } => {
                cause.to_string()
            }
        }
    }
}

impl State {
    /// Why a launch does not go to that pool any more, as a fragment.
    pub(crate) fn left_because(&self, pool: usize) -> String {
        match self.run.shortages.iter().find(|shortage| shortage.pool == pool) {
            Some(shortage) => shortage.failure.to_string(),
            None => "another launch found no capacity there".to_owned(),
        }
    }
}

fn came_to_its_task(run: &Run) -> String {
    let Some(held) = &run.held else { return "there is a task".to_owned() };
    let task = held.seen.task.id();
    match held.via {
        Via::Launch => format!("task {task} was launched"),
        Via::Search => format!("task {task} was found after a lost answer"),
        Via::Earlier => format!("task {task} was launched by an earlier call of the same name"),
        Via::Conflict => format!("task {task} was launched with this token before"),
        Via::Adoption => format!("task {task} runs already"),
    }
}

fn reachable_at(run: &Run) -> String {
    match run.places.iter().find_map(|place| place.target.as_ref()) {
        Some(target) => format!(" at {target}"),
        None => String::new(),
    }
}

fn gate_opened(run: &Run) -> String {
    match run.spec.gate() {
        Gate::ContainersHealthy { containers } if !containers.is_empty() => {
            format!("container {} is HEALTHY", containers.join(", "))
        }
        Gate::Running | Gate::ContainersHealthy { .. } => format!("the task is RUNNING{}", reachable_at(run)),
    }
}

fn groups(run: &Run) -> String {
    let names: Vec<&str> = run.spec.bindings().iter().map(|binding| binding.target_group.name()).collect();
    names.join(", ")
}

fn ready(run: &Run) -> String {
    if run.places.is_empty() {
        return "the task is through its gate".to_owned();
    }
    let healthy = run.places.iter().all(super::state::Place::is_healthy);
    let stood = run.places.iter().all(|place| place.standing == Standing::Before);
    match (healthy, stood) {
        (true, true) => format!("healthy in {} already", groups(run)),
        (true, false) => format!("healthy in {}", groups(run)),
        (false, _) => format!("registered in {}", groups(run)),
    }
}
