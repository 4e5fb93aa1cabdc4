//! Which calls fail, and how.

use std::collections::BTreeMap;

use crate::error::ErrorKind;

/// A method of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortMethod {
    /// [`TaskLauncher::launch`](crate::ports::TaskLauncher::launch)
    Launch,
    /// [`TaskLauncher::find`](crate::ports::TaskLauncher::find)
    Find,
    /// [`TaskLauncher::stop`](crate::ports::TaskLauncher::stop)
    Stop,
    /// [`TargetRegistrar::register`](crate::ports::TargetRegistrar::register)
    Register,
    /// [`TargetRegistrar::deregister`](crate::ports::TargetRegistrar::deregister)
    Deregister,
    /// [`TargetRegistrar::targets`](crate::ports::TargetRegistrar::targets)
    Targets,
    /// [`HealthWaiter::observe_tasks`](crate::ports::HealthWaiter::observe_tasks)
    ObserveTasks,
    /// [`HealthWaiter::observe_targets`](crate::ports::HealthWaiter::observe_targets)
    ObserveTargets,
    /// [`Inspector::task_definition`](crate::ports::Inspector::task_definition)
    TaskDefinition,
    /// [`Inspector::target_group`](crate::ports::Inspector::target_group)
    TargetGroup,
    /// [`Inspector::deregistration_delay`](crate::ports::Inspector::deregistration_delay)
    DeregistrationDelay,
    /// [`Inspector::load_balancers`](crate::ports::Inspector::load_balancers)
    LoadBalancers,
    /// [`Inspector::image`](crate::ports::Inspector::image)
    Image,
    /// [`Inspector::log_group_exists`](crate::ports::Inspector::log_group_exists)
    LogGroupExists,
    /// [`Inspector::log_tail`](crate::ports::Inspector::log_tail)
    LogTail,
    /// [`Inspector::ecs_service`](crate::ports::Inspector::ecs_service)
    EcsService,
}

impl PortMethod {
    /// Whether it changes something.
    pub fn is_effect(self) -> bool {
        match self {
            Self::Launch | Self::Stop | Self::Register | Self::Deregister => true,
            Self::Find
            | Self::Targets
            | Self::ObserveTasks
            | Self::ObserveTargets
            | Self::TaskDefinition
            | Self::TargetGroup
            | Self::DeregistrationDelay
            | Self::LoadBalancers
            | Self::Image
            | Self::LogGroupExists
            | Self::LogTail
            | Self::EcsService => false,
        }
    }
}

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It fails and takes no effect.
    Before(ErrorKind),
    /// It takes effect, and its answer is lost.
    After(ErrorKind),
    /// It takes no effect and never answers: the process died before it.
    HangBefore,
    /// It takes effect and never answers: the process died after it.
    HangAfter,
}

/// A call that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortCall {
    /// Its number, over all methods, from 0.
    pub index: usize,
    /// Which.
    pub method: PortMethod,
    /// What went wrong with it.
    pub fault: Option<Fault>,
}

/// Which calls go wrong. The default: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChaosPlan {
    at: BTreeMap<usize, Fault>,
    every: BTreeMap<PortMethod, Fault>,
    twice: bool,
}

impl ChaosPlan {
    /// No call goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// The call of that number goes wrong. It is counted over all methods, from 0.
    #[must_use]
    pub fn at(mut self, index: usize, fault: Fault) -> Self {
        self.at.insert(index, fault);
        self
    }

    /// Every call of that method goes wrong, where nothing is said of its number.
    #[must_use]
    pub fn every(mut self, method: PortMethod, fault: Fault) -> Self {
        self.every.insert(method, fault);
        self
    }

    /// Every effect is performed twice, as by a process that died after it and took it up again. The second answer counts.
    #[must_use]
    pub fn twice(mut self) -> Self {
        self.twice = true;
        self
    }

    pub(super) fn fault(&self, index: usize, method: PortMethod) -> Option<Fault> {
        self.at.get(&index).or_else(|| self.every.get(&method)).copied()
    }

    pub(super) fn performs_twice(&self, method: PortMethod) -> bool {
        self.twice && method.is_effect()
    }
}
