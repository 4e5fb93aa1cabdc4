//! Client tokens as ECS has them: scoped to a cluster, and they keep the answer, also a failure.

use std::collections::HashMap;
use std::time::Duration;

use crate::error::Failure;
use crate::ids::ClientToken;
use crate::spec::LaunchRequest;
use crate::time::Timestamp;

/// How long a token outlives its task (ECS: "24 hours, or the lifetime of the task plus one hour", whichever is shorter).
const AFTER_TASK: Duration = Duration::from_secs(3600);

#[derive(Debug, Default)]
pub(super) struct Tokens {
    kept: HashMap<(String, ClientToken), Kept>,
}

#[derive(Debug)]
struct Kept {
    request: LaunchRequest,
    at: Timestamp,
    answer: Kind,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The task of that number.
    Task(usize),
    /// `failures[]`.
    Failures(Failure),
}

/// What a token says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: it is new, or forgotten.
    No,
    /// It was used for the same.
    Same(Kind),
    /// It was used for something else.
    Other(Kind),
}

impl Tokens {
    /// Looks a token up. `stopped` says when a task stopped, where it has.
    pub(super) fn look(
        &self,
        token: &ClientToken,
        request: &LaunchRequest,
        lifetime: Duration,
        now: Timestamp,
        stopped: impl Fn(usize) -> Option<Timestamp>,
    ) -> Known {
        let Some(kept) = self.kept.get(&key(token, request)) else {
            return Known::No;
        };
        let task_over = match kept.answer {
            Kind::Task(number) => stopped(number),
            Kind::Failures(_) => None,
        };
        let until = kept.at + lifetime;
        if now >= task_over.map_or(until, |over| until.min(over + AFTER_TASK)) {
            Known::No
        } else if same(&kept.request, request) {
            Known::Same(kept.answer.clone())
        } else {
            Known::Other(kept.answer.clone())
        }
    }

    pub(super) fn keep(
        &mut self,
        token: &ClientToken,
        request: &LaunchRequest,
        now: Timestamp,
        answer: Kind,
    ) {
        self.kept.insert(key(token, request), Kept { request: request.clone(), at: now, answer });
    }
}

fn key(token: &ClientToken, request: &LaunchRequest) -> (String, ClientToken) {
    (request.cluster.name().to_owned(), token.clone())
}

/// A cluster may be called by its name or by its ARN; everything else counts as it is written.
fn same(a: &LaunchRequest, b: &LaunchRequest) -> bool {
    a.cluster.name() == b.cluster.name() && LaunchRequest { cluster: b.cluster.clone(), ..a.clone() } == *b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn request(cluster: &str) -> LaunchRequest {
        LaunchRequest::new(cluster.parse().unwrap(), "web:1".parse().unwrap(), &"auth".parse().unwrap())
    }

    fn hour(hour: u64) -> Timestamp {
        Timestamp::from_millis(hour * 3_600_000)
    }

    #[test]
    fn scope_request_and_lifetime() {
        let token: ClientToken = "auth/0#0".parse().unwrap();
        let mut tokens = Tokens::default();
        tokens.keep(&token, &request("a"), hour(0), Kind::Task(7));
        let look = |request: &LaunchRequest, now, stopped: Option<u64>| {
            tokens.look(&token, request, DAY, hour(now), |number| {
                assert_eq!(number, 7);
                stopped.map(hour)
            })
        };
        let mut other = request("a");
        other.enable_execute_command = true;
        let by_arn = request("arn:aws:ecs:us-east-2:111122223333:cluster/a");
        for (request, now, stopped, expected) in [
            (&request("a"), 1, None, Known::Same(Kind::Task(7))),
            (&by_arn, 1, None, Known::Same(Kind::Task(7))),
            (&other, 1, None, Known::Other(Kind::Task(7))),
            (&request("b"), 1, None, Known::No),
            (&request("a"), 23, None, Known::Same(Kind::Task(7))),
            (&request("a"), 24, None, Known::No),
            (&request("a"), 3, Some(3), Known::Same(Kind::Task(7))),
            (&request("a"), 4, Some(3), Known::No),
            (&other, 4, Some(3), Known::No),
            (&request("a"), 24, Some(23), Known::No),
        ] {
            assert_eq!(look(request, now, stopped), expected, "at {now}, stopped {stopped:?}");
        }
    }

    #[test]
    fn keeps_failures_too() {
        let token: ClientToken = "auth/0#0".parse().unwrap();
        let mut tokens = Tokens::default();
        let failures = Kind::Failures(Failure::new(ErrorKind::Capacity, "RESOURCE:MEMORY"));
        tokens.keep(&token, &request("a"), hour(0), failures.clone());
        let known = tokens.look(&token, &request("a"), DAY, hour(2), |_| None);
        assert_eq!(known, Known::Same(failures));
    }
}
