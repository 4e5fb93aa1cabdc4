//! Errors of the client to ours, by what can be done about them.

use oci_client::errors::{OciDistributionError, OciEnvelope, OciErrorCode};

use crate::error::{ErrorKind, PortError};
use crate::image::ImageRef;

/// What a failed look comes to.
pub(super) fn port_error(image: &ImageRef, error: OciDistributionError) -> PortError {
    let kind = kind_of(&error);
    let registry = image.registry();
    let message = match kind {
        ErrorKind::NotFound => format!("{registry} has no {image}"),
        // Docker Hub says no more of a repository that does not exist.
        ErrorKind::Denied => format!("{registry} shows {image} to nobody without an account"),
        ErrorKind::Throttled => format!("{registry} limits how often it answers"),
        ErrorKind::Timeout => format!("no answer from {registry} in time"),
        _ => format!("{registry} could not say what {image} is"),
    };
    PortError::new(kind, message).with_source(error)
}

fn kind_of(error: &OciDistributionError) -> ErrorKind {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => ErrorKind::NotFound,
        OciDistributionError::AuthenticationFailure(_) | OciDistributionError::UnauthorizedError { .. } => {
            ErrorKind::Denied
        }
        OciDistributionError::RegistryError { envelope, .. } => kind_of_envelope(envelope),
        OciDistributionError::ServerError { code, .. } => kind_of_status(*code),
        OciDistributionError::RequestError(error) if error.is_timeout() => ErrorKind::Timeout,
        OciDistributionError::RequestError(_) | OciDistributionError::IoError(_) => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    }
}

fn kind_of_envelope(envelope: &OciEnvelope) -> ErrorKind {
    match envelope.errors.first().map(|error| &error.code) {
        Some(
            OciErrorCode::ManifestUnknown
            | OciErrorCode::NameUnknown
            | OciErrorCode::BlobUnknown
            | OciErrorCode::NotFound,
        ) => ErrorKind::NotFound,
        Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => ErrorKind::Denied,
        Some(OciErrorCode::Toomanyrequests) => ErrorKind::Throttled,
        Some(OciErrorCode::NameInvalid | OciErrorCode::TagInvalid) => ErrorKind::Invalid,
        Some(_) | None => ErrorKind::Other,
    }
}

fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Denied,
        404 => ErrorKind::NotFound,
        429 => ErrorKind::Throttled,
        400..=499 => ErrorKind::Invalid,
        500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    }
}
