//! Fills words in: from what the rule found, else from the evidence, else with a word that says what belongs there.

use std::collections::BTreeMap;

use crate::diagnose::evidence::{ContainerSettings, Evidence};
use crate::machine::Cause;

/// Every name that may stand in braces.
#[cfg(test)]
pub(super) const NAMES: [&str; 34] = [
    "age",
    "call",
    "cluster",
    "codes",
    "command",
    "container",
    "definition",
    "desired",
    "exit_code",
    "first_success",
    "given",
    "group",
    "group_arn",
    "has",
    "image",
    "line",
    "listened",
    "log_group",
    "look",
    "needed",
    "number",
    "path",
    "platform",
    "port",
    "program",
    "reason",
    "repository",
    "role",
    "service",
    "setting",
    "status",
    "task",
    "task_role",
    "waited",
];

/// The text with every `{name}` in it replaced.
pub(in crate::diagnose) fn fill(
    text: &str,
    slots: &BTreeMap<&'static str, String>,
    evidence: &Evidence,
) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        match slots.get(name).filter(|value| !value.is_empty() || is_optional(name)) {
            Some(value) => filled.push_str(value),
            None => filled.push_str(&known(name, slots, evidence)),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// What says more where it is known, and leaves no gap where it is not.
fn is_optional(name: &str) -> bool {
    matches!(name, "age" | "has" | "look")
}

/// What the evidence says for that name.
fn known(name: &str, slots: &BTreeMap<&'static str, String>, evidence: &Evidence) -> String {
    let definition = evidence.definition.as_ref();
    let service = evidence.ecs_service.as_ref();
    let settings =
        slots.get("container").map_or_else(|| main_container(evidence), |name| evidence.settings(name));
    let found = match name {
        "cluster" => cluster(evidence),
        "container" => settings.map(|settings| settings.name.clone()),
        "definition" => definition
            .map(|definition| definition.id.clone())
            .or_else(|| evidence.task.as_ref()?.task_definition.as_ref().map(ToString::to_string)),
        "image" => settings.and_then(|settings| settings.image.clone()),
        "repository" => match slots.get("image") {
            Some(image) => repository(image),
            None => settings.and_then(|settings| repository(settings.image.as_deref()?)),
        },
        "log_group" => settings.and_then(|settings| settings.log_group.clone()),
        "platform" => definition.and_then(|definition| definition.platform.clone()),
        "role" => definition.and_then(|definition| definition.execution_role.clone()),
        "task_role" => definition.and_then(|definition| definition.task_role.clone()),
        "service" => service.map(|service| service.name.clone()).or_else(|| evidence.service.clone()),
        "task" => evidence.task.as_ref().map(|task| task.task.to_string()),
        "path" => evidence.targets.iter().find_map(|target| target.health_path.clone()),
        _ => None,
    };
    found.filter(|found| !found.is_empty()).unwrap_or_else(|| placeholder(name).to_owned())
}

fn cluster(evidence: &Evidence) -> Option<String> {
    let of_service = evidence.ecs_service.as_ref().map(|service| service.cluster.clone());
    // The second to last part of a task's ARN, where its ARN is of the long form.
    let of_arn = || {
        let arn = evidence.task.as_ref()?.task.as_str();
        let mut parts = arn.rsplit('/').skip(1);
        parts.next().filter(|part| !part.contains(':')).map(ToOwned::to_owned)
    };
    of_service.filter(|cluster| !cluster.is_empty()).or_else(|| evidence.cluster.clone()).or_else(of_arn)
}

/// An image's name without tag and digest.
pub(in crate::diagnose) fn repository(image: &str) -> Option<String> {
    let name = image.split('@').next()?;
    let path = name.rfind('/').map_or(0, |slash| slash + 1);
    let end = name[path..].find(':').map_or(name.len(), |colon| path + colon);
    Some(name[..end].to_owned()).filter(|name| !name.is_empty() && !name.contains(char::is_whitespace))
}

/// The container that is most likely meant: the one that holds a gate shut, else the first essential one.
fn main_container(evidence: &Evidence) -> Option<&ContainerSettings> {
    if let Some(Cause::GateNotOpenInTime { containers, .. }) = &evidence.cause
        && let Some(settings) = containers.first().and_then(|name| evidence.settings(name))
    {
        return Some(settings);
    }
    let containers = &evidence.definition.as_ref()?.containers;
    containers.iter().find(|it| it.essential != Some(false)).or_else(|| containers.first())
}

/// As AWS's own examples write what the reader has to put in.
fn placeholder(name: &str) -> &'static str {
    match name {
        "call" => "the call",
        "cluster" => "CLUSTER",
        "codes" => "an unexpected code",
        "command" => "COMMAND",
        "container" => "CONTAINER",
        "definition" => "TASK_DEFINITION",
        "group" => "TARGET_GROUP",
        "group_arn" => "TARGET_GROUP_ARN",
        "age" | "has" | "look" => "",
        "image" => "IMAGE",
        "log_group" => "LOG_GROUP",
        "path" => "the health check path",
        "platform" => "PLATFORM",
        "repository" => "REPOSITORY",
        "role" => "EXECUTION_ROLE",
        "service" => "SERVICE",
        "task" => "TASK_ARN",
        "task_role" => "TASK_ROLE",
        "reason" => "no reason given",
        _ => "?",
    }
}
