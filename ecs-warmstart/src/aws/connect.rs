//! Clients as a run needs them, checked before anything starts.

use std::error::Error as StdError;
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_smithy_types::retry::RetryConfig;

use super::Aws;
use super::error::CREDENTIALS_REMEDY;
use crate::clock::{Clock, TokioClock};
use crate::time::Timestamp;

/// How long one attempt of a call may take: 5 s. The SDK sets none, and a connection that died without a word would hold
/// up a run for ever; ECS and ELBv2 answer within a second.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a call may take with all its attempts: 15 s, three of them. Whoever made the call retries by his own plan,
/// and has to see the deadline of his run between.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);

/// How often the SDK tries a call, the first time included: its own default.
const ATTEMPTS: u32 = 3;

/// How long to look for the configuration and the region. Only the metadata service of EC2 takes time, and where there is
/// none it may never answer.
const CONFIG_PATIENCE: Duration = Duration::from_secs(10);

/// How long to look for credentials: a process or an identity provider may be asked for them.
const CREDENTIALS_PATIENCE: Duration = Duration::from_secs(20);

/// What to know besides the environment and the files that every AWS tool reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// The region. Default: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile, the instance.
    pub region: Option<String>,
    /// Where to send every call, instead of AWS: for emulators. Default: `AWS_ENDPOINT_URL_ECS` and
    /// `AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2`, `AWS_ENDPOINT_URL`, the profile, AWS.
    pub endpoint_url: Option<String>,
}

/// Why there is no connection. Nothing was sent yet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No region is set anywhere.
    #[error("no AWS region is set; give --region, AWS_REGION, or `region = \"…\"` in the configuration file")]
    NoRegion,
    /// The endpoint is not a URL of HTTP.
    #[error("{0:?} is not an endpoint: it begins with http:// or https:// and names a host")]
    InvalidEndpoint(String),
    /// No credentials were found, or what was found could not be used.
    #[error("no valid AWS credentials: {why}; {CREDENTIALS_REMEDY}")]
    NoCredentials {
        /// What is wrong, in a few words.
        why: String,
        /// What the providers said.
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
}

/// The clients of one region, for this machine's own credentials.
///
/// Looks for a region and for credentials first, so that their absence is said once and before anything starts. That may
/// take up to half a minute on a machine that has none. Calls nobody where the credentials are in the environment or a
/// file.
///
/// # Errors
///
/// [`ConnectError`], each with its remedy.
///
/// # Cancel safety
///
/// Safe: it only reads.
pub async fn connect(options: &ConnectOptions) -> Result<Aws, ConnectError> {
    let config = load(aws_config::defaults(BehaviorVersion::v2026_01_12()), options).await?;
    check_credentials(&config).await?;
    let aws =
        Aws::new(aws_sdk_ecs::Client::new(&config), aws_sdk_elasticloadbalancingv2::Client::new(&config));
    #[cfg(feature = "ecr")]
    let aws = aws.with_ecr(super::Ecr::new(aws_sdk_ecr::Client::new(&config)));
    #[cfg(feature = "logs")]
    let aws = aws.with_logs(super::Logs::new(aws_sdk_cloudwatchlogs::Client::new(&config)));
    #[cfg(feature = "registry")]
    let aws = aws.with_registry(crate::registry::Registry::new());
    Ok(aws)
}

pub(super) async fn load(loader: ConfigLoader, options: &ConnectOptions) -> Result<SdkConfig, ConnectError> {
    let mut loader = loader
        .app_name(AppName::new("ecs-warmstart").expect("letters and '-' alone are a valid name"))
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        )
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(url) = &options.endpoint_url {
        check_endpoint(url)?;
        loader = loader.endpoint_url(url);
    }
    let config =
        tokio::time::timeout(CONFIG_PATIENCE, loader.load()).await.map_err(|_| ConnectError::NoRegion)?;
    match config.region() {
        Some(region) if !region.as_ref().is_empty() => Ok(config),
        Some(_) | None => Err(ConnectError::NoRegion),
    }
}

fn check_endpoint(url: &str) -> Result<(), ConnectError> {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    match host {
        Some(host) if host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') => Ok(()),
        Some(_) | None => Err(ConnectError::InvalidEndpoint(url.to_owned())),
    }
}

pub(super) async fn check_credentials(config: &SdkConfig) -> Result<(), ConnectError> {
    let Some(provider) = config.credentials_provider() else {
        return Err(ConnectError::NoCredentials { why: "none are configured".to_owned(), source: None });
    };
    let found = tokio::time::timeout(CREDENTIALS_PATIENCE, provider.provide_credentials()).await;
    let credentials = match found {
        Ok(Ok(credentials)) => credentials,
        Ok(Err(error)) => {
            let why = "none could be loaded".to_owned();
            return Err(ConnectError::NoCredentials { why, source: Some(error.into()) });
        }
        Err(_) => {
            let why = format!("no answer in {} s from whoever keeps them", CREDENTIALS_PATIENCE.as_secs());
            return Err(ConnectError::NoCredentials { why, source: None });
        }
    };
    let expiry = credentials.expiry().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    match expiry.map(|since_epoch| Timestamp::EPOCH + since_epoch) {
        Some(at) if at <= TokioClock::new().now() => {
            Err(ConnectError::NoCredentials { why: format!("they expired at {at}"), source: None })
        }
        Some(_) | None => Ok(()),
    }
}
