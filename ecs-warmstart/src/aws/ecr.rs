//! Amazon ECR: what an image is, before anything pulls it.

use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::{Config, Region};
use aws_sdk_ecr::types::{Image, ImageFailure, ImageFailureCode, ImageIdentifier};
use aws_smithy_types::retry::RetryConfig;

use super::download::Download;
use super::error::port_error;
use crate::error::{ErrorKind, PortError};
use crate::facts::ImageFacts;
use crate::image::{Digest, EcrRepository, ImageRef, Manifest, Platform, platform_of_config};
use crate::ports::Result;

/// How long to look for the platform of a single image, once it is known that the image exists: 3 s. It is a few kilobytes,
/// and from a network without a way to S3 there never comes an answer.
pub(super) const CONFIG_PATIENCE: Duration = Duration::from_secs(3);

/// How many rules of a registry are looked at: what one page holds.
const RULES_MAX: i32 = 1000;

/// ECR, of any region and account that the credentials reach. Clones are handles on the same client.
#[derive(Clone, Debug)]
pub struct Ecr {
    client: Client,
    download: Download,
}

impl Ecr {
    /// ECR by this client. Images of other regions are asked for by a client like it.
    pub fn new(client: Client) -> Self {
        Self { client, download: Download::default() }
    }

    /// The image half of [`Inspector`](crate::ports::Inspector), for repositories of ECR's.
    ///
    /// An index says the platforms of its images. A single image says its own in its configuration, which ECR keeps in S3: it
    /// is downloaded (`GetDownloadUrlForLayer`, a few kilobytes), in at most 3 s. Where that is not allowed or S3 is
    /// not reached, the platform is left open.
    ///
    /// # Errors
    ///
    /// As the port says; `Denied` for an image of another registry. `Other` for one that is not there yet, where a pull through
    /// cache rule fetches it when ECS pulls it (`DescribePullThroughCacheRules`; where that may not be read, it is
    /// `NotFound`).
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn image(&self, image: &ImageRef) -> Result<ImageFacts> {
        let Some(repository) = image.ecr() else {
            return Err(PortError::new(ErrorKind::Denied, format!("{image} is no image of Amazon ECR")));
        };
        let client = self.client_of(&repository);
        match self.look(&client, image, &repository).await {
            Err(error) if error.kind() == ErrorKind::NotFound && is_cached(&client, &repository).await => {
                let message =
                    format!("{image} is not in Amazon ECR yet: a pull through cache rule fetches it");
                Err(PortError::new(ErrorKind::Other, message).with_source(error))
            }
            answer => answer,
        }
    }

    async fn look(
        &self,
        client: &Client,
        image: &ImageRef,
        repository: &EcrRepository,
    ) -> Result<ImageFacts> {
        let id = ImageIdentifier::builder()
            .set_image_digest(image.digest().map(ToString::to_string))
            .set_image_tag(image.effective_tag().map(str::to_owned))
            .build();
        let answer = client
            .batch_get_image()
            .registry_id(&repository.account)
            .repository_name(&repository.name)
            .image_ids(id)
            .set_accepted_media_types(Some(Manifest::MEDIA_TYPES.map(str::to_owned).to_vec()))
            .send()
            .await
            .map_err(|error| port_error("ecr:BatchGetImage", error))?;
        match (answer.images().first(), answer.failures().first()) {
            (Some(found), _) => match read(found)? {
                (digest, Manifest::Index(entries)) => Ok(ImageFacts::index(digest, entries)),
                (digest, Manifest::Image { config }) => {
                    let platform = match config {
                        Some(config) => self.platform(client, repository, &config).await,
                        None => None,
                    };
                    Ok(ImageFacts::single(digest, platform))
                }
            },
            (None, Some(failure)) => Err(not_got(image, failure)),
            (None, None) => Err(PortError::new(
                ErrorKind::Other,
                "BatchGetImage answered neither an image nor why there is none",
            )),
        }
    }

    /// That the image exists is known by now; whether its platform is, is worth no failure.
    async fn platform(
        &self,
        client: &Client,
        repository: &EcrRepository,
        config: &Digest,
    ) -> Option<Platform> {
        let text = match tokio::time::timeout(CONFIG_PATIENCE, self.config(client, repository, config)).await
        {
            Ok(text) => text,
            Err(_) => Err(PortError::new(ErrorKind::Timeout, "there was no answer in time")),
        };
        match text {
            Ok(text) => platform_of_config(&text),
            Err(error) => {
                tracing::debug!(repository = repository.name, %error, "the platform of a single image stays open");
                None
            }
        }
    }

    async fn config(&self, client: &Client, repository: &EcrRepository, config: &Digest) -> Result<String> {
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let answer = client
            .get_download_url_for_layer()
            .registry_id(&repository.account)
            .repository_name(&repository.name)
            .layer_digest(config.as_str())
            .customize()
            .config_override(once)
            .send()
            .await
            .map_err(|error| port_error("ecr:GetDownloadUrlForLayer", error))?;
        match answer.download_url() {
            Some(url) => self.download.text(url, config).await,
            None => Err(PortError::new(ErrorKind::Other, "GetDownloadUrlForLayer answered no address")),
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

/// Whether pulling an image of this repository fetches it from elsewhere. Asked only where the image is not there; what may
/// not be read is taken for no.
async fn is_cached(client: &Client, repository: &EcrRepository) -> bool {
    let once = Config::builder().retry_config(RetryConfig::disabled());
    let answer = client
        .describe_pull_through_cache_rules()
        .registry_id(&repository.account)
        .max_results(RULES_MAX)
        .customize()
        .config_override(once)
        .send()
        .await;
    match answer {
        Ok(answer) => answer
            .pull_through_cache_rules()
            .iter()
            .filter_map(|rule| rule.ecr_repository_prefix())
            .any(|prefix| repository.is_filled_by(prefix)),
        Err(error) => {
            let error = port_error("ecr:DescribePullThroughCacheRules", error);
            tracing::debug!(repository = repository.name, %error, "whether a cache fetches it stays open");
            false
        }
    }
}

fn read(image: &Image) -> Result<(Digest, Manifest)> {
    let senseless = |what: &str| PortError::new(ErrorKind::Other, format!("ECR's answer has {what}"));
    let text = image.image_manifest().ok_or_else(|| senseless("no manifest"))?;
    let named = image.image_id().and_then(|id| id.image_digest());
    let digest = match named {
        Some(digest) => digest.parse().map_err(|error| senseless("no digest").with_source(error))?,
        None => Digest::of(text.as_bytes()),
    };
    let manifest =
        Manifest::parse(text).map_err(|error| senseless("a manifest that is none").with_source(error))?;
    Ok((digest, manifest))
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
