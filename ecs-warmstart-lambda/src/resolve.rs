//! From what an event says and what is configured to services.

use ecs_warmstart::fleet::{GateKind, Service};
use ecs_warmstart::ids::{ClusterId, ServiceName, TargetGroupArn, TaskDefinitionId};
use ecs_warmstart::spec::{
    AwsVpc, Binding, Compute, DEFAULT_HEALTHY_TIMEOUT, LaunchRequest, LaunchType, OnFailure,
};

use crate::event::StartDetail;
use crate::failure::{Failure, FailureKind};
use crate::settings::Settings;

/// More in one event is a slip of the hand, as in the configuration.
const MOST_TASKS: u32 = 100;

impl Settings {
    /// The service that an event starts, with what the event says instead of the configuration.
    pub(crate) fn service_of(&self, detail: &StartDetail) -> Result<Service, Failure> {
        if let Some((field, place)) = detail.misplaced.named() {
            return Err(Failure::new(
                FailureKind::Denied,
                format!(
                    "the event has `detail.{field}`; what runs instead of what the definition says is said in \
                     `detail.overrides.{place}`, as RunTask takes it, and has to be allowed; nothing was done"
                ),
            ));
        }
        let service = self.described_by(detail)?;
        service.request.validate().map_err(Failure::invalid_event)?;
        Ok(service)
    }

    /// The same, whether or not it could be launched.
    pub(crate) fn described_by(&self, detail: &StartDetail) -> Result<Service, Failure> {
        let configured = detail.service.as_ref().filter(|_| !self.services.is_empty());
        let mut service = match configured {
            Some(name) => self.configured(name)?.clone(),
            None => self.unconfigured(detail.service.as_ref(), detail)?,
        };
        // Those of the environment are for services that are not configured elsewhere.
        let groups = if configured.is_none() { self.defaults.security_groups.as_slice() } else { &[] };
        overrule(&mut service, detail, groups)?;
        // What the plan's starter did. On other capacity LAUNCH_TYPE says so.
        if configured.is_none() && self.defaults.compute.is_none() && service.request.network.is_some() {
            service.request.compute = Compute::LaunchType(LaunchType::Fargate);
        }
        let home = self.home(&service.name);
        placed(service, home.as_ref())
    }

    /// The service of that name in `WARMSTART_CONFIG`.
    pub(crate) fn configured(&self, name: &ServiceName) -> Result<&Service, Failure> {
        self.services.iter().find(|service| service.name == *name).ok_or_else(|| {
            let known: Vec<&str> = self.services.iter().map(|service| service.name.as_str()).collect();
            let nearest = known
                .iter()
                .map(|known| (strsim::osa_distance(known, name.as_str()), known))
                .filter(|(distance, _)| *distance <= 2)
                .min();
            let hint = nearest.map(|(_, known)| format!("; did you mean {known}?")).unwrap_or_default();
            Failure::invalid_event(format!(
                "there is no service {name} in WARMSTART_CONFIG{hint} (its services: {})",
                known.join(", ")
            ))
        })
    }

    /// A service that only the environment and the event describe.
    pub(crate) fn unconfigured(
        &self,
        name: Option<&ServiceName>,
        detail: &StartDetail,
    ) -> Result<Service, Failure> {
        let defaults = &self.defaults;
        let cluster = detail.cluster.as_ref().or(defaults.cluster.as_ref());
        let definition = detail.task_definition.as_ref().or(defaults.task_definition.as_ref());
        let group = detail.target_group_arn.as_ref().or(defaults.target_group.as_ref());
        let port = detail.port.or(defaults.port);
        let missing: Vec<&str> = [
            ("cluster (ECS_CLUSTER)", cluster.is_none()),
            ("taskDefinition (TASK_DEFINITION)", definition.is_none()),
            ("targetGroupArn (TARGET_GROUP_ARN)", group.is_none()),
            ("port (CONTAINER_PORT)", port.is_none()),
        ]
        .into_iter()
        .filter_map(|(field, missing)| missing.then_some(field))
        .collect();
        let (Some(cluster), Some(definition), Some(group), Some(port)) = (cluster, definition, group, port)
        else {
            return Err(Failure::invalid_event(format!(
                "it names no configured service, and neither `detail` nor the environment has {}",
                missing.join(", ")
            )));
        };
        self.assemble(name, cluster, definition, group, port)
    }

    fn assemble(
        &self,
        name: Option<&ServiceName>,
        cluster: &ClusterId,
        definition: &TaskDefinitionId,
        group: &TargetGroupArn,
        port: u16,
    ) -> Result<Service, Failure> {
        let name = match name {
            Some(name) => name.clone(),
            None => self.name_for(definition)?,
        };
        let mut request = LaunchRequest::new(cluster.clone(), definition.clone(), &name);
        let defaults = &self.defaults;
        if !defaults.subnets.is_empty() {
            request.network = Some(AwsVpc {
                subnets: defaults.subnets.clone(),
                security_groups: defaults.security_groups.clone(),
                assign_public_ip: false,
            });
        }
        request.compute = defaults.compute.clone().unwrap_or(Compute::ClusterDefault);
        Ok(Service {
            name,
            count: 1,
            request,
            fallbacks: Vec::new(),
            bindings: vec![Binding::new(group.clone(), port)],
            gate: GateKind::default(),
            on_failure: OnFailure::Undo,
            running_timeout: defaults.running_timeout,
            healthy_timeout: DEFAULT_HEALTHY_TIMEOUT,
        })
    }

    /// Tasks that are started for no named service are found again by their family.
    fn name_for(&self, definition: &TaskDefinitionId) -> Result<ServiceName, Failure> {
        let family: String = definition.family().chars().take(64).collect();
        if self.services.iter().any(|service| service.name.as_str() == family) {
            return Err(Failure::invalid_event(format!(
                "it names no service, and one that is configured has the name of its task definition, {family}; say \
                 `detail.service`"
            )));
        }
        family.parse().map_err(Failure::invalid_event)
    }
}

/// Lets the tasks say where they belong, where that is not where tasks of their name are at home: whoever stops them, or hears
/// of their end, has to know.
fn placed(service: Service, home: Option<&Service>) -> Result<Service, Failure> {
    let is_at_home = home.is_some_and(|home| place(home) == place(&service));
    if is_at_home {
        return Ok(service);
    }
    let [binding] = &service.bindings[..] else {
        return Err(Failure::invalid_event(format!(
            "service {} has several bindings, so with `detail.cluster` it needs `targetGroupArn` and `port` too: a task in \
             another cluster stands in one target group",
            service.name
        )));
    };
    service.started_elsewhere(binding.target_group.clone(), binding.port).map_err(Failure::invalid_event)
}

fn place(service: &Service) -> (&str, Vec<(&TargetGroupArn, u16)>) {
    let bindings = service.bindings.iter().map(|binding| (&binding.target_group, binding.port));
    (service.request.cluster.name(), bindings.collect())
}

/// Puts in what the event says. `groups` are the security groups of a network that only the event makes.
fn overrule(service: &mut Service, detail: &StartDetail, groups: &[String]) -> Result<(), Failure> {
    if detail.port == Some(0) {
        return Err(Failure::invalid_event("`detail.port` is 0; a port is 1 to 65535"));
    }
    if let Some(cluster) = &detail.cluster {
        service.request.cluster = cluster.clone();
    }
    if let Some(definition) = &detail.task_definition
        && *definition != service.request.task_definition
    {
        service.request.task_definition = definition.clone();
        // The other definition's containers may have other names; the port says which is meant.
        service.bindings.iter_mut().for_each(|binding| binding.container = None);
    }
    overrule_bindings(service, detail)?;
    if let Some(subnets) = &detail.subnets {
        let configured = service.request.network.clone();
        let made = || AwsVpc { security_groups: groups.to_vec(), ..AwsVpc::default() };
        service.request.network.get_or_insert_with(made).subnets = subnets.clone();
        // A fallback with subnets of its own keeps them; one that took the service's takes these.
        for pool in service.fallbacks.iter_mut().filter(|pool| pool.network == configured) {
            pool.network.clone_from(&service.request.network);
        }
    }
    if let Some(groups) = &detail.security_groups {
        match &mut service.request.network {
            Some(network) => {
                network.security_groups = groups.clone();
                let others = service.fallbacks.iter_mut().filter_map(|pool| pool.network.as_mut());
                others.for_each(|network| network.security_groups = groups.clone());
            }
            None => {
                return Err(Failure::invalid_event(
                    "it has `detail.securityGroups` but no `subnets`; only a task with a network interface of its own has \
                     them",
                ));
            }
        }
    }
    match detail.count {
        None => {}
        Some(count @ 1..=MOST_TASKS) => service.count = count,
        Some(count) => {
            return Err(Failure::invalid_event(format!(
                "`detail.count` is {count}, out of range, 1 to {MOST_TASKS}"
            )));
        }
    }
    if let Some(gate) = detail.gate {
        service.gate = gate;
    }
    if let Some(overrides) = detail.overrides.as_ref().filter(|overrides| !overrides.is_empty()) {
        // What runs already would be taken over whatever it runs.
        if detail.ensure == Some(true) {
            return Err(Failure::invalid_event(
                "it has both `detail.ensure` and `overrides`; what a service runs is configured, and overrides are for one \
                 start",
            ));
        }
        service.request.overrides = overrides.clone();
    }
    Ok(())
}

fn overrule_bindings(service: &mut Service, detail: &StartDetail) -> Result<(), Failure> {
    if detail.target_group_arn.is_none() && detail.port.is_none() {
        return Ok(());
    }
    let [binding] = service.bindings.as_mut_slice() else {
        let (Some(group), Some(port)) = (&detail.target_group_arn, detail.port) else {
            return Err(Failure::invalid_event(format!(
                "service {} has several bindings, so `detail.targetGroupArn` and `port` are given together or not at all",
                service.name
            )));
        };
        service.bindings = vec![Binding::new(group.clone(), port)];
        return Ok(());
    };
    if let Some(group) = &detail.target_group_arn {
        binding.target_group = group.clone();
    }
    if let Some(port) = detail.port.filter(|port| *port != binding.port) {
        binding.port = port;
        binding.container = None;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environments_security_groups_are_those_of_an_events_subnets() {
        let group = "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";
        let variables = [
            ("ECS_CLUSTER", "dev"),
            ("TASK_DEFINITION", "web"),
            ("TARGET_GROUP_ARN", group),
            ("SECURITY_GROUPS", "sg-1"),
            ("CONTAINER_PORT", "8080"),
        ];
        let read =
            |name: &str| variables.iter().find(|(its, _)| *its == name).map(|(_, value)| value.to_string());
        let settings = Settings::read(read).unwrap();
        let subnets = Some(vec!["subnet-a".to_owned()]);
        let detail = StartDetail { subnets, ..StartDetail::default() };
        let network = settings.service_of(&detail).unwrap().request.network.unwrap();
        assert_eq!(
            (network.subnets, network.security_groups),
            (vec!["subnet-a".into()], vec!["sg-1".into()])
        );
    }
}
