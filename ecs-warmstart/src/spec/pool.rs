//! Where capacity comes from: the pools that a launch may go to, in their order.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AwsVpc, CapacityProvider, Compute, LaunchRequest, LaunchType};

/// How many fallbacks a spec takes: more than there are zones times providers in any region.
pub const MAX_FALLBACKS: usize = 15;

/// Where a launch goes when there is no capacity before: everything of a [`LaunchRequest`] that says where capacity comes
/// from. Karpenter calls it an offering; the zone is the subnets' one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pool {
    /// On which capacity.
    pub compute: Compute,
    /// The network interface of an awsvpc task; absent for other network modes.
    pub network: Option<AwsVpc>,
}

impl Pool {
    /// The pool that a request names.
    pub fn of(request: &LaunchRequest) -> Self {
        Self { compute: request.compute.clone(), network: request.network.clone() }
    }
}

impl LaunchRequest {
    /// The same on that pool.
    #[must_use]
    pub fn on(&self, pool: &Pool) -> Self {
        // Only Fargate has platform versions (AWS: `platformVersion`); elsewhere RunTask refuses one.
        let on_fargate = pool.compute.is_fargate() || pool.compute == Compute::ClusterDefault;
        Self {
            compute: pool.compute.clone(),
            network: pool.network.clone(),
            platform_version: self.platform_version.clone().filter(|_| on_fargate),
            ..self.clone()
        }
    }
}

impl fmt::Display for Pool {
    /// "FARGATE_SPOT in subnet-a, subnet-b".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.compute {
            Compute::ClusterDefault => f.write_str("the cluster's default capacity")?,
            Compute::LaunchType(launch_type) => f.write_str(launch_type.as_str())?,
            Compute::CapacityProviders(providers) => f.write_str(&joined(providers))?,
        }
        match &self.network {
            Some(network) => write!(f, " in {}", network.subnets.join(", ")),
            None => Ok(()),
        }
    }
}

fn joined(providers: &[CapacityProvider]) -> String {
    let names: Vec<&str> = providers.iter().map(|provider| provider.name.as_str()).collect();
    names.join(", ")
}

impl LaunchType {
    /// The word that ECS has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fargate => "FARGATE",
            Self::Ec2 => "EC2",
            Self::External => "EXTERNAL",
            Self::ManagedInstances => "MANAGED_INSTANCES",
        }
    }
}

/// How large a task is: capacity for a small one is none for a large one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaskSize {
    /// CPU units of the whole task.
    pub cpu: Option<u32>,
    /// Memory of the whole task, in MiB.
    pub memory: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> LaunchRequest {
        let mut request =
            LaunchRequest::new("c".parse().unwrap(), "web:1".parse().unwrap(), &"auth".parse().unwrap());
        request.compute = Compute::LaunchType(LaunchType::Fargate);
        request.platform_version = Some("1.4.0".to_owned());
        request.network = Some(AwsVpc { subnets: vec!["subnet-a".into()], ..AwsVpc::default() });
        request
    }

    #[test]
    fn a_pool_changes_where_and_nothing_else() {
        let subnets = vec!["subnet-b".to_owned(), "subnet-c".to_owned()];
        let network = Some(AwsVpc { subnets, ..AwsVpc::default() });
        let spot = CapacityProvider { name: "FARGATE_SPOT".into(), weight: 1, base: 0 };
        let pool = Pool { compute: Compute::CapacityProviders(vec![spot.clone()]), network: network.clone() };
        let there = request().on(&pool);
        assert_eq!(Pool::of(&there), pool);
        let back = LaunchRequest { compute: request().compute, network: request().network, ..there };
        assert_eq!(back, request());
        assert_eq!(pool.to_string(), "FARGATE_SPOT in subnet-b, subnet-c");
        assert_eq!(Pool::of(&request()).to_string(), "FARGATE in subnet-a");
        let default = Pool { compute: Compute::ClusterDefault, network: None };
        assert_eq!(default.to_string(), "the cluster's default capacity");

        let ec2 = Pool { compute: Compute::LaunchType(LaunchType::Ec2), network };
        assert_eq!(request().on(&ec2).platform_version, None, "only Fargate has one");
    }
}
