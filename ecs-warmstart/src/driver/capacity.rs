//! What the runs of one process know together of where there is no capacity.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::ids::{ClusterId, TaskDefinitionId};
use crate::policy::PoolSet;
use crate::spec::{CapacityProvider, Compute, Pool, Spec, TaskSize};
use crate::time::Timestamp;

/// Where there is no capacity, shared. Clones are handles on the same.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    known: Arc<Mutex<Shortages>>,
    /// Tells that one was noted: a launch that still waits for its turn may better go elsewhere.
    noted: watch::Sender<()>,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { known: Arc::default(), noted: watch::Sender::new(()) }
    }
}

impl Capacity {
    /// Notes that a launch by that spec found no capacity then in its pool of that number.
    pub(super) fn note(&self, spec: &Spec, pool: usize, then: Timestamp, now: Timestamp, lasts: Duration) {
        self.known().note(Key::of(spec, pool), then, now, lasts);
        self.noted.send_replace(());
    }

    /// A task was placed in that pool then: what was found before is over.
    pub(super) fn placed(&self, spec: &Spec, pool: usize, then: Timestamp) {
        if spec.pools() > 1 && self.known().placed(&Key::of(spec, pool), then) {
            self.noted.send_replace(());
        }
    }

    /// The pools of the spec that are known to be without capacity, and the one of them that was found so the longest ago.
    pub(super) fn exhausted(&self, spec: &Spec, now: Timestamp) -> (PoolSet, Option<usize>) {
        // Who has no choice does not ask.
        if spec.pools() == 1 { (PoolSet::NONE, None) } else { self.known().of(spec, now) }
    }

    /// Tells from now on when a shortage is noted.
    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.noted.subscribe()
    }

    fn known(&self) -> MutexGuard<'_, Shortages> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where there is no capacity.
#[derive(Debug, Default)]
struct Shortages {
    found: HashMap<Key, Found>,
}

/// That there was no capacity.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// The last time.
    at: Timestamp,
    until: Timestamp,
}

impl Shortages {
    fn note(&mut self, key: Key, then: Timestamp, now: Timestamp, lasts: Duration) {
        self.found.retain(|_, found| now < found.until);
        let until = then + lasts;
        let found = self.found.entry(key).or_insert(Found { at: then, until });
        (found.at, found.until) = (found.at.max(then), found.until.max(until));
    }

    fn placed(&mut self, key: &Key, then: Timestamp) -> bool {
        let is_over = self.found.get(key).is_some_and(|found| found.at < then);
        is_over && self.found.remove(key).is_some()
    }

    fn of(&self, spec: &Spec, now: Timestamp) -> (PoolSet, Option<usize>) {
        if self.found.is_empty() {
            return (PoolSet::NONE, None);
        }
        let found = |pool: usize| Some((self.found.get(&Key::of(spec, pool))?, pool));
        let lasting = (0..spec.pools()).filter_map(found).filter(|(found, _)| now < found.until);
        let (mut exhausted, mut oldest) = (PoolSet::NONE, None);
        for (found, pool) in lasting {
            exhausted = exhausted.with(pool);
            oldest = oldest.into_iter().chain([(found.at, pool)]).min();
        }
        (exhausted, oldest.map(|(_, pool)| pool))
    }
}

/// What capacity is counted by. Subnets count together: AWS does not say in which of those it was asked for there was none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// Fargate is the account's; other capacity is the cluster's own.
    cluster: Option<ClusterId>,
    compute: Compute,
    subnets: Vec<String>,
    size: Size,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Size {
    Known(TaskSize),
    /// Nobody could read it: tasks of one definition are of one size.
    Of(TaskDefinitionId),
}

impl Key {
    fn of(spec: &Spec, pool: usize) -> Self {
        let pool = spec.pool(pool);
        let cluster = if pool.compute.is_fargate() { None } else { Some(spec.cluster().clone()) };
        let size = spec.size().filter(|size| size.cpu.is_some() || size.memory.is_some());
        Self {
            cluster,
            compute: providers(&pool),
            subnets: subnets(&pool),
            size: size.map_or_else(|| Size::Of(spec.request().task_definition.clone()), Size::Known),
        }
    }
}

/// A launch type and the capacity provider of its name are the same capacity; shares and the order in which they are written
/// change nothing.
fn providers(pool: &Pool) -> Compute {
    match &pool.compute {
        Compute::CapacityProviders(providers) => {
            let mut names: Vec<&str> = providers.iter().map(|it| it.name.as_str()).collect();
            names.sort_unstable();
            if names == ["FARGATE"] {
                return Compute::LaunchType(crate::spec::LaunchType::Fargate);
            }
            let named = |name: &str| CapacityProvider { name: name.to_owned(), weight: 1, base: 0 };
            Compute::CapacityProviders(names.into_iter().map(named).collect())
        }
        other @ (Compute::ClusterDefault | Compute::LaunchType(_)) => other.clone(),
    }
}

fn subnets(pool: &Pool) -> Vec<String> {
    let mut subnets = pool.network.as_ref().map(|network| network.subnets.clone()).unwrap_or_default();
    subnets.sort_unstable();
    subnets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{AwsVpc, LaunchRequest, LaunchType};

    const LASTS: Duration = Duration::from_secs(180);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn provider(name: &str) -> CapacityProvider {
        CapacityProvider { name: name.to_owned(), weight: 1, base: 0 }
    }

    fn pool(providers: &[&str], subnets: &[&str]) -> Pool {
        let subnets = subnets.iter().map(|&subnet| subnet.to_owned()).collect();
        Pool {
            compute: Compute::CapacityProviders(providers.iter().map(|name| provider(name)).collect()),
            network: Some(AwsVpc { subnets, ..AwsVpc::default() }),
        }
    }

    /// In Spot of subnet-a and subnet-b, then what is given.
    fn spec(cluster: &str, family: &str, memory: Option<u32>, fallbacks: &[Pool]) -> Spec {
        let service = "auth".parse().unwrap();
        let mut request = LaunchRequest::new(cluster.parse().unwrap(), family.parse().unwrap(), &service);
        let first = pool(&["FARGATE_SPOT"], &["subnet-a", "subnet-b"]);
        (request.compute, request.network) = (first.compute, first.network);
        let builder = Spec::builder(service, "auth/0".parse().unwrap(), request)
            .size(TaskSize { cpu: memory.map(|memory| memory / 2), memory });
        fallbacks.iter().cloned().fold(builder, |spec, pool| spec.fallback(pool)).build().unwrap()
    }

    #[test]
    fn a_shortage_is_known_to_whoever_asks_for_the_same_capacity() {
        let on_demand = || pool(&["FARGATE"], &["subnet-a", "subnet-b"]);
        let one = spec("c", "web", Some(512), &[on_demand()]);
        let capacity = Capacity::default();
        capacity.note(&one, 0, at(0), at(0), LASTS);
        let (no_spot, none) = (PoolSet::NONE.with(0), PoolSet::NONE);
        for (what, other, expected) in [
            ("itself", one.clone(), no_spot),
            (
                "another cluster: Fargate is the account's",
                spec("d", "web", Some(512), &[on_demand()]),
                no_spot,
            ),
            ("another family of that size", spec("c", "api", Some(512), &[on_demand()]), no_spot),
            ("another size", spec("c", "web", Some(1024), &[on_demand()]), none),
            ("a size that nobody knows", spec("c", "web", None, &[on_demand()]), none),
            ("who has no choice", spec("c", "web", Some(512), &[]), none),
        ] {
            assert_eq!(capacity.exhausted(&other, at(1)).0, expected, "{what}");
        }
    }

    #[test]
    fn it_is_forgotten_after_its_time_and_lasts_on_where_it_is_found_again() {
        let spec = spec("c", "web", Some(512), &[pool(&["FARGATE"], &["subnet-a"])]);
        let capacity = Capacity::default();
        capacity.note(&spec, 1, at(0), at(0), LASTS);
        assert_eq!(capacity.exhausted(&spec, at(179)).0, PoolSet::NONE.with(1));
        assert_eq!(capacity.exhausted(&spec, at(180)).0, PoolSet::NONE);
        capacity.note(&spec, 1, at(100), at(100), LASTS);
        assert_eq!(capacity.exhausted(&spec, at(279)).0, PoolSet::NONE.with(1));
        capacity.note(&spec, 0, at(400), at(400), LASTS);
        assert_eq!(capacity.known().found.len(), 1, "what is over takes no memory");
    }

    #[test]
    fn a_task_that_was_placed_since_proves_it_over_and_the_oldest_is_tried_first() {
        let spec = spec("c", "web", Some(512), &[pool(&["FARGATE"], &["subnet-a"])]);
        let capacity = Capacity::default();
        capacity.note(&spec, 1, at(10), at(10), LASTS);
        capacity.note(&spec, 0, at(20), at(20), LASTS);
        let both = PoolSet::NONE.with(0).with(1);
        assert_eq!(capacity.exhausted(&spec, at(21)), (both, Some(1)));
        capacity.note(&spec, 1, at(30), at(30), LASTS);
        assert_eq!(capacity.exhausted(&spec, at(31)), (both, Some(0)));
        // It was on its way when the rest was refused.
        capacity.placed(&spec, 0, at(19));
        assert_eq!(capacity.exhausted(&spec, at(31)), (both, Some(0)));
        capacity.placed(&spec, 0, at(32));
        assert_eq!(capacity.exhausted(&spec, at(33)), (PoolSet::NONE.with(1), Some(1)));
    }

    #[test]
    fn what_was_found_some_time_ago_lasts_from_then() {
        let spec = spec("c", "web", Some(512), &[pool(&["FARGATE"], &["subnet-a"])]);
        let capacity = Capacity::default();
        capacity.note(&spec, 0, at(0), at(100), LASTS);
        assert_eq!(capacity.exhausted(&spec, at(179)).0, PoolSet::NONE.with(0));
        assert_eq!(capacity.exhausted(&spec, at(180)).0, PoolSet::NONE);
    }

    #[test]
    fn capacity_is_counted_by_provider_and_subnets() {
        let fargate = Pool { compute: Compute::LaunchType(LaunchType::Fargate), ..pool(&[], &["subnet-a"]) };
        let ec2 = Pool { compute: Compute::LaunchType(LaunchType::Ec2), ..fargate.clone() };
        let key = |cluster, pool: Pool| Key::of(&spec(cluster, "web", Some(512), &[pool]), 1);
        let same = |a, b| assert_eq!(key("c", a), key("c", b));
        same(fargate.clone(), pool(&["FARGATE"], &["subnet-a"]));
        same(pool(&["x", "y"], &["subnet-b", "subnet-a"]), pool(&["y", "x"], &["subnet-a", "subnet-b"]));
        let different = |a, b| assert_ne!(key("c", a), key("c", b));
        different(fargate.clone(), pool(&["FARGATE"], &["subnet-b"]));
        different(fargate.clone(), ec2.clone());
        different(pool(&["FARGATE_SPOT"], &["subnet-a"]), pool(&["FARGATE"], &["subnet-a"]));
        assert_ne!(key("c", ec2.clone()), key("d", ec2), "instances are a cluster's own");
        assert_eq!(key("c", fargate.clone()), key("d", fargate));
    }
}
