//! What a registry says of an image.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use tokio::io::AsyncReadExt;

use super::error::port_error;
use crate::error::{ErrorKind, PortError};
use crate::facts::ImageFacts;
use crate::image::{CONFIG_MAX, Digest, ImageRef, Manifest, Platform, platform_of_config};
use crate::ports::Result;

/// How long one look may take, token, manifest and configuration together: 15 s, as a call to AWS.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Registries, asked without an account: what is private there is `Denied`. Clones are handles on the same connections.
///
/// A look reads a manifest, which Docker Hub counts as a pull by this machine's address.
///
/// A registry on the loopback interface is spoken to in plain HTTP, as Docker does; every other one in HTTPS.
#[derive(Clone)]
pub struct Registry {
    secure: Arc<Client>,
    loopback: Arc<Client>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl Registry {
    /// Registries, of whichever host an image names.
    pub fn new() -> Self {
        let client = |protocol| {
            let read_timeout = Some(TIMEOUT);
            let connect_timeout = Some(TIMEOUT);
            Arc::new(Client::new(ClientConfig {
                protocol,
                read_timeout,
                connect_timeout,
                ..Default::default()
            }))
        };
        Self { secure: client(ClientProtocol::Https), loopback: client(ClientProtocol::Http) }
    }

    /// The image half of [`Inspector`](crate::ports::Inspector), for any registry that speaks OCI's API.
    ///
    /// # Errors
    ///
    /// As the port says; `Denied` where it is shown to nobody without an account.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn image(&self, image: &ImageRef) -> Result<ImageFacts> {
        let client = if is_loopback(image.registry()) { &self.loopback } else { &self.secure };
        match tokio::time::timeout(TIMEOUT, look(client, image)).await {
            Ok(answer) => answer,
            Err(_) => {
                let message = format!("no answer from {} in time", image.registry());
                Err(PortError::new(ErrorKind::Timeout, message))
            }
        }
    }
}

async fn look(client: &Client, image: &ImageRef) -> Result<ImageFacts> {
    let (registry, repository) = (image.registry().to_owned(), image.repository());
    let reference = match (image.effective_tag(), image.digest()) {
        (None, Some(digest)) => Reference::with_digest(registry, repository, digest.to_string()),
        (tag, _) => Reference::with_tag(registry, repository, tag.unwrap_or("latest").to_owned()),
    };
    let anonymous = RegistryAuth::Anonymous;
    let pulled = client.pull_manifest_raw(&reference, &anonymous, &Manifest::MEDIA_TYPES).await;
    let (bytes, _) = pulled.map_err(|error| port_error(image, error))?;
    // What the bytes are, not what a header says.
    let digest = Digest::of(&bytes);
    let text = String::from_utf8_lossy(&bytes);
    let senseless = |error| {
        let message = format!("{} answered a manifest that is none", image.registry());
        PortError::new(ErrorKind::Other, message).with_source(error)
    };
    Ok(match Manifest::parse(&text).map_err(senseless)? {
        Manifest::Index(entries) => ImageFacts::index(digest, entries),
        Manifest::Image { config } => {
            // That it exists is known; whether its platform is, is worth no failure.
            let platform = match config {
                Some(config) => platform_of(client, &reference, &config).await,
                None => None,
            };
            ImageFacts::single(digest, platform)
        }
    })
}

async fn platform_of(client: &Client, image: &Reference, config: &Digest) -> Option<Platform> {
    let descriptor = OciDescriptor { digest: config.to_string(), ..OciDescriptor::default() };
    // More than fits in waits for a reader that never comes, and the look times out.
    let (mut read, write) = tokio::io::duplex(CONFIG_MAX);
    client.pull_blob(image, &descriptor, write).await.ok()?;
    let mut text = String::new();
    read.read_to_string(&mut text).await.ok()?;
    platform_of_config(&text)
}

fn is_loopback(registry: &str) -> bool {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        Some(_) | None => registry,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_spoken_to_in_plain_http() {
        for (registry, plain) in [
            ("localhost", true),
            ("localhost:5000", true),
            ("127.0.0.1:5000", true),
            ("[::1]:5000", true),
            ("[::1]", true),
            ("docker.io", false),
            ("10.0.0.1:5000", false),
            ("localhost.example.com", false),
        ] {
            assert_eq!(is_loopback(registry), plain, "{registry}");
        }
    }
}
