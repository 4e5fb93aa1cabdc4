//! The Rust SDK's own waiter, on the SDK's mocks and in paused time: it polls as the `peers` benchmark says it does, and it
//! ends at the first MISSING.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ecs::client::Waiters;
use aws_sdk_ecs::operation::describe_tasks::DescribeTasksOutput;
use aws_sdk_ecs::types::{Failure, Task};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use benches::START;
use benches::peers::{PEERS, Poll};
use ecs_warmstart::clock::{Clock, TokioClock};

/// When the waiter looked, until the task was RUNNING after that time.
async fn looks(running_after: Duration) -> Vec<Duration> {
    let clock = TokioClock::starting_at(START);
    let looks = Arc::new(Mutex::new(Vec::new()));
    let (its_clock, its_looks) = (clock.clone(), Arc::clone(&looks));
    let rule = mock!(aws_sdk_ecs::Client::describe_tasks).then_compute_output(move |_| {
        let elapsed = its_clock.now().since(START);
        its_looks.lock().unwrap().push(elapsed);
        let status = if elapsed < running_after { "PENDING" } else { "RUNNING" };
        DescribeTasksOutput::builder().tasks(Task::builder().last_status(status).build()).build()
    });
    let client = mock_client!(aws_sdk_ecs, RuleMode::MatchAny, [&rule]);
    let waited =
        client.wait_until_tasks_running().cluster("c").tasks("t").wait(Duration::from_secs(3_000)).await;
    assert!(waited.is_ok(), "{waited:?}");
    std::mem::take(&mut *looks.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn it_waits_between_its_least_and_a_bound_that_doubles() {
    let poll @ Poll::Doubling { .. } = PEERS[0].running else { panic!("the first peer is the SDK's waiter") };
    let mut longest = Duration::ZERO;
    for _ in 0..200 {
        let looks = looks(Duration::from_secs(400)).await;
        assert_eq!(looks[0], Duration::ZERO, "the first look is at once");
        for (number, pair) in (1..).zip(looks.windows(2)) {
            let waited = pair[1] - pair[0];
            let (least, most) = (poll.delay(number, 0.0), poll.delay(number, 0.999_999));
            // Tokio's timer counts milliseconds.
            let most = most + Duration::from_millis(5);
            assert!(
                least <= waited && waited <= most,
                "look {number}: {waited:?} is not {least:?} to {most:?}"
            );
            longest = longest.max(waited);
        }
    }
    assert!(longest > Duration::from_secs(60), "at most {longest:?}: it never backs off");
}

#[tokio::test(start_paused = true)]
async fn it_ends_at_the_first_missing() {
    let rule = mock!(aws_sdk_ecs::Client::describe_tasks).then_output(|| {
        DescribeTasksOutput::builder().failures(Failure::builder().reason("MISSING").build()).build()
    });
    let client = mock_client!(aws_sdk_ecs, RuleMode::MatchAny, [&rule]);
    let waited =
        client.wait_until_tasks_running().cluster("c").tasks("t").wait(Duration::from_secs(300)).await;
    assert!(waited.is_err() && rule.num_calls() == 1, "{waited:?} after {} looks", rule.num_calls());
    assert!(PEERS[0].ends_at_missing);
}
