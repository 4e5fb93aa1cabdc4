//! From a configured service to a spec: what the task definition and the target groups add, and what does not fit.

use super::service::{GateKind, Service};
use crate::facts::{TargetGroupFacts, TaskDefinitionFacts};
use crate::ids::RunId;
use crate::machine::Cause;
use crate::preflight::{Finding, binding_container, network_fits, type_fits};
use crate::spec::{Gate, InvalidSpec, Readiness, Spec, TaskSize};

/// What the cloud says about a service's definitions, as far as it may be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) task_definition: Option<TaskDefinitionFacts>,
    /// One for each binding.
    pub(super) groups: Vec<Option<TargetGroupFacts>>,
}

/// A spec that fits the facts, and what a person should know about it.
///
/// # Errors
///
/// [`Cause::Misconfigured`] for what cannot work, before anything is started.
pub(super) fn resolve(
    service: &Service,
    facts: &Facts,
    run: RunId,
    readiness: Readiness,
) -> Result<(Spec, Vec<String>), Box<Cause>> {
    if let Some(definition) = &facts.task_definition {
        refuse(network_fits(service.request.network.as_ref(), definition))?;
    }
    resolve_running(service, facts, run, readiness)
}

/// The same for tasks that run already: how they were launched is no longer asked.
pub(super) fn resolve_running(
    service: &Service,
    facts: &Facts,
    run: RunId,
    readiness: Readiness,
) -> Result<(Spec, Vec<String>), Box<Cause>> {
    let mut warnings = Vec::new();
    let definition = facts.task_definition.as_ref();
    let mut builder = Spec::builder(service.name.clone(), run, service.request.clone())
        .readiness(readiness)
        .on_failure(service.on_failure)
        .running_timeout(service.running_timeout)
        .healthy_timeout(service.healthy_timeout)
        .gate(gate(service, definition, &mut warnings));
    for pool in &service.fallbacks {
        builder = builder.fallback(pool.clone());
    }
    if let Some(definition) = definition {
        builder = builder.size(TaskSize { cpu: definition.cpu, memory: definition.memory });
        builder = builder.network_mode(definition.network_mode);
    }
    for (place, binding) in service.bindings.iter().enumerate() {
        let group = facts.groups.get(place).and_then(Option::as_ref);
        let mut binding = binding.clone();
        if let Some(definition) = definition {
            let container = binding_container(&binding, definition).map_err(|finding| misfit(&finding))?;
            binding.container = Some(container.name.clone());
        }
        if let Some(group) = group {
            refuse(type_fits(&binding.target_group, group, definition.map(|it| it.network_mode)))?;
            binding.target_type = Some(group.target_type);
            binding.health_check_interval = group.health_check_interval;
        }
        builder = builder.binding(binding);
    }
    let spec = builder.build().map_err(|invalid: InvalidSpec| misconfigured(invalid.to_string()))?;
    Ok((spec, warnings))
}

fn gate(service: &Service, definition: Option<&TaskDefinitionFacts>, warnings: &mut Vec<String>) -> Gate {
    match (service.gate, definition) {
        (GateKind::Running, _) => Gate::Running,
        (GateKind::ContainerHealthy, Some(definition)) => {
            let checked = definition.containers.iter().filter(|container| container.has_health_check());
            Gate::ContainersHealthy { containers: checked.map(|container| container.name.clone()).collect() }
        }
        (GateKind::ContainerHealthy, None) => {
            warnings.push(format!(
                "the task definition {} may not be read, so nobody knows which containers have a health check: the gate \
                 is running; allow ecs:DescribeTaskDefinition for gate container-healthy",
                service.request.task_definition
            ));
            Gate::Running
        }
    }
}

fn refuse(finding: Option<Finding>) -> Result<(), Box<Cause>> {
    finding.map_or(Ok(()), |finding| Err(misfit(&finding)))
}

fn misfit(finding: &Finding) -> Box<Cause> {
    misconfigured(finding.to_string())
}

fn misconfigured(why: String) -> Box<Cause> {
    Box::new(Cause::Misconfigured { why })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::facts::{ContainerFacts, ContainerHealthCheck, NetworkMode, TargetType};
    use crate::spec::{AwsVpc, Binding, LaunchRequest, OnFailure};

    const GROUP: &str =
        "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";

    fn service() -> Service {
        let name = "auth".parse().unwrap();
        let mut request = LaunchRequest::new("c".parse().unwrap(), "web".parse().unwrap(), &name);
        request.network = Some(AwsVpc { subnets: vec!["subnet-a".into()], ..AwsVpc::default() });
        Service {
            name,
            count: 1,
            request,
            fallbacks: Vec::new(),
            bindings: vec![Binding::new(GROUP.parse().unwrap(), 8080)],
            gate: GateKind::ContainerHealthy,
            on_failure: OnFailure::Undo,
            running_timeout: Duration::from_secs(300),
            healthy_timeout: Duration::from_secs(120),
        }
    }

    fn facts() -> Facts {
        let container = |name: &str, has_health_check: bool, ports: &[u16]| ContainerFacts {
            name: name.to_owned(),
            health_check: has_health_check.then(ContainerHealthCheck::default),
            ports: ports.to_vec(),
            ..ContainerFacts::default()
        };
        Facts {
            task_definition: Some(TaskDefinitionFacts::new(
                "web:3".parse().unwrap(),
                NetworkMode::AwsVpc,
                vec![container("api", true, &[8080]), container("proxy", false, &[9090])],
            )),
            groups: vec![Some(TargetGroupFacts {
                health_check_interval: Duration::from_secs(10),
                ..TargetGroupFacts::new(TargetType::Ipv4)
            })],
        }
    }

    fn resolved(service: &Service, facts: &Facts) -> Result<(Spec, Vec<String>), Box<Cause>> {
        resolve(service, facts, "auth/0".parse().unwrap(), Readiness::Healthy)
    }

    #[test]
    fn facts_complete_the_spec() {
        let (spec, warnings) = resolved(&service(), &facts()).unwrap();
        assert_eq!(warnings, [""; 0]);
        assert_eq!(spec.gate(), &Gate::ContainersHealthy { containers: vec!["api".into()] });
        assert_eq!(spec.network_mode(), Some(NetworkMode::AwsVpc));
        let binding = &spec.bindings()[0];
        assert_eq!(binding.container.as_deref(), Some("api"));
        assert_eq!(binding.target_type, Some(TargetType::Ipv4));
        assert_eq!(binding.health_check_interval, Duration::from_secs(10));
    }

    #[test]
    fn what_may_not_be_read_is_done_without_and_said() {
        let (spec, warnings) = resolved(&service(), &Facts::default()).unwrap();
        assert_eq!(spec.gate(), &Gate::Running);
        assert!(warnings[0].contains("the gate is running"), "{warnings:?}");
    }

    #[test]
    fn a_task_with_an_address_of_its_own_is_reached_at_a_port_that_it_does_not_map() {
        let mut service = service();
        service.bindings[0].container = Some("proxy".into());
        let (spec, warnings) = resolved(&service, &facts()).unwrap();
        assert_eq!(warnings, [""; 0]);
        assert_eq!(spec.bindings()[0].container.as_deref(), Some("proxy"));
        assert_eq!(spec.bindings()[0].port, 8080);
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Service, &mut Facts), why: &str) {
        let (mut service, mut facts) = (service(), facts());
        change(&mut service, &mut facts);
        let cause = resolved(&service, &facts).unwrap_err().to_string();
        assert!(cause.contains(why), "{cause}");
    }

    #[test]
    fn what_cannot_work_is_refused_before_anything_starts() {
        fn definition(facts: &mut Facts) -> &mut TaskDefinitionFacts {
            facts.task_definition.as_mut().unwrap()
        }
        fn group(facts: &mut Facts) -> &mut TargetGroupFacts {
            facts.groups[0].as_mut().unwrap()
        }
        refused(|service, _| service.bindings[0].container = Some("web".into()), "no container \"web\"");
        refused(
            |service, facts| {
                service.bindings[0].container = Some("proxy".into());
                service.request.network = None;
                definition(facts).network_mode = NetworkMode::Bridge;
            },
            "proxy of task definition web:3 has no port 8080; its ports: 9090",
        );
        refused(
            |service, _| service.bindings[0].port = 80,
            "no container of task definition web:3 has port 80",
        );
        refused(|_, facts| definition(facts).containers[1].ports.push(8080), "say which");
        refused(|service, _| service.request.network = None, "needs subnets");
        refused(|_, facts| definition(facts).network_mode = NetworkMode::Bridge, "takes no subnets");
        refused(|_, facts| group(facts).target_type = TargetType::Instance, "needs target type ip");
        refused(
            |_, facts| group(facts).target_type = TargetType::Unsupported,
            "neither addresses nor instances",
        );
        refused(
            |service, facts| {
                service.request.network = None;
                definition(facts).network_mode = NetworkMode::Host;
            },
            "needs target type instance",
        );
    }
}
