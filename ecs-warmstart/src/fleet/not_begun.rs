//! Why a deployment was not begun.

use super::report::CauseReport;
use crate::error::{ErrorKind, PortError};
use crate::image::ImageRef;
use crate::preflight::push_it;

/// Why a deployment was not begun.
pub(super) struct NotBegun {
    /// Whether it may have been begun all the same.
    pub(super) unsure: bool,
    pub(super) cause: Box<CauseReport>,
}

pub(super) fn refused(code: &str, summary: String, remedy: &str) -> NotBegun {
    let remedy = (!remedy.is_empty()).then(|| remedy.to_owned());
    let cause = CauseReport { code: code.to_owned(), summary, remedy, ..CauseReport::default() };
    NotBegun { unsure: false, cause: Box::new(cause) }
}

/// A call that the deployment consists of failed.
pub(super) fn call_failed(call: &str, error: &PortError) -> NotBegun {
    let remedy = match (error.kind(), call) {
        (ErrorKind::Denied, "RegisterTaskDefinition") => {
            "allow ecs:RegisterTaskDefinition and iam:PassRole for the definition's roles and, where it has tags, \
             ecs:TagResource"
                .to_owned()
        }
        (ErrorKind::Denied, _) => format!("allow ecs:{call}"),
        (ErrorKind::NotFound, _) => "correct the name of the cluster or of the ECS service".to_owned(),
        _ => String::new(),
    };
    failed(format!("{call} failed: {error}"), error, &remedy)
}

/// A read failed without which nobody could see whether the deployment serves. `action` is its IAM action.
pub(super) fn unwatchable(action: &str, error: &PortError) -> NotBegun {
    let call = action.rsplit(':').next().unwrap_or(action);
    let remedy = match error.kind() {
        ErrorKind::Denied => format!("allow {action}"),
        _ => String::new(),
    };
    failed(format!("{call} failed, so the deployment could not be watched: {error}"), error, &remedy)
}

pub(super) fn unresolved(image: &ImageRef, error: &PortError) -> NotBegun {
    let unknown = || format!("the digest of image {image} is not known: {error}");
    match error.kind() {
        ErrorKind::NotFound => {
            refused("image_not_found", format!("image {image} does not exist"), &push_it(image))
        }
        ErrorKind::Denied => refused(
            "image_not_resolved",
            unknown(),
            match image.ecr() {
                Some(_) => "allow ecr:BatchGetImage on its repository",
                None => "name an image that its registry shows without credentials, or one in Amazon ECR",
            },
        ),
        _ => refused("image_not_resolved", unknown(), ""),
    }
}

fn failed(summary: String, error: &PortError, remedy: &str) -> NotBegun {
    let mut refused = refused(error.kind().as_str(), summary, remedy);
    refused.cause.transient = Some(error.kind().is_retryable());
    refused
}
