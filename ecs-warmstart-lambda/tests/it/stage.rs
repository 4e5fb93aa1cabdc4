//! A handler over a simulated cloud, a queue that can be watched, and the events that are sent to it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ecs_warmstart::clock::{Clock, TokioClock};
use ecs_warmstart::ids::TaskArn;
use ecs_warmstart::memory::{self, Action, InMemory, SAMPLE_SERVICES};
use ecs_warmstart::observation::TaskObservation;
use ecs_warmstart::ports::{HealthWaiter, Ports};
use ecs_warmstart::testing::{Chaos, ChaosPlan};
use ecs_warmstart::time::Timestamp;
use ecs_warmstart_lambda::failure::{Failure, FailureKind};
use ecs_warmstart_lambda::{Handler, Invocation, Queue, Settings};
use serde_json::{Value, json};

/// Longer than any start or stop of the sample takes.
pub(crate) const AMPLE: Duration = Duration::from_secs(900);

/// What the overrides of the fixtures need.
pub(crate) const ALLOWED: &str = "task-role:job execution-role:job-* cpu:512 memory:1024 command:authapi-container \
                                  environment:authapi-container/T*";

/// The value of a variable in the fixtures, which may be a secret.
pub(crate) const SECRET: &str = "never-to-be-shown";

/// How the queue behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mail {
    Delivered,
    /// Delivered, and the sender is told that it was not.
    AnswerLost,
    Refused,
    Hangs,
}

/// A queue whose messages the test delivers.
#[derive(Debug)]
pub(crate) struct Mailbox {
    clock: Arc<dyn Clock>,
    mail: Mutex<Mail>,
    waiting: Mutex<Vec<(Timestamp, String)>>,
}

impl Mailbox {
    fn new(clock: &Arc<dyn Clock>, mail: Mail) -> Self {
        Self { clock: Arc::clone(clock), mail: Mutex::new(mail), waiting: Mutex::default() }
    }

    pub(crate) fn set(&self, mail: Mail) {
        *self.mail.lock().unwrap() = mail;
    }
}

#[async_trait]
impl Queue for Mailbox {
    async fn send(&self, body: &str, delay: Duration) -> Result<(), String> {
        let mail = *self.mail.lock().unwrap();
        if mail == Mail::Hangs {
            return std::future::pending().await;
        }
        if mail != Mail::Refused {
            self.waiting.lock().unwrap().push((self.clock.now() + delay, body.to_owned()));
        }
        if mail == Mail::Delivered { Ok(()) } else { Err("no answer".to_owned()) }
    }
}

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) cloud: InMemory,
    pub(crate) chaos: Chaos,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mailbox: Arc<Mailbox>,
    /// What failed for good, where somebody hears of it.
    pub(crate) letters: Arc<Mailbox>,
    handler: Handler,
}

impl Stage {
    /// The sample's services, and no queue.
    pub(crate) fn new() -> Self {
        Self::with(&[("WARMSTART_CONFIG", &configuration(1))], None)
    }

    /// The same where the overrides of the fixtures are allowed, and no others.
    pub(crate) fn with_overrides() -> Self {
        Self::with(&[("WARMSTART_CONFIG", &configuration(1)), ("WARMSTART_ALLOW", ALLOWED)], None)
    }

    /// The same with a queue.
    pub(crate) fn with_queue() -> Self {
        Self::with(&[("WARMSTART_CONFIG", &configuration(1))], Some(Mail::Delivered))
    }

    pub(crate) fn with(variables: &[(&str, &str)], mail: Option<Mail>) -> Self {
        Self::on(memory::Settings::default(), variables, mail)
    }

    /// A network in which there are so many addresses.
    pub(crate) fn with_addresses(addresses: u32, variables: &[(&str, &str)]) -> Self {
        Self::on(memory::Settings { addresses, ..memory::Settings::default() }, variables, None)
    }

    fn on(settings: memory::Settings, variables: &[(&str, &str)], mail: Option<Mail>) -> Self {
        let clock: Arc<dyn Clock> =
            Arc::new(TokioClock::starting_at(Timestamp::from_millis(1_700_000_000_000)));
        let cloud = InMemory::sample_with(Arc::clone(&clock), settings);
        let chaos = Chaos::new(Ports::from_one(cloud.clone()), ChaosPlan::none());
        let env =
            |name: &str| variables.iter().find(|(its, _)| *its == name).map(|(_, value)| (*value).to_owned());
        let mailbox = Arc::new(Mailbox::new(&clock, mail.unwrap_or(Mail::Refused)));
        let letters = Arc::new(Mailbox::new(&clock, Mail::Delivered));
        let queue = mail.map(|_| Arc::clone(&mailbox) as Arc<dyn Queue>);
        let handler = Handler::new(Settings::read(env).unwrap(), chaos.ports(), queue);
        Self { cloud, chaos, clock, mailbox, letters, handler }
    }

    /// The sample's services, a queue, and one for what fails for good.
    pub(crate) fn with_dead_letters() -> Self {
        let stage = Self::with_queue();
        let letters: Arc<dyn Queue> = Arc::<Mailbox>::clone(&stage.letters);
        Self { handler: stage.handler.clone().with_dead_letters(Some(letters)), ..stage }
    }

    /// What failed for good since it was asked last.
    pub(crate) fn dead_letters(&self) -> Vec<Value> {
        let letters = std::mem::take(&mut *self.letters.waiting.lock().unwrap());
        letters.iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
    }

    /// What EventBridge tells of the task as it is now.
    pub(crate) async fn told(&self, task: &TaskArn) -> Value {
        let cluster = task.cluster().unwrap().parse().unwrap();
        event(&self.cloud.observe_tasks(&cluster, std::slice::from_ref(task)).await.unwrap().remove(0))
    }

    pub(crate) fn set_mail(&self, mail: Mail) {
        self.mailbox.set(mail);
    }

    /// Sends an event to an invocation with ample time.
    pub(crate) async fn send(&self, event: Value) -> Result<Value, Failure> {
        self.send_within(event, AMPLE).await
    }

    /// Sends an event to an invocation that is cut off after that time.
    pub(crate) async fn send_within(&self, event: Value, time: Duration) -> Result<Value, Failure> {
        let deadline = self.clock.now() + time;
        let clock = Arc::clone(&self.clock);
        let invocation = Invocation { id: "request-1".to_owned(), deadline, clock };
        let answer = tokio::time::timeout(time, self.handler.handle(event, &invocation)).await;
        answer.expect("the invocation was cut off")
    }

    /// Delivers what waits in the queue, each message so many times, until the queue is empty. Answers what the last came to.
    pub(crate) async fn deliver_all(&self, time: Duration, times: usize) -> Vec<Result<Value, Failure>> {
        let mut answers = Vec::new();
        for _ in 0..2_000 {
            let next = {
                let mut waiting = self.mailbox.waiting.lock().unwrap();
                waiting.sort();
                if waiting.is_empty() { None } else { Some(waiting.remove(0)) }
            };
            let Some((at, body)) = next else { return answers };
            self.clock.sleep_until(at).await;
            for _ in 0..times {
                answers.push(self.send_within(message(&body), time).await);
            }
        }
        panic!("the queue never gets empty");
    }

    /// Delivers what waits now, each message so many times.
    pub(crate) async fn deliver_once(&self, time: Duration, times: usize) -> Vec<Result<Value, Failure>> {
        let mut now = std::mem::take(&mut *self.mailbox.waiting.lock().unwrap());
        now.sort();
        let mut answers = Vec::new();
        for (at, body) in now {
            self.clock.sleep_until(at).await;
            for _ in 0..times {
                answers.push(self.send_within(message(&body), time).await);
            }
        }
        answers
    }

    /// Drops messages, so that no more than these are left.
    pub(crate) fn forget_all_but(&self, most: usize) {
        self.mailbox.waiting.lock().unwrap().truncate(most);
    }

    pub(crate) fn waiting(&self) -> usize {
        self.mailbox.waiting.lock().unwrap().len()
    }

    /// How many tasks run, how many targets are registered, and how many of these lead nowhere; once everything that was begun
    /// has taken effect.
    pub(crate) async fn standing(&self) -> (usize, usize, usize) {
        tokio::time::sleep(Duration::from_secs(120)).await;
        let cloud = &self.cloud;
        (cloud.running_tasks().len(), cloud.registered().len(), cloud.stale_targets().len())
    }

    pub(crate) fn count(&self, action: Action) -> usize {
        self.cloud.count(action)
    }
}

fn event(seen: &TaskObservation) -> Value {
    let details: Vec<Value> = seen
        .addresses
        .iter()
        .map(|address| json!({ "name": "privateIPv4Address", "value": address.to_string() }))
        .collect();
    let containers: Vec<Value> = seen
        .containers
        .iter()
        .map(|container| json!({ "name": container.name, "lastStatus": seen.status.to_string() }))
        .collect();
    json!({
        "id": "change-1",
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "detail": {
            "taskArn": seen.task,
            "clusterArn": format!("arn:aws:ecs:us-east-2:111122223333:cluster/{}", seen.task.cluster().unwrap()),
            "taskDefinitionArn": seen.task_definition,
            "lastStatus": seen.status.to_string(),
            "desiredStatus": if seen.is_ending() { "STOPPED" } else { "RUNNING" },
            "version": seen.version,
            "startedBy": seen.started_by,
            "attachments": [{ "type": "eni", "status": "ATTACHED", "details": details }],
            "containers": containers,
            "stopCode": seen.stop.as_ref().and_then(|stop| stop.code.as_ref()).map(|code| code.as_str()),
        },
    })
}

/// A message of a queue that carries this.
pub(crate) fn message(body: &str) -> Value {
    json!({ "Records": [{ "eventSource": "aws:sqs", "messageId": "m-1", "body": body }] })
}

/// The sample's services, each with so many tasks.
pub(crate) fn configuration(count: u32) -> String {
    let mut text = format!(
        "[defaults]\nlaunch_type = \"FARGATE\"\nsubnets = [\"subnet-a\", \"subnet-b\"]\nsecurity_groups = [\"sg-1\"]\n\
         count = {count}\n"
    );
    for service in &SAMPLE_SERVICES {
        let _ = write!(
            text,
            "[services.{0}]\ncluster = \"{1}\"\ntask_definition = \"{2}\"\n[[services.{0}.bindings]]\ntarget_group = \
             \"{3}\"\nport = {4}\n",
            service.name, service.cluster, service.task_definition, service.target_group, service.port
        );
    }
    text
}

pub(crate) fn start(id: &str, service: &str) -> Value {
    json!({ "id": id, "detail-type": "Start ECS Task", "source": "test", "detail": { "service": service } })
}

pub(crate) fn fixture(name: &str) -> Value {
    let path = fixtures().join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

/// Every fixture by its name, in the order of the names.
pub(crate) fn all_fixtures() -> Vec<(String, Value)> {
    let mut names: Vec<String> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), fixture(&name))).collect()
}

pub(crate) fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/events")
}

#[track_caller]
pub(crate) fn failed(answer: Result<Value, Failure>, kind: FailureKind) -> String {
    let failure = answer.unwrap_err();
    assert_eq!(failure.kind(), kind, "{failure}");
    failure.to_string()
}

/// The ARN of the only task of a report.
#[track_caller]
pub(crate) fn task_of(answer: &Value) -> String {
    assert_eq!(answer["status"], "finished", "{answer:#}");
    let tasks = answer["report"]["services"][0]["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 1, "{answer:#}");
    tasks[0]["task"].as_str().unwrap().to_owned()
}
