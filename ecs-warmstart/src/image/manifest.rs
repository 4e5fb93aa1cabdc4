//! Manifests, as registries answer them: one image, or an index of images by platform.

use serde::Deserialize;

use super::digest::Digest;
use super::platform::Platform;

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manifest {
    /// An image index or manifest list: an image for each platform. Attestations are left out.
    Index(Vec<ManifestEntry>),
    /// One image. Its platform stands in its configuration, which is a blob of its own.
    Image {
        /// The configuration's digest; none in the old form of schema 1, and for what is no container image.
        config: Option<Digest>,
    },
}

/// An image of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestEntry {
    /// The digest of its manifest.
    pub digest: Digest,
    /// What it runs on; none where the index does not say.
    pub platform: Option<Platform>,
}

impl Manifest {
    /// The media types to ask a registry for: OCI's and Docker's, index and image. Without the index types a registry may
    /// answer with one image of an index.
    pub const MEDIA_TYPES: [&'static str; 4] = [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ];

    /// Reads a manifest. Which kind it is, its content says: registries leave the media type out.
    ///
    /// # Errors
    ///
    /// Where it is no JSON, or has neither images nor layers.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let wire: WireManifest = serde_json::from_str(text)?;
        if let Some(manifests) = wire.manifests {
            return Ok(Self::Index(manifests.into_iter().filter_map(entry).collect()));
        }
        match (wire.config, wire.layers.is_some() || wire.fs_layers.is_some()) {
            (None, false) => {
                Err(serde::de::Error::custom("a manifest has `manifests`, or `config` and `layers`"))
            }
            (config, _) => Ok(Self::Image { config: config.and_then(|config| config.digest.parse().ok()) }),
        }
    }
}

fn entry(descriptor: WireDescriptor) -> Option<ManifestEntry> {
    let platform = descriptor.platform.map(WirePlatform::into_platform);
    // Provenance and SBOM of a build stand beside its images.
    let is_image = platform.as_ref().is_none_or(Platform::is_known);
    let digest = descriptor.digest.parse().ok()?;
    is_image.then_some(ManifestEntry { digest, platform })
}

/// How large an image's configuration may be: 4 MiB, what registries allow for a manifest.
#[cfg(any(feature = "ecr", feature = "registry"))]
pub(crate) const CONFIG_MAX: usize = 4 * 1024 * 1024;

/// The platform that an image's configuration names.
pub fn platform_of_config(config: &str) -> Option<Platform> {
    serde_json::from_str::<WirePlatform>(config)
        .ok()
        .map(WirePlatform::into_platform)
        .filter(Platform::is_known)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireManifest {
    manifests: Option<Vec<WireDescriptor>>,
    config: Option<WireDescriptor>,
    layers: Option<Vec<serde::de::IgnoredAny>>,
    fs_layers: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct WireDescriptor {
    digest: String,
    platform: Option<WirePlatform>,
}

#[derive(Deserialize)]
struct WirePlatform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl WirePlatform {
    fn into_platform(self) -> Platform {
        Platform::new(&self.os, &self.architecture, self.variant.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(number: u8) -> Digest {
        Digest::of(&[number])
    }

    #[test]
    fn an_index_without_its_attestations() {
        let text = format!(
            r#"{{"schemaVersion": 2, "manifests": [
                {{"digest": "{}", "platform": {{"os": "linux", "architecture": "amd64"}}}},
                {{"digest": "{}", "platform": {{"os": "linux", "architecture": "arm64", "variant": "v8"}}}},
                {{"digest": "{}", "platform": {{"os": "unknown", "architecture": "unknown"}}}},
                {{"digest": "{}"}}]}}"#,
            digest(1),
            digest(2),
            digest(3),
            digest(4),
        );
        let entry = |number, platform| ManifestEntry { digest: digest(number), platform };
        assert_eq!(
            Manifest::parse(&text).unwrap(),
            Manifest::Index(vec![
                entry(1, Some(Platform::linux_amd64())),
                entry(2, Some(Platform::linux_arm64())),
                entry(4, None),
            ])
        );
    }

    #[test]
    fn one_image() {
        let text =
            format!(r#"{{"schemaVersion": 2, "config": {{"digest": "{}"}}, "layers": []}}"#, digest(7));
        assert_eq!(Manifest::parse(&text).unwrap(), Manifest::Image { config: Some(digest(7)) });
        let old = r#"{"schemaVersion": 1, "fsLayers": []}"#;
        assert_eq!(Manifest::parse(old).unwrap(), Manifest::Image { config: None });
        for text in ["{}", "[]", "no", r#"{"manifests": 1}"#] {
            assert!(Manifest::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_platform_of_a_configuration() {
        let config = r#"{"architecture": "arm64", "os": "linux", "rootfs": {}}"#;
        assert_eq!(platform_of_config(config), Some(Platform::linux_arm64()));
        assert_eq!(platform_of_config("{}"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,200}") {
            let _ = (Manifest::parse(&text), platform_of_config(&text));
        }
    }
}
