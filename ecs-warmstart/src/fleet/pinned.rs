//! Resolves the images of a service to digests before its launch.

use super::handle::Fleet;
use super::service::Service;
use crate::driver::Cancel;
use crate::facts::TaskDefinitionFacts;
use crate::image::ImageRef;
use crate::preflight::{Finding, not_resolved};
use crate::spec::Pins;

/// What each container may run: the image that its tag stands for now, by the digest of its index and of its platforms.
///
/// # Errors
///
/// A finding where a digest is not known: then nothing is launched, since nothing could be compared.
pub(super) async fn pins(
    fleet: &Fleet,
    service: &Service,
    definition: &TaskDefinitionFacts,
    cancel: &Cancel,
) -> Result<Pins, Finding> {
    let mut pins = Pins::default();
    for container in &definition.containers {
        let image = container.image.parse::<ImageRef>();
        let image = image.map_err(|error| not_resolved(container, &error.to_string()))?;
        let is_private = container.has_registry_credentials;
        let read = fleet.image(&image, is_private, service.running_timeout, cancel).await;
        let facts = read.map_err(|error| not_resolved(container, &error.to_string()))?;
        pins.pin(&container.name, [facts.digest]);
        pins.pin(&container.name, facts.images.into_iter().map(|image| image.digest));
    }
    Ok(pins)
}
