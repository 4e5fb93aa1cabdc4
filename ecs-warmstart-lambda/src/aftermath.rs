//! What becomes of a failure that nobody is told of: that of work which this function handed on to itself.
//!
//! A queue would deliver the same step again, long after its time is over, and three times whatever had happened. What may pass
//! is begun anew instead, and everything else is a dead letter at once, from which the event can be sent again.

use std::time::Duration;

use ecs_warmstart::clock::Clock;
use ecs_warmstart::time::Timestamp;

use crate::event::Origin;
use crate::failure::{Failure, FailureKind};
use crate::queue::Queue;

/// How often something is begun in all, as by the state machine.
const MOST_TRIES: u32 = 3;

/// How long a lack of capacity or a throttle is given to pass.
const PAUSE: Duration = Duration::from_secs(60);

/// Decides what becomes of it, and says so to whom it concerns.
pub(crate) struct Aftermath<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) again: Option<&'a dyn Queue>,
    pub(crate) dead_letters: Option<&'a dyn Queue>,
    pub(crate) clock: &'a dyn Clock,
    /// When a message is given up.
    pub(crate) until: Timestamp,
}

impl Aftermath<'_> {
    /// Settles it: then it is over for whoever delivered the message. Where nobody takes it, it is a failure as any other, and
    /// the message comes again.
    ///
    /// A message of which nobody knows whether it was sent may have been: then it is begun twice under one name, which is one
    /// start, or two dead letters tell of one failure.
    pub(crate) async fn of(&self, failure: Failure) -> Result<(), Failure> {
        let error_type = failure.kind().error_type();
        let tries = self.origin.tries;
        if let Some(again) = self.again.filter(|_| self.may_pass(failure.kind())) {
            let told = self.tell(again, &self.origin.once_more().to_string(), PAUSE).await;
            return told
                .then(|| tracing::warn!(error_type, tries, "{failure}; it is begun once more"))
                .ok_or(failure);
        }
        let Some(dead_letters) = self.dead_letters else { return Err(failure) };
        let letter = self.origin.dead_letter(&failure, &self.clock.now().to_string());
        let told = self.tell(dead_letters, &letter.to_string(), Duration::ZERO).await;
        told.then(|| tracing::error!(error_type, tries, "{failure}; it is in the dead letters"))
            .ok_or(failure)
    }

    fn may_pass(&self, kind: FailureKind) -> bool {
        time_may_cure(kind) && self.origin.tries < MOST_TRIES && !self.origin.is_stop()
    }

    async fn tell(&self, queue: &dyn Queue, body: &str, delay: Duration) -> bool {
        let sent = tokio::select! {
            biased;
            sent = queue.send(body, delay) => sent,
            () = self.clock.sleep_until(self.until) => Err("no answer in time".to_owned()),
        };
        if let Err(why) = &sent {
            tracing::error!(why, "the failure could not be told");
        }
        sent.is_ok()
    }
}

/// Whether time alone may cure it, and nothing is left of the try.
fn time_may_cure(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Unavailable | FailureKind::Capacity | FailureKind::OutOfTime => true,
        FailureKind::Undone
        | FailureKind::Kept
        | FailureKind::Refused
        | FailureKind::Misconfigured
        | FailureKind::Denied
        | FailureKind::InvalidEvent
        | FailureKind::InvalidConfiguration
        | FailureKind::Leaked => false,
    }
}
