//! Asks registries what an image is, and does not take the word of one that may hide it.

use std::time::Duration;

use super::handle::Fleet;
use crate::driver::Cancel;
use crate::error::{ErrorKind, PortError};
use crate::facts::ImageFacts;
use crate::image::ImageRef;

impl Fleet {
    /// What the image is.
    ///
    /// `is_private` says that its container has credentials for the registry. Only ECS reads these: here the registry is asked
    /// by a stranger, and one that hides what it has calls it missing. Amazon ECR is never asked by a stranger.
    ///
    /// # Errors
    ///
    /// Those of [`Inspector::image`](crate::ports::Inspector::image); `Denied` instead of `NotFound` where that may be hidden.
    pub(super) async fn image(
        &self,
        image: &ImageRef,
        is_private: bool,
        patience: Duration,
        cancel: &Cancel,
    ) -> Result<ImageFacts, PortError> {
        let read = self.patiently(patience, cancel, || self.ports.inspector.image(image)).await;
        read.map_err(|error| match error.kind() {
            ErrorKind::NotFound if is_private && image.ecr().is_none() => {
                let registry = image.registry();
                let why = format!(
                    "{registry} shows {image} to nobody without its credentials, or does not have it"
                );
                PortError::new(ErrorKind::Denied, why).with_source(error)
            }
            _ => error,
        })
    }
}
