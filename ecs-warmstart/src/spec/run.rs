//! The spec of a run, and its builder.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Binding, Gate, LaunchRequest, MAX_FALLBACKS, OnFailure, Pins, Pool, Readiness, TaskSize};
use crate::facts::NetworkMode;
use crate::ids::{ClusterId, RunId, ServiceName, TargetGroupArn};

/// One run: one task, from its launch to ready targets. Made by [`Spec::builder`], which validates it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    service: ServiceName,
    run: RunId,
    /// Shared, as the bindings are: a thousand runs of one service differ in their ids.
    #[serde(with = "super::shared::one")]
    request: Arc<LaunchRequest>,
    #[serde(default, with = "super::shared::list", skip_serializing_if = "no_pools")]
    fallbacks: Arc<[Pool]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<TaskSize>,
    network_mode: Option<NetworkMode>,
    #[serde(with = "super::shared::list")]
    bindings: Arc<[Binding]>,
    gate: Gate,
    readiness: Readiness,
    on_failure: OnFailure,
    #[serde(with = "crate::time::as_millis", rename = "running_timeout_ms")]
    running_timeout: Duration,
    #[serde(with = "crate::time::as_millis", rename = "healthy_timeout_ms")]
    healthy_timeout: Duration,
    #[serde(default, skip_serializing_if = "Pins::is_empty")]
    pins: Pins,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fresh: bool,
    #[serde(default, with = "super::shared::list", skip_serializing_if = "no_neighbours")]
    neighbours: Arc<[ClusterId]>,
}

fn no_pools(pools: &Arc<[Pool]>) -> bool {
    pools.is_empty()
}

fn no_neighbours(neighbours: &Arc<[ClusterId]>) -> bool {
    neighbours.is_empty()
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
                request: Arc::new(request),
                fallbacks: Arc::default(),
                size: None,
                network_mode: None,
                bindings: Arc::default(),
                gate: Gate::Running,
                readiness: Readiness::Healthy,
                on_failure: OnFailure::Undo,
                running_timeout: DEFAULT_RUNNING_TIMEOUT,
                healthy_timeout: DEFAULT_HEALTHY_TIMEOUT,
                pins: Pins::default(),
                fresh: false,
                neighbours: Arc::default(),
            },
            bindings: Vec::new(),
            fallbacks: Vec::new(),
        }
    }

    /// The same under another run id.
    #[must_use]
    pub fn with_run(&self, run: RunId) -> Self {
        Self { run, ..self.clone() }
    }

    /// The same for a task that runs already, with some of its bindings. Whatever becomes of it, it is left as it is.
    pub(crate) fn for_running(&self, run: RunId, bindings: Vec<Binding>, readiness: Readiness) -> Self {
        Self { run, bindings: bindings.into(), readiness, on_failure: OnFailure::Keep, ..self.clone() }
    }

    /// The same with other timeouts.
    pub(crate) fn with_timeouts(self, running_timeout: Duration, healthy_timeout: Duration) -> Self {
        Self { running_timeout, healthy_timeout, ..self }
    }

    /// The same as one more task, whatever runs: it takes no other run's task for its own.
    #[must_use]
    pub fn with_fresh(self, fresh: bool) -> Self {
        Self { fresh, ..self }
    }

    /// The same with these images alone.
    #[must_use]
    pub fn with_pins(&self, pins: Pins) -> Self {
        Self { pins, ..self.clone() }
    }

    /// The same with these [neighbours](Self::neighbours).
    #[must_use]
    pub fn with_neighbours(self, neighbours: Vec<ClusterId>) -> Self {
        Self { neighbours: neighbours.into(), ..self }
    }

    /// Other clusters whose tasks may be given the address of this run's task once it has stopped, and stand in the same
    /// groups. Default none.
    pub fn neighbours(&self) -> &[ClusterId] {
        &self.neighbours
    }

    /// Whether it is to be one more task, and never one that another run launched. Default no: a slot of a service is filled
    /// by whichever task there is.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The service that the task is of.
    pub fn service(&self) -> &ServiceName {
        &self.service
    }

    /// The run's id, which every client token of it begins with.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// What to launch, and where first.
    pub fn request(&self) -> &LaunchRequest {
        &self.request
    }

    /// Where to launch it when there is no capacity before, in this order. Default nowhere else.
    pub fn fallbacks(&self) -> &[Pool] {
        &self.fallbacks
    }

    /// How many pools there are: the request's own and the fallbacks.
    pub fn pools(&self) -> usize {
        1 + self.fallbacks.len()
    }

    /// The pool of that number: 0 is the request's own, the fallbacks follow, and a number beyond them stands for 0.
    pub fn pool(&self, pool: usize) -> Cow<'_, Pool> {
        match pool.checked_sub(1).and_then(|fallback| self.fallbacks.get(fallback)) {
            Some(pool) => Cow::Borrowed(pool),
            None => Cow::Owned(Pool::of(&self.request)),
        }
    }

    /// What to launch on the pool of that number.
    pub fn request_on(&self, pool: usize) -> Cow<'_, LaunchRequest> {
        match pool.checked_sub(1).and_then(|fallback| self.fallbacks.get(fallback)) {
            Some(pool) => Cow::Owned(self.request.on(pool)),
            None => Cow::Borrowed(&*self.request),
        }
    }

    /// The same, in a pointer: a call that waits carries it.
    pub(crate) fn shared_request_on(&self, pool: usize) -> Arc<LaunchRequest> {
        match self.request_on(pool) {
            Cow::Borrowed(_) => Arc::clone(&self.request),
            Cow::Owned(request) => Arc::new(request),
        }
    }

    /// How large the task is, where its task definition says it.
    pub fn size(&self) -> Option<TaskSize> {
        self.size
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
    bindings: Vec<Binding>,
    fallbacks: Vec<Pool>,
}

impl SpecBuilder {
    /// Registers the task there too.
    #[must_use]
    pub fn binding(mut self, binding: Binding) -> Self {
        self.bindings.push(binding);
        self
    }

    /// Launches it there when there is no capacity before. At most [`MAX_FALLBACKS`], tried in the order given. Nothing else
    /// is ever tried: who wants to pay for on-demand capacity where there is no Spot names it.
    #[must_use]
    pub fn fallback(mut self, pool: Pool) -> Self {
        self.fallbacks.push(pool);
        self
    }

    /// How large the task is, as its task definition says: what runs learn about capacity holds for tasks of one size.
    /// Default unknown: then it holds for tasks of this definition.
    #[must_use]
    pub fn size(mut self, size: TaskSize) -> Self {
        self.spec.size = Some(size);
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
        self.spec.fallbacks = self.fallbacks.into();
        self.spec.bindings = self.bindings.into();
        check_pools(&self.spec)?;
        if self.spec.request.network.is_some() {
            self.spec.network_mode.get_or_insert(NetworkMode::AwsVpc);
        }
        let mut seen = BTreeSet::new();
        for binding in self.spec.bindings.iter() {
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

fn check_pools(spec: &Spec) -> Result<(), InvalidSpec> {
    if spec.fallbacks.len() > MAX_FALLBACKS {
        return Err(InvalidSpec::TooManyFallbacks { given: spec.fallbacks.len() });
    }
    let mut seen = BTreeSet::new();
    for pool in 0..spec.pools() {
        let wrong = |wrong| InvalidSpec::Fallback { fallback: pool, wrong: Box::new(wrong) };
        spec.request_on(pool).validate().map_err(wrong)?;
        if !seen.insert(format!("{:?}", spec.pool(pool))) {
            return Err(InvalidSpec::SameFallbackTwice { fallback: pool });
        }
    }
    Ok(())
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
    /// More than [`MAX_FALLBACKS`].
    #[error("{given} fallbacks are given; there may be at most {MAX_FALLBACKS}")]
    TooManyFallbacks {
        /// How many are given.
        given: usize,
    },
    /// What a fallback asks for is refused by `RunTask`.
    #[error("fallback {fallback}: {wrong}")]
    Fallback {
        /// Which one, counted from 1.
        fallback: usize,
        /// Why.
        wrong: Box<Self>,
    },
    /// It names what was named before it.
    #[error(
        "fallback {fallback} is the same as what is tried before it; name other subnets or another capacity provider"
    )]
    SameFallbackTwice {
        /// Which one, counted from 1.
        fallback: usize,
    },
    /// A port is 1 to 65535.
    #[error("port 0 is out of range; a port is 1 to 65535")]
    PortOutOfRange,
    /// The same group, container and port.
    #[error("two bindings name the same port of target group {}", .0.name())]
    SameBindingTwice(TargetGroupArn),
}
