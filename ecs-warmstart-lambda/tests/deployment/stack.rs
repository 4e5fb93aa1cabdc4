//! The stack as the deploy script makes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ecs_warmstart::testing::ministack::tool;
use ecs_warmstart::testing::moto::REGION;
use serde_json::{Value, json};

use crate::cloud::{BUCKET, Cloud, SERVICES, ecs_arn, role_arn};

/// What the script says of a stack that it has deployed.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) cloud: &'static Cloud,
    pub(crate) outputs: BTreeMap<String, String>,
}

impl Stack {
    /// The one that the tests of this process share; none where emulators are left out.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Stack>> = OnceLock::new();
        let shared =
            SHARED.get_or_init(|| Some(Self::deploy(Cloud::shared()?, "warm", "ecs-warmstart"))).as_ref();
        if shared.is_none() {
            // The first test alone would have said so.
            Cloud::shared();
        }
        shared
    }

    /// Deploys one that obeys the events of this source.
    pub(crate) fn deploy(cloud: &'static Cloud, name: &str, source: &str) -> Self {
        let directory = directory(name);
        let configuration = directory.join("services.toml");
        std::fs::write(&configuration, &cloud.configuration).unwrap();
        let definitions: Vec<String> =
            SERVICES.iter().map(|service| ecs_arn(&format!("task-definition/{service}:*"))).collect();
        let said = script(cloud, &directory)
            .args(["deploy", "--stack", name, "--bucket", BUCKET, "--architecture", "x86_64"])
            .args(["--binary", env!("CARGO_BIN_EXE_ecs-warmstart-lambda")])
            .arg("--config")
            .arg(&configuration)
            .arg(format!("ClusterArns={},{}", ecs_arn("cluster/warm"), ecs_arn("cluster/another")))
            .arg(format!("TaskDefinitionArns={}", definitions.join(",")))
            .arg(format!("TaskRoleArns={},{}", role_arn("task"), role_arn("execution")))
            .arg(format!("TargetGroupArns={}", cloud.groups()))
            .arg("ContainerInstances=yes")
            .arg(format!("EventSources={source}"))
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert!(said.status.success(), "{out}{err}");
        let outputs = out.lines().filter_map(|line| line.split_once('\t'));
        let outputs = outputs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { cloud, outputs }
    }

    /// Removes it as the script does.
    pub(crate) fn remove(self, name: &str) {
        let said = script(self.cloud, &directory(name)).args(["remove", "--stack", name]).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    }

    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("no output {name} in {:#?}", self.outputs))
    }

    /// Puts an event on the bus.
    pub(crate) fn put_event(&self, source: &str, detail_type: &str, detail: &Value) {
        let entry = json!({ "Source": source, "DetailType": detail_type, "Detail": detail.to_string() });
        let answer =
            self.cloud.ministack.json("events", "AWSEvents.PutEvents", &json!({ "Entries": [entry] }));
        assert_eq!(answer["FailedEntryCount"], 0, "{answer}");
    }

    /// Calls the function and waits for its answer.
    pub(crate) fn invoke(&self, event: &Value) -> Value {
        let path = format!("/2015-03-31/functions/{}/invocations", self.output("FunctionName"));
        let (status, answer) = self.cloud.ministack.rest("lambda", "POST", &path, &event.to_string());
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(&answer).unwrap()
    }

    pub(crate) fn send(&self, queue: &str, body: &Value) {
        let message = json!({ "QueueUrl": self.output(queue), "MessageBody": body.to_string() });
        self.cloud.ministack.json("sqs", "AmazonSQS.SendMessage", &message);
    }

    /// How many messages the queue has, those that somebody works on included.
    pub(crate) fn depth(&self, queue: &str) -> u32 {
        let names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ];
        let asked = json!({ "QueueUrl": self.output(queue), "AttributeNames": names });
        let answer = self.cloud.ministack.json("sqs", "AmazonSQS.GetQueueAttributes", &asked);
        let count =
            |name: &str| answer["Attributes"][name].as_str().map_or(0, |text| text.parse::<u32>().unwrap());
        names.into_iter().map(count).sum()
    }

    /// Those messages of the queue that are there now; they are taken out.
    pub(crate) fn receive(&self, queue: &str) -> Vec<Value> {
        let asked = json!({ "QueueUrl": self.output(queue), "MaxNumberOfMessages": 10 });
        let answer = self.cloud.ministack.json("sqs", "AmazonSQS.ReceiveMessage", &asked);
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        messages
            .iter()
            .map(|message| serde_json::from_str(message["Body"].as_str().unwrap()).unwrap())
            .collect()
    }
}

/// The crate's `deploy` directory.
pub(crate) fn deploy_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

/// The deploy script, calling the emulator by the AWS CLI that is pinned.
fn script(cloud: &Cloud, directory: &Path) -> Command {
    let aws = tool("aws").expect("emulators are not left out");
    let tools = Path::new(aws.get_program()).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&path))).unwrap();
    let mut command = Command::new(deploy_directory().join("deploy.sh"));
    command
        .envs(cloud.ministack.environment())
        // What the AWS CLI of version 1 calls the region.
        .env("AWS_DEFAULT_REGION", REGION)
        .env("CARGO_TARGET_DIR", directory)
        // The binary of a test is large, and this is not about its size.
        .env("ZIP_LEVEL", "1")
        .env("PATH", path);
    command
}

/// Where the script puts what it makes: beside the test's own files.
fn directory(stack: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("deployment-{stack}"));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}
