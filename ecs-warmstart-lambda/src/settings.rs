//! The function's environment: which services there are, what events may leave out, and where work is handed on.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use ecs_warmstart::config::Config;
use ecs_warmstart::fleet::Service;
use ecs_warmstart::ids::{ClusterId, TargetGroupArn, TaskDefinitionId};
use ecs_warmstart::limit::Limits;
use ecs_warmstart::spec::{Compute, DEFAULT_RUNNING_TIMEOUT, LaunchType};

use crate::allow::Allow;
use crate::failure::{Failure, FailureKind};

/// How the function is configured. Read once, before the first event.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The services of `WARMSTART_CONFIG`.
    pub(crate) services: Vec<Service>,
    /// The region of `WARMSTART_CONFIG`, where it names one.
    pub(crate) region: Option<String>,
    pub(crate) defaults: Defaults,
    pub(crate) allow: Allow,
    /// URL of the queue through which work is handed on.
    pub(crate) continue_queue: Option<String>,
    /// URL of the queue that hears of what was handed on and failed for good.
    pub(crate) dead_letter_queue: Option<String>,
    /// How much of AWS's quotas one invocation takes.
    pub(crate) limits: Limits,
    /// The function's name, as Lambda says it.
    pub(crate) function: Option<String>,
}

/// What an event may leave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Defaults {
    pub(crate) cluster: Option<ClusterId>,
    pub(crate) task_definition: Option<TaskDefinitionId>,
    pub(crate) target_group: Option<TargetGroupArn>,
    pub(crate) subnets: Vec<String>,
    pub(crate) security_groups: Vec<String>,
    pub(crate) port: Option<u16>,
    /// Absent: by whether there are subnets.
    pub(crate) compute: Option<Compute>,
    pub(crate) running_timeout: Duration,
}

impl Settings {
    /// Reads the environment; `env` says what a variable stands for. An empty variable is the same as none.
    ///
    /// # Errors
    ///
    /// [`FailureKind::InvalidConfiguration`], which names the variable.
    pub fn read(env: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let env = |name: &str| env(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let config = match env("WARMSTART_CONFIG") {
            None => None,
            Some(text) => Some(config(&text, &env)?),
        };
        let defaults = Defaults {
            cluster: parsed(&env, "ECS_CLUSTER")?,
            task_definition: parsed(&env, "TASK_DEFINITION")?,
            target_group: parsed(&env, "TARGET_GROUP_ARN")?,
            subnets: list(env("SUBNETS")),
            security_groups: list(env("SECURITY_GROUPS")),
            port: parsed(&env, "CONTAINER_PORT")?.map(port).transpose()?,
            compute: env("LAUNCH_TYPE").map(|word| compute(&word)).transpose()?,
            running_timeout: match parsed::<u32>(&env, "TASK_WAIT_TIMEOUT")? {
                None => DEFAULT_RUNNING_TIMEOUT,
                Some(0) => return Err(wrong("TASK_WAIT_TIMEOUT", "it is a number of seconds above zero")),
                Some(seconds) => Duration::from_secs(seconds.into()),
            },
        };
        let continue_queue = queue_url(&env, "WARMSTART_CONTINUE_QUEUE_URL")?;
        let dead_letter_queue = queue_url(&env, "WARMSTART_DEAD_LETTER_QUEUE_URL")?;
        let limits = match parsed::<f64>(&env, "WARMSTART_QUOTA_SHARE")? {
            None => Limits::default(),
            Some(share) if (0.001..=1000.0).contains(&share) => Limits::of_published(share),
            Some(_) => {
                let why = "it is a number from 0.001 to 1000, such as 0.5 for half of each quota";
                return Err(wrong("WARMSTART_QUOTA_SHARE", why));
            }
        };
        let (region, services) = config.map(|config| (config.region, config.services)).unwrap_or_default();
        let allow = Allow::read(env("WARMSTART_ALLOW").as_deref(), &services, &defaults)?;
        let function = env("AWS_LAMBDA_FUNCTION_NAME");
        Ok(Self { services, region, defaults, allow, continue_queue, dead_letter_queue, limits, function })
    }
}

fn queue_url(env: &impl Fn(&str) -> Option<String>, variable: &str) -> Result<Option<String>, Failure> {
    let url = env(variable);
    if url.as_ref().is_some_and(|url| url.ends_with(".fifo")) {
        return Err(wrong(variable, "a FIFO queue does not delay single messages; use a standard queue"));
    }
    if url.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
        return Err(wrong(variable, "it is the URL of a queue, not its name or ARN"));
    }
    Ok(url)
}

/// Inline, or the path of a file that is packed beside the binary.
fn config(text: &str, env: &impl Fn(&str) -> Option<String>) -> Result<Config, Failure> {
    // Every configuration has a table and a key; no path of a package does.
    let read = if text.contains(['\n', '[', '=']) {
        Config::parse(text, env)
    } else {
        let root = env("LAMBDA_TASK_ROOT").unwrap_or_default();
        Config::load(Path::new(&root).join(text))
    };
    read.map_err(|error| wrong("WARMSTART_CONFIG", error))
}

fn parsed<T: FromStr<Err: Display>>(
    env: &impl Fn(&str) -> Option<String>,
    name: &str,
) -> Result<Option<T>, Failure> {
    env(name).map(|text| text.parse().map_err(|error| wrong(name, error))).transpose()
}

fn port(port: u16) -> Result<u16, Failure> {
    if port == 0 { Err(wrong("CONTAINER_PORT", "a port is 1 to 65535")) } else { Ok(port) }
}

fn compute(word: &str) -> Result<Compute, Failure> {
    Ok(match word {
        "FARGATE" => Compute::LaunchType(LaunchType::Fargate),
        "EC2" => Compute::LaunchType(LaunchType::Ec2),
        "EXTERNAL" => Compute::LaunchType(LaunchType::External),
        "MANAGED_INSTANCES" => Compute::LaunchType(LaunchType::ManagedInstances),
        "CLUSTER_DEFAULT" => Compute::ClusterDefault,
        other => {
            let why = format!(
                "{other:?} is none of FARGATE, EC2, EXTERNAL, MANAGED_INSTANCES, CLUSTER_DEFAULT; for capacity providers \
                 use WARMSTART_CONFIG"
            );
            return Err(wrong("LAUNCH_TYPE", why));
        }
    })
}

fn list(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

pub(crate) fn wrong(variable: &str, why: impl Display) -> Failure {
    Failure::new(FailureKind::InvalidConfiguration, format!("the variable {variable} is wrong: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str =
        "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        Settings::read(|name| {
            variables.iter().find(|(its, _)| *its == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn every_variable_of_the_plan_is_read() {
        let settings = read(&[
            ("ECS_CLUSTER", "dev"),
            ("TASK_DEFINITION", "web:3"),
            ("TARGET_GROUP_ARN", GROUP),
            ("SUBNETS", "subnet-a, subnet-b,"),
            ("SECURITY_GROUPS", "sg-1"),
            ("CONTAINER_PORT", "8080"),
            ("TASK_WAIT_TIMEOUT", "90"),
            ("WARMSTART_CONTINUE_QUEUE_URL", "https://sqs.us-east-2.amazonaws.com/111122223333/continue"),
            ("WARMSTART_DEAD_LETTER_QUEUE_URL", "https://sqs.us-east-2.amazonaws.com/111122223333/dead"),
            ("WARMSTART_QUOTA_SHARE", "0.05"),
        ])
        .unwrap();
        let defaults = &settings.defaults;
        assert_eq!(defaults.cluster.as_ref().unwrap().name(), "dev");
        assert_eq!(defaults.task_definition.as_ref().unwrap().as_str(), "web:3");
        assert_eq!(defaults.target_group.as_ref().unwrap().name(), "auth");
        assert_eq!(defaults.subnets, ["subnet-a", "subnet-b"]);
        assert_eq!(defaults.security_groups, ["sg-1"]);
        assert_eq!(defaults.port, Some(8080));
        assert_eq!(defaults.running_timeout, Duration::from_secs(90));
        assert!(settings.continue_queue.unwrap().ends_with("/continue"));
        assert!(settings.dead_letter_queue.unwrap().ends_with("/dead"));
        assert_eq!(settings.limits, Limits::of_published(0.05));
    }

    #[test]
    fn nothing_is_needed_and_empty_is_nothing() {
        let settings = read(&[("ECS_CLUSTER", ""), ("SUBNETS", " "), ("WARMSTART_CONFIG", "")]).unwrap();
        assert_eq!(settings, read(&[]).unwrap());
        assert_eq!(settings.defaults.running_timeout, DEFAULT_RUNNING_TIMEOUT);
        assert_eq!(settings.limits.share, 0.5);
        assert!(settings.services.is_empty() && settings.continue_queue.is_none());
    }

    #[test]
    fn the_configuration_is_inline_or_a_file_beside_the_binary() {
        let text = format!(
            "region = \"${{WHERE}}\"\n[services.auth]\ncluster = \"c\"\ntask_definition = \"web\"\n\
             bindings = [{{ target_group = \"{GROUP}\", port = 8080 }}]\n"
        );
        let inline = read(&[("WARMSTART_CONFIG", &text), ("WHERE", "eu-central-1")]).unwrap();
        assert_eq!(inline.services[0].name.as_str(), "auth");
        assert_eq!(inline.region.as_deref(), Some("eu-central-1"));

        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("warmstart.toml"), text.replace("${WHERE}", "eu-central-1")).unwrap();
        let root = dir.path().to_str().unwrap();
        let file = read(&[("WARMSTART_CONFIG", "warmstart.toml"), ("LAMBDA_TASK_ROOT", root)]).unwrap();
        assert_eq!(file, inline);
    }

    #[track_caller]
    fn refused(variable: &str, value: &str, why: &str) {
        let failure = read(&[(variable, value)]).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::InvalidConfiguration);
        let message = failure.to_string();
        assert!(message.contains(variable) && message.contains(why), "{message}");
    }

    #[test]
    fn what_is_wrong_names_its_variable() {
        refused("ECS_CLUSTER", "a b", "' ' is not a letter");
        refused("TARGET_GROUP_ARN", "auth", "arn:aws:elasticloadbalancing");
        refused("CONTAINER_PORT", "0", "1 to 65535");
        refused("CONTAINER_PORT", "http", "invalid digit");
        refused("TASK_WAIT_TIMEOUT", "0", "above zero");
        refused("TASK_WAIT_TIMEOUT", "5m", "invalid digit");
        refused("LAUNCH_TYPE", "FARGATE_SPOT", "CLUSTER_DEFAULT");
        refused("WARMSTART_CONTINUE_QUEUE_URL", "continue", "URL of a queue");
        refused("WARMSTART_DEAD_LETTER_QUEUE_URL", "arn:aws:sqs:us-east-2:1:dead", "URL of a queue");
        refused("WARMSTART_CONTINUE_QUEUE_URL", "https://sqs/1/continue.fifo", "standard queue");
        for share in ["0", "-1", "1001", "NaN"] {
            refused("WARMSTART_QUOTA_SHARE", share, "0.001 to 1000");
        }
        refused("WARMSTART_QUOTA_SHARE", "half", "invalid float");
        refused("WARMSTART_CONFIG", "none.toml", "none.toml");
        refused("WARMSTART_CONFIG", "[services.auth]\n", "cluster");
        refused("WARMSTART_ALLOW", "bucket:x", "bucket");
    }
}
