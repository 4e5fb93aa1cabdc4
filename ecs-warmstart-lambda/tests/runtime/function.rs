//! The real binary, started as `bootstrap` under a runtime API that the test feeds.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ecs_warmstart::clock::{Clock, TokioClock};
use serde_json::Value;

use crate::http::{self, Message};

/// How long an answer may take beyond its deadline: a busy machine is no function that was cut off.
const SLACK: Duration = Duration::from_secs(60);

/// A function, running.
#[derive(Debug)]
pub(crate) struct Function {
    child: Child,
    invocations: Sender<(String, Value, u64)>,
    answers: Receiver<(String, Result<Value, Value>)>,
    said: Arc<Mutex<String>>,
    clock: TokioClock,
    number: u32,
    _dir: tempfile::TempDir,
}

impl Function {
    /// Starts it with nothing in its environment but what Lambda sets and this.
    pub(crate) fn start(environment: &HashMap<String, String>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bootstrap = dir.path().join("bootstrap");
        std::os::unix::fs::symlink(Path::new(env!("CARGO_BIN_EXE_ecs-warmstart-lambda")), &bootstrap)
            .unwrap();
        let (invocations, waiting) = channel();
        let (answering, answers) = channel();
        let waiting = Mutex::new(waiting);
        let answering = Mutex::new(answering);
        let address = http::serve(move |request| runtime_api(&request, &waiting, &answering));
        let mut child = Command::new(bootstrap)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "warmstart")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("LAMBDA_TASK_ROOT", dir.path())
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().unwrap(), &said);
        listen(child.stderr.take().unwrap(), &said);
        Self { child, invocations, answers, said, clock: TokioClock::new(), number: 0, _dir: dir }
    }

    /// Invokes it with an event that it may work on for so long; an error is what it reports as one.
    pub(crate) fn invoke(&mut self, event: Value, time: Duration) -> Result<Value, Value> {
        self.number += 1;
        let id = format!("request-{}", self.number);
        let deadline = self.clock.now() + time;
        self.invocations.send((id.clone(), event, deadline.as_millis())).unwrap();
        let answer = self.answers.recv_timeout(time + SLACK);
        let (its, answer) = answer.unwrap_or_else(|error| panic!("no answer ({error}): {}", self.said()));
        assert_eq!(its, id);
        let late = self.clock.now().since(deadline);
        assert!(late < Duration::from_secs(1), "{late:?} after its deadline: {}", self.said());
        answer
    }

    /// Everything it wrote.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// The lines in CloudWatch's embedded metric format.
    pub(crate) fn metrics(&self) -> Vec<Value> {
        let lines = self.said();
        let documents = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        documents.filter(|document| document["_aws"].is_object()).collect()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to stop.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(output: impl Read + Send + 'static, said: &Arc<Mutex<String>>) {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap();
            said.push_str(&line);
            said.push('\n');
        }
    });
}

type Waiting = Mutex<Receiver<(String, Value, u64)>>;
type Answering = Mutex<Sender<(String, Result<Value, Value>)>>;

fn runtime_api(request: &Message, waiting: &Waiting, answering: &Answering) -> Message {
    let path = request.path().trim_start_matches("/2018-06-01/runtime/");
    let answered = |id: &str, answer| {
        // Nobody listens any more where the test has ended.
        let _ = answering.lock().unwrap().send((id.to_owned(), answer));
        Message::answer(202, &[], "")
    };
    let body = || serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
    match path.split('/').collect::<Vec<_>>()[..] {
        ["invocation", "next"] => {
            let Ok((id, event, deadline)) = waiting.lock().unwrap().recv() else {
                return Message::answer(410, &[], "");
            };
            let deadline = deadline.to_string();
            let headers = [
                ("Lambda-Runtime-Aws-Request-Id", id.as_str()),
                ("Lambda-Runtime-Deadline-Ms", deadline.as_str()),
                (
                    "Lambda-Runtime-Invoked-Function-Arn",
                    "arn:aws:lambda:us-east-1:123456789012:function:warmstart",
                ),
                ("Content-Type", "application/json"),
            ];
            Message::answer(200, &headers, &event.to_string())
        }
        ["invocation", id, "response"] => answered(id, Ok(body())),
        ["invocation", id, "error"] => answered(id, Err(body())),
        _ => Message::answer(404, &[], path),
    }
}
