//! The SDK's clients for moto.

use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region};
use ecs_warmstart::aws::Aws;
use ecs_warmstart::testing::moto::{Moto, REGION};

pub(crate) fn aws(moto: &Moto) -> Aws {
    let ecs = aws_sdk_ecs::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::for_tests())
        .endpoint_url(moto.endpoint())
        .build();
    let elb = aws_sdk_elasticloadbalancingv2::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(Credentials::for_tests())
        .endpoint_url(moto.endpoint())
        .build();
    Aws::new(aws_sdk_ecs::Client::from_conf(ecs), aws_sdk_elasticloadbalancingv2::Client::from_conf(elb))
}
