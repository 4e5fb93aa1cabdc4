//! From what the ports say to the parts of the evidence.

use std::time::Duration;

use super::evidence::{
    ContainerSettings, DefinitionEvidence, DeploymentEvidence, EcsServiceEvidence, HealthCheckSettings,
    ImageEvidence, LogLine, ServiceEvent,
};
use crate::facts::{
    self, ContainerFacts, ContainerHealthCheck, EcsServiceFacts, ImageFacts, TaskDefinitionFacts,
};

impl From<&TaskDefinitionFacts> for DefinitionEvidence {
    fn from(facts: &TaskDefinitionFacts) -> Self {
        Self {
            id: facts.id.to_string(),
            platform: facts.platform().map(|platform| platform.to_string()),
            execution_role: facts.execution_role.clone(),
            task_role: facts.task_role.clone(),
            containers: facts.containers.iter().map(Into::into).collect(),
        }
    }
}

impl From<&ContainerFacts> for ContainerSettings {
    fn from(facts: &ContainerFacts) -> Self {
        Self {
            name: facts.name.clone(),
            image: (!facts.image.is_empty()).then(|| facts.image.clone()),
            essential: Some(facts.essential),
            health_check: facts.health_check.as_ref().map(Into::into),
            ports: facts.ports.clone(),
            memory: facts.memory,
            log_group: facts.log_group().map(ToOwned::to_owned),
        }
    }
}

impl From<&ContainerHealthCheck> for HealthCheckSettings {
    fn from(check: &ContainerHealthCheck) -> Self {
        Self {
            command: check.command.clone(),
            interval: seconds(check.interval),
            timeout: seconds(check.timeout),
            retries: check.retries,
            start_period: seconds(check.start_period),
        }
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

impl ImageEvidence {
    /// What the registry says of an image that it has.
    pub fn found(image: &str, facts: &ImageFacts) -> Self {
        let of_images = facts.images.iter().map(|image| image.digest.to_string());
        Self {
            image: image.to_owned(),
            exists: Some(true),
            platforms: facts.platforms().map(ToString::to_string).collect(),
            digests: std::iter::once(facts.digest.to_string()).chain(of_images).collect(),
        }
    }

    /// An image that the registry does not have.
    pub fn missing(image: &str) -> Self {
        Self { image: image.to_owned(), exists: Some(false), ..Self::default() }
    }
}

impl LogLine {
    /// A line of that container.
    pub fn of(container: &str, line: &facts::LogLine) -> Self {
        Self { container: container.to_owned(), at: Some(line.at), message: line.message.clone() }
    }
}

impl EcsServiceEvidence {
    /// The ECS service as ECS describes it.
    pub fn of(cluster: &str, facts: &EcsServiceFacts) -> Self {
        let deployment = |it: &facts::Deployment| DeploymentEvidence {
            status: it.status.clone(),
            rollout_state: it.rollout.clone(),
            rollout_reason: it.rollout_reason.clone(),
            failed_tasks: it.failed,
            task_definition: it.task_definition.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        let event = |it: &facts::ServiceEvent| ServiceEvent { at: it.at, message: it.message.clone() };
        Self {
            name: facts.name.clone(),
            cluster: cluster.to_owned(),
            status: Some(facts.status.clone()).filter(|status| !status.is_empty()),
            desired: facts.desired,
            running: facts.running,
            deployments: facts.deployments.iter().map(deployment).collect(),
            events: facts.events.iter().map(event).collect(),
        }
    }
}
