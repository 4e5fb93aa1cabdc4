//! Errors of the SDK to ours, by what can be done about them.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::error::{ErrorKind, PortError};

/// What to do about credentials that do not work.
pub(super) const CREDENTIALS_REMEDY: &str = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in anew \
     (`aws sso login`)";

/// What a failed call comes to. `action` is its IAM action, such as `ecs:RunTask`.
pub(super) fn port_error<E>(action: &str, error: SdkError<E, HttpResponse>) -> PortError
where
    E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
{
    let call = action.rsplit(':').next().unwrap_or(action);
    let mapped = match &error {
        SdkError::ServiceError(service) => {
            service_error(action, service.err().meta(), Some(service.raw().status().as_u16()))
        }
        SdkError::ResponseError(response) => unread_answer(call, response.raw()),
        SdkError::TimeoutError(_) => {
            PortError::new(ErrorKind::Timeout, format!("no answer to {call} in time"))
        }
        SdkError::DispatchFailure(failure) => {
            let timed_out = failure.is_timeout();
            let wrong = failure.is_user();
            unsent(call, &error).unwrap_or_else(|| {
                if timed_out {
                    PortError::new(ErrorKind::Timeout, format!("no connection for {call} in time"))
                } else if wrong {
                    PortError::new(ErrorKind::Invalid, format!("{call} could not be sent: {}", root(&error)))
                } else {
                    PortError::new(ErrorKind::Unavailable, format!("{call} got no answer: {}", root(&error)))
                }
            })
        }
        SdkError::ConstructionFailure(_) => unsent(call, &error).unwrap_or_else(|| {
            PortError::new(ErrorKind::Invalid, format!("{call} could not be built: {}", root(&error)))
        }),
        // The SDK may grow new ways to fail; of one we do not know, nothing is known of its effect either.
        _ => PortError::new(ErrorKind::Other, format!("{call} failed: {}", root(&error))),
    };
    mapped.with_source(error)
}

/// An answer of AWS that says what went wrong.
fn service_error(
    action: &str,
    meta: &aws_smithy_types::error::ErrorMetadata,
    status: Option<u16>,
) -> PortError {
    let said = meta.message().unwrap_or_default();
    let kind = kind_of(meta.code(), said, status);
    let said = if said.is_empty() { "AWS gave no reason" } else { said };
    let message = match kind {
        ErrorKind::Denied if is_about_credentials(meta.code()) => {
            format!("the credentials are not valid ({said}); {CREDENTIALS_REMEDY}")
        }
        ErrorKind::Denied => format!("{said}; the caller needs the permission {}", permissions(action)),
        ErrorKind::Capacity
        | ErrorKind::Invalid
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Throttled
        | ErrorKind::Timeout
        | ErrorKind::Unavailable
        | ErrorKind::Other => said.to_owned(),
    };
    let error = PortError::new(kind, message);
    match meta.code() {
        Some(code) => error.with_code(code),
        None => error,
    }
}

/// Some calls need more than their own action, and AWS does not always say which was missing.
pub(super) fn permissions(action: &str) -> String {
    match action {
        "ecs:RunTask" | "ecs:RegisterTaskDefinition" => {
            format!("{action}, iam:PassRole for the task's roles and, where it has tags, ecs:TagResource")
        }
        _ => action.to_owned(),
    }
}

/// An answer that could not be read. It came, so the call may have taken effect.
fn unread_answer(call: &str, raw: &HttpResponse) -> PortError {
    let status = raw.status().as_u16();
    PortError::new(
        kind_of(None, "", Some(status)),
        format!("the answer to {call} (HTTP {status}) makes no sense"),
    )
}

/// What failed before anything was sent, where that is certain.
fn unsent(call: &str, error: &(dyn StdError + 'static)) -> Option<PortError> {
    for cause in chain(error) {
        // Of the errors below, the types are private to the SDK.
        let said = cause.to_string();
        if cause.is::<CredentialsError>() || said.contains("failed to select an auth scheme") {
            let why =
                if cause.is::<CredentialsError>() { root(cause) } else { "none are configured".to_owned() };
            return Some(PortError::new(
                ErrorKind::Denied,
                format!("no valid AWS credentials for {call} ({why}); {CREDENTIALS_REMEDY}"),
            ));
        }
        if said.contains("Missing Region") {
            return Some(PortError::new(
                ErrorKind::Invalid,
                "no AWS region is set; give --region, AWS_REGION, or `region` in the configuration file",
            ));
        }
    }
    None
}

/// The error and what caused it, down to the innermost.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut chain = vec![error];
    while let Some(cause) = chain[chain.len() - 1].source() {
        chain.push(cause);
    }
    chain
}

/// The innermost cause: the sentence that names the thing.
fn root(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(|cause| cause.to_string()).unwrap_or_default()
}

/// What AWS's answer asks of its caller.
///
/// Throttling comes first: ECS wraps it in exceptions that otherwise mean a wrong request.
pub(super) fn kind_of(code: Option<&str>, message: &str, status: Option<u16>) -> ErrorKind {
    let code = code.unwrap_or_default();
    if THROTTLED.contains(&code) || is_wrapped_throttle(code, message) {
        return ErrorKind::Throttled;
    }
    if DENIED.contains(&code) || is_about_credentials(Some(code)) || is_wrapped_denial(code, message) {
        return ErrorKind::Denied;
    }
    if NOT_FOUND.contains(&code) || is_unknown_task_definition(code, message) {
        return ErrorKind::NotFound;
    }
    if is_wrapped_capacity(code, message) {
        return ErrorKind::Capacity;
    }
    match code {
        "ConflictException" => return ErrorKind::Conflict,
        "RequestTimeout" | "RequestTimeoutException" => return ErrorKind::Timeout,
        _ => {}
    }
    if UNAVAILABLE.contains(&code) {
        return ErrorKind::Unavailable;
    }
    match status {
        Some(401 | 403) => ErrorKind::Denied,
        Some(408) => ErrorKind::Timeout,
        Some(429) => ErrorKind::Throttled,
        Some(400..=499) => ErrorKind::Invalid,
        Some(500..=599) => ErrorKind::Unavailable,
        Some(_) | None => ErrorKind::Other,
    }
}

/// What the SDK itself retries as throttling, and `Rate exceeded` of the query protocol.
const THROTTLED: [&str; 14] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];

const DENIED: [&str; 6] = [
    "AccessDenied",
    "AccessDeniedException",
    "NotAuthorized",
    "OptInRequired",
    "UnauthorizedException",
    "UnauthorizedOperation",
];

const NOT_FOUND: [&str; 7] = [
    "ClusterNotFoundException",
    "ImageNotFoundException",
    "RepositoryNotFoundException",
    "ResourceNotFoundException",
    "ServiceNotFoundException",
    "TargetGroupNotFound",
    "TargetGroupNotFoundException",
];

const UNAVAILABLE: [&str; 8] = [
    "ServerException",
    "HealthUnavailable",
    "HealthUnavailableException",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
];

/// Who asks is not known to AWS: another matter than what he may do.
fn is_about_credentials(code: Option<&str>) -> bool {
    matches!(
        code.unwrap_or_default(),
        "AuthFailure"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "RequestExpired"
            | "RequestTimeTooSkewed"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
    )
}

/// The exceptions in which ECS wraps what it heard from elsewhere.
fn is_wrapper(code: &str) -> bool {
    matches!(code, "ClientException" | "InvalidParameterException")
}

/// `PROVISIONING`: the quota of tasks that wait for capacity (500 a cluster); it frees itself as they start.
fn is_wrapped_throttle(code: &str, message: &str) -> bool {
    is_wrapper(code)
        && (message.contains("Throttling")
            || message.contains("Rate exceeded")
            || (code == "ClientException" && message.contains("PROVISIONING")))
}

/// A role that may not be passed may come so.
fn is_wrapped_denial(code: &str, message: &str) -> bool {
    is_wrapper(code) && message.contains("is not authorized to perform")
}

fn is_wrapped_capacity(code: &str, message: &str) -> bool {
    is_wrapper(code) && message.contains("Capacity is unavailable")
}

fn is_unknown_task_definition(code: &str, message: &str) -> bool {
    is_wrapper(code)
        && (message.contains("Unable to describe task definition")
            || message.contains("TaskDefinition not found"))
}
