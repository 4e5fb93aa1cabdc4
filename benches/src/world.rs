//! A simulated cloud with AWS's published quotas, and as many services as wanted.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::{Clock, TokioClock};
use ecs_warmstart::facts::{ContainerFacts, ContainerHealthCheck, NetworkMode, TaskDefinitionFacts};
use ecs_warmstart::fleet::{Service, sample_services};
use ecs_warmstart::ids::{ClusterId, ServiceName, TargetGroupArn};
use ecs_warmstart::memory::{GroupSettings, InMemory, Settings};
use ecs_warmstart::quota::Quotas;
use ecs_warmstart::spec::{Binding, LaunchRequest};

use crate::START;

/// So many tasks to a service, each service behind a target group of its own.
pub const TASKS_PER_SERVICE: usize = 100;

const CLUSTER: &str = "fleet";
const FAMILY: &str = "fleet-task-def";
const PORT: u16 = 8080;

/// A cloud in which nothing runs yet, its clock, and what is to be started in it.
#[derive(Clone, Debug)]
pub struct World {
    /// Tokio's clock: pause it.
    pub clock: Arc<dyn Clock>,
    /// The cloud. Calls take 30 to 120 ms there and back.
    pub cloud: InMemory,
    /// The services, of `TASKS_PER_SERVICE` tasks at most each.
    pub services: Vec<Service>,
}

impl World {
    /// For so many tasks, with or without the published quotas.
    ///
    /// # Panics
    ///
    /// Never: the names are well-formed.
    pub fn of(tasks: usize, quotas: Option<Quotas>, seed: u64) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::starting_at(START));
        let settings = Settings {
            latency: Duration::from_millis(15)..=Duration::from_millis(60),
            // One address each; a /10 is enough for the largest fleet.
            addresses: u32::try_from(tasks).unwrap_or(u32::MAX),
            quotas,
            ..Settings::with_seed(seed)
        };
        let cloud = InMemory::with_settings(Arc::clone(&clock), settings);
        let cluster: ClusterId = CLUSTER.parse().expect("a name");
        cloud.add_cluster(&cluster);
        let container = ContainerFacts {
            name: "app".to_owned(),
            health_check: Some(ContainerHealthCheck {
                interval: Duration::from_secs(5),
                ..ContainerHealthCheck::default()
            }),
            ports: vec![PORT],
            ..ContainerFacts::default()
        };
        let family = FAMILY.parse().expect("a family");
        cloud.add_task_definition(TaskDefinitionFacts::new(family, NetworkMode::AwsVpc, vec![container]));
        let services = (0..tasks.div_ceil(TASKS_PER_SERVICE))
            .map(|number| {
                let left = tasks - number * TASKS_PER_SERVICE;
                service(&cloud, &cluster, number, left.min(TASKS_PER_SERVICE))
            })
            .collect();
        Self { clock, cloud, services }
    }
}

/// A service of the sample, under another name, in another cluster, behind a group of its own.
fn service(cloud: &InMemory, cluster: &ClusterId, number: usize, tasks: usize) -> Service {
    let name: ServiceName = format!("s{number}").parse().expect("a service's name");
    let group: TargetGroupArn =
        format!("arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/g{number}/0123456789abcdef")
            .parse()
            .expect("an ARN");
    let settings =
        GroupSettings { health_check_interval: Duration::from_secs(10), ..GroupSettings::default() };
    cloud.add_target_group(&group, settings);
    let sample = sample_services().remove(0);
    let request = LaunchRequest {
        cluster: cluster.clone(),
        task_definition: FAMILY.parse().expect("a family"),
        started_by: name.started_by(),
        ..sample.request.clone()
    };
    let binding = Binding { container: Some("app".to_owned()), ..Binding::new(group, PORT) };
    let count = u32::try_from(tasks).unwrap_or(u32::MAX);
    Service { name, count, request, bindings: vec![binding], ..sample }
}
