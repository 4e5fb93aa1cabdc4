//! Where the next launch goes, when there is no capacity somewhere.

use serde::{Deserialize, Serialize};

use super::io::Input;
use super::state::{Asked, Doubt, Phase, Run};
use super::{ShortOf, State};
use crate::catalogue::{self, Code};
use crate::error::{ErrorKind, Failure};
use crate::observation::{TaskObservation, TaskStatus};
use crate::policy::{Policy, PoolSet};
use crate::time::Timestamp;

/// That a pool had no capacity for this run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shortage {
    pub(super) pool: usize,
    /// The last time.
    pub(super) at: Timestamp,
    /// What was said then.
    pub(super) failure: Failure,
}

impl State {
    /// Whether this input says that there is no capacity where the run launched last: for who remembers it for others.
    pub fn is_shortage(&self, input: &Input) -> bool {
        match input {
            Input::Failed(failure) => {
                self.run.asked == Some(Asked::Launch) && refuses_for_capacity(&self.run, failure)
            }
            Input::Task(task) | Input::TaskEvent(task) => stops_for_capacity(&self.run, task),
            _ => false,
        }
    }

    /// Since when the answer may stand that this input is: ECS repeats to a token what it answered first, so that of a launch that
    /// was asked for more than once may be as old as the first time.
    pub(crate) fn answered_since(&self, input: &Input, now: Timestamp) -> Timestamp {
        match input {
            Input::Failed(_) => answered_since(&self.run, now),
            _ => now,
        }
    }

    /// When the task was placed that this input answers the launch with.
    pub(crate) fn placed_at(&self, input: &Input) -> Option<Timestamp> {
        match input {
            Input::Launched(task) if self.run.asked == Some(Asked::Launch) => task.created_at,
            _ => None,
        }
    }

    /// Whether the launch that was asked for would better go elsewhere by now, and could: nothing binds its token yet, if it
    /// was not sent. [`Input::NotMade`] says that it was not.
    pub(crate) fn would_go_elsewhere(&self, policy: &Policy) -> bool {
        let run = &self.run;
        let is_free = run.doubt == Doubt::Asking && matches!(run.phase, Phase::Launching { .. });
        let asked = run.asked == Some(Asked::Launch);
        let better = fresh_pool(run, policy).or_else(|| exhausted_first(run, policy));
        is_free && asked && better.is_some_and(|pool| pool != run.pool)
    }
}

fn answered_since(run: &Run, now: Timestamp) -> Timestamp {
    match run.doubt {
        Doubt::Unanswered => run.asked_since.unwrap_or(now).min(now),
        Doubt::None | Doubt::Asking | Doubt::Refused => now,
    }
}

/// The pool for a launch under a token that binds nothing yet: the first in the order that is not known to be without
/// capacity. Where all of them are it is the one that was found so the longest ago or, where that is not known, the one after
/// the last that was tried: capacity may come back anywhere.
pub(super) fn choose(run: &Run, policy: &Policy) -> usize {
    let pools = run.spec.pools();
    if pools == 1 {
        return 0;
    }
    match fresh_pool(run, policy).or_else(|| exhausted_first(run, policy)) {
        Some(pool) => pool,
        None if run.shortages.iter().any(|shortage| shortage.pool == run.pool) => (run.pool + 1) % pools,
        None => run.pool,
    }
}

/// The first pool that is not known to be without capacity.
pub(super) fn fresh_pool(run: &Run, policy: &Policy) -> Option<usize> {
    let exhausted = exhausted(run, policy);
    (0..run.spec.pools()).find(|pool| !exhausted.contains(*pool))
}

fn exhausted_first(run: &Run, policy: &Policy) -> Option<usize> {
    policy.exhausted_first.filter(|pool| *pool < run.spec.pools())
}

/// What this run has found, and what others have.
fn exhausted(run: &Run, policy: &Policy) -> PoolSet {
    let lasting = |shortage: &&Shortage| run.latest < shortage.at + policy.shortage_lasts;
    let own = run.shortages.iter().filter(lasting);
    own.fold(policy.exhausted, |set, shortage| set.with(shortage.pool))
}

/// Takes note that the pool of the last launch has no capacity. Who has no other needs no note.
pub(super) fn note_shortage(run: &mut Run, failure: Failure) {
    if run.spec.pools() == 1 {
        return;
    }
    let (pool, at) = (run.pool, answered_since(run, run.latest));
    run.shortages.retain(|shortage| shortage.pool != pool);
    run.shortages.push(Shortage { pool, at, failure });
}

/// Whether `RunTask` refused for want of capacity, or of what another pool may have.
pub(super) fn refuses_for_capacity(run: &Run, failure: &Failure) -> bool {
    match failure.kind {
        ErrorKind::Capacity => true,
        // It is no shortage that passes by itself; who named another place to go to meant this too.
        ErrorKind::Invalid => run.spec.pools() > 1 && lacks_instances(&failure.message),
        _ => false,
    }
}

/// AWS, of the launch type EC2: "No Container Instances were found in your cluster."
fn lacks_instances(message: &str) -> bool {
    message.contains("No Container Instances were found")
        || catalogue::read_placement(message).is_some_and(|said| said.code == Code::NoInstances)
}

/// Whether the task that this run launched stopped for want of capacity, and it is news.
fn stops_for_capacity(run: &Run, task: &TaskObservation) -> bool {
    let Some(held) = &run.held else { return false };
    let is_news = held.seen.task == task.task && held.seen.status != TaskStatus::Stopped;
    is_news && held.is_ours() && task.status == TaskStatus::Stopped && shortage_of_stop(task)
}

/// Whether a task stopped because there was no capacity for it, or none any more.
pub(super) fn shortage_of_stop(task: &TaskObservation) -> bool {
    let said = task.stop.as_ref().and_then(|stop| catalogue::of_stop(stop, &task.containers));
    said.is_some_and(|said| match said.code {
        Code::Capacity
        | Code::InstanceResources
        | Code::AgentDisconnected
        | Code::NoInstances
        | Code::SubnetFull
        | Code::InterfaceLimit
        // Spot takes back what it lacks: Karpenter and AWS's own rebalancing count the pool as short of capacity then.
        | Code::SpotInterruption => true,
        _ => false,
    })
}

/// What was tried, where a run had more than one place to go to.
pub(super) fn tried(run: &Run) -> Vec<ShortOf> {
    let told = |shortage: &Shortage| ShortOf {
        pool: run.spec.pool(shortage.pool).to_string(),
        failure: shortage.failure.clone(),
    };
    run.shortages.iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::machine::io::{Effect, Next};
    use crate::machine::step;
    use crate::spec::{AwsVpc, Compute, LaunchRequest, LaunchType, Pool, Spec};

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000) + Duration::from_secs(seconds)
    }

    /// On Fargate, in as many subnets as there are pools.
    fn spec(pools: usize) -> Spec {
        let service = "auth".parse().unwrap();
        let pool = |number: usize| Pool {
            compute: Compute::LaunchType(LaunchType::Fargate),
            network: Some(AwsVpc { subnets: vec![format!("subnet-{number}")], ..AwsVpc::default() }),
        };
        let request = LaunchRequest::new("c".parse().unwrap(), "web".parse().unwrap(), &service).on(&pool(0));
        let builder = Spec::builder(service, "auth/0".parse().unwrap(), request)
            .running_timeout(Duration::from_secs(3600));
        (1..pools).fold(builder, |spec, number| spec.fallback(pool(number))).build().unwrap()
    }

    fn policy(exhausted: &[usize]) -> Policy {
        let exhausted = exhausted.iter().fold(PoolSet::NONE, |set, pool| set.with(*pool));
        Policy { exhausted, ..Policy::default() }
    }

    fn refused() -> Input {
        Input::Failed(Failure::new(ErrorKind::Capacity, "none"))
    }

    /// Which pool the first launch goes to, and which the next ones after refusals so many seconds apart.
    #[track_caller]
    fn check(pools: usize, others_know: &[usize], apart: u64, expected: &[usize]) {
        let policy = policy(others_know);
        let (mut state, mut now) = (State::launch(spec(pools), at(0)), at(0));
        let mut launched = Vec::new();
        let mut input = Input::Tick;
        while launched.len() < expected.len() {
            let stepped = step(state, input, now, &policy);
            state = stepped.state;
            input = match stepped.next {
                Next::Perform(Effect::Launch { .. }) => {
                    launched.push(state.pool());
                    now = now + Duration::from_secs(apart);
                    refused()
                }
                Next::Perform(Effect::FindTask) => Input::Found(Vec::new()),
                Next::WakeAt(at) => {
                    now = now.max(at);
                    Input::Tick
                }
                other => panic!("{other:?}"),
            };
        }
        assert_eq!(launched, expected, "{pools} pools, {others_know:?} known, {apart} s apart");
    }

    #[test]
    fn where_launches_go() {
        // Nowhere else to go.
        check(1, &[], 0, &[0, 0, 0]);
        check(1, &[0], 0, &[0, 0]);
        // In the order, then in turn.
        check(3, &[], 0, &[0, 1, 2, 0, 1, 2, 0]);
        // What others found out is not asked again,
        check(3, &[0], 0, &[1, 2, 0, 1]);
        check(3, &[0, 1], 0, &[2, 0, 1, 2]);
        // unless there is nothing else.
        check(3, &[0, 1, 2], 0, &[0, 1, 2, 0]);
        // After three minutes it starts again with the first.
        check(3, &[], 200, &[0, 1, 0, 1, 0]);
    }

    #[test]
    fn a_token_keeps_its_pool_until_it_is_certain_that_nothing_was_sent() {
        let asked = step(State::launch(spec(2), at(0)), Input::Tick, at(0), &policy(&[])).state;
        assert_eq!(asked.pool(), 0);
        let known = policy(&[0]);
        assert!(asked.would_go_elsewhere(&known) && !asked.would_go_elsewhere(&policy(&[])));
        assert!(!asked.would_go_elsewhere(&policy(&[0, 1])), "it would be no better there");
        for (input, pool) in [
            // It is asked again, and an answer may be under way.
            (Input::Tick, 0),
            (Input::Failed(Failure::new(ErrorKind::Timeout, "no answer")), 0),
            (Input::NotMade, 1),
            (Input::Failed(Failure::new(ErrorKind::Throttled, "Rate exceeded")), 1),
        ] {
            let stepped = step(asked.clone(), input.clone(), at(1), &known);
            let again = step(stepped.state, Input::Tick, at(20), &known);
            let Next::Perform(Effect::Launch { token }) = &again.next else { panic!("{:?}", again.next) };
            assert_eq!((again.state.pool(), token.as_str()), (pool, "auth/0#0"), "{input:?}");
            if pool == 0 {
                assert!(!again.state.would_go_elsewhere(&known), "{input:?}");
            }
        }
    }

    #[test]
    fn what_is_a_shortage() {
        let asked = |pools| step(State::launch(spec(pools), at(0)), Input::Tick, at(0), &policy(&[])).state;
        let failed = |kind, message: &str| Input::Failed(Failure::new(kind, message));
        let none = "No Container Instances were found in your cluster.";
        assert!(asked(2).is_shortage(&refused()) && asked(1).is_shortage(&refused()));
        assert!(asked(2).is_shortage(&failed(ErrorKind::Invalid, none)), "another place may have some");
        assert!(!asked(1).is_shortage(&failed(ErrorKind::Invalid, none)), "it would be so for ever");
        assert!(!asked(2).is_shortage(&failed(ErrorKind::Invalid, "subnets can not be empty")));
        assert!(!asked(2).is_shortage(&failed(ErrorKind::Throttled, "Rate exceeded")));
        let looking = step(asked(2), refused(), at(0), &policy(&[])).state;
        assert!(!looking.is_shortage(&refused()), "the answer to another call");
    }
}
