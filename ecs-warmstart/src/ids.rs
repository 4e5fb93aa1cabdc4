//! Names and ARNs, parsed on construction: a value of these types is well-formed.
//!
//! Parsing checks the shape, never whether the thing exists.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A name or ARN that does not have the shape it needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {what}: {why}")]
pub struct InvalidId {
    value: String,
    what: &'static str,
    why: String,
}

impl InvalidId {
    pub(crate) fn new(value: &str, what: &'static str, why: impl Into<String>) -> Self {
        Self { value: value.to_owned(), what, why: why.into() }
    }
}

/// Makes a newtype over `String` whose only way in is `parse_error`, the check of its shape.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses the text.
            ///
            /// # Errors
            ///
            /// [`InvalidId`], which names the text and what is wrong with it.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}
pub(crate) use id;

id! {
    /// An ECS cluster: its name, or its ARN.
    ClusterId, check_cluster
}
id! {
    /// A task's ARN, `arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID` (or the old form without the cluster).
    TaskArn, check_task
}
id! {
    /// A target group's ARN, `arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID`.
    TargetGroupArn, check_target_group
}
id! {
    /// A task definition: `family`, `family:revision`, or the ARN of a revision.
    TaskDefinitionId, check_task_definition
}
id! {
    /// A role's ARN, `arn:aws:iam::ACCOUNT:role/NAME`, with or without a path before its name.
    RoleArn, check_role
}
id! {
    /// The name of a configured service: 1 to 64 letters, digits, `-` and `_`.
    ///
    /// It is part of `startedBy`, by which its tasks are found again, and of its client tokens.
    ServiceName, check_service
}
id! {
    /// Names one run, over every retry and every process that takes it up: 1 to 256 characters of ASCII 33 to 126.
    ///
    /// The same id with the same request is the same run, and leads to the same task.
    RunId, check_run
}
id! {
    /// What makes `RunTask` idempotent: 1 to 64 characters of ASCII 33 to 126
    /// (`RunTask`'s `clientToken`, scoped to the cluster).
    ClientToken, check_token
}

impl ClusterId {
    /// The cluster's name, without the rest of its ARN.
    pub fn name(&self) -> &str {
        after_last(&self.0, '/')
    }
}

impl TaskArn {
    /// The task's id: the last part of its ARN, which names its log stream.
    pub fn id(&self) -> &str {
        after_last(&self.0, '/')
    }

    /// The name of the task's cluster; absent in the old form of the ARN.
    pub fn cluster(&self) -> Option<&str> {
        match self.0.split('/').collect::<Vec<_>>()[..] {
            [_, cluster, _] => Some(cluster),
            _ => None,
        }
    }

    /// The region in which it runs.
    pub fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }
}

impl TargetGroupArn {
    /// The target group's name.
    pub fn name(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or(&self.0)
    }
}

impl TaskDefinitionId {
    /// The family, without ARN and revision.
    pub fn family(&self) -> &str {
        self.name().split(':').next().unwrap_or(&self.0)
    }

    /// `family` or `family:revision`, without the rest of an ARN.
    pub fn name(&self) -> &str {
        after_last(&self.0, '/')
    }

    /// Whether both name the same, one perhaps by its ARN and the other by its name.
    pub fn is_same(&self, other: &Self) -> bool {
        let arns = self.0.starts_with("arn:") && other.0.starts_with("arn:");
        if arns { self.0 == other.0 } else { self.name() == other.name() }
    }
}

impl RoleArn {
    /// The role's name, without its path and the rest of its ARN.
    pub fn name(&self) -> &str {
        after_last(&self.0, '/')
    }
}

impl ServiceName {
    /// `startedBy` of every task that is launched for this service, and how such tasks are found again.
    pub fn started_by(&self) -> String {
        format!("{STARTED_BY}{}", self.0)
    }
}

impl RunId {
    /// The run that fills one slot of a service: whoever fills the same slot asks ECS with the same token.
    pub fn for_slot(service: &ServiceName, slot: u32) -> Self {
        Self(format!("{service}/{slot}"))
    }

    /// The run that fills one slot of a service within a call that has a name of its own. A name of more than 128
    /// characters goes in by its SHA-256.
    pub fn for_named_slot(call: &Self, service: &ServiceName, slot: u32) -> Self {
        let name = if call.0.len() > 128 { digest(&call.0) } else { call.0.clone() };
        Self(format!("{name}/{service}/{slot}"))
    }

    /// A name for a call that was given none, from a random number.
    pub(crate) fn for_call(random: u128) -> Self {
        Self(format!("call-{random:032x}"))
    }

    /// The run that takes something down.
    pub(crate) fn for_drain(service: &ServiceName, what: &str) -> Self {
        Self(format!("{service}/down/{}", digest(what)))
    }

    /// The run that takes over a task which runs already.
    pub(crate) fn for_adopted(service: &ServiceName, task: &TaskArn) -> Self {
        Self(format!("{service}/adopted/{}", digest(task.as_str())))
    }
}

impl ClientToken {
    /// The one token of an attempt of a run.
    ///
    /// Readable where it fits (`auth/0#2`); a longer run id keeps its beginning and goes in by its SHA-256, so that
    /// different runs have different tokens. Never changes: a task is found again by it.
    pub fn for_attempt(run: &RunId, attempt: u32) -> Self {
        let plain = format!("{run}#{attempt}");
        if plain.len() < TOKEN_MAX {
            return Self(plain);
        }
        let suffix = format!("~{}#{attempt}", digest(run.as_str()));
        let head = &run.as_str()[..TOKEN_MAX - suffix.len()];
        Self(format!("{head}{suffix}"))
    }
}

const TOKEN_MAX: usize = 64;

/// What the `startedBy` of every task of a service begins with.
pub(crate) const STARTED_BY: &str = "ecs-warmstart/";

/// The first half of the text's SHA-256, in hex: 32 characters.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn after_last(text: &str, separator: char) -> &str {
    text.rsplit(separator).next().unwrap_or(text)
}

fn check_cluster(text: &str) -> Result<(), InvalidId> {
    let what = "a cluster's name or ARN";
    if text.starts_with("arn:") {
        check_arn(text, what, "ecs", "cluster/")?;
    }
    check_name(after_last(text, '/'), text, what, 255)
}

fn check_task(text: &str) -> Result<(), InvalidId> {
    let what = "a task's ARN";
    check_arn(text, what, "ecs", "task/")?;
    check_name(after_last(text, '/'), text, what, 255)
}

fn check_target_group(text: &str) -> Result<(), InvalidId> {
    let what = "a target group's ARN";
    let rest = check_arn(text, what, "elasticloadbalancing", "targetgroup/")?;
    match rest.split('/').collect::<Vec<_>>()[..] {
        [name, id] if !name.is_empty() && !id.is_empty() => Ok(()),
        _ => Err(InvalidId::new(text, what, "it ends in targetgroup/NAME/ID")),
    }
}

fn check_task_definition(text: &str) -> Result<(), InvalidId> {
    let what = "a task definition";
    if text.starts_with("arn:") {
        check_arn(text, what, "ecs", "task-definition/")?;
    }
    let name = after_last(text, '/');
    if text.contains('/') && !text.starts_with("arn:") {
        return Err(InvalidId::new(text, what, "give FAMILY, FAMILY:REVISION or the whole ARN"));
    }
    let (family, revision) = match name.split_once(':') {
        Some((family, revision)) => (family, Some(revision)),
        None => (name, None),
    };
    if revision.is_some_and(|revision| revision.parse::<u32>().is_err()) {
        return Err(InvalidId::new(text, what, "the revision after ':' is a number"));
    }
    check_name(family, text, what, 255)
}

fn check_role(text: &str) -> Result<(), InvalidId> {
    let what = "a role's ARN";
    let wrong = |why: &str| InvalidId::new(text, what, why);
    let begins = "it begins with arn:aws:iam::ACCOUNT:role/";
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let &["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
        return Err(wrong(begins));
    };
    let name = resource.strip_prefix("role/").ok_or_else(|| wrong(begins))?;
    if !partition.starts_with("aws") {
        return Err(wrong(begins));
    }
    check_account(account).map_err(wrong)?;
    if after_last(name, '/').is_empty() {
        return Err(wrong("the name is empty"));
    }
    check_printable(text, what, 2048)
}

fn check_account(account: &str) -> Result<(), &'static str> {
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if is_account { Ok(()) } else { Err("its account is not of 12 digits") }
}

fn check_service(text: &str) -> Result<(), InvalidId> {
    check_name(text, text, "a service's name", 64)
}

fn check_run(text: &str) -> Result<(), InvalidId> {
    check_printable(text, "a run id", 256)
}

fn check_token(text: &str) -> Result<(), InvalidId> {
    check_printable(text, "a client token", TOKEN_MAX)
}

/// Checks everything before the resource's own name, and returns that name.
fn check_arn<'a>(
    text: &'a str,
    what: &'static str,
    service: &str,
    resource: &str,
) -> Result<&'a str, InvalidId> {
    let wrong = |why: String| InvalidId::new(text, what, why);
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let &[arn, partition, its_service, region, account, its_resource] = parts.as_slice() else {
        return Err(wrong(format!("it begins with arn:aws:{service}:REGION:ACCOUNT:{resource}")));
    };
    if arn != "arn" || !partition.starts_with("aws") {
        return Err(wrong("it begins with arn:aws:".to_owned()));
    }
    if its_service != service {
        return Err(wrong(format!("it is of {its_service:?}, not of {service:?}")));
    }
    if region.is_empty() {
        return Err(wrong("it has no region".to_owned()));
    }
    check_account(account).map_err(|why| wrong(why.to_owned()))?;
    its_resource.strip_prefix(resource).ok_or_else(|| wrong(format!("{resource} is missing")))
}

fn check_name(name: &str, text: &str, what: &'static str, max: usize) -> Result<(), InvalidId> {
    if name.is_empty() {
        return Err(InvalidId::new(text, what, "the name is empty"));
    }
    if name.len() > max {
        return Err(InvalidId::new(
            text,
            what,
            format!("the name has {} characters, at most {max}", name.len()),
        ));
    }
    match name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))) {
        Some(c) => Err(InvalidId::new(text, what, format!("{c:?} is not a letter, digit, '-' or '_'"))),
        None => Ok(()),
    }
}

fn check_printable(text: &str, what: &'static str, max: usize) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::new(text, what, "it is empty"));
    }
    if text.len() > max {
        return Err(InvalidId::new(text, what, format!("it has {} characters, at most {max}", text.len())));
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(c) => Err(InvalidId::new(text, what, format!("{c:?} is not a printable ASCII character"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GROUP: &str =
        "arn:aws:elasticloadbalancing:us-east-2:111122223333:targetgroup/auth/0123456789abcdef";

    #[test]
    fn parts_of_an_arn() {
        let cluster = ClusterId::new("arn:aws:ecs:us-east-2:111122223333:cluster/authapi-cluster").unwrap();
        assert_eq!(cluster.name(), "authapi-cluster");
        assert_eq!(ClusterId::new("batch-engine").unwrap().name(), "batch-engine");
        let task = TaskArn::new("arn:aws-cn:ecs:cn-north-1:111122223333:task/c/0a1b").unwrap();
        assert_eq!((task.id(), task.cluster(), task.region()), ("0a1b", Some("c"), "cn-north-1"));
        let old = TaskArn::new("arn:aws:ecs:us-east-2:111122223333:task/0a1b").unwrap();
        assert_eq!((old.id(), old.cluster()), ("0a1b", None));
        assert_eq!(TargetGroupArn::new(GROUP).unwrap().name(), "auth");
        assert_eq!(RoleArn::new("arn:aws:iam::111122223333:role/service/auth").unwrap().name(), "auth");
        for text in ["web", "web:3", "arn:aws:ecs:us-east-2:111122223333:task-definition/web:3"] {
            assert_eq!(TaskDefinitionId::new(text).unwrap().family(), "web");
        }
    }

    #[track_caller]
    fn refused<T: FromStr<Err = InvalidId> + fmt::Debug>(text: &str, why: &str) {
        let message = text.parse::<T>().unwrap_err().to_string();
        assert!(message.contains(why), "{message}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        refused::<TargetGroupArn>("auth", "it begins with arn:aws:elasticloadbalancing:");
        refused::<TargetGroupArn>(&GROUP.replace("loadbalancing", "compute"), "it is of");
        refused::<TargetGroupArn>(&GROUP.replace("/0123456789abcdef", ""), "targetgroup/NAME/ID");
        refused::<TargetGroupArn>(&GROUP.replace("111122223333", "1"), "12 digits");
        refused::<TaskArn>("arn:aws:ecs:us-east-2:111122223333:cluster/x", "task/ is missing");
        refused::<ClusterId>("a b", "' ' is not a letter");
        refused::<TaskDefinitionId>("web:latest", "a number");
        refused::<TaskDefinitionId>("a/web", "whole ARN");
        refused::<RoleArn>("auth", "it begins with arn:aws:iam::");
        refused::<RoleArn>("arn:aws:iam::111122223333:user/auth", "it begins with arn:aws:iam::");
        refused::<RoleArn>("arn:aws:iam::1:role/auth", "12 digits");
        refused::<RoleArn>("arn:aws:iam::111122223333:role/", "empty");
        refused::<RoleArn>("arn:aws:iam::111122223333:role/a b", "printable");
        refused::<ServiceName>("", "empty");
        refused::<ServiceName>(&"x".repeat(65), "at most 64");
        refused::<RunId>("a b", "printable");
        refused::<ClientToken>(&"x".repeat(65), "at most 64");
    }

    #[test]
    fn tokens_are_fixed_for_ever() {
        let auth = ServiceName::new("auth").unwrap();
        assert_eq!(ClientToken::for_attempt(&RunId::for_slot(&auth, 0), 2).as_str(), "auth/0#2");
        let long = RunId::new("x".repeat(128)).unwrap();
        assert_eq!(
            ClientToken::for_attempt(&long, 7).as_str(),
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxx~24da1b81d0b16df6428eee73c69fcb2a#7"
        );
    }

    #[test]
    fn a_run_of_a_slot_is_a_valid_id_however_long_its_parts_are() {
        let (call, service) =
            (RunId::new("x".repeat(256)).unwrap(), ServiceName::new("s".repeat(64)).unwrap());
        let run = RunId::for_named_slot(&call, &service, u32::MAX);
        assert!(RunId::new(run.as_str()).is_ok());
        assert_eq!(
            RunId::for_named_slot(&"ci-7".parse().unwrap(), &service, 0).as_str(),
            format!("ci-7/{service}/0")
        );
    }

    proptest! {
        #[test]
        fn a_token_is_valid_and_unique(a in "[!-~]{1,128}", b in "[!-~]{1,128}", i: u32, j: u32) {
            let (run_a, run_b) = (RunId::new(a).unwrap(), RunId::new(b).unwrap());
            let (x, y) = (ClientToken::for_attempt(&run_a, i), ClientToken::for_attempt(&run_b, j));
            prop_assert!(ClientToken::new(x.as_str()).is_ok());
            prop_assert_eq!(x == y, run_a == run_b && i == j);
        }
    }
}
