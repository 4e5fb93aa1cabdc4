//! The form of the file: one set of types for reading it and for its JSON Schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde::Deserialize;
use serde_json::Value;

use super::scalar::{Flag, Timeout, VARIABLE, Whole};
use crate::fleet::GateKind;
use crate::ids::{ClusterId, TargetGroupArn, TaskDefinitionId};
use crate::spec::{LaunchType, OnFailure};

/// Which services there are, and how each is started.
///
/// Every string value may contain `${VAR}` and `${VAR:-default}` from the environment; `$$` is a dollar.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[schemars(title = "ecs-warmstart configuration")]
pub(super) struct ConfigFile {
    /// The AWS region, such as `us-east-2`. Absent or empty: where the SDK always looks for it (AWS_REGION, the profile,
    /// the instance).
    pub(super) region: Option<String>,
    /// What holds for every service that does not say otherwise. A key of a service takes the place of the whole value
    /// here, lists and tables too.
    pub(super) defaults: Option<ServiceFile>,
    /// The services by name: 1 to 64 letters, digits, `-` and `_`. The name finds a service's tasks again (`startedBy`).
    #[serde(default)]
    pub(super) services: BTreeMap<String, ServiceFile>,
}

/// A service. `cluster`, `task_definition` and `bindings` have to be given, here or in `[defaults]`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[schemars(rename = "Service")]
pub(super) struct ServiceFile {
    /// The ECS cluster: its name, or its ARN.
    #[schemars(with = "Option<String>")]
    pub(super) cluster: Option<ClusterId>,
    /// The task definition: `family` (its newest active revision), `family:revision`, or an ARN.
    #[schemars(with = "Option<String>")]
    pub(super) task_definition: Option<TaskDefinitionId>,
    /// How many tasks the service should have, 1 to 100: more in one warm start is a slip of the hand. Default 1.
    pub(super) count: Option<Whole<1, 100>>,
    /// Where its tasks are registered: at least one.
    #[schemars(length(min = 1))]
    pub(super) bindings: Option<Vec<BindingFile>>,
    /// The launch type. Default: the cluster's own capacity provider strategy. Not together with `capacity_providers`.
    pub(super) launch_type: Option<LaunchType>,
    /// A capacity provider strategy; needed for `FARGATE_SPOT`. ECS takes 1 to 20. Not together with `launch_type`.
    #[schemars(length(min = 1, max = 20))]
    pub(super) capacity_providers: Option<Vec<CapacityProviderFile>>,
    /// Where a task is launched when there is no capacity before: each in turn, in this order, and nowhere else. A place
    /// without capacity is remembered for 3 minutes. Default nowhere: then the launch waits for capacity, as long as
    /// `running_timeout` says. On-demand capacity is used after Spot only where it is named here.
    #[schemars(length(max = 15))]
    pub(super) fallback: Option<Vec<FallbackFile>>,
    /// The subnets of the task's network interface: 1 to 16, of one VPC. Needed on Fargate and wherever the task
    /// definition's network mode is `awsvpc`.
    #[schemars(length(max = 16))]
    pub(super) subnets: Option<Vec<String>>,
    /// The security groups of the task's network interface: at most 5. Default: the VPC's default one.
    #[schemars(length(max = 5))]
    pub(super) security_groups: Option<Vec<String>>,
    /// Whether the task's network interface gets a public address: needed to pull images in a subnet without NAT.
    /// Default false.
    pub(super) assign_public_ip: Option<Flag>,
    /// Fargate's platform version. Default: the latest.
    pub(super) platform_version: Option<String>,
    /// Tags of the tasks. Giving any needs the permission `ecs:TagResource`.
    pub(super) tags: Option<BTreeMap<String, String>>,
    /// Whether `aws ecs execute-command` may open a shell in a task. Default false.
    pub(super) enable_execute_command: Option<Flag>,
    /// What must hold before a task is registered. Default `container-healthy`, which is the same as `running` where no
    /// container has a health check.
    pub(super) gate: Option<GateKind>,
    /// What happens to a task that cannot get ready. Default `undo`.
    pub(super) on_failure: Option<OnFailure>,
    /// From the start of a run until its task is RUNNING with an address. Default 5m.
    pub(super) running_timeout: Option<Timeout>,
    /// From RUNNING until every target is healthy, the gate included. Default 2m.
    pub(super) healthy_timeout: Option<Timeout>,
}

impl ServiceFile {
    /// This, and where it says nothing, the other. A launch type and capacity providers answer the same question: one
    /// given here drops the other given there.
    pub(super) fn or(self, other: Self) -> Self {
        let compute = self.launch_type.is_some() || self.capacity_providers.is_some();
        let (launch_type, capacity_providers) = if compute {
            (self.launch_type, self.capacity_providers)
        } else {
            (other.launch_type, other.capacity_providers)
        };
        Self {
            cluster: self.cluster.or(other.cluster),
            task_definition: self.task_definition.or(other.task_definition),
            count: self.count.or(other.count),
            bindings: self.bindings.or(other.bindings),
            launch_type,
            capacity_providers,
            fallback: self.fallback.or(other.fallback),
            subnets: self.subnets.or(other.subnets),
            security_groups: self.security_groups.or(other.security_groups),
            assign_public_ip: self.assign_public_ip.or(other.assign_public_ip),
            platform_version: self.platform_version.or(other.platform_version),
            tags: self.tags.or(other.tags),
            enable_execute_command: self.enable_execute_command.or(other.enable_execute_command),
            gate: self.gate.or(other.gate),
            on_failure: self.on_failure.or(other.on_failure),
            running_timeout: self.running_timeout.or(other.running_timeout),
            healthy_timeout: self.healthy_timeout.or(other.healthy_timeout),
        }
    }
}

/// Where tasks are registered.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[schemars(rename = "Binding")]
pub(super) struct BindingFile {
    /// The target group's ARN.
    #[schemars(with = "String")]
    pub(super) target_group: TargetGroupArn,
    /// The container whose port it is. May be left out where the task definition has one container with that port.
    pub(super) container: Option<String>,
    /// The container's port, 1 to 65535.
    pub(super) port: Whole<1, 65_535>,
}

/// Another place to launch. What it does not say is as in the service.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[schemars(rename = "Fallback")]
pub(super) struct FallbackFile {
    /// The launch type. Not together with `capacity_providers`.
    pub(super) launch_type: Option<LaunchType>,
    /// A capacity provider strategy, such as `[{ name = "FARGATE" }]` after Spot. Not together with `launch_type`.
    #[schemars(length(min = 1, max = 20))]
    pub(super) capacity_providers: Option<Vec<CapacityProviderFile>>,
    /// The subnets, for instance of another zone: 1 to 16, of the same VPC.
    #[schemars(length(min = 1, max = 16))]
    pub(super) subnets: Option<Vec<String>>,
    /// Whether the task's network interface gets a public address there.
    pub(super) assign_public_ip: Option<Flag>,
}

/// One item of a capacity provider strategy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[schemars(rename = "CapacityProvider")]
pub(super) struct CapacityProviderFile {
    /// Its name: `FARGATE`, `FARGATE_SPOT`, or one of the cluster's.
    pub(super) name: String,
    /// Its share, 0 to 1000. Default 1.
    pub(super) weight: Option<Whole<0, 1000>>,
    /// How many tasks it gets before the weights count, 0 to 100000. Default 0. Only one item may have more than 0.
    pub(super) base: Option<Whole<0, 100_000>>,
}

pub(super) fn json_schema() -> Value {
    SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(without_null))
        .with_transform(RecursiveTransform(or_a_variable))
        .into_generator()
        .into_root_schema_for::<ConfigFile>()
        .to_value()
}

/// TOML has no null: an absent key is absent.
fn without_null(schema: &mut schemars::Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
    choices.retain(|choice| choice.get("type") != Some(&Value::from("null")));
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        object.extend(only);
    }
}

/// Where one word of several is expected, a variable may stand.
fn or_a_variable(schema: &mut schemars::Schema) {
    if let Some(Value::Array(choices)) = schema.get_mut("oneOf")
        && choices.iter().all(|choice| choice.get("const").is_some())
    {
        choices.push(serde_json::json!({ "type": "string", "pattern": VARIABLE }));
    }
}
