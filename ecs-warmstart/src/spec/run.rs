//! The spec of a run, and its builder.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Binding, Gate, LaunchRequest, OnFailure, Pins, Readiness};
use crate::facts::NetworkMode;
use crate::ids::{ClusterId, RunId, ServiceName, TargetGroupArn};

/// One run: one task, from its launch to ready targets. Made by [`Spec::builder`], which validates it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    service: ServiceName,
    run: RunId,
    request: LaunchRequest,
    network_mode: Option<NetworkMode>,
    bindings: Vec<Binding>,
    gate: Gate,
    readiness: Readiness,
    on_failure: OnFailure,
    #[serde(with = "crate::time::as_millis", rename = "running_timeout_ms")]
    running_timeout: Duration,
    #[serde(with = "crate::time::as_millis", rename = "healthy_timeout_ms")]
    healthy_timeout: Duration,
    #[serde(default, skip_serializing_if = "Pins::is_empty")]
    pins: Pins,
}

/// `--max-wait`: a Fargate task with a large image takes two to three minutes, an EC2 one that waits for a host more.
pub const DEFAULT_RUNNING_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// `--health-wait`: the first check of a target group with AWS's default interval, four times over.
pub const DEFAULT_HEALTHY_TIMEOUT: Duration = Duration::from_secs(2 * 60);

impl Spec {
    /// Begins a spec: a task of `service`, as `request` says, under the run id `run`.
    pub fn builder(service: ServiceName, run: RunId, request: LaunchRequest) -> SpecBuilder {
        SpecBuilder {
            spec: Self {
                service,
                run,
                request,
                network_mode: None,
                bindings: Vec::new(),
                gate: Gate::Running,
                readiness: Readiness::Healthy,
                on_failure: OnFailure::Undo,
                running_timeout: DEFAULT_RUNNING_TIMEOUT,
                healthy_timeout: DEFAULT_HEALTHY_TIMEOUT,
                pins: Pins::default(),
            },
        }
    }

    /// The same under another run id.
    #[must_use]
    pub fn with_run(&self, run: RunId) -> Self {
        Self { run, ..self.clone() }
    }

    /// The same for a task that runs already, with some of its bindings. Whatever becomes of it, it is left as it is.
    pub(crate) fn for_running(&self, run: RunId, bindings: Vec<Binding>, readiness: Readiness) -> Self {
        Self { run, bindings, readiness, on_failure: OnFailure::Keep, ..self.clone() }
    }

    /// The same with other timeouts.
    pub(crate) fn with_timeouts(self, running_timeout: Duration, healthy_timeout: Duration) -> Self {
        Self { running_timeout, healthy_timeout, ..self }
    }

    /// The same with these images alone.
    #[must_use]
    pub fn with_pins(&self, pins: Pins) -> Self {
        Self { pins, ..self.clone() }
    }

    /// The service that the task is of.
    pub fn service(&self) -> &ServiceName {
        &self.service
    }

    /// The run's id, which every client token of it begins with.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// What to launch.
    pub fn request(&self) -> &LaunchRequest {
        &self.request
    }

    /// The cluster it runs in.
    pub fn cluster(&self) -> &ClusterId {
        &self.request.cluster
    }

    /// The network mode, where the task definition or the request says it.
    pub fn network_mode(&self) -> Option<NetworkMode> {
        self.network_mode
    }

    /// Where it is registered; none means that it is ready once it is through its gate.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// What must hold before it is registered.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// What must hold before it counts as ready.
    pub fn readiness(&self) -> Readiness {
        self.readiness
    }

    /// What happens when it cannot get ready.
    pub fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    /// From the start of the run until the task is RUNNING with an address. Default 5 min.
    pub fn running_timeout(&self) -> Duration {
        self.running_timeout
    }

    /// From RUNNING until every target is healthy, the gate included. Default 2 min.
    pub fn healthy_timeout(&self) -> Duration {
        self.healthy_timeout
    }

    /// Which images its containers may run. Default any.
    pub fn pins(&self) -> &Pins {
        &self.pins
    }
}

/// Builds a [`Spec`].
#[derive(Clone, Debug)]
pub struct SpecBuilder {
    spec: Spec,
}

impl SpecBuilder {
    /// Registers the task there too.
    #[must_use]
    pub fn binding(mut self, binding: Binding) -> Self {
        self.spec.bindings.push(binding);
        self
    }

    /// What must hold before the task is registered. Default [`Gate::Running`].
    #[must_use]
    pub fn gate(mut self, gate: Gate) -> Self {
        self.spec.gate = gate;
        self
    }

    /// What must hold before the task counts as ready. Default [`Readiness::Healthy`].
    #[must_use]
    pub fn readiness(mut self, readiness: Readiness) -> Self {
        self.spec.readiness = readiness;
        self
    }

    /// What happens when the task cannot get ready. Default [`OnFailure::Undo`].
    #[must_use]
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.spec.on_failure = on_failure;
        self
    }

    /// The network mode, as the task definition has it. Default: awsvpc where the request has subnets, since only such a
    /// task takes them; otherwise unknown, and then it is read off the task.
    #[must_use]
    pub fn network_mode(mut self, mode: NetworkMode) -> Self {
        self.spec.network_mode = Some(mode);
        self
    }

    /// From the start of the run until RUNNING with an address. Default 5 min.
    #[must_use]
    pub fn running_timeout(mut self, timeout: Duration) -> Self {
        self.spec.running_timeout = timeout;
        self
    }

    /// From RUNNING until every target is healthy, the gate included. Default 2 min.
    #[must_use]
    pub fn healthy_timeout(mut self, timeout: Duration) -> Self {
        self.spec.healthy_timeout = timeout;
        self
    }

    /// Which images its containers may run: a task that runs another is not registered. Default any.
    #[must_use]
    pub fn pins(mut self, pins: Pins) -> Self {
        self.spec.pins = pins;
        self
    }

    /// The spec.
    ///
    /// # Errors
    ///
    /// [`InvalidSpec`] for what no call to AWS could mend.
    pub fn build(mut self) -> Result<Spec, InvalidSpec> {
        self.spec.request.validate()?;
        if self.spec.request.network.is_some() {
            self.spec.network_mode.get_or_insert(NetworkMode::AwsVpc);
        }
        let mut seen = BTreeSet::new();
        for binding in &self.spec.bindings {
            if binding.port == 0 {
                return Err(InvalidSpec::PortOutOfRange);
            }
            if !seen.insert((&binding.target_group, &binding.container, binding.port)) {
                return Err(InvalidSpec::SameBindingTwice(binding.target_group.clone()));
            }
        }
        Ok(self.spec)
    }
}

/// What no call to AWS could mend about a spec.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSpec {
    /// Fargate and every other awsvpc task needs at least one subnet.
    #[error("no subnets are given; a Fargate task needs at least one (`subnets = [\"subnet-…\"]`)")]
    NoSubnets,
    /// More than `RunTask` takes.
    #[error("{given} subnets are given; ECS takes at most 16")]
    TooManySubnets {
        /// How many are given.
        given: usize,
    },
    /// More than `RunTask` takes.
    #[error("{given} security groups are given; ECS takes at most 5")]
    TooManySecurityGroups {
        /// How many are given.
        given: usize,
    },
    /// They do not say what they mean, or are longer than `RunTask` takes.
    #[error("the overrides are wrong: {0}")]
    Overrides(String),
    /// `RunTask` takes between 1 and 20, with at least one weight or base above 0.
    #[error("the capacity providers are wrong: {0}")]
    CapacityProviders(&'static str),
    /// A port is 1 to 65535.
    #[error("port 0 is out of range; a port is 1 to 65535")]
    PortOutOfRange,
    /// The same group, container and port.
    #[error("two bindings name the same port of target group {}", .0.name())]
    SameBindingTwice(TargetGroupArn),
}
