//! Where there is capacity, and where there is none.

use super::behaviour::Refusal;
use super::cloud::InMemory;
use crate::facts::TaskDefinitionFacts;
use crate::ids::TaskArn;
use crate::spec::{Compute, LaunchRequest};
use crate::time::Timestamp;

/// What there is no capacity for. What is not said stands for all: the default is no capacity at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shortage {
    /// The capacity provider, or the launch type by its name (`FARGATE`, `EC2`).
    pub provider: Option<String>,
    /// The subnet.
    pub subnet: Option<String>,
    /// The CPU units of the whole task.
    pub cpu: Option<u32>,
    /// The memory of the whole task, in MiB.
    pub memory: Option<u32>,
}

impl Shortage {
    /// Of that provider, wherever and however large.
    pub fn of(provider: &str) -> Self {
        Self { provider: Some(provider.to_owned()), ..Self::default() }
    }

    /// In that subnet alone.
    #[must_use]
    pub fn in_subnet(self, subnet: &str) -> Self {
        Self { subnet: Some(subnet.to_owned()), ..self }
    }

    /// For tasks of that size alone.
    #[must_use]
    pub fn for_size(self, cpu: u32, memory: u32) -> Self {
        Self { cpu: Some(cpu), memory: Some(memory), ..self }
    }

    fn concerns(&self, spot: &Spot, definition: &TaskDefinitionFacts) -> bool {
        self.provider.as_ref().is_none_or(|provider| *provider == spot.provider)
            && self.subnet.as_ref().is_none_or(|subnet| *subnet == spot.subnet)
            && (self.cpu.is_none() || self.cpu == definition.cpu)
            && (self.memory.is_none() || self.memory == definition.memory)
    }
}

/// Where a task was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The capacity provider, or the launch type by its name; `default` where the request left it to the cluster.
    pub provider: String,
    /// The subnet; empty where the task has no network interface of its own.
    pub subnet: String,
}

/// What is left, and until when.
#[derive(Debug, Default)]
pub(super) struct Supply {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    shortage: Shortage,
    /// How many tasks there is capacity for.
    left: u32,
    until: Option<Timestamp>,
}

impl Supply {
    /// A place for a task: the first of the providers, and of the subnets, that have capacity. The refusal where none has.
    pub(super) fn take(
        &mut self,
        request: &LaunchRequest,
        definition: &TaskDefinitionFacts,
        now: Timestamp,
    ) -> Result<Spot, Refusal> {
        self.rules.retain(|rule| rule.until.is_none_or(|until| now < until));
        let rules = &mut self.rules;
        let is_short =
            |spot: &Spot| rules.iter().any(|rule| rule.left == 0 && rule.shortage.concerns(spot, definition));
        let Some(spot) = spots(request).into_iter().find(|spot| !is_short(spot)) else {
            return Err(if request.compute.is_fargate() {
                Refusal::no_fargate_capacity()
            } else {
                Refusal::Failures("RESOURCE:MEMORY".to_owned())
            });
        };
        for rule in rules.iter_mut().filter(|rule| rule.shortage.concerns(&spot, definition)) {
            rule.left = rule.left.saturating_sub(1);
        }
        Ok(spot)
    }
}

fn spots(request: &LaunchRequest) -> Vec<Spot> {
    let providers = match &request.compute {
        Compute::ClusterDefault => vec!["default".to_owned()],
        Compute::LaunchType(launch_type) => vec![launch_type.as_str().to_owned()],
        Compute::CapacityProviders(providers) => {
            let used = providers.iter().filter(|provider| provider.weight > 0 || provider.base > 0);
            used.map(|provider| provider.name.clone()).collect()
        }
    };
    let subnets = request.network.as_ref().map(|network| network.subnets.clone());
    let subnets = subnets.unwrap_or_else(|| vec![String::new()]);
    let in_each = |provider: String| {
        subnets.iter().map(move |subnet| Spot { provider: provider.clone(), subnet: subnet.clone() })
    };
    providers.into_iter().flat_map(in_each).collect()
}

impl InMemory {
    /// From now on launches find no capacity there. The token keeps that answer, as AWS's does.
    pub fn exhaust(&self, shortage: Shortage) {
        self.ration(shortage, 0, None);
    }

    /// Until then launches find no capacity there.
    pub fn exhaust_until(&self, shortage: Shortage, until: Timestamp) {
        self.ration(shortage, 0, Some(until));
    }

    /// There is capacity for so many tasks more there, and then none.
    pub fn exhaust_after(&self, shortage: Shortage, tasks: u32) {
        self.ration(shortage, tasks, None);
    }

    fn ration(&self, shortage: Shortage, left: u32, until: Option<Timestamp>) {
        self.now().0.supply.rules.push(Rule { shortage, left, until });
    }

    /// There is capacity again, everywhere.
    pub fn replenish(&self) {
        self.now().0.supply.rules.clear();
    }

    /// Where a task was placed; nothing where no such task was launched.
    pub fn placed(&self, task: &TaskArn) -> Option<Spot> {
        self.now().0.owners.find(task).map(|task| task.spot.clone())
    }
}
