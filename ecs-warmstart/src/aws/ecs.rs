//! ECS: tasks and task definitions.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::Config;
use aws_sdk_ecs::operation::run_task::{RunTaskError, RunTaskOutput};
use aws_sdk_ecs::operation::stop_task::StopTaskError;
use aws_sdk_ecs::types::Failure as EcsFailure;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;

use super::convert;
use super::definitions;
use super::error::port_error;
use super::request;
use crate::error::{ErrorKind, PortError};
use crate::facts::{EcsServiceFacts, TaskDefinitionFacts};
use crate::ids::{ClientToken, ClusterId, STARTED_BY, TaskArn, TaskDefinitionId};
use crate::observation::TaskObservation;
use crate::ports::{Result, Selector, TaskLauncher};
use crate::spec::LaunchRequest;

/// What `DescribeTasks` and `DescribeContainerInstances` take in one call (AWS: 100).
const DESCRIBE_MAX: usize = 100;

/// How many characters of a reason `StopTask` takes (AWS: 255, in older pages of its documentation).
const REASON_MAX: usize = 255;

/// ECS of one region. Clones are handles on the same client.
#[derive(Clone, Debug)]
pub struct Ecs {
    client: Client,
}

impl Ecs {
    /// ECS by this client. It should have an attempt timeout, which the SDK does not set.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The task half of [`HealthWaiter`](crate::ports::HealthWaiter): one observation for each task, in the order asked.
    ///
    /// A task that runs on a host without an interface of its own costs a call more, for its instance id.
    ///
    /// # Errors
    ///
    /// As the port says.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn observe_tasks(
        &self,
        cluster: &ClusterId,
        tasks: &[TaskArn],
    ) -> Result<Vec<TaskObservation>> {
        let mut observations = Vec::with_capacity(tasks.len());
        for chunk in tasks.chunks(DESCRIBE_MAX) {
            observations.extend(self.describe_tasks(cluster, chunk).await?);
        }
        self.name_hosts(cluster, &mut observations).await?;
        Ok(observations)
    }

    /// The task definition half of [`Inspector`](crate::ports::Inspector).
    ///
    /// # Errors
    ///
    /// As the port says.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn task_definition(&self, id: &TaskDefinitionId) -> Result<TaskDefinitionFacts> {
        let answer = self
            .client
            .describe_task_definition()
            .task_definition(id.as_str())
            .send()
            .await
            .map_err(|error| port_error("ecs:DescribeTaskDefinition", error))?;
        let definition = answer.task_definition().ok_or_else(|| {
            PortError::new(ErrorKind::NotFound, format!("there is no task definition {id}"))
        })?;
        definitions::task_definition(definition)
    }

    /// The ECS service part of [`Inspector`](crate::ports::Inspector).
    ///
    /// # Errors
    ///
    /// As the port says.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn ecs_service(&self, cluster: &ClusterId, name: &str) -> Result<EcsServiceFacts> {
        let answer = self
            .client
            .describe_services()
            .cluster(cluster.as_str())
            .services(name)
            .send()
            .await
            .map_err(|error| port_error("ecs:DescribeServices", error))?;
        // Otherwise `failures` says MISSING.
        answer.services().first().map(definitions::ecs_service).ok_or_else(|| {
            let cluster = cluster.name();
            PortError::new(
                ErrorKind::NotFound,
                format!("there is no ECS service {name} in cluster {cluster}"),
            )
        })
    }

    async fn describe_tasks(&self, cluster: &ClusterId, tasks: &[TaskArn]) -> Result<Vec<TaskObservation>> {
        let answer = self
            .client
            .describe_tasks()
            .cluster(cluster.as_str())
            .set_tasks(Some(tasks.iter().map(ToString::to_string).collect()))
            .send()
            .await
            .map_err(|error| port_error("ecs:DescribeTasks", error))?;
        let mut seen = HashMap::new();
        for task in answer.tasks() {
            let observation = convert::task(task)?;
            seen.insert(observation.task.id().to_owned(), observation);
        }
        // Whatever `failures` says of a task, ECS did not describe it: that is all that missing means.
        let look = |task: &TaskArn| match seen.get(task.id()) {
            Some(observation) => TaskObservation { task: task.clone(), ..observation.clone() },
            None => TaskObservation::missing(task.clone()),
        };
        Ok(tasks.iter().map(look).collect())
    }

    /// Adds the EC2 instance to every task that runs on a container instance.
    ///
    /// Where that may not be read, tasks of others are left without: it may be allowed to nobody who has none there himself,
    /// and whoever compares targets takes such a task for one that may be anywhere.
    async fn name_hosts(&self, cluster: &ClusterId, observations: &mut [TaskObservation]) -> Result<()> {
        let instances: BTreeSet<String> = observations
            .iter()
            .filter_map(|observation| observation.host.as_ref())
            .map(|host| host.container_instance.clone())
            .collect();
        let instances: Vec<String> = instances.into_iter().collect();
        let mut names = HashMap::new();
        for chunk in instances.chunks(DESCRIBE_MAX) {
            let answer = self
                .client
                .describe_container_instances()
                .cluster(cluster.as_str())
                .set_container_instances(Some(chunk.to_vec()))
                .send()
                .await
                .map_err(|error| port_error("ecs:DescribeContainerInstances", error));
            let answer = match answer {
                Err(error) if error.kind() == ErrorKind::Denied && !any_is_ours(observations) => {
                    return Ok(());
                }
                answer => answer?,
            };
            for instance in answer.container_instances() {
                if let (Some(arn), Some(name)) =
                    (instance.container_instance_arn(), convert::ec2_instance(instance))
                {
                    names.insert(arn.to_owned(), name);
                }
            }
        }
        for host in observations.iter_mut().filter_map(|observation| observation.host.as_mut()) {
            host.ec2_instance = names.get(&host.container_instance).cloned();
        }
        Ok(())
    }
}

/// Whether one of those that run on container instances was started by this program.
fn any_is_ours(observations: &[TaskObservation]) -> bool {
    let on_instances = observations.iter().filter(|observation| observation.host.is_some());
    let mut started_by = on_instances.filter_map(|observation| observation.started_by.as_deref());
    started_by.any(|name| name.starts_with(STARTED_BY))
}

#[async_trait]
impl TaskLauncher for Ecs {
    /// One attempt: were the SDK to try again, its last answer would hide what became of those before, and a task that the
    /// first one launched would be missed where the second one is refused. The run asks again with the same token.
    async fn launch(&self, token: &ClientToken, request: &LaunchRequest) -> Result<TaskObservation> {
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let call = request::run_task(self.client.run_task(), token, request)?;
        let answer = call.customize().config_override(once).send().await;
        match answer {
            Ok(answer) => launched(&answer),
            Err(error) => {
                let tasks = match error.as_service_error() {
                    Some(RunTaskError::ConflictException(conflict)) => {
                        conflict.resource_ids().iter().filter_map(|id| id.parse().ok()).collect()
                    }
                    _ => Vec::new(),
                };
                Err(port_error("ecs:RunTask", error).with_tasks(tasks))
            }
        }
    }

    async fn find(&self, cluster: &ClusterId, selector: &Selector) -> Result<Vec<TaskArn>> {
        let arns: Vec<String> = request::list_tasks(self.client.list_tasks(), cluster, selector)
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(|error| port_error("ecs:ListTasks", error))?;
        arns.iter().map(|arn| convert::task_arn(Some(arn))).collect()
    }

    async fn stop(&self, cluster: &ClusterId, task: &TaskArn, reason: &str) -> Result<()> {
        let reason: String = reason.chars().take(REASON_MAX).collect();
        let answer =
            self.client.stop_task().cluster(cluster.as_str()).task(task.as_str()).reason(reason).send().await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(is_unknown_task) => {
                Err(PortError::new(ErrorKind::NotFound, UNKNOWN_TASK).with_source(error))
            }
            Err(error) => Err(port_error("ecs:StopTask", error)),
        }
    }
}

const UNKNOWN_TASK: &str = "the task that is to be stopped was not found";

/// ECS: "The referenced task was not found."
fn is_unknown_task(error: &StopTaskError) -> bool {
    let said = error.message().unwrap_or_default();
    error.is_invalid_parameter_exception() && said.contains("task was not found")
}

/// What an answer of `RunTask` comes to: it is HTTP 200 also where nothing could be placed.
fn launched(answer: &RunTaskOutput) -> Result<TaskObservation> {
    // A task and failures: the task is what counts, since one was asked for.
    if let Some(task) = answer.tasks().first() {
        return convert::task(task);
    }
    match answer.failures().first() {
        Some(failure) => Err(not_placed(failure)),
        None => {
            Err(PortError::new(ErrorKind::Other, "RunTask answered neither a task nor why there is none"))
        }
    }
}

fn not_placed(failure: &EcsFailure) -> PortError {
    let reason = failure.reason().filter(|reason| !reason.is_empty()).unwrap_or("no reason given");
    let message = match failure.detail() {
        Some(detail) if !detail.is_empty() => format!("ECS placed no task: {reason} ({detail})"),
        Some(_) | None => format!("ECS placed no task: {reason}"),
    };
    let error = PortError::new(ErrorKind::of_failed_placement(reason), message);
    // A sentence is no code, and stands in the message already.
    if reason.contains(' ') { error } else { error.with_code(reason) }
}
