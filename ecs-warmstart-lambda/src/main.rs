//! The function's binary, which packaging renames to `bootstrap`.

// One thread: a function waits for answers nearly all of its time, and on the smallest of them there is no second one.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    ecs_warmstart_lambda::run().await
}
