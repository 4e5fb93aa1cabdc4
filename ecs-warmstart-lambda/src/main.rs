//! The function's binary, which packaging renames to `bootstrap`.

use ecs_warmstart_lambda::event;
use ecs_warmstart_lambda::failure::{Failure, FailureKind};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(answer)).await
}

async fn answer(invocation: LambdaEvent<Value>) -> Result<Value, Failure> {
    event::parse(invocation.payload, &invocation.context.request_id)?;
    Err(Failure::new(FailureKind::Unavailable, "understood, but there is nothing yet that carries it out"))
}
