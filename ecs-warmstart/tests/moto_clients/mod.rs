//! The SDK's clients for moto.

use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region};
use ecs_warmstart::aws::Aws;
use ecs_warmstart::testing::moto::{Moto, REGION};

macro_rules! client {
    ($sdk:ident, $moto:expr) => {
        $sdk::Client::from_conf(
            $sdk::Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .region(Region::new(REGION))
                .credentials_provider(Credentials::for_tests())
                .endpoint_url($moto.endpoint())
                .build(),
        )
    };
}

pub(crate) fn aws(moto: &Moto) -> Aws {
    let aws = Aws::new(client!(aws_sdk_ecs, moto), client!(aws_sdk_elasticloadbalancingv2, moto));
    #[cfg(feature = "ecr")]
    let aws = aws.with_ecr(ecs_warmstart::aws::Ecr::new(client!(aws_sdk_ecr, moto)));
    #[cfg(feature = "logs")]
    let aws = aws.with_logs(ecs_warmstart::aws::Logs::new(client!(aws_sdk_cloudwatchlogs, moto)));
    aws
}
