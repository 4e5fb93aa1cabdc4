//! The function as Lambda runs it: everything that can be made once is made before the first event.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use ecs_warmstart::aws::{self, ConnectOptions};
use ecs_warmstart::clock::TokioClock;
use ecs_warmstart::ports::Ports;
use ecs_warmstart::time::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use crate::failure::{Failure, FailureKind};
use crate::handler::{Handler, Invocation};
use crate::logging;
use crate::queue::Sqs;
use crate::settings::Settings;

/// Answers events until Lambda ends the process.
///
/// # Errors
///
/// Where the runtime API cannot be spoken to.
///
/// # Panics
///
/// Outside of Lambda, where the runtime's variables are missing.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    let env = |name: &str| std::env::var(name).ok();
    logging::init(env);
    // What is wrong is answered to every event, by a type that alarms and queues know, instead of dying before the first.
    let handler = handler(env).await;
    if let Err(failure) = &handler {
        tracing::error!(error_type = failure.kind().error_type(), "{failure}");
    }
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let handler = handler.as_ref().map_err(Clone::clone)?;
        let answer = handler.handle(event.payload, &invocation(&event.context)).await;
        if let Err(failure) = &answer {
            tracing::error!(error_type = failure.kind().error_type(), "{failure}");
        }
        answer
    }))
    .await
}

async fn handler(env: impl Fn(&str) -> Option<String>) -> Result<Handler, Failure> {
    let settings = Settings::read(env)?;
    let options = ConnectOptions { region: settings.region.clone(), endpoint_url: None };
    let aws = aws::connect(&options)
        .await
        .map_err(|error| Failure::new(FailureKind::InvalidConfiguration, error.to_string()))?;
    let urls = [settings.continue_queue.as_deref(), settings.dead_letter_queue.as_deref()];
    let [queue, dead_letters] =
        if urls.iter().any(Option::is_some) { Sqs::all(urls).await } else { [None, None] };
    Ok(Handler::new(settings, Ports::from_one(aws), queue).with_dead_letters(dead_letters))
}

fn invocation(context: &lambda_runtime::Context) -> Invocation {
    let deadline = context.deadline().duration_since(UNIX_EPOCH).unwrap_or_default();
    Invocation {
        id: context.request_id.clone(),
        deadline: Timestamp::EPOCH + deadline,
        clock: Arc::new(TokioClock::new()),
    }
}
