//! From JSON to what is wanted.

use std::time::Duration;

use ecs_warmstart::ids::RunId;
use ecs_warmstart::observation::TaskObservation;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::detail::{StartDetail, StopDetail};
use super::origin::Origin;
use super::task_change::TaskDetail;
use crate::failure::Failure;

/// What an invocation carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// One call.
    One(Box<Call>),
    /// The records of a queue.
    Batch(Vec<Message>),
}

/// A record of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The queue's name for it, by which its failure is answered.
    pub id: String,
    /// What it carries.
    pub call: Result<Box<Call>, Failure>,
}

/// What one caller wants, and what becomes of the answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// What is wanted.
    pub request: Request,
    /// Whether the caller reads the answer, and calls again with the state in it.
    pub reads_answer: bool,
    /// How long an invocation may take by the caller's wish.
    pub budget: Option<Duration>,
    /// What it came from. Absent for a step of a caller that reads the answers.
    pub origin: Option<Origin>,
    /// Whether this function sent it to itself: then nobody else does anything about its failure.
    pub handed_on: bool,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Start tasks.
    Start {
        /// Names the start: the same name again is the same start.
        run: RunId,
        /// What to start.
        detail: Box<StartDetail>,
    },
    /// Stop tasks.
    Stop(StopDetail),
    /// Go on with what an earlier answer carried.
    Step {
        /// The state as it was answered.
        state: Value,
    },
    /// A task changed.
    TaskChange(Box<TaskObservation>),
}

/// A queue in a queue's message is no message of ours.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Outer,
    InMessage,
}

/// Reads what an invocation carries. `invocation` names the invocation, the same over its retries.
///
/// # Errors
///
/// [`InvalidEvent`](crate::failure::FailureKind::InvalidEvent), which names what is missing or does not fit.
pub fn parse(payload: Value, invocation: &str) -> Result<Event, Failure> {
    parse_at(payload, invocation, Depth::Outer)
}

fn parse_at(payload: Value, invocation: &str, depth: Depth) -> Result<Event, Failure> {
    let mut object = match payload {
        Value::Object(object) => object,
        // A schedule's input, or a target's constant, may come as text.
        Value::String(text) => return parse_text(&text, invocation, depth),
        other => return Err(Failure::invalid_event(format!("it is {}, not an object", kind_of(&other)))),
    };
    if let (Depth::Outer, Some(records)) = (depth, object.remove("Records")) {
        return batch(records);
    }
    call(object, invocation).map(|call| Event::One(Box::new(call)))
}

fn call(object: Map<String, Value>, invocation: &str) -> Result<Call, Failure> {
    if object.contains_key("action") {
        direct(object, invocation)
    } else if object.contains_key("detail-type") {
        event(object, invocation)
    } else {
        Err(Failure::invalid_event("it has neither `action` nor `detail-type`"))
    }
}

fn parse_text(text: &str, invocation: &str, depth: Depth) -> Result<Event, Failure> {
    match serde_json::from_str(text) {
        Ok(Value::String(_)) => Err(Failure::invalid_event("it is text within text")),
        Ok(value) => parse_at(value, invocation, depth),
        Err(error) => Err(Failure::invalid_event(format!("its text is not JSON ({error})"))),
    }
}

// --- The envelope of SQS

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_source: Option<String>,
    message_id: Option<String>,
    body: Option<String>,
}

fn batch(records: Value) -> Result<Event, Failure> {
    let records: Vec<Record> = typed(records, "Records")?;
    if records.is_empty() {
        return Err(Failure::invalid_event("`Records` is empty"));
    }
    let messages = records.into_iter().enumerate().map(|(place, record)| message(place, record));
    messages.collect::<Result<_, _>>().map(Event::Batch)
}

fn message(place: usize, record: Record) -> Result<Message, Failure> {
    let missing = |field: &str| Failure::invalid_event(format!("Records[{place}] has no `{field}`"));
    match record.event_source.as_deref() {
        Some("aws:sqs") => {}
        Some(other) => {
            return Err(Failure::invalid_event(format!(
                "Records[{place}] is of {other:?}; records of aws:sqs are taken"
            )));
        }
        None => return Err(missing("eventSource")),
    }
    let id = record.message_id.ok_or_else(|| missing("messageId"))?;
    let body = record.body.ok_or_else(|| missing("body"))?;
    let call = parse_text(&body, &id, Depth::InMessage).and_then(|event| match event {
        // Nobody reads the answer to a message.
        Event::One(call) => Ok(Box::new(Call { reads_answer: false, ..*call })),
        Event::Batch(_) => Err(Failure::invalid_event("it is a batch within a batch")),
    });
    Ok(Message { id, call })
}

// --- Direct calls

fn direct(mut object: Map<String, Value>, invocation: &str) -> Result<Call, Failure> {
    let action = text(&object, "action")?;
    let budget = match object.remove("budget_seconds") {
        None | Some(Value::Null) => None,
        Some(seconds) => Some(Duration::from_secs(typed::<u32>(seconds, "budget_seconds")?.into())),
    };
    let (request, origin) = match action.as_str() {
        "start" => begun(object, |it| start(it, &["run_id", "runId", "id"], invocation))?,
        "stop" => begun(object, |it| stop(it).map(Request::Stop))?,
        "step" => {
            let state = object.remove("state").filter(|state| !state.is_null());
            let request = Request::Step { state: state.ok_or_else(|| missing("state"))? };
            let origin = object.remove("origin").filter(|origin| !origin.is_null());
            let origin: Option<Origin> = origin.map(|origin| typed(origin, "origin")).transpose()?;
            let handed_on = origin.is_some();
            return Ok(Call { request, reads_answer: true, budget, origin, handed_on });
        }
        "again" => return again(object, invocation),
        other => {
            return Err(Failure::invalid_event(format!(
                "`action` is {other:?}; it is one of start, step, stop"
            )));
        }
    };
    Ok(Call { request, reads_answer: true, budget, origin, handed_on: false })
}

/// Reads what begins something, and keeps what it came from.
fn begun(
    mut object: Map<String, Value>,
    read: impl FnOnce(&mut Map<String, Value>) -> Result<Request, Failure>,
) -> Result<(Request, Option<Origin>), Failure> {
    let mut origin = Origin::first(object.clone());
    let request = read(&mut object)?;
    if let Request::Start { run, .. } = &request {
        origin.name(run.as_str());
    }
    Ok((request, Some(origin)))
}

/// What this function sends to itself, to begin something once more.
fn again(object: Map<String, Value>, invocation: &str) -> Result<Call, Failure> {
    let origin: Origin = typed(Value::Object(object), "again")?;
    let Value::Object(event) = origin.event else {
        return Err(Failure::invalid_event(format!("`event` is {}, not an object", kind_of(&origin.event))));
    };
    // Begun by what it began would have no end.
    if event.get("action").is_some_and(|action| action == "again" || action == "step") {
        return Err(Failure::invalid_event("`event` begins nothing"));
    }
    let call = call(event, invocation)?;
    let counted = call.origin.map(|first| Origin { tries: origin.tries, ..first });
    Ok(Call { origin: counted, handed_on: true, ..call })
}

// --- EventBridge

fn event(object: Map<String, Value>, invocation: &str) -> Result<Call, Failure> {
    let (request, origin) = match text(&object, "detail-type")?.as_str() {
        "Start ECS Task" => begun(object, |it| start(it, &["id", "run_id"], invocation))?,
        "Stop ECS Tasks" => begun(object, |it| stop(it).map(Request::Stop))?,
        "ECS Task State Change" => begun(object, task_change)?,
        "Scheduled Event" => {
            return Err(Failure::invalid_event(
                "a schedule says what to do in its input: {\"detail-type\": \"Start ECS Task\", \"id\": \
                 \"<aws.scheduler.execution-id>\", \"detail\": {...}}",
            ));
        }
        other => {
            return Err(Failure::invalid_event(format!(
                "`detail-type` is {other:?}; it is one of Start ECS Task, Stop ECS Tasks, ECS Task State Change"
            )));
        }
    };
    Ok(Call { request, reads_answer: false, budget: None, origin, handed_on: false })
}

fn task_change(object: &mut Map<String, Value>) -> Result<Request, Failure> {
    // EventBridge lets nobody else send as aws.ecs.
    match text(object, "source")?.as_str() {
        "aws.ecs" => {}
        other => {
            return Err(Failure::invalid_event(format!(
                "`source` of a task state change is {other:?}, not aws.ecs"
            )));
        }
    }
    let detail: TaskDetail = detail(object)?;
    Ok(Request::TaskChange(Box::new(detail.into_observation())))
}

// --- What they share

fn start(object: &mut Map<String, Value>, names: &[&str], invocation: &str) -> Result<Request, Failure> {
    if let Some(overrides) = object.get("detail").and_then(|detail| detail.get("overrides")) {
        objects_in(overrides, "detail.overrides")?;
    }
    let detail: StartDetail = detail(object)?;
    let run = match (&detail.run_id, names.iter().find(|name| is_given(object, name))) {
        (Some(run), _) => run.clone(),
        (None, Some(name)) => typed(object.remove(*name).unwrap_or_default(), name)?,
        (None, None) => invocation
            .parse()
            .map_err(|error| Failure::invalid_event(format!("it has no `{}`: {error}", names[0])))?,
    };
    Ok(Request::Start { run, detail: Box::new(detail) })
}

/// Refuses a list where overrides have an object: serde would take its items for the fields in their order, and what was
/// meant for a variable would become a role.
fn objects_in(value: &Value, path: &str) -> Result<(), Failure> {
    let is_object = matches!(value, Value::Object(_) | Value::Null);
    if !is_object {
        return Err(Failure::invalid_event(format!("`{path}` is {}, not an object", kind_of(value))));
    }
    for field in ["containerOverrides", "environment"] {
        let items = value.get(field).and_then(Value::as_array).into_iter().flatten();
        for (place, item) in items.enumerate() {
            objects_in(item, &format!("{path}.{field}[{place}]"))?;
        }
    }
    Ok(())
}

fn stop(object: &mut Map<String, Value>) -> Result<StopDetail, Failure> {
    let detail: StopDetail = detail(object)?;
    if detail.deregister_targets == Some(false) {
        return Err(Failure::invalid_event(
            "`detail.deregister_targets` is false, and a task is never stopped while traffic goes to it; leave it out",
        ));
    }
    Ok(detail)
}

fn is_given(object: &Map<String, Value>, name: &str) -> bool {
    object.get(name).is_some_and(|value| !value.is_null())
}

fn detail<T: DeserializeOwned>(object: &mut Map<String, Value>) -> Result<T, Failure> {
    match object.remove("detail") {
        Some(detail) if !detail.is_null() => typed(detail, "detail"),
        _ => Err(missing("detail")),
    }
}

fn text(object: &Map<String, Value>, name: &str) -> Result<String, Failure> {
    match object.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        None | Some(Value::Null) => Err(missing(name)),
        Some(other) => Err(Failure::invalid_event(format!("`{name}` is {}, not text", kind_of(other)))),
    }
}

fn missing(name: &str) -> Failure {
    Failure::invalid_event(format!("it has no `{name}`"))
}

/// Gives a value its type, and names the field that does not fit.
fn typed<T: DeserializeOwned>(value: Value, name: &str) -> Result<T, Failure> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = match error.path().to_string().as_str() {
            "." => name.to_owned(),
            path if path.starts_with('[') => format!("{name}{path}"),
            path => format!("{name}.{path}"),
        };
        let why = error.inner().to_string();
        // Elsewhere the text that does not fit is shown, since it is what one looks for.
        let why = if path.contains("overrides") { silent(&why) } else { discreet(&why).to_owned() };
        Failure::invalid_event(format!("`{path}`: {why}"))
    })
}

/// What was expected, without the text that stands there instead: it may be a secret in the wrong place.
fn discreet(why: &str) -> &str {
    let quotes = why.starts_with("invalid type: string") || why.starts_with("invalid value: string");
    why.rfind("expected ").filter(|_| quotes).map_or(why, |at| &why[at..])
}

/// As [`discreet`], and without the text that is no name or ARN: where variables stand, it may be one that slipped.
pub(crate) fn silent(why: &str) -> String {
    match why.rfind("\" is not ").filter(|_| why.starts_with('"')) {
        Some(end) => format!("what stands there{}", &why[end + 1..]),
        None => discreet(why).to_owned(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
