//! What one launch changes of its task definition: `RunTask`'s `overrides`, in AWS's own words.
//!
//! Environment variables and commands may hold secrets. `Debug` shows their names and numbers, never what they say, and an
//! observation is written without them. A request has to be sent again as it was, so the written form of a request, and of
//! every state with it, holds them in plain: keep it like a secret, or let the task definition's `secrets` name them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::RoleArn;

/// AWS: "A total of 8192 characters are allowed for overrides. This limit includes the JSON formatting characters."
const LONGEST: usize = 8192;

/// What one launch changes of its task definition. Nothing, by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub struct TaskOverride {
    /// The role that the task's code runs with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_role_arn: Option<RoleArn>,
    /// The role with which ECS pulls images, reads secrets and writes logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<RoleArn>,
    /// The task's CPU, in units (`512`) or as text (`0.5 vCPU`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// The task's memory, in MiB (`1024`) or as text (`1 GB`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    /// What is changed of single containers, one of these for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub container_overrides: Vec<ContainerOverride>,
}

/// What one launch changes of a container.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub struct ContainerOverride {
    /// The container's name in the task definition.
    pub name: String,
    /// Runs instead of the image's command, or the definition's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Environment variables, beside those of the definition or instead of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<KeyValuePair>,
}

/// An environment variable.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct KeyValuePair {
    /// Its name.
    pub name: String,
    /// What it says.
    pub value: String,
}

/// A container's command, where there is another, and its variables.
type Changes<'a> = (Option<&'a [String]>, BTreeMap<&'a str, &'a str>);

impl TaskOverride {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        let Self { task_role_arn, execution_role_arn, cpu, memory, container_overrides } = self;
        task_role_arn.is_none()
            && execution_role_arn.is_none()
            && cpu.is_none()
            && memory.is_none()
            && container_overrides.iter().all(ContainerOverride::is_empty)
    }

    /// Whether a task of the other runs the same. ECS names every container of a task, also those of which nothing is
    /// changed; and the forms of CPU and memory are its own, so that these are not compared.
    pub fn runs_the_same_as(&self, other: &Self) -> bool {
        self.task_role_arn == other.task_role_arn
            && self.execution_role_arn == other.execution_role_arn
            && self.by_container() == other.by_container()
    }

    fn by_container(&self) -> BTreeMap<&str, Changes<'_>> {
        let changed = self.container_overrides.iter().filter(|container| !container.is_empty());
        let changes = changed.map(|container| {
            let variables = container.environment.iter();
            let variables = variables.map(|pair| (pair.name.as_str(), pair.value.as_str())).collect();
            (container.name.as_str(), (container.command.as_deref(), variables))
        });
        changes.collect()
    }

    /// What `RunTask` would refuse, or what does not say what it means.
    pub(crate) fn fault(&self) -> Option<String> {
        let mut names = Vec::new();
        for container in &self.container_overrides {
            if container.name.is_empty() {
                return Some("a container override names no container".to_owned());
            }
            if names.contains(&&container.name) {
                return Some(format!("container {} has two of them", container.name));
            }
            names.push(&container.name);
            if let Some(fault) = container.fault() {
                return Some(fault);
            }
        }
        let length = serde_json::to_string(self).map_or(usize::MAX, |text| text.chars().count());
        (length > LONGEST)
            .then(|| format!("they have {length} characters as JSON; ECS takes at most {LONGEST}"))
    }
}

impl ContainerOverride {
    /// Of that container, nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    fn is_empty(&self) -> bool {
        self.command.is_none() && self.environment.is_empty()
    }

    fn fault(&self) -> Option<String> {
        let mut names = Vec::new();
        for KeyValuePair { name, .. } in &self.environment {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Some(format!("an environment variable of container {} has no name", self.name));
            }
            if names.contains(&name) {
                return Some(format!("container {} has the environment variable {name} twice", self.name));
            }
            names.push(name);
        }
        None
    }
}

impl fmt::Debug for ContainerOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerOverride")
            .field("name", &self.name)
            .field("words of its command", &self.command.as_ref().map(Vec::len))
            .field("environment", &self.environment)
            .finish()
    }
}

impl fmt::Debug for KeyValuePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyValuePair").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, command: Option<&[&str]>, variables: &[(&str, &str)]) -> ContainerOverride {
        ContainerOverride {
            name: name.to_owned(),
            command: command.map(|words| words.iter().map(|word| (*word).to_owned()).collect()),
            environment: variables
                .iter()
                .map(|(name, value)| KeyValuePair { name: (*name).to_owned(), value: (*value).to_owned() })
                .collect(),
        }
    }

    fn of(containers: &[ContainerOverride]) -> TaskOverride {
        TaskOverride { container_overrides: containers.to_vec(), ..TaskOverride::default() }
    }

    #[test]
    fn what_they_say_is_shown_nowhere() {
        let overrides = of(&[container("web", Some(&["sh", "hunter2"]), &[("PASSWORD", "hunter2")])]);
        let shown = format!("{overrides:?} {overrides:#?}");
        assert!(shown.contains("PASSWORD") && shown.contains("web") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn the_same_is_run_whatever_the_order_and_whoever_names_what_is_not_changed() {
        let asked = of(&[container("web", Some(&["serve"]), &[("A", "1"), ("B", "2")])]);
        let said =
            of(&[container("log", None, &[]), container("web", Some(&["serve"]), &[("B", "2"), ("A", "1")])]);
        assert!(asked.runs_the_same_as(&said) && said.runs_the_same_as(&asked));
        assert!(TaskOverride::default().runs_the_same_as(&of(&[container("web", None, &[])])));
        for other in [
            TaskOverride::default(),
            of(&[container("web", Some(&["serve"]), &[("A", "1"), ("B", "3")])]),
            of(&[container("web", Some(&["serve"]), &[("A", "1")])]),
            of(&[container("web", Some(&["serve", "x"]), &[("A", "1"), ("B", "2")])]),
            of(&[container("log", Some(&["serve"]), &[("A", "1"), ("B", "2")])]),
            TaskOverride {
                task_role_arn: Some("arn:aws:iam::111122223333:role/r".parse().unwrap()),
                ..asked.clone()
            },
        ] {
            assert!(!asked.runs_the_same_as(&other), "{other:?}");
        }
        // The command of nothing is a command.
        assert!(!of(&[container("web", Some(&[]), &[])]).is_empty());
        assert!(of(&[container("web", None, &[])]).is_empty());
    }

    #[test]
    fn what_cannot_be_meant_is_said_without_its_secret() {
        let long = "x".repeat(LONGEST);
        for (overrides, why) in [
            (of(&[container("", None, &[])]), "names no container"),
            (of(&[container("web", None, &[]), container("web", None, &[])]), "has two"),
            (of(&[container("web", None, &[("", "secret")])]), "has no name"),
            (of(&[container("web", None, &[("A=secret", "x")])]), "has no name"),
            (of(&[container("web", None, &[("A", "secret"), ("A", "secret")])]), "A twice"),
            (of(&[container("web", None, &[("A", &long)])]), "at most 8192"),
        ] {
            let fault = overrides.fault().unwrap();
            assert!(fault.contains(why) && !fault.contains("secret") && !fault.contains("xx"), "{fault}");
        }
        assert_eq!(of(&[container("web", Some(&["serve"]), &[("A", "")])]).fault(), None);
    }

    #[test]
    fn the_written_form_is_aws_own_and_takes_no_other_field() {
        let text = r#"{"taskRoleArn":"arn:aws:iam::111122223333:role/r","containerOverrides":[{"name":"web","command":["serve"],"environment":[{"name":"A","value":"1"}]}]}"#;
        let read: TaskOverride = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert_eq!(serde_json::from_str::<TaskOverride>("{}").unwrap(), TaskOverride::default());
        for other in [r#"{"ephemeralStorage":{}}"#, r#"{"containerOverrides":[{"name":"web","image":"x"}]}"#]
        {
            serde_json::from_str::<TaskOverride>(other).unwrap_err();
        }
    }
}
