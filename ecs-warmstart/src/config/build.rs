//! From the form of the file to services: defaults, and what only shows when values are seen together.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Finding;
use super::file::{BindingFile, CapacityProviderFile, ConfigFile, FallbackFile, ServiceFile};
use super::scalar::{Flag, Timeout};
use crate::fleet::Service;
use crate::ids::{ClusterId, RunId, ServiceName, TaskDefinitionId};
use crate::spec::{
    AwsVpc, Binding, CapacityProvider, Compute, DEFAULT_HEALTHY_TIMEOUT, DEFAULT_RUNNING_TIMEOUT,
    InvalidSpec, LaunchRequest, LaunchType, Pool, Spec,
};

/// The services in the order of the file; fewer where something is found.
pub(super) fn services(file: &ConfigFile, table: &DeTable<'_>, findings: &mut Vec<Finding>) -> Vec<Service> {
    let defaults = file.defaults.clone().unwrap_or_default();
    if let Some((_, table)) = entry(table, "defaults") {
        two_computes("defaults", &defaults, table, findings);
    }
    let places = match entry(table, "services") {
        Some((_, services)) => in_order(services),
        None => Vec::new(),
    };
    if places.is_empty() {
        findings.push(
            Finding::new(0..0, "no service is configured")
                .hint("add one: [services.NAME] with cluster, task_definition and bindings"),
        );
    }
    let found = places.into_iter().filter_map(|place| {
        let own = file.services.get(&place.name)?;
        place.service(own, &defaults, findings)
    });
    found.collect()
}

/// A service in the file.
struct Place<'a> {
    name: String,
    key: Range<usize>,
    table: &'a DeTable<'a>,
}

fn in_order<'a>(services: &'a DeTable<'a>) -> Vec<Place<'a>> {
    let mut places: Vec<Place<'a>> = services
        .iter()
        .filter_map(|(key, value)| match value.get_ref() {
            DeValue::Table(table) => Some(Place { name: key.get_ref().to_string(), key: key.span(), table }),
            _ => None,
        })
        .collect();
    places.sort_by_key(|place| place.key.start);
    places
}

impl Place<'_> {
    fn service(
        &self,
        own: &ServiceFile,
        defaults: &ServiceFile,
        findings: &mut Vec<Finding>,
    ) -> Option<Service> {
        let before = findings.len();
        let path = format!("services.{}", self.name);
        let name = ServiceName::new(self.name.as_str())
            .map_err(|error| findings.push(Finding::new(self.key.clone(), error.to_string())))
            .ok();
        two_computes(&path, own, self.table, findings);
        network_without_subnets(&path, own, defaults, self.table, findings);
        let whole = own.clone().or(defaults.clone());
        let needed = self.needed(&path, &whole, findings);
        let (name, (cluster, task_definition, bindings)) = (name?, needed?);
        if findings.len() > before {
            return None;
        }
        let service = service(name, cluster, task_definition, bindings, whole);
        match check(&service) {
            Ok(()) => Some(service),
            Err(error) => {
                findings.push(Finding::new(self.span_of(&error), format!("{path}: {error}")));
                None
            }
        }
    }

    /// What has to be given, here or in the defaults.
    fn needed(
        &self,
        path: &str,
        whole: &ServiceFile,
        findings: &mut Vec<Finding>,
    ) -> Option<(ClusterId, TaskDefinitionId, Vec<Binding>)> {
        let bindings = whole.bindings.as_ref().filter(|bindings| !bindings.is_empty());
        let missing = [
            ("cluster", whole.cluster.is_none(), "give the name or the ARN of the ECS cluster"),
            ("task_definition", whole.task_definition.is_none(), "give its family, or family:revision"),
            ("bindings", bindings.is_none(), "add [[services.NAME.bindings]] with target_group and port"),
        ];
        for (key, _, hint) in missing.iter().filter(|(_, missing, _)| *missing) {
            let span = entry_key(self.table, key).unwrap_or_else(|| self.key.clone());
            let hint = hint.replace("services.NAME", path);
            findings.push(Finding::new(span, format!("{path} has no `{key}`")).hint(hint));
        }
        let bindings = bindings?.iter().map(binding).collect();
        Some((whole.cluster.clone()?, whole.task_definition.clone()?, bindings))
    }

    /// The key that the error is about, else the name of the service.
    fn span_of(&self, error: &InvalidSpec) -> Range<usize> {
        let key = match error {
            InvalidSpec::NoSubnets | InvalidSpec::TooManySubnets { .. } => "subnets",
            InvalidSpec::TooManySecurityGroups { .. } => "security_groups",
            InvalidSpec::CapacityProviders(_) => "capacity_providers",
            InvalidSpec::TooManyFallbacks { .. }
            | InvalidSpec::Fallback { .. }
            | InvalidSpec::SameFallbackTwice { .. } => "fallback",
            InvalidSpec::PortOutOfRange | InvalidSpec::SameBindingTwice(_) => "bindings",
            // The configuration has none.
            InvalidSpec::Overrides(_) => "task_definition",
        };
        entry_key(self.table, key).unwrap_or_else(|| self.key.clone())
    }
}

fn two_computes(path: &str, own: &ServiceFile, table: &DeTable<'_>, findings: &mut Vec<Finding>) {
    let both = |span, path: &str| {
        Finding::new(span, format!("{path} has both `launch_type` and `capacity_providers`"))
            .hint("ECS takes one of them; for Fargate Spot keep `capacity_providers`")
    };
    if own.launch_type.is_some() && own.capacity_providers.is_some() {
        findings.push(both(entry_key(table, "capacity_providers").unwrap_or_default(), path));
    }
    for (index, fallback) in own.fallback.iter().flatten().enumerate() {
        if fallback.launch_type.is_some() && fallback.capacity_providers.is_some() {
            let span = entry_key(table, "fallback").unwrap_or_default();
            findings.push(both(span, &format!("{path}.fallback[{index}]")));
        }
    }
}

/// Only what the service says itself counts: a default may be meant for others.
fn network_without_subnets(
    path: &str,
    own: &ServiceFile,
    defaults: &ServiceFile,
    table: &DeTable<'_>,
    findings: &mut Vec<Finding>,
) {
    let subnets = own.subnets.as_ref().or(defaults.subnets.as_ref());
    if subnets.is_some_and(|subnets| !subnets.is_empty()) {
        return;
    }
    for (key, given) in [
        ("security_groups", own.security_groups.as_ref().is_some_and(|groups| !groups.is_empty())),
        ("assign_public_ip", own.assign_public_ip == Some(Flag(true))),
    ] {
        if given {
            let span = entry_key(table, key).unwrap_or_default();
            findings.push(Finding::new(span, format!("{path} has `{key}` but no `subnets`")).hint(
                "only a task with a network interface of its own has them; it needs at least one subnet",
            ));
        }
    }
}

fn service(
    name: ServiceName,
    cluster: ClusterId,
    task_definition: TaskDefinitionId,
    bindings: Vec<Binding>,
    file: ServiceFile,
) -> Service {
    let mut request = LaunchRequest::new(cluster, task_definition, &name);
    request.compute = compute(file.launch_type, file.capacity_providers).unwrap_or(Compute::ClusterDefault);
    request.network = file.subnets.filter(|subnets| !subnets.is_empty()).map(|subnets| AwsVpc {
        subnets,
        security_groups: file.security_groups.unwrap_or_default(),
        assign_public_ip: file.assign_public_ip.is_some_and(|flag| flag.0),
    });
    request.platform_version = file.platform_version;
    request.tags = file.tags.unwrap_or_default();
    request.enable_execute_command = file.enable_execute_command.is_some_and(|flag| flag.0);
    let fallbacks = file.fallback.unwrap_or_default();
    let fallbacks = fallbacks.into_iter().map(|fallback| pool(fallback, &request)).collect();
    let timeout = |given: Option<Timeout>, default| given.map_or(default, |timeout| timeout.0);
    Service {
        name,
        count: file.count.map_or(1, |count| count.0),
        request,
        fallbacks,
        bindings,
        gate: file.gate.unwrap_or_default(),
        on_failure: file.on_failure.unwrap_or_default(),
        running_timeout: timeout(file.running_timeout, DEFAULT_RUNNING_TIMEOUT),
        healthy_timeout: timeout(file.healthy_timeout, DEFAULT_HEALTHY_TIMEOUT),
    }
}

/// A fallback: what it does not say is as in the request.
fn pool(file: FallbackFile, request: &LaunchRequest) -> Pool {
    let mut pool = Pool::of(request);
    if let Some(compute) = compute(file.launch_type, file.capacity_providers) {
        pool.compute = compute;
    }
    if let Some(subnets) = file.subnets {
        pool.network.get_or_insert_default().subnets = subnets;
    }
    if let (Some(flag), Some(network)) = (file.assign_public_ip, &mut pool.network) {
        network.assign_public_ip = flag.0;
    }
    pool
}

fn compute(launch_type: Option<LaunchType>, providers: Option<Vec<CapacityProviderFile>>) -> Option<Compute> {
    let provider = |provider: CapacityProviderFile| CapacityProvider {
        name: provider.name,
        weight: provider.weight.map_or(1, |weight| weight.0),
        base: provider.base.map_or(0, |base| base.0),
    };
    match (launch_type, providers) {
        (Some(launch_type), _) => Some(Compute::LaunchType(launch_type)),
        (None, Some(providers)) => {
            Some(Compute::CapacityProviders(providers.into_iter().map(provider).collect()))
        }
        (None, None) => None,
    }
}

fn binding(file: &BindingFile) -> Binding {
    // The file takes no port above 65535.
    let port = u16::try_from(file.port.0).unwrap_or(u16::MAX);
    Binding { container: file.container.clone(), ..Binding::new(file.target_group.clone(), port) }
}

/// Checks what a run would be refused for, before anything is started.
fn check(service: &Service) -> Result<(), InvalidSpec> {
    let run = RunId::for_slot(&service.name, 0);
    let mut builder = Spec::builder(service.name.clone(), run, service.request.clone());
    for binding in &service.bindings {
        builder = builder.binding(binding.clone());
    }
    builder = service.fallbacks.iter().fold(builder, |spec, pool| spec.fallback(pool.clone()));
    builder.build().map(|_| ())
}

fn entry<'a>(table: &'a DeTable<'a>, key: &str) -> Option<(Range<usize>, &'a DeTable<'a>)> {
    let (key, value) = table.get_key_value(key)?;
    match value.get_ref() {
        DeValue::Table(table) => Some((Spanned::span(key), table)),
        _ => None,
    }
}

fn entry_key(table: &DeTable<'_>, key: &str) -> Option<Range<usize>> {
    table.get_key_value(key).map(|(key, _)| key.span())
}
