//! What goes over the wire between the function and the emulator; and what the emulator lacks: client tokens.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::http::{self, Message};

/// A proxy before the emulator that keeps what is sent, and answers `RunTask` as ECS does: a known token with its first answer.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    endpoint: String,
    sent: Arc<Mutex<Vec<(String, String)>>>,
    /// How many more looks at targets find them not healthy yet.
    unhealthy: Arc<AtomicU32>,
}

/// Whether client tokens count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// As with the emulator.
    Ignored,
    /// As with ECS.
    Known,
}

impl Wire {
    pub(crate) fn before(endpoint: &str, tokens: Tokens) -> Self {
        let host = endpoint.trim_start_matches("http://").to_owned();
        let sent: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
        let kept = Arc::clone(&sent);
        let unhealthy = Arc::new(AtomicU32::new(0));
        let left = Arc::clone(&unhealthy);
        let known: Mutex<HashMap<String, Message>> = Mutex::default();
        let address = http::serve(move |request| {
            let (action, body) = (action_of(&request), request.text());
            kept.lock().unwrap().push((action.clone(), body.clone()));
            let token = (action == "RunTask" && tokens == Tokens::Known).then(|| token_of(&body));
            let mut known = known.lock().unwrap();
            if let Some(answer) = token.as_ref().and_then(|token| known.get(token)) {
                return answer.clone();
            }
            match http::send(&host, &request) {
                Ok(mut answer) => {
                    answer.first = answer.first.replace("HTTP/1.0", "HTTP/1.1");
                    not_yet_healthy(&mut answer, &left);
                    if let Some(token) = token {
                        known.insert(token, answer.clone());
                    }
                    answer
                }
                Err(error) => Message::answer(502, &[], &error.to_string()),
            }
        });
        Self { endpoint: format!("http://{address}"), sent, unhealthy }
    }

    /// From now on so many looks at a target that is healthy find it being checked.
    pub(crate) fn slow_target(&self, looks: u32) {
        self.unhealthy.store(looks, Ordering::Relaxed);
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The bodies that were sent for an action, in order.
    pub(crate) fn sent(&self, action: &str) -> Vec<String> {
        let sent = self.sent.lock().unwrap();
        sent.iter().filter(|(its, _)| its == action).map(|(_, body)| body.clone()).collect()
    }

    /// The client tokens of all `RunTask`, in order.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.sent("RunTask").iter().map(|body| token_of(body)).collect()
    }
}

fn not_yet_healthy(answer: &mut Message, left: &AtomicU32) {
    let healthy = "<State>healthy</State>";
    let text = answer.text();
    let one_less = |left: u32| left.checked_sub(1);
    if text.contains(healthy) && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
        let initial = "<State>initial</State><Reason>Elb.InitialHealthChecking</Reason>";
        answer.body = text.replace(healthy, initial).into_bytes();
    }
}

fn token_of(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    body["clientToken"].as_str().unwrap().to_owned()
}

/// In the header for ECS and SQS, in the form for ELBv2.
fn action_of(request: &Message) -> String {
    if let Some(target) = request.header("x-amz-target") {
        return target.rsplit('.').next().unwrap_or_default().to_owned();
    }
    let body = request.text();
    let action = body.split('&').find_map(|field| field.strip_prefix("Action="));
    action.unwrap_or_default().to_owned()
}
