//! From what is seen of an ECS service to how its deployment stands.

use std::fmt;
use std::time::Duration;

use crate::facts::{Deployment, EcsServiceFacts};
use crate::ids::{TargetGroupArn, TaskArn, TaskDefinitionId};
use crate::observation::{TargetObservation, TargetState, TaskObservation, TaskStatus};
use crate::spec::Pins;
use crate::time::Timestamp;

/// For how long after its change ECS may still show a service as it was. Its reads are eventually consistent; AWS names no
/// number.
const LAG: Duration = Duration::from_secs(60);

/// What the ECS service should come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    /// The revision that all its tasks should run.
    pub task_definition: TaskDefinitionId,
    /// The revision before it, to which ECS itself may go back.
    pub former: Option<TaskDefinitionId>,
    /// The images that containers may run.
    pub pins: Pins,
    /// When the service was changed.
    pub since: Timestamp,
}

/// A task of the service that ECS wants running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTask {
    /// The task.
    pub task: TaskObservation,
    /// Its targets, one for each target group of the service.
    pub targets: Vec<SeenTarget>,
}

/// A task's target in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTarget {
    /// The group.
    pub target_group: TargetGroupArn,
    /// What its health checks say; absent as long as the task has no address.
    pub seen: Option<TargetObservation>,
}

/// How a deployment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is on its way.
    Underway {
        /// What is missing, as a fragment.
        why: String,
    },
    /// The service is stable, every target healthy, and every task runs what was meant.
    Done {
        /// The tasks of which ECS does not say which image they run: their task definition names its digest.
        unproved: Vec<TaskArn>,
    },
    /// It has failed, and waiting does not help.
    Failed(Failed),
}

/// How a deployment failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The service is being deleted, or is.
    NotActive {
        /// ECS's word.
        status: String,
    },
    /// ECS gave the deployment up.
    GivenUp {
        /// Why, in ECS's words.
        reason: Option<String>,
    },
    /// ECS itself went back to the former revision.
    WentBack {
        /// To which revision.
        to: TaskDefinitionId,
    },
    /// Somebody else deployed meanwhile.
    Overtaken {
        /// The revision that the service should run now.
        by: TaskDefinitionId,
    },
    /// One task after the other fails, and ECS does not give up.
    TasksFail {
        /// How many failed in a row.
        failed: u32,
    },
    /// A task runs another image than was meant.
    AnotherImage {
        /// The task.
        task: TaskArn,
        /// Its container.
        container: String,
        /// The digest it runs.
        runs: String,
    },
}

/// How the deployment stands at `now`. `tasks` are all tasks of the service that ECS wants running.
pub fn judge(goal: &Goal, service: &EcsServiceFacts, tasks: &[SeenTask], now: Timestamp) -> Standing {
    if service.status != "ACTIVE" {
        return Standing::Failed(Failed::NotActive { status: service.status.clone() });
    }
    let Some(primary) = service.primary() else {
        return underway("ECS shows no deployment");
    };
    if !is_of(goal, primary) {
        return not_ours(goal, service, primary, now);
    }
    if primary.rollout.as_deref() == Some("FAILED") {
        return Standing::Failed(Failed::GivenUp { reason: primary.rollout_reason.clone() });
    }
    let ours: Vec<&SeenTask> = tasks.iter().filter(|seen| runs(goal, &seen.task)).collect();
    for SeenTask { task, .. } in &ours {
        if let Some((container, runs)) = goal.pins.another(task) {
            let (task, container, runs) = (task.task.clone(), container.to_owned(), runs.to_owned());
            return Standing::Failed(Failed::AnotherImage { task, container, runs });
        }
    }
    if primary.failed > circuit_breaker(primary.desired) {
        return Standing::Failed(Failed::TasksFail { failed: primary.failed });
    }
    match missing(service, primary, &ours) {
        Some(why) => Standing::Underway { why },
        None => Standing::Done {
            unproved: ours
                .iter()
                .filter(|seen| goal.pins.unseen(&seen.task).next().is_some())
                .map(|seen| seen.task.task.clone())
                .collect(),
        },
    }
}

/// The service's deployment is another one: not ours yet, or no longer.
fn not_ours(goal: &Goal, service: &EcsServiceFacts, primary: &Deployment, now: Timestamp) -> Standing {
    let was_seen = service.deployments.iter().any(|deployment| is_of(goal, deployment));
    if !was_seen && now < goal.since + LAG {
        return underway("ECS does not show the new deployment yet");
    }
    let Some(by) = primary.task_definition.clone() else {
        return underway("ECS does not say what the deployment runs");
    };
    let is_former = goal.former.as_ref().is_some_and(|former| former.is_same(&by));
    Standing::Failed(if is_former { Failed::WentBack { to: by } } else { Failed::Overtaken { by } })
}

/// What is missing, first things first.
fn missing(service: &EcsServiceFacts, primary: &Deployment, ours: &[&SeenTask]) -> Option<String> {
    let desired = service.desired;
    if primary.running < desired {
        return Some(format!("{} of {desired} tasks run", primary.running));
    }
    for SeenTask { task, targets } in ours {
        let id = task.task.id();
        if task.status != TaskStatus::Running {
            return Some(format!("task {id} is {}", task.status));
        }
        for SeenTarget { target_group, seen } in targets {
            match seen {
                Some(seen) if seen.state == TargetState::Healthy => {}
                Some(seen) => return Some(format!("task {id} is {seen} in {}", target_group.name())),
                None => return Some(format!("task {id} has no address yet")),
            }
        }
    }
    if service.deployments.len() > 1 {
        let left: u32 = service.deployments.iter().map(|it| it.running.saturating_add(it.pending)).sum();
        return Some(format!("{} tasks of the former deployment are left", left.saturating_sub(desired)));
    }
    // Only then has ECS left its steady state behind it; a rolling update without a circuit breaker says so too.
    match &primary.rollout {
        Some(rollout) if rollout != "COMPLETED" => return Some(format!("ECS says {rollout}")),
        Some(_) | None => {}
    }
    if !service.is_stable() {
        return Some(format!("{} of {desired} tasks run, {} are pending", service.running, service.pending));
    }
    let listed = u32::try_from(ours.len()).unwrap_or(u32::MAX);
    (listed < desired).then(|| format!("ECS lists {listed} of {desired} tasks"))
}

/// After so many failed tasks ECS's own circuit breaker gives up, where it is set: half of the desired tasks, at least 3 and at
/// most 200. Who has none tries for ever.
fn circuit_breaker(desired: u32) -> u32 {
    desired.div_ceil(2).clamp(3, 200)
}

pub(super) fn is_of(goal: &Goal, deployment: &Deployment) -> bool {
    deployment.task_definition.as_ref().is_some_and(|its| its.is_same(&goal.task_definition))
}

fn runs(goal: &Goal, task: &TaskObservation) -> bool {
    !task.is_ending() && task.task_definition.as_ref().is_some_and(|its| its.is_same(&goal.task_definition))
}

fn underway(why: &str) -> Standing {
    Standing::Underway { why: why.to_owned() }
}

impl Failed {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotActive { .. } => "service_not_active",
            Self::GivenUp { .. } => "deployment_failed",
            Self::WentBack { .. } => "rolled_back_by_ecs",
            Self::Overtaken { .. } => "overtaken",
            Self::TasksFail { .. } => "tasks_fail",
            Self::AnotherImage { .. } => "another_image",
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotActive { status } => write!(f, "the ECS service is {status}"),
            Self::GivenUp { reason: Some(reason) } => write!(f, "ECS gave the deployment up: {reason}"),
            Self::GivenUp { reason: None } => f.write_str("ECS gave the deployment up"),
            Self::WentBack { to } => write!(f, "ECS went back to {}", to.name()),
            Self::Overtaken { by } => {
                write!(f, "somebody else deployed meanwhile: the service should run {} now", by.name())
            }
            Self::TasksFail { failed } => write!(f, "{failed} tasks failed in a row"),
            Self::AnotherImage { task, container, runs } => {
                write!(f, "container {container} of task {} runs another image: {runs}", task.id())
            }
        }
    }
}
