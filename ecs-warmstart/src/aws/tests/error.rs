//! From AWS's answers to our kinds.

use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_types::retry::RetryConfig;

use super::super::Ecs;
use super::super::error::{kind_of, permissions};
use super::wire::{End, Wire};
use crate::error::ErrorKind::{self, *};
use crate::error::PortError;

#[test]
fn kinds_by_code_text_and_status() {
    let cases: &[(&str, &str, u16, ErrorKind)] = &[
        ("ThrottlingException", "Rate exceeded", 400, Throttled),
        ("Throttling", "Rate exceeded", 400, Throttled),
        ("ThrottledException", "", 400, Throttled),
        ("RequestThrottledException", "", 400, Throttled),
        ("RequestThrottled", "", 400, Throttled),
        ("TooManyRequestsException", "", 429, Throttled),
        ("ProvisionedThroughputExceededException", "", 400, Throttled),
        ("TransactionInProgressException", "", 400, Throttled),
        ("RequestLimitExceeded", "", 503, Throttled),
        ("BandwidthLimitExceeded", "", 400, Throttled),
        ("LimitExceededException", "", 400, Throttled),
        ("SlowDown", "", 503, Throttled),
        ("PriorRequestNotComplete", "", 400, Throttled),
        ("EC2ThrottledException", "", 400, Throttled),
        ("InvalidParameterException", "Error retrieving subnet: Throttling: Rate exceeded", 400, Throttled),
        ("ClientException", "Rate exceeded", 400, Throttled),
        ("ClientException", "too many tasks are in the PROVISIONING state", 400, Throttled),
        ("AccessDeniedException", "User is not authorized to perform: ecs:RunTask", 400, Denied),
        ("AccessDenied", "", 403, Denied),
        ("ClientException", "User: x is not authorized to perform: iam:PassRole", 400, Denied),
        ("ExpiredTokenException", "", 400, Denied),
        ("ExpiredToken", "", 403, Denied),
        ("UnrecognizedClientException", "", 400, Denied),
        ("InvalidClientTokenId", "", 403, Denied),
        ("SignatureDoesNotMatch", "", 403, Denied),
        ("ClusterNotFoundException", "Cluster not found.", 400, NotFound),
        ("TargetGroupNotFound", "", 400, NotFound),
        ("ClientException", "Unable to describe task definition.", 400, NotFound),
        ("ClientException", "TaskDefinition not found.", 400, NotFound),
        ("ConflictException", "", 400, Conflict),
        ("ClientException", "Capacity is unavailable at this time.", 400, Capacity),
        ("InvalidParameterException", "TaskDefinition is inactive", 400, Invalid),
        ("InvalidParameterException", "PROVISIONING is a word here", 400, Invalid),
        ("ClientException", "No Container Instances were found in your cluster.", 400, Invalid),
        ("PlatformUnknownException", "", 400, Invalid),
        ("PlatformTaskDefinitionIncompatibilityException", "", 400, Invalid),
        ("BlockedException", "", 400, Invalid),
        ("UnsupportedFeatureException", "", 400, Invalid),
        ("TooManyTargets", "", 400, Invalid),
        ("InvalidTarget", "", 400, Invalid),
        ("NeverHeardOf", "", 400, Invalid),
        ("", "", 403, Denied),
        ("", "", 408, Timeout),
        ("", "", 429, Throttled),
        ("RequestTimeout", "", 400, Timeout),
        ("ServerException", "", 500, Unavailable),
        ("HealthUnavailable", "", 500, Unavailable),
        ("ServiceUnavailable", "", 503, Unavailable),
        ("NeverHeardOf", "", 502, Unavailable),
        ("NeverHeardOf", "", 302, Other),
    ];
    for (code, message, status, kind) in cases {
        assert_eq!(kind_of(Some(code), message, Some(*status)), *kind, "{code} {message} {status}");
    }
    assert_eq!(kind_of(None, "", None), Other);
}

/// One look at tasks over a wire that ends so, without the SDK's own retries.
async fn failed(
    end: End,
    region: Option<&'static str>,
    credentials: Option<impl ProvideCredentials + 'static>,
) -> PortError {
    let wire = Wire::new([end]);
    let mut config = aws_sdk_ecs::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(wire.client())
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            aws_smithy_types::timeout::TimeoutConfig::builder()
                .operation_attempt_timeout(std::time::Duration::from_secs(5))
                .build(),
        );
    if let Some(region) = region {
        config = config.region(Region::new(region));
    }
    if let Some(credentials) = credentials {
        config = config.credentials_provider(credentials);
    }
    let ecs = Ecs::new(aws_sdk_ecs::Client::from_conf(config.build()));
    let task = "arn:aws:ecs:us-east-2:111122223333:task/c/0a1b".parse().unwrap();
    ecs.observe_tasks(&"c".parse().unwrap(), &[task]).await.unwrap_err()
}

#[track_caller]
fn check(error: &PortError, kind: ErrorKind, said: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(error.to_string(), said);
    assert!(std::error::Error::source(error).is_some(), "the SDK's error is lost");
}

#[tokio::test(start_paused = true)]
async fn what_people_read() {
    let somebody = || Some(Credentials::for_tests());
    let answer = |body| failed(End::Answer(400, body), Some("us-east-2"), somebody());
    check(
        &answer(r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#).await,
        Throttled,
        "ThrottlingException: Rate exceeded",
    );
    check(
        &answer(r#"{"__type":"AccessDeniedException","message":"You may not"}"#).await,
        Denied,
        "AccessDeniedException: You may not; the caller needs the permission ecs:DescribeTasks",
    );
    check(
        &answer(r#"{"__type":"ExpiredTokenException","message":"The security token is expired"}"#).await,
        Denied,
        "ExpiredTokenException: the credentials are not valid (The security token is expired); set AWS_PROFILE, or \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in anew (`aws sso login`)",
    );
    check(&answer(r#"{"__type":"ClientException"}"#).await, Invalid, "ClientException: AWS gave no reason");
    let answer = |status, body| failed(End::Answer(status, body), Some("us-east-2"), somebody());
    check(
        &answer(503, "<html>Service Unavailable</html>").await,
        Unavailable,
        "the answer to DescribeTasks (HTTP 503) makes no sense",
    );
    check(
        &answer(200, "<html>Welcome to the hotel</html>").await,
        Other,
        "the answer to DescribeTasks (HTTP 200) makes no sense",
    );
    check(
        &failed(End::NeverConnected, Some("us-east-2"), somebody()).await,
        Unavailable,
        "DescribeTasks got no answer: connection refused",
    );
    check(
        &failed(End::Silence, Some("us-east-2"), somebody()).await,
        Timeout,
        "no answer to DescribeTasks in time",
    );
}

/// Nothing was sent, so nothing is in doubt.
#[tokio::test(start_paused = true)]
async fn without_a_region_or_credentials_nothing_is_in_doubt() {
    let end = || End::Answer(200, "{}");
    let no_region = failed(end(), None, Some(Credentials::for_tests())).await;
    check(
        &no_region,
        Invalid,
        "no AWS region is set; give --region, AWS_REGION, or `region` in the configuration file",
    );
    let remedy =
        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in anew (`aws sso login`)";
    let nobody = failed(end(), Some("us-east-2"), None::<Credentials>).await;
    let said = format!("no valid AWS credentials for DescribeTasks (none are configured); {remedy}");
    check(&nobody, Denied, &said);
    let broken = failed(end(), Some("us-east-2"), Some(Broken)).await;
    let said = format!("no valid AWS credentials for DescribeTasks (the vault is sealed); {remedy}");
    check(&broken, Denied, &said);
}

/// Has no credentials to give.
#[derive(Debug)]
struct Broken;

impl ProvideCredentials for Broken {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::ready(Err(CredentialsError::not_loaded("the vault is sealed")))
    }
}

#[test]
fn a_denial_names_every_permission_that_may_be_missing() {
    assert_eq!(permissions("ecs:StopTask"), "ecs:StopTask");
    for action in ["ecs:RunTask", "ecs:RegisterTaskDefinition"] {
        let said = permissions(action);
        assert!(
            [action, "iam:PassRole", "ecs:TagResource"].into_iter().all(|it| said.contains(it)),
            "{said}"
        );
    }
}
