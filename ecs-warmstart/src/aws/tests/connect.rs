//! What the clients are made of, from an environment of our own.

use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_sdk_ecs::config::Credentials;
use aws_types::os_shim_internal::{Env, Fs};

use super::super::connect::{check_credentials, load};
use super::super::{ATTEMPT_TIMEOUT, Aws, ConnectError, ConnectOptions, OPERATION_TIMEOUT};
use super::wire::{End, Wire};
use crate::clock::{Clock, TokioClock};
use crate::error::ErrorKind;
use crate::ids::{TargetGroupArn, TaskArn};
use crate::ports::{HealthWaiter, TargetRegistrar};
use crate::time::Timestamp;

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];

fn loader(wire: &Wire, variables: &[(&str, &str)]) -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(wire.client())
        .env(Env::from_slice(variables))
        .fs(Fs::from_slice(&[]))
}

async fn config(wire: &Wire, variables: &[(&str, &str)], options: &ConnectOptions) -> SdkConfig {
    load(loader(wire, &[&KEYS, variables].concat()), options).await.unwrap()
}

fn aws(config: &SdkConfig) -> Aws {
    Aws::new(aws_sdk_ecs::Client::new(config), aws_sdk_elasticloadbalancingv2::Client::new(config))
}

fn task() -> TaskArn {
    "arn:aws:ecs:us-east-2:111122223333:task/c/0a1b".parse().unwrap()
}

fn group() -> TargetGroupArn {
    "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef".parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_given_up() {
    let wire = Wire::new([End::Silence]);
    let config = config(&wire, &[("AWS_REGION", "us-east-2")], &ConnectOptions::default()).await;
    let timeouts = config.timeout_config().unwrap();
    assert_eq!(timeouts.operation_attempt_timeout(), Some(ATTEMPT_TIMEOUT));
    assert_eq!(timeouts.operation_timeout(), Some(OPERATION_TIMEOUT));

    let clock = TokioClock::starting_at(Timestamp::EPOCH);
    let error = aws(&config).observe_tasks(&"c".parse().unwrap(), &[task()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(clock.now(), Timestamp::EPOCH + OPERATION_TIMEOUT);
    assert!(wire.sent().len() > 1, "the attempt timeout leaves room for a second attempt");
    assert!(wire.sent()[0].user_agent.contains("app/ecs-warmstart"), "{:?}", wire.sent()[0]);
}

/// Where a call of ECS and one of ELBv2 go.
async fn hosts(variables: &[(&str, &str)], options: &ConnectOptions) -> [String; 2] {
    let wire = Wire::new([End::Answer(400, "{}")]);
    let region = [("AWS_REGION", "us-east-2")];
    let aws = aws(&config(&wire, &[&region, variables].concat(), options).await);
    aws.observe_tasks(&"c".parse().unwrap(), &[task()]).await.unwrap_err();
    aws.targets(&group()).await.unwrap_err();
    let sent = wire.sent();
    [sent[0].uri.clone(), sent[1].uri.clone()]
}

#[tokio::test(start_paused = true)]
async fn endpoints_are_taken_from_where_they_are_said() {
    let unsaid = ConnectOptions::default();
    let said = ConnectOptions { endpoint_url: Some("http://said:1".into()), ..ConnectOptions::default() };
    let all = ("AWS_ENDPOINT_URL", "http://all:2");
    let ecs = ("AWS_ENDPOINT_URL_ECS", "http://ecs:3");
    let elb = ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", "http://elb:4");
    let aws =
        ["https://ecs.us-east-2.amazonaws.com/", "https://elasticloadbalancing.us-east-2.amazonaws.com/"];
    assert_eq!(hosts(&[], &unsaid).await, aws);
    assert_eq!(hosts(&[all], &unsaid).await, ["http://all:2/", "http://all:2/"]);
    assert_eq!(hosts(&[all, ecs], &unsaid).await, ["http://ecs:3/", "http://all:2/"]);
    assert_eq!(hosts(&[ecs, elb], &unsaid).await, ["http://ecs:3/", "http://elb:4/"]);
    assert_eq!(hosts(&[all, ecs, elb], &said).await, ["http://said:1/", "http://said:1/"]);
}

#[tokio::test(start_paused = true)]
async fn the_region_is_taken_from_where_it_is_said() {
    let wire = Wire::new([End::Silence]);
    let said = ConnectOptions { region: Some("eu-west-1".into()), ..ConnectOptions::default() };
    let region = |config: SdkConfig| config.region().unwrap().to_string();
    let unsaid = config(&wire, &[("AWS_REGION", "us-east-2")], &ConnectOptions::default()).await;
    assert_eq!(region(unsaid), "us-east-2");
    assert_eq!(region(config(&wire, &[("AWS_REGION", "us-east-2")], &said).await), "eu-west-1");
}

/// The metadata service is asked last, and may never answer.
#[tokio::test(start_paused = true)]
async fn what_is_missing_is_said_in_bounded_time() {
    let wire = Wire::new([End::Silence]);
    let clock = TokioClock::starting_at(Timestamp::EPOCH);
    let error = load(loader(&wire, &[]), &ConnectOptions::default()).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoRegion), "{error:?}");
    assert_eq!(
        error.to_string(),
        "no AWS region is set; give --region, AWS_REGION, or `region = \"…\"` in the configuration file"
    );
    assert!(clock.now() <= Timestamp::EPOCH + Duration::from_secs(10), "{}", clock.now());

    let began = clock.now();
    let said = ConnectOptions { region: Some("us-east-2".into()), ..ConnectOptions::default() };
    let config = load(loader(&wire, &[]), &said).await.unwrap();
    let error = check_credentials(&config).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoCredentials { .. }), "{error:?}");
    assert!(error.to_string().starts_with("no valid AWS credentials: "), "{error}");
    assert!(error.to_string().contains("AWS_PROFILE"), "{error}");
    assert!(clock.now().since(began) <= Duration::from_secs(20), "{}", clock.now());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_none_is_refused() {
    let wire = Wire::new([End::Silence]);
    for url in ["localhost:5000", "http://", "ftp://x", "http:///x"] {
        let options = ConnectOptions { endpoint_url: Some(url.into()), ..ConnectOptions::default() };
        let error = load(loader(&wire, &KEYS), &options).await.unwrap_err();
        assert!(matches!(&error, ConnectError::InvalidEndpoint(named) if named == url), "{error:?}");
    }
}

/// Gives out credentials that expire so long from now, or expired.
#[derive(Debug)]
struct Until(SystemTime);

impl ProvideCredentials for Until {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        let mut credentials = Credentials::for_tests();
        *credentials.expiry_mut() = Some(self.0);
        Provided::ready(Ok(credentials))
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_expired_are_refused() {
    let config = |until| {
        let wire = Wire::new([End::Silence]);
        let said = ConnectOptions { region: Some("us-east-2".into()), ..ConnectOptions::default() };
        async move { load(loader(&wire, &[]).credentials_provider(Until(until)), &said).await.unwrap() }
    };
    let expired = config(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).await;
    let error = check_credentials(&expired).await.unwrap_err();
    assert!(error.to_string().contains("they expired at 2023-11-14T22:13:20.000Z"), "{error}");
    // The year 2200.
    let valid = config(SystemTime::UNIX_EPOCH + Duration::from_secs(7_258_118_400)).await;
    check_credentials(&valid).await.unwrap();
}
