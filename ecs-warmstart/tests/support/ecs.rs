//! ECS over ports.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::operation::describe_container_instances::DescribeContainerInstancesOutput;
use aws_sdk_ecs::operation::describe_services::{DescribeServicesError, DescribeServicesOutput};
use aws_sdk_ecs::operation::describe_task_definition::{
    DescribeTaskDefinitionError, DescribeTaskDefinitionOutput,
};
use aws_sdk_ecs::operation::describe_tasks::{DescribeTasksError, DescribeTasksInput, DescribeTasksOutput};
use aws_sdk_ecs::operation::list_tasks::{ListTasksError, ListTasksInput, ListTasksOutput};
use aws_sdk_ecs::operation::run_task::{RunTaskError, RunTaskInput, RunTaskOutput};
use aws_sdk_ecs::operation::stop_task::{StopTaskError, StopTaskInput, StopTaskOutput};
use aws_sdk_ecs::primitives::DateTime;
use aws_sdk_ecs::types::error::{ConflictException, InvalidParameterException};
use aws_sdk_ecs::types::{
    AssignPublicIp, Attachment, Container, ContainerInstance, ContainerOverride, DesiredStatus, Failure,
    KeyValuePair, NetworkBinding, NetworkInterface, Task, TaskOverride,
};
use aws_smithy_mocks::{MockResponse, Rule, mock};
use ecs_warmstart::error::{ErrorKind, PortError};
use ecs_warmstart::ids::{ClusterId, TaskArn};
use ecs_warmstart::observation::{ContainerObservation, HealthStatus, TaskObservation, TaskStatus};
use ecs_warmstart::overrides;
use ecs_warmstart::ports::{Ports, Selector};
use ecs_warmstart::spec::{AwsVpc, CapacityProvider, Compute, LaunchRequest, LaunchType};

use super::client::{at_once, meta, refusal};
use super::facts;

const PAGE: usize = 100;

/// The EC2 instance of each container instance that a task was seen on.
type Machines = Arc<Mutex<HashMap<String, Option<String>>>>;

pub(super) fn rules(cloud: &Ports) -> Vec<Rule> {
    let machines = Machines::default();
    let seen = Arc::clone(&machines);
    let of = || cloud.clone();
    let (run, list, describe, stop, define, services) = (of(), of(), of(), of(), of(), of());
    vec![
        mock!(Client::run_task).then_compute_response(move |input| run_task(&run, input)),
        mock!(Client::list_tasks).then_compute_response(move |input| list_tasks(&list, input)),
        mock!(Client::describe_tasks)
            .then_compute_response(move |input| describe_tasks(&describe, &seen, input)),
        mock!(Client::describe_container_instances)
            .then_compute_output(move |input| container_instances(&machines, input.container_instances())),
        mock!(Client::stop_task).then_compute_response(move |input| stop_task(&stop, input)),
        mock!(Client::describe_task_definition).then_compute_response(move |input| {
            let id = input.task_definition().unwrap().parse().unwrap();
            match at_once(define.inspector.task_definition(&id)) {
                Ok(facts) => MockResponse::Output(
                    DescribeTaskDefinitionOutput::builder()
                        .task_definition(facts::definition_of(&facts))
                        .build(),
                ),
                Err(error) => MockResponse::Error(DescribeTaskDefinitionError::generic(meta(&error))),
            }
        }),
        mock!(Client::describe_services).then_compute_response(move |input| {
            let [name] = input.services() else { panic!("one at a time: {input:?}") };
            match at_once(services.inspector.ecs_service(&cluster(input.cluster()), name)) {
                Ok(facts) => MockResponse::Output(
                    DescribeServicesOutput::builder().services(facts::service_of(&facts)).build(),
                ),
                Err(error) if error.failure().code.as_deref() == Some("ServiceNotFoundException") => {
                    let missing = Failure::builder().reason("MISSING").build();
                    MockResponse::Output(DescribeServicesOutput::builder().failures(missing).build())
                }
                Err(error) => MockResponse::Error(DescribeServicesError::generic(meta(&error))),
            }
        }),
    ]
}

fn cluster(name: Option<&str>) -> ClusterId {
    name.expect("a cluster is always named").parse().unwrap()
}

fn run_task(cloud: &Ports, input: &RunTaskInput) -> MockResponse<RunTaskOutput, RunTaskError> {
    let token = input.client_token().expect("a token is always given").parse().unwrap();
    assert_eq!(input.count(), Some(1));
    match at_once(cloud.launcher.launch(&token, &request_of(input))) {
        Ok(seen) => MockResponse::Output(RunTaskOutput::builder().tasks(task_of(&seen)).build()),
        Err(error) if error.kind() == ErrorKind::Capacity => {
            let failure = Failure::builder().reason(reason_of(&error)).build();
            MockResponse::Output(RunTaskOutput::builder().failures(failure).build())
        }
        Err(error) if error.kind() == ErrorKind::Conflict => {
            let tasks = error.failure().tasks.iter().map(ToString::to_string).collect();
            let conflict =
                ConflictException::builder().set_resource_ids(Some(tasks)).meta(meta(&error)).build();
            MockResponse::Error(RunTaskError::ConflictException(conflict))
        }
        Err(error) => MockResponse::Error(RunTaskError::generic(meta(&error))),
    }
}

fn reason_of(error: &PortError) -> String {
    let failure = error.failure();
    let in_message = failure.message.trim_start_matches("ECS placed no task: ");
    failure.code.clone().unwrap_or_else(|| in_message.to_owned())
}

fn request_of(input: &RunTaskInput) -> LaunchRequest {
    LaunchRequest {
        cluster: cluster(input.cluster()),
        task_definition: input.task_definition().unwrap().parse().unwrap(),
        compute: compute_of(input),
        network: input.network_configuration().map(|network| {
            let awsvpc = network.awsvpc_configuration().unwrap();
            AwsVpc {
                subnets: awsvpc.subnets().to_vec(),
                security_groups: awsvpc.security_groups().to_vec(),
                assign_public_ip: awsvpc.assign_public_ip() == Some(&AssignPublicIp::Enabled),
            }
        }),
        platform_version: input.platform_version().map(str::to_owned),
        started_by: input.started_by().unwrap().to_owned(),
        tags: input
            .tags()
            .iter()
            .map(|tag| (tag.key().unwrap().to_owned(), tag.value().unwrap().to_owned()))
            .collect(),
        enable_execute_command: input.enable_execute_command().unwrap_or(false),
        overrides: input.overrides().map(overrides_of).unwrap_or_default(),
    }
}

fn overrides_of(given: &TaskOverride) -> overrides::TaskOverride {
    let container = |given: &ContainerOverride| overrides::ContainerOverride {
        name: given.name().unwrap().to_owned(),
        command: given.command.clone(),
        environment: given
            .environment()
            .iter()
            .map(|pair| overrides::KeyValuePair {
                name: pair.name().unwrap().to_owned(),
                value: pair.value().unwrap().to_owned(),
            })
            .collect(),
    };
    overrides::TaskOverride {
        task_role_arn: given.task_role_arn().map(|arn| arn.parse().unwrap()),
        execution_role_arn: given.execution_role_arn().map(|arn| arn.parse().unwrap()),
        cpu: given.cpu().map(str::to_owned),
        memory: given.memory().map(str::to_owned),
        container_overrides: given.container_overrides().iter().map(container).collect(),
    }
}

/// As ECS answers them: every container is named, also one of which nothing is changed.
fn said_overrides(seen: &TaskObservation) -> TaskOverride {
    let given = &seen.overrides;
    let containers = seen.containers.iter().map(|container| {
        let named = given.container_overrides.iter().find(|it| it.name == container.name);
        let variables = named.into_iter().flat_map(|given| &given.environment);
        let variables =
            variables.map(|pair| KeyValuePair::builder().name(&pair.name).value(&pair.value).build());
        ContainerOverride::builder()
            .name(&container.name)
            .set_command(named.and_then(|given| given.command.clone()))
            .set_environment(Some(variables.collect()))
            .build()
    });
    TaskOverride::builder()
        .set_task_role_arn(given.task_role_arn.as_ref().map(ToString::to_string))
        .set_execution_role_arn(given.execution_role_arn.as_ref().map(ToString::to_string))
        .set_cpu(given.cpu.clone())
        .set_memory(given.memory.clone())
        .set_container_overrides(Some(containers.collect()))
        .build()
}

fn compute_of(input: &RunTaskInput) -> Compute {
    let strategy = input.capacity_provider_strategy();
    match input.launch_type().map(|launch_type| launch_type.as_str()) {
        Some("FARGATE") => Compute::LaunchType(LaunchType::Fargate),
        Some("EC2") => Compute::LaunchType(LaunchType::Ec2),
        Some("EXTERNAL") => Compute::LaunchType(LaunchType::External),
        Some(other) => panic!("no launch type: {other}"),
        None if strategy.is_empty() => Compute::ClusterDefault,
        None => Compute::CapacityProviders(
            strategy
                .iter()
                .map(|item| CapacityProvider {
                    name: item.capacity_provider().to_owned(),
                    weight: item.weight().try_into().unwrap(),
                    base: item.base().try_into().unwrap(),
                })
                .collect(),
        ),
    }
}

fn list_tasks(cloud: &Ports, input: &ListTasksInput) -> MockResponse<ListTasksOutput, ListTasksError> {
    let found = match at_once(cloud.launcher.find(&cluster(input.cluster()), &selector_of(input))) {
        Ok(found) => found,
        Err(error) => return MockResponse::Error(ListTasksError::generic(meta(&error))),
    };
    let from: usize = input.next_token().map_or(0, |token| token.parse().unwrap());
    let page = found.iter().skip(from).take(PAGE).map(ToString::to_string).collect();
    let next = (from + PAGE < found.len()).then(|| (from + PAGE).to_string());
    MockResponse::Output(ListTasksOutput::builder().set_task_arns(Some(page)).set_next_token(next).build())
}

fn selector_of(input: &ListTasksInput) -> Selector {
    let wanted = input.desired_status().map(DesiredStatus::as_str);
    match (input.started_by(), input.family(), input.service_name(), wanted) {
        (Some(started_by), None, None, None) => Selector::StartedBy(started_by.to_owned()),
        (None, Some(family), None, Some("STOPPED")) => Selector::StoppedOf { family: family.to_owned() },
        (None, None, Some(name), Some(wanted)) => {
            Selector::OfEcsService { name: name.to_owned(), stopped: wanted == "STOPPED" }
        }
        (None, None, None, Some("RUNNING")) => Selector::Running,
        filters => panic!("no way to find tasks: {filters:?}"),
    }
}

fn describe_tasks(
    cloud: &Ports,
    machines: &Machines,
    input: &DescribeTasksInput,
) -> MockResponse<DescribeTasksOutput, DescribeTasksError> {
    if input.tasks().is_empty() || input.tasks().len() > PAGE {
        let refused = refusal("InvalidParameterException", "Tasks must be 1 to 100.");
        return MockResponse::Error(DescribeTasksError::generic(refused));
    }
    let tasks: Vec<TaskArn> = input.tasks().iter().map(|arn| arn.parse().unwrap()).collect();
    let seen = match at_once(cloud.waiter.observe_tasks(&cluster(input.cluster()), &tasks)) {
        Ok(seen) => seen,
        Err(error) => return MockResponse::Error(DescribeTasksError::generic(meta(&error))),
    };
    // AWS promises no order.
    let answer = seen.iter().rev().fold(DescribeTasksOutput::builder(), |answer, seen| {
        if let Some(host) = &seen.host {
            machines.lock().unwrap().insert(host.container_instance.clone(), host.ec2_instance.clone());
        }
        if seen.status == TaskStatus::Missing {
            answer.failures(Failure::builder().arn(seen.task.as_str()).reason("MISSING").build())
        } else {
            answer.tasks(task_of(seen))
        }
    });
    MockResponse::Output(answer.build())
}

fn container_instances(machines: &Machines, asked: &[String]) -> DescribeContainerInstancesOutput {
    let machines = machines.lock().unwrap();
    let instances = asked.iter().map(|arn| {
        let instance = machines.get(arn).cloned().flatten();
        ContainerInstance::builder().container_instance_arn(arn).set_ec2_instance_id(instance).build()
    });
    DescribeContainerInstancesOutput::builder().set_container_instances(Some(instances.collect())).build()
}

/// What ECS does not know it calls a wrong parameter.
fn stop_task(cloud: &Ports, input: &StopTaskInput) -> MockResponse<StopTaskOutput, StopTaskError> {
    let (cluster, task) = (cluster(input.cluster()), input.task().unwrap().parse().unwrap());
    match at_once(cloud.launcher.stop(&cluster, &task, input.reason().unwrap())) {
        Ok(()) => MockResponse::Output(StopTaskOutput::builder().build()),
        Err(error) if error.failure().code.as_deref() == Some("InvalidParameterException") => {
            let meta = refusal("InvalidParameterException", "The referenced task was not found.");
            let message = "The referenced task was not found.";
            let refused = InvalidParameterException::builder().message(message).meta(meta).build();
            MockResponse::Error(StopTaskError::InvalidParameterException(refused))
        }
        Err(error) => MockResponse::Error(StopTaskError::generic(meta(&error))),
    }
}

fn task_of(seen: &TaskObservation) -> Task {
    let millis =
        |at: ecs_warmstart::time::Timestamp| DateTime::from_millis(at.as_millis().try_into().unwrap());
    let interfaces =
        seen.addresses.iter().filter(|it| it.is_ipv4()).map(|address| interface(address, seen.status));
    Task::builder()
        .task_arn(seen.task.as_str())
        .last_status(seen.status.to_string())
        .desired_status(if seen.stop_requested { "STOPPED" } else { "RUNNING" })
        .version(seen.version.try_into().unwrap())
        .set_task_definition_arn(seen.task_definition.as_ref().map(ToString::to_string))
        .set_started_by(seen.started_by.clone())
        .set_created_at(seen.created_at.map(millis))
        .set_started_at(seen.started_at.map(millis))
        .set_container_instance_arn(seen.host.as_ref().map(|host| host.container_instance.clone()))
        .set_stop_code(seen.stop.as_ref().and_then(|stop| Some(stop.code.as_ref()?.as_str().into())))
        .set_stopped_reason(seen.stop.as_ref().map(|stop| stop.reason.clone()))
        .set_attachments(Some(interfaces.collect()))
        .overrides(said_overrides(seen))
        .set_containers(Some(seen.containers.iter().map(|it| container_of(it, &seen.addresses)).collect()))
        .build()
}

/// The interface of a task that has stopped is deleted, and keeps its details.
fn interface(address: &IpAddr, status: TaskStatus) -> Attachment {
    let attached = if status == TaskStatus::Stopped { "DELETED" } else { "ATTACHED" };
    let address = KeyValuePair::builder().name("privateIPv4Address").value(address.to_string()).build();
    Attachment::builder().r#type("ElasticNetworkInterface").status(attached).details(address).build()
}

fn container_of(seen: &ContainerObservation, addresses: &[IpAddr]) -> Container {
    let interfaces = addresses.iter().map(|address| match address {
        IpAddr::V4(_) => NetworkInterface::builder().private_ipv4_address(address.to_string()).build(),
        IpAddr::V6(_) => NetworkInterface::builder().ipv6_address(address.to_string()).build(),
    });
    let bindings = seen.ports.iter().map(|port| {
        NetworkBinding::builder()
            .container_port(port.container_port.into())
            .host_port(port.host_port.into())
            .build()
    });
    Container::builder()
        .name(&seen.name)
        .health_status(match seen.health {
            HealthStatus::Unknown => "UNKNOWN".into(),
            HealthStatus::Healthy => "HEALTHY".into(),
            HealthStatus::Unhealthy => "UNHEALTHY".into(),
        })
        .set_exit_code(seen.exit_code)
        .set_reason(seen.reason.clone())
        .set_image_digest(seen.image_digest.clone())
        .set_network_interfaces(Some(interfaces.collect()))
        .set_network_bindings(Some(bindings.collect()))
        .build()
}
