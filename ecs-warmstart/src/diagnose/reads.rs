//! Reads that failed. What could not be read is never taken for what is not there.

use super::calls::of_kind;
use super::draft::Draft;
use super::evidence::{Evidence, FailedRead};
use crate::catalogue::Code;
use crate::catalogue::Confidence::High;
use crate::error::ErrorKind;

/// Without these nobody can say that nothing is wrong, or that nothing was started.
const NEEDED: [&str; 4] = ["ListTasks", "DescribeTasks", "DescribeServices", "DescribeTargetHealth"];

pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    needed(evidence).map(of_read).collect()
}

fn needed(evidence: &Evidence) -> impl Iterator<Item = &FailedRead> {
    evidence.failed_reads.iter().filter(|read| NEEDED.contains(&read.call.as_str()))
}

/// Whether all was read that has to be known.
pub(super) fn is_complete(evidence: &Evidence) -> bool {
    needed(evidence).next().is_none()
}

fn of_read(read: &FailedRead) -> Draft {
    let (code, confidence) = match read.kind {
        ErrorKind::NotFound => (absent(read), High),
        kind => of_kind(kind),
    };
    let draft = Draft::new(code, confidence)
        .quote(format!("{}: {}", read.call, read.message))
        .slot("call", &read.call);
    match code {
        Code::Denied => draft.remedy(format!(
            "allow {} to whoever asks (aws sts get-caller-identity says who that is), and ask again: without it \
             nobody can say what is there",
            action(&read.call)
        )),
        Code::NotFound => draft.saying("the target group does not exist").remedy(
            "correct target_group in the configuration, or the region or profile: aws elbv2 describe-target-groups"
                .to_owned(),
        ),
        Code::Throttled | Code::Timeout | Code::Unavailable | Code::CallFailed => draft
            .saying(format!("{} was not answered, so it is not known how things are", read.call))
            .remedy("ask again in some minutes; where it stays so, see the AWS Health Dashboard".to_owned()),
        _ => draft,
    }
}

fn action(call: &str) -> String {
    let service = if call == "DescribeTargetHealth" { "elasticloadbalancing" } else { "ecs" };
    format!("{service}:{call}")
}

/// What is not there.
fn absent(read: &FailedRead) -> Code {
    match read.call.as_str() {
        "DescribeTargetHealth" => Code::NotFound,
        "DescribeServices" if !read.message.contains("ClusterNotFound") => Code::EcsServiceMissing,
        "ListTasks" if read.message.contains("ServiceNotFound") => Code::EcsServiceMissing,
        _ => Code::ClusterMissing,
    }
}
