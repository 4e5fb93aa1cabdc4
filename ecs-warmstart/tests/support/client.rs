//! The clients, and what the rules of all need.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aws_smithy_mocks::{RuleMode, mock_client};
use aws_smithy_types::error::ErrorMetadata;
use ecs_warmstart::aws::{Aws, Ecr, Logs};
use ecs_warmstart::error::PortError;
use ecs_warmstart::ports::Ports;

use super::{ecr, ecs, elb, logs};

/// The same cloud, as the adapters see it by way of the SDK.
pub(crate) fn through_the_sdk(cloud: Ports) -> Ports {
    let (ecs, elb) = (ecs::rules(&cloud), elb::rules(&cloud));
    let (ecr, logs) = (ecr::rules(&cloud), logs::rules(&cloud));
    let aws = Aws::new(
        mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &ecs),
        mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, &elb),
    );
    // The client's own region is that of the images: another one would be asked by a client of its own.
    let in_region =
        |config: aws_sdk_ecr::config::Builder| config.region(aws_sdk_ecr::config::Region::new("us-east-2"));
    let ecr = mock_client!(aws_sdk_ecr, RuleMode::MatchAny, &ecr, in_region);
    let logs = mock_client!(aws_sdk_cloudwatchlogs, RuleMode::MatchAny, &logs);
    Ports::from_one(aws.with_ecr(Ecr::new(ecr)).with_logs(Logs::new(logs)))
}

/// The SDK asks for its answer in a function that cannot wait; a simulated cloud without latency need not.
pub(super) fn at_once<T>(answer: impl Future<Output = T>) -> T {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a cloud with latency cannot answer the SDK's mocks"),
    }
}

/// An error as AWS writes it.
pub(super) fn meta(error: &PortError) -> ErrorMetadata {
    let failure = error.failure();
    let code = failure.code.clone().unwrap_or_else(|| panic!("AWS gives every error a code: {error}"));
    ErrorMetadata::builder().code(code).message(failure.message.clone()).build()
}

pub(super) fn refusal(code: &str, message: &str) -> ErrorMetadata {
    ErrorMetadata::builder().code(code).message(message).build()
}
