//! What a deployment changes, as people write it: on the command line, and in a file in AWS's own words.

use std::time::Duration;

use ecs_warmstart::image::ImageRef;
use ecs_warmstart::spec::{HealthCheckChange, Revision};
use serde::Deserialize;

/// `CONTAINER=IMAGE`.
pub(crate) fn image(text: &str) -> Result<(String, ImageRef), String> {
    let (container, image) = text
        .split_once('=')
        .filter(|(container, _)| !container.is_empty())
        .ok_or_else(|| "a container and its image are expected, such as web=repository/web:2.0".to_owned())?;
    let image = image.parse().map_err(|error| format!("{error}"))?;
    Ok((container.to_owned(), image))
}

/// One change of a container's environment or health check.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    container: String,
    what: What,
}

#[derive(Clone, PartialEq, Eq)]
enum What {
    Variable { name: String, value: Option<String> },
    HealthCheck(Box<HealthCheckChange>),
}

/// A setting as it was written. It is parsed once the command line is: clap repeats what it does not understand.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Given(String);

impl From<String> for Given {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Given {
    /// Without its text, which may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Given").finish_non_exhaustive()
    }
}

/// A setting that is none, without its value.
#[derive(Debug, thiserror::Error)]
#[error("{which}: {why}")]
pub(crate) struct InvalidSetting {
    which: String,
    why: String,
}

/// Parses what was given to `option`. What is wrong is named by what stands before its first `=`, else by its place: all the rest
/// may be secret.
pub(crate) fn parse(
    option: &str,
    given: &[Given],
    by: fn(&str) -> Result<Setting, String>,
) -> Result<Vec<Setting>, InvalidSetting> {
    let settings = given.iter().enumerate().map(|(place, Given(text))| {
        by(text).map_err(|why| {
            let which = match text.split_once('=') {
                Some((path, _)) => format!("{option} {path}"),
                None => format!("{option}, number {} of {}", place + 1, given.len()),
            };
            InvalidSetting { which, why }
        })
    });
    settings.collect()
}

impl std::fmt::Debug for Setting {
    /// Without its value, which may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setting").field("container", &self.container).finish_non_exhaustive()
    }
}

/// `CONTAINER.environment.NAME=VALUE` or `CONTAINER.healthCheck.KEY=VALUE`.
/// What is said where it is wrong has nothing of its value but a number that is out of range.
pub(crate) fn setting(text: &str) -> Result<Setting, String> {
    let expected = "CONTAINER.environment.NAME=VALUE or CONTAINER.healthCheck.KEY=VALUE is expected";
    let (path, value) = text.split_once('=').ok_or_else(|| format!("it has no `=`: {expected}"))?;
    let mut parts = path.splitn(3, '.');
    let (Some(container), Some(kind), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(expected.to_owned());
    };
    if container.is_empty() || key.is_empty() {
        return Err(expected.to_owned());
    }
    let what = match kind {
        "environment" => What::Variable { name: key.to_owned(), value: Some(value.to_owned()) },
        "healthCheck" => What::HealthCheck(Box::new(health_check(key, value)?)),
        other => return Err(format!("{other:?} cannot be set: {expected}")),
    };
    Ok(Setting { container: container.to_owned(), what })
}

/// `CONTAINER.environment.NAME`, to be taken out.
pub(crate) fn unsetting(text: &str) -> Result<Setting, String> {
    if text.contains('=') {
        return Err(
            "a variable is taken out by its name alone: CONTAINER.environment.NAME is expected".to_owned()
        );
    }
    let mut parts = text.splitn(3, '.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(container), Some("environment"), Some(name)) if !container.is_empty() && !name.is_empty() => {
            let what = What::Variable { name: name.to_owned(), value: None };
            Ok(Setting { container: container.to_owned(), what })
        }
        _ => Err("CONTAINER.environment.NAME is expected".to_owned()),
    }
}

fn health_check(key: &str, value: &str) -> Result<HealthCheckChange, String> {
    let mut change = HealthCheckChange::default();
    match key {
        "command" => change.command = Some(vec!["CMD-SHELL".to_owned(), value.to_owned()]),
        "interval" => change.interval = Some(seconds(value)?),
        "timeout" => change.timeout = Some(seconds(value)?),
        "startPeriod" => change.start_period = Some(seconds(value)?),
        "retries" => change.retries = Some(value.parse().map_err(|_| "a number is expected".to_owned())?),
        other => {
            let known = "command, interval, timeout, retries, startPeriod";
            return Err(format!("a health check has no {other:?}; it has {known}"));
        }
    }
    check(&change)?;
    Ok(change)
}

/// `60`, as AWS has it, or `1m`.
fn seconds(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let duration =
        humantime::parse_duration(text).map_err(|_| "seconds are expected, such as 60".to_owned())?;
    match duration.subsec_nanos() {
        0 => Ok(duration),
        _ => Err("whole seconds are expected".to_owned()),
    }
}

/// AWS's limits: what is outside them is refused only after the images were looked up.
fn check(change: &HealthCheckChange) -> Result<(), String> {
    let outside = |name: &str, given: Option<u64>, from: u64, to: u64| match given {
        Some(given) if !(from..=to).contains(&given) => {
            Err(format!("{name} is from {from} to {to}, not {given}"))
        }
        Some(_) | None => Ok(()),
    };
    let secs = |duration: Option<Duration>| duration.map(|it| it.as_secs());
    outside("interval", secs(change.interval), 5, 300)?;
    outside("timeout", secs(change.timeout), 2, 60)?;
    outside("retries", change.retries.map(u64::from), 1, 10)?;
    outside("startPeriod", secs(change.start_period), 0, 300)
}

/// Applies what the command line says; of two that say the same, the later.
pub(crate) fn apply(revision: &mut Revision, settings: impl IntoIterator<Item = Setting>) {
    for Setting { container, what } in settings {
        let change = revision.container(container);
        match what {
            What::Variable { name, value } => drop(change.environment.insert(name, value)),
            What::HealthCheck(given) => {
                let check = &mut change.health_check;
                check.command = given.command.or_else(|| check.command.take());
                check.interval = given.interval.or(check.interval);
                check.timeout = given.timeout.or(check.timeout);
                check.retries = given.retries.or(check.retries);
                check.start_period = given.start_period.or(check.start_period);
            }
        }
    }
}

/// A file of changes: the part of a task definition that changes, as AWS writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Patch {
    container_definitions: Vec<Container>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Container {
    name: String,
    image: Option<ImageRef>,
    #[serde(default)]
    environment: Vec<Variable>,
    health_check: Option<Check>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    name: String,
    /// `null`: it is taken out. To say nothing of it is a mistake.
    #[serde(deserialize_with = "Option::deserialize")]
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Check {
    command: Option<Vec<String>>,
    interval: Option<u64>,
    timeout: Option<u64>,
    retries: Option<u32>,
    start_period: Option<u64>,
}

/// Reads a file of changes.
pub(crate) fn patch(document: &str) -> Result<Revision, String> {
    let patch: Patch = serde_json::from_str(document).map_err(|error| without_values(&error))?;
    let mut revision = Revision::default();
    for container in patch.container_definitions {
        let name = &container.name;
        if revision.containers.contains_key(name) {
            return Err(format!("container {name:?} stands in it twice"));
        }
        let change = revision.container(name.clone());
        change.image = container.image;
        for Variable { name: variable, value } in container.environment {
            if change.environment.insert(variable.clone(), value).is_some() {
                return Err(format!("variable {variable:?} of container {name:?} stands in it twice"));
            }
        }
        if let Some(given) = container.health_check {
            change.health_check = HealthCheckChange {
                command: given.command,
                interval: given.interval.map(Duration::from_secs),
                timeout: given.timeout.map(Duration::from_secs),
                retries: given.retries,
                start_period: given.start_period.map(Duration::from_secs),
            };
            check(&change.health_check)
                .map_err(|why| format!("the health check of {}: {why}", container.name))?;
        }
    }
    Ok(revision)
}

/// What serde says, without the value that it quotes: that may be secret.
fn without_values(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let quoting = ["invalid type", "invalid value", "invalid length"];
    let Some(wrong) = quoting.into_iter().find(|wrong| said.starts_with(wrong)) else { return said };
    // The last one is serde's own, whatever the value has in it.
    let expected = said.rsplit_once(", expected ").map_or("something else", |(_, expected)| expected);
    format!("{wrong}, expected {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_files_say_the_same() {
        let lines = [
            "web.environment.URL=http://a.b/?c=d",
            "web.environment.EMPTY=",
            "web.healthCheck.command=curl -f http://127.0.0.1/ || exit 1",
            "web.healthCheck.startPeriod=1m",
            "web.healthCheck.interval=10",
            "web.healthCheck.retries=5",
        ];
        let mut given = Revision::default();
        apply(&mut given, lines.iter().map(|line| setting(line).unwrap()));
        apply(&mut given, [unsetting("web.environment.OLD").unwrap()]);
        given.container("router").image = Some(image("router=router:2").unwrap().1);
        let file = r#"{ "containerDefinitions": [
            { "name": "web",
              "environment": [
                { "name": "URL", "value": "http://a.b/?c=d" }, { "name": "EMPTY", "value": "" },
                { "name": "OLD", "value": null } ],
              "healthCheck": {
                "command": ["CMD-SHELL", "curl -f http://127.0.0.1/ || exit 1"],
                "startPeriod": 60, "interval": 10, "retries": 5 } },
            { "name": "router", "image": "router:2" } ] }"#;
        assert_eq!(patch(file), Ok(given));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, why) in [
            ("web", "is expected"),
            ("web.environment=1", "is expected"),
            (".environment.A=1", "is expected"),
            ("web.cpu.units=1", "\"cpu\" cannot be set"),
            ("web.healthCheck.period=1", "it has command, interval"),
            ("web.healthCheck.interval=1", "interval is from 5 to 300, not 1"),
            ("web.healthCheck.interval=soon", "seconds are expected"),
            ("web.healthCheck.startPeriod=1500ms", "whole seconds"),
            ("web.healthCheck.startPeriod=301", "from 0 to 300"),
            ("web.healthCheck.retries=11", "from 1 to 10"),
        ] {
            let said = setting(line).unwrap_err();
            assert!(said.contains(why), "{line}: {said}");
        }
        assert!(image("web").unwrap_err().contains("such as web=repository/web:2.0"));
        assert!(image("web=Web:1").is_err() && image("=web:1").is_err());
        assert!(unsetting("web.healthCheck.command").is_err() && unsetting("web.environment.A=1").is_err());
        for (file, why) in [
            ("{}", "containerDefinitions"),
            (r#"{ "containerDefinitions": [{ "name": "web", "cpu": 1 }] }"#, "unknown field `cpu`"),
            (
                r#"{ "containerDefinitions": [{ "name": "web", "healthCheck": { "retries": 0 } }] }"#,
                "from 1 to 10",
            ),
            (
                r#"{ "containerDefinitions": [{ "name": "web", "image": "web:2" }, { "name": "web" }] }"#,
                "container \"web\" stands in it twice",
            ),
            (
                r#"{ "containerDefinitions": [{ "name": "web", "environment": [{ "name": "A" }] }] }"#,
                "missing field `value`",
            ),
            (
                r#"{ "containerDefinitions": [{ "name": "web", "environment": [
                    { "name": "A", "value": null }, { "name": "A", "value": "1" }] }] }"#,
                "variable \"A\" of container \"web\" stands in it twice",
            ),
        ] {
            let said = patch(file).unwrap_err();
            assert!(said.contains(why), "{file}: {said}");
        }
    }

    #[test]
    fn values_are_never_shown() {
        let shown = format!("{:?}", setting("web.environment.TOKEN=hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
        let given = Given::from("hunter2".to_owned());
        assert!(!format!("{given:?}").contains("hunter2"));
        let said = |text: &str| {
            let given = ["web.environment.A=1".to_owned().into(), Given::from(text.to_owned())];
            parse("--set", &given, setting).unwrap_err().to_string()
        };
        assert!(
            said("web.enviroment.TOKEN=hunter2").starts_with("--set web.enviroment.TOKEN: \"enviroment\"")
        );
        let said = said("web.environment.TOKEN:hunter2");
        assert!(
            said.starts_with("--set, number 2 of 2: it has no `=`: ") && !said.contains("hunter2"),
            "{said}"
        );
    }
}
