//! The command, cut off from whatever this machine knows of AWS.

use std::process::{Child, Stdio};

use snapbox::cmd::Command;

/// The command without region and credentials.
pub(crate) fn command() -> Command {
    Command::from_std(bare())
}

/// The same with these arguments, started and left running, its output piped.
pub(crate) fn spawn(args: &[&str]) -> Child {
    spawn_with(args, &[])
}

/// The same with this environment.
pub(crate) fn spawn_with(args: &[&str], environment: &[(&str, &str)]) -> Child {
    let mut command = bare();
    command.envs(environment.iter().copied());
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The same with its output going there.
pub(crate) fn spawn_into(stdout: impl Into<Stdio>, args: &[&str]) -> Child {
    bare().args(args).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap()
}

fn bare() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ecs-warmstart"));
    for variable in AWS_VARIABLES {
        command.env_remove(variable);
    }
    command
        .env("AWS_CONFIG_FILE", "/nowhere")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

const AWS_VARIABLES: [&str; 14] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_ECS",
    "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "NO_COLOR",
];

pub(crate) fn group(name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/{name}/0123456789abcdef")
}
