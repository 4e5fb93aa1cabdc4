//! A drain that is gone on with late: whose its addresses are by now.
//!
//! What a drain takes out was looked at when it was planned. Where it is handed on, minutes may pass before it deregisters,
//! and AWS gives the address of a task that has stopped to the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::facts::tasks_in;
use super::handle::Fleet;
use super::service_runs::Until;
use crate::driver::Cancel;
use crate::ids::ClusterId;
use crate::machine::{Cause, Drain};
use crate::observation::TaskObservation;
use crate::policy::BELIEVED;
use crate::ports::Selector;
use crate::reconcile::may_be_behind;
use crate::time::Timestamp;

/// How long to ask who has an address before the drain is given up, and what it leaves is named.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of a look.
pub(super) enum Looked {
    /// The drains may go on; what a person should know of the addresses that stay.
    Sure(Vec<String>),
    /// There was no answer in time.
    Unsure,
}

/// Lets the drains leave the addresses that other tasks have by now, where they were planned some time ago.
pub(super) async fn look_who_has_them(
    fleet: &Fleet,
    drains: &mut [Drain],
    limits: Until,
    cancel: &Cancel,
) -> Looked {
    let now = fleet.clock.now();
    // Who is told to end leaves everything as it is.
    if cancel.is_cancelled() || drains.iter().all(|drain| doubted(drain, now).is_empty()) {
        return Looked::Sure(Vec::new());
    }
    tokio::select! {
        biased;
        warnings = settle(fleet, drains, now, cancel) => Looked::Sure(warnings),
        () = fleet.clock.sleep_until(limits.calls) => Looked::Unsure,
    }
}

async fn settle(fleet: &Fleet, drains: &mut [Drain], now: Timestamp, cancel: &Cancel) -> Vec<String> {
    let (mut warnings, mut seen) = (Vec::new(), BTreeMap::new());
    for drain in drains {
        let places = doubted(drain, now);
        if places.is_empty() {
            continue;
        }
        match running_around(fleet, drain, &mut seen, cancel).await {
            Ok(tasks) => warnings.extend(leave(fleet, drain, &places, &tasks)),
            // Who cannot know whose an address is must not take it out.
            Err(cause) => drain.halt(*cause),
        }
    }
    warnings
}

/// The places that are still to be deregistered, and that were looked at too long ago.
fn doubted(drain: &Drain, now: Timestamp) -> Vec<usize> {
    if now < drain.planned_at() + BELIEVED { Vec::new() } else { drain.to_deregister() }
}

fn leave(fleet: &Fleet, drain: &mut Drain, places: &[usize], tasks: &[TaskObservation]) -> Vec<String> {
    let mut warnings = Vec::new();
    for &place in places {
        let spec = drain.spec();
        let Some(at) = spec.places.get(place) else { continue };
        let own = spec.task.as_ref();
        let (its, others): (Vec<_>, Vec<_>) = tasks
            .iter()
            .filter(|task| may_be_behind(task, &at.target))
            .partition(|task| Some(&task.task) == own);
        // While its own task runs the address is that task's, and it would be stopped in traffic.
        if let Some(task) = others.first().filter(|_| its.is_empty()) {
            let (target, group) = (&at.target, at.target_group.name());
            let id = task.task.id();
            let warning =
                format!("{target} is, or may be, the address of task {id} by now, so it stays in {group}");
            fleet.warn_of(&spec.service, &warning);
            warnings.push(warning);
            drain.leave(place);
        }
    }
    warnings
}

/// All that runs where an address of this drain may have gone.
async fn running_around(
    fleet: &Fleet,
    drain: &Drain,
    seen: &mut BTreeMap<ClusterId, Vec<TaskObservation>>,
    cancel: &Cancel,
) -> Result<Vec<TaskObservation>, Box<Cause>> {
    let spec = drain.spec();
    let clusters: BTreeSet<&ClusterId> = spec.neighbours.iter().chain([&spec.cluster]).collect();
    let mut around = Vec::new();
    for cluster in clusters {
        if !seen.contains_key(cluster) {
            let mut running = tasks_in(fleet, cluster, PATIENCE, &Selector::Running, cancel).await?;
            running.retain(|task| !task.is_ending());
            seen.insert(cluster.clone(), running);
        }
        around.extend(seen.get(cluster).into_iter().flatten().cloned());
    }
    Ok(around)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::TokioClock;
    use crate::fleet::sample_services;
    use crate::ids::{RunId, TaskArn};
    use crate::machine::{DrainPlace, DrainSpec};
    use crate::memory::InMemory;
    use crate::observation::{Host, Target, TaskStatus};
    use crate::ports::Ports;

    /// In network mode `host` a task does not say which ports of its machine it uses.
    fn on_the_machine(id: &str) -> TaskObservation {
        let task: TaskArn =
            format!("arn:aws:ecs:us-east-2:111122223333:task/authapi-cluster/{id}").parse().unwrap();
        let host = Host { container_instance: "ci".to_owned(), ec2_instance: Some("i-1".to_owned()) };
        TaskObservation { host: Some(host), ..TaskObservation::new(task, TaskStatus::Running) }
    }

    #[test]
    fn an_address_is_left_to_another_task_only_where_its_own_runs_no_longer() {
        let clock: Arc<dyn crate::clock::Clock> = Arc::new(TokioClock::new());
        let fleet = Fleet::new(Ports::from_one(InMemory::sample(Arc::clone(&clock)))).with_clock(clock);
        let service = sample_services().remove(0);
        let (own, other) = (on_the_machine("1"), on_the_machine("2"));
        let place = DrainPlace {
            target_group: service.bindings[0].target_group.clone(),
            target: Target::new("i-1", 8080),
            deregistration_delay: Duration::ZERO,
            drains_already: false,
        };
        let spec = DrainSpec {
            service: service.name.clone(),
            run: RunId::for_drain(&service.name, "1"),
            cluster: service.request.cluster,
            task: Some(own.task.clone()),
            places: vec![place],
            neighbours: Vec::new(),
            drain_wait: None,
        };
        for (tasks, stays) in
            [(vec![own.clone(), other.clone()], false), (vec![other], true), (vec![own], false)]
        {
            let mut drain = Drain::new(spec.clone(), Timestamp::EPOCH);
            let warnings = leave(&fleet, &mut drain, &[0], &tasks);
            assert_eq!((warnings.len(), drain.to_deregister().is_empty()), (usize::from(stays), stays));
        }
    }
}
