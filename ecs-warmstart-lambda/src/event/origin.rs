//! What a piece of work came from: with it the work can be begun anew, and somebody can be told what failed.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// An event that nobody reads the answer to.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(expecting = "an object")]
pub struct Origin {
    /// As it came, but that a start has a name for certain: sent again it is the same start.
    pub event: Value,
    /// How often it has been begun, this time included.
    pub tries: u32,
}

impl Origin {
    /// Of an event that came for the first time. What a message says as a direct call becomes the event that says the same: a
    /// direct call is answered, and whoever sends it again may not read the answer.
    pub(super) fn first(mut event: Map<String, Value>) -> Self {
        let detail_type = match event.get("action").and_then(Value::as_str) {
            Some("start") => Some("Start ECS Task"),
            Some("stop") => Some("Stop ECS Tasks"),
            Some(_) | None => None,
        };
        if let Some(detail_type) = detail_type {
            let detail = event.remove("detail").unwrap_or_default();
            event = Map::from_iter([
                ("detail-type".to_owned(), detail_type.into()),
                ("detail".to_owned(), detail),
            ]);
        }
        Self { event: Value::Object(event), tries: 1 }
    }

    /// Gives a start the name that it has been given for its first try.
    pub(super) fn name(&mut self, run: &str) {
        if let Some(Value::Object(detail)) = self.event.get_mut("detail") {
            // The other way to write it: both would be one too many.
            detail.remove("run_id");
        }
        self.say("runId", run.into());
    }

    /// Whether it begins a stop. Begun anew it would stop what was started since.
    pub(crate) fn is_stop(&self) -> bool {
        self.event["detail-type"] == "Stop ECS Tasks"
    }

    /// Lets a start go on with its launches where this try ended.
    pub(crate) fn after(mut self, attempts: &[u32]) -> Self {
        if attempts.iter().any(|attempt| *attempt > 0) {
            self.say("attempts", attempts.into());
        }
        self
    }

    fn say(&mut self, field: &str, value: Value) {
        if let Some(Value::Object(detail)) = self.event.get_mut("detail") {
            detail.insert(field.to_owned(), value);
        }
    }

    /// The message that begins it once more.
    pub(crate) fn once_more(&self) -> Value {
        json!({ "action": "again", "event": self.event, "tries": self.tries.saturating_add(1) })
    }

    /// What a step carries of it.
    pub(crate) fn carried(&self) -> Value {
        json!({ "event": self.event, "tries": self.tries })
    }

    /// What is known of a failure for good, as Lambda writes it for the destination of what it could not run: whoever looks
    /// through dead letters finds one form.
    pub(crate) fn dead_letter(&self, failure: &Failure, now: &str) -> Value {
        json!({
            "version": "1.0",
            "timestamp": now,
            "requestContext": { "condition": "WarmStartFailed", "approximateInvokeCount": self.tries },
            "requestPayload": self.event,
            "responsePayload": {
                "errorType": failure.kind().error_type(),
                "errorMessage": failure.to_string(),
            },
        })
    }
}

impl fmt::Debug for Origin {
    /// Without the event, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("tries", &self.tries).finish_non_exhaustive()
    }
}
