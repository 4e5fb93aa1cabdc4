//! The queues: through one an invocation hands on what it cannot finish, the other hears of what failed for good.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;

/// AWS: a message is delayed by at most 15 minutes. What comes earlier than it has to do no harm.
const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// How long one attempt to send may take. The whole is given up by whoever sends.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// Takes messages: those that come back to this function later, or those that somebody has to look at.
#[async_trait]
pub trait Queue: Debug + Send + Sync + 'static {
    /// Sends the message, to be received when the delay is over.
    ///
    /// # Errors
    ///
    /// Why it was not taken, for people. It may have been sent all the same.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have sent the message. A state that is driven on twice ends the same.
    async fn send(&self, body: &str, delay: Duration) -> Result<(), String>;
}

/// A queue of SQS.
#[derive(Clone, Debug)]
pub(crate) struct Sqs {
    client: Client,
    url: String,
}

impl Sqs {
    /// The queues of these URLs, by the environment's region and credentials. Calls nobody.
    pub(crate) async fn all<const N: usize>(urls: [Option<&str>; N]) -> [Option<Arc<dyn Queue>>; N] {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
        let config =
            aws_config::defaults(BehaviorVersion::v2026_01_12()).timeout_config(timeouts).load().await;
        let client = Client::new(&config);
        urls.map(
            |url| Some(Arc::new(Self { client: client.clone(), url: url?.to_owned() }) as Arc<dyn Queue>),
        )
    }
}

#[async_trait]
impl Queue for Sqs {
    async fn send(&self, body: &str, delay: Duration) -> Result<(), String> {
        let seconds = delay.min(LONGEST_DELAY).as_millis().div_ceil(1000);
        let call = self.client.send_message().queue_url(&self.url).message_body(body);
        let call = call.delay_seconds(i32::try_from(seconds).unwrap_or(i32::MAX));
        call.send().await.map(drop).map_err(|error| DisplayErrorContext(error).to_string())
    }
}
