//! What a piece of work came from: with it the work can be begun anew, and somebody can be told what failed.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::Failure;

/// An event that nobody reads the answer to.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(expecting = "an object")]
pub struct Origin {
    /// As it came, with a name for a start that had none: sent again it is the same start.
    pub event: Value,
    /// How often it has been begun, this time included.
    pub tries: u32,
}

impl Origin {
    /// Of an event that came for the first time.
    pub(super) fn first(event: Value) -> Self {
        Self { event, tries: 1 }
    }

    /// Gives a start the name that it has been given for its first try.
    pub(super) fn name(&mut self, run: &str) {
        self.say("runId", run.into());
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
