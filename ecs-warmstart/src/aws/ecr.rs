//! Amazon ECR: what an image is, before anything pulls it.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Region;
use aws_sdk_ecr::types::{Image, ImageFailure, ImageFailureCode, ImageIdentifier};

use super::error::port_error;
use crate::error::{ErrorKind, PortError};
use crate::facts::ImageFacts;
use crate::image::{Digest, EcrRepository, ImageRef, Manifest};
use crate::ports::Result;

/// ECR, of any region and account that the credentials reach. Clones are handles on the same client.
#[derive(Clone, Debug)]
pub struct Ecr {
    client: Client,
}

impl Ecr {
    /// ECR by this client. Images of other regions are asked for by a client like it.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The image half of [`Inspector`](crate::ports::Inspector), for repositories of ECR's.
    ///
    /// An index says the platforms of its images. Of a single image ECR says none without its configuration, which is a
    /// download; so its platform is left open.
    ///
    /// # Errors
    ///
    /// As the port says; `Denied` for an image of another registry.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn image(&self, image: &ImageRef) -> Result<ImageFacts> {
        let Some(repository) = image.ecr() else {
            return Err(PortError::new(ErrorKind::Denied, format!("{image} is no image of Amazon ECR")));
        };
        let id = ImageIdentifier::builder()
            .set_image_digest(image.digest().map(ToString::to_string))
            .set_image_tag(image.effective_tag().map(str::to_owned))
            .build();
        let answer = self
            .client_of(&repository)
            .batch_get_image()
            .registry_id(&repository.account)
            .repository_name(&repository.name)
            .image_ids(id)
            .set_accepted_media_types(Some(Manifest::MEDIA_TYPES.map(str::to_owned).to_vec()))
            .send()
            .await
            .map_err(|error| port_error("ecr:BatchGetImage", error))?;
        match (answer.images().first(), answer.failures().first()) {
            (Some(found), _) => facts_of(found),
            (None, Some(failure)) => Err(not_got(image, failure)),
            (None, None) => Err(PortError::new(
                ErrorKind::Other,
                "BatchGetImage answered neither an image nor why there is none",
            )),
        }
    }

    fn client_of(&self, repository: &EcrRepository) -> Client {
        let config = self.client.config();
        if config.region().is_some_and(|region| region.as_ref() == repository.region) {
            return self.client.clone();
        }
        let there = config.to_builder().region(Region::new(repository.region.clone())).build();
        Client::from_conf(there)
    }
}

fn facts_of(image: &Image) -> Result<ImageFacts> {
    let senseless = |what: &str| PortError::new(ErrorKind::Other, format!("ECR's answer has {what}"));
    let text = image.image_manifest().ok_or_else(|| senseless("no manifest"))?;
    let named = image.image_id().and_then(|id| id.image_digest());
    let digest = match named {
        Some(digest) => digest.parse().map_err(|error| senseless("no digest").with_source(error))?,
        None => Digest::of(text.as_bytes()),
    };
    let manifest =
        Manifest::parse(text).map_err(|error| senseless("a manifest that is none").with_source(error))?;
    Ok(match manifest {
        Manifest::Index(entries) => ImageFacts::index(digest, entries),
        Manifest::Image { .. } => ImageFacts::single(digest, None),
    })
}

fn not_got(image: &ImageRef, failure: &ImageFailure) -> PortError {
    let reason = failure.failure_reason().unwrap_or("no reason given");
    let kind = match failure.failure_code() {
        Some(ImageFailureCode::ImageNotFound | ImageFailureCode::ImageTagDoesNotMatchDigest) => {
            ErrorKind::NotFound
        }
        Some(ImageFailureCode::InvalidImageDigest | ImageFailureCode::InvalidImageTag) => ErrorKind::Invalid,
        Some(ImageFailureCode::UpstreamAccessDenied | ImageFailureCode::KmsError) => ErrorKind::Denied,
        Some(ImageFailureCode::UpstreamTooManyRequests) => ErrorKind::Throttled,
        Some(ImageFailureCode::UpstreamUnavailable) => ErrorKind::Unavailable,
        Some(_) | None => ErrorKind::Other,
    };
    let error = PortError::new(kind, format!("ECR has no {image}: {reason}"));
    match failure.failure_code() {
        Some(code) => error.with_code(code.as_str()),
        None => error,
    }
}
