//! The sample of five services that the simulated cloud comes with.

use crate::fleet::{GateKind, Service};
use crate::ids::InvalidId;
use crate::memory::{SAMPLE_SERVICES, SampleService};
use crate::spec::{Binding, DEFAULT_HEALTHY_TIMEOUT, DEFAULT_RUNNING_TIMEOUT, OnFailure};

/// The services of [`InMemory::sample`](crate::memory::InMemory::sample), each with one task.
pub fn sample_services() -> Vec<Service> {
    SAMPLE_SERVICES.iter().map(service).collect()
}

fn service(sample: &SampleService) -> Service {
    parse(sample).expect("the names of the sample are well-formed: a test parses them all")
}

fn parse(sample: &SampleService) -> Result<Service, InvalidId> {
    let binding = Binding::new(sample.target_group.parse()?, sample.port);
    Ok(Service {
        name: sample.name.parse()?,
        count: 1,
        request: sample.request()?,
        fallbacks: Vec::new(),
        bindings: vec![Binding { container: Some(sample.container.to_owned()), ..binding }],
        gate: GateKind::ContainerHealthy,
        on_failure: OnFailure::Undo,
        running_timeout: DEFAULT_RUNNING_TIMEOUT,
        healthy_timeout: DEFAULT_HEALTHY_TIMEOUT,
    })
}
