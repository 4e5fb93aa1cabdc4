//! A task as EventBridge tells of it: the same as ECS's own answer, with times as text, `eni` for the interface, and without
//! health.

use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use ecs_warmstart::ids::TaskArn;
use ecs_warmstart::observation::{
    ContainerObservation, Host, PortBinding, StopCode, StopInfo, TaskObservation, TaskStatus,
};
use ecs_warmstart::time::Timestamp;
use serde::Deserialize;

/// The `detail` of `ECS Task State Change`, as far as it is used.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub(super) struct TaskDetail {
    task_arn: TaskArn,
    last_status: String,
    desired_status: Option<String>,
    version: Option<u64>,
    task_definition_arn: Option<String>,
    started_by: Option<String>,
    created_at: Option<String>,
    started_at: Option<String>,
    container_instance_arn: Option<String>,
    stop_code: Option<String>,
    stopped_reason: Option<String>,
    #[serde(default)]
    attachments: Vec<Attachment>,
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Clone, Debug, Deserialize)]
struct Attachment {
    r#type: Option<String>,
    status: Option<String>,
    #[serde(default)]
    details: Vec<NameValue>,
}

#[derive(Clone, Debug, Deserialize)]
struct NameValue {
    name: Option<String>,
    value: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    name: Option<String>,
    exit_code: Option<i32>,
    reason: Option<String>,
    image_digest: Option<String>,
    #[serde(default)]
    network_interfaces: Vec<Interface>,
    #[serde(default)]
    network_bindings: Vec<PortPair>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Interface {
    private_ipv4_address: Option<String>,
    ipv6_address: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PortPair {
    container_port: Option<u16>,
    host_port: Option<u16>,
}

impl TaskDetail {
    pub(super) fn into_observation(self) -> TaskObservation {
        let mut task = TaskObservation::new(self.task_arn.clone(), TaskStatus::parse(&self.last_status));
        task.stop_requested = self.desired_status.as_deref() == Some("STOPPED");
        task.version = self.version.unwrap_or_default();
        task.task_definition = self.task_definition_arn.as_deref().and_then(|arn| arn.parse().ok());
        task.started_by = self.started_by.clone().filter(|who| !who.is_empty());
        task.created_at = self.created_at.as_deref().and_then(timestamp);
        task.started_at = self.started_at.as_deref().and_then(timestamp);
        task.addresses = self.addresses();
        task.host = self
            .container_instance_arn
            .filter(|_| task.addresses.is_empty())
            .map(|container_instance| Host { container_instance, ec2_instance: None });
        task.stop = stop(self.stop_code, self.stopped_reason);
        task.containers = self.containers.into_iter().map(Container::into_observation).collect();
        task
    }

    /// IPv4 first, as in the library's own observations.
    fn addresses(&self) -> Vec<IpAddr> {
        let interfaces = self.attachments.iter().filter(|it| it.is_interface());
        let of_attachments = interfaces
            .flat_map(|interface| &interface.details)
            .filter(|detail| detail.name.as_deref() == Some("privateIPv4Address"))
            .filter_map(|detail| detail.value.as_deref());
        let of_containers = self
            .containers
            .iter()
            .flat_map(|container| &container.network_interfaces)
            .flat_map(|interface| [&interface.private_ipv4_address, &interface.ipv6_address])
            .filter_map(Option::as_deref);
        let mut found: Vec<IpAddr> = Vec::new();
        for address in of_attachments.chain(of_containers).filter_map(|text| text.parse().ok()) {
            if !found.contains(&address) {
                found.push(address);
            }
        }
        found.sort_by_key(IpAddr::is_ipv6);
        found
    }
}

impl Attachment {
    /// `eni` in events, `ElasticNetworkInterface` in answers. One that failed never was.
    fn is_interface(&self) -> bool {
        matches!(self.r#type.as_deref(), Some("eni" | "ElasticNetworkInterface"))
            && self.status.as_deref() != Some("FAILED")
    }
}

impl Container {
    fn into_observation(self) -> ContainerObservation {
        let ports = self.network_bindings.iter().filter_map(|pair| {
            Some(PortBinding { container_port: pair.container_port?, host_port: pair.host_port? })
        });
        ContainerObservation {
            ports: ports.collect(),
            name: self.name.unwrap_or_default(),
            exit_code: self.exit_code,
            reason: self.reason.filter(|reason| !reason.is_empty()),
            image_digest: self.image_digest,
            ..ContainerObservation::default()
        }
    }
}

fn stop(code: Option<String>, reason: Option<String>) -> Option<StopInfo> {
    let reason = reason.unwrap_or_default();
    let code = code.map(|code| StopCode::parse(&code));
    (code.is_some() || !reason.is_empty()).then_some(StopInfo { code, reason })
}

fn timestamp(text: &str) -> Option<Timestamp> {
    let time = humantime::parse_rfc3339_weak(text).ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|since| Timestamp::EPOCH + since)
}
