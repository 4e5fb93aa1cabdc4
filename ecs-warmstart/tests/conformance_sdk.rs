//! The contract of the ports on the SDK's own clients, whose answers come from the simulated cloud: what the adapters
//! make of requests and answers is right in both directions.

mod support;

use ecs_warmstart::testing::conformance::Fixture;

ecs_warmstart::conformance! {
    #[tokio::test(start_paused = true)]
    mod sdk => Fixture::memory().wrapped(support::through_the_sdk)
}
