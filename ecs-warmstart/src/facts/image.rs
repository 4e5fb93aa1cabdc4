//! Images, as their registry knows them.

use serde::{Deserialize, Serialize};

use crate::image::{Digest, ManifestEntry, Platform};

/// What a registry says of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// The digest that the reference stands for: of the index where there is one, of the image otherwise.
    pub digest: Digest,
    /// Whether it is an index: an image for each platform.
    pub is_index: bool,
    /// The images: one, or those of the index. Attestations are left out.
    pub images: Vec<ImageVariant>,
}

/// One image of a reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageVariant {
    /// The digest of its manifest.
    pub digest: Digest,
    /// What it runs on; none where nobody could say.
    pub platform: Option<Platform>,
}

impl ImageFacts {
    /// One image that is no index.
    pub fn single(digest: Digest, platform: Option<Platform>) -> Self {
        let image = ImageVariant { digest: digest.clone(), platform };
        Self { digest, is_index: false, images: vec![image] }
    }

    /// What an index says: its digest, and its images.
    pub fn index(digest: Digest, entries: impl IntoIterator<Item = ManifestEntry>) -> Self {
        let variant = |ManifestEntry { digest, platform }: ManifestEntry| ImageVariant { digest, platform };
        Self { digest, is_index: true, images: entries.into_iter().map(variant).collect() }
    }

    /// The platforms that are known, in its order.
    pub fn platforms(&self) -> impl Iterator<Item = &Platform> {
        self.images.iter().filter_map(|image| image.platform.as_ref())
    }

    /// Whether it runs where `wanted` is wanted; nothing where it does not say all its platforms and none of those it says
    /// does.
    pub fn serves(&self, wanted: &Platform) -> Option<bool> {
        if self.platforms().any(|platform| platform.serves(wanted)) {
            return Some(true);
        }
        let all_are_known = self.images.iter().all(|image| image.platform.is_some());
        all_are_known.then_some(false)
    }

    /// Whether a container that runs `digest` runs this image: AWS may name the index or the image of its platform.
    pub fn has(&self, digest: &Digest) -> bool {
        self.digest == *digest || self.images.iter().any(|image| image.digest == *digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_serves_its_platforms_and_no_other() {
        let digest = |number: u8| Digest::of(&[number]);
        let variant = |number, platform| ImageVariant { digest: digest(number), platform };
        let (amd, arm) = (Platform::linux_amd64(), Platform::linux_arm64());
        let index = |images| ImageFacts { digest: digest(0), is_index: true, images };
        let both = index(vec![variant(1, Some(amd.clone())), variant(2, Some(arm.clone()))]);
        assert_eq!((both.serves(&amd), both.serves(&arm)), (Some(true), Some(true)));
        assert!(both.has(&digest(0)) && both.has(&digest(2)) && !both.has(&digest(3)));
        let one = index(vec![variant(2, Some(arm.clone()))]);
        assert_eq!((one.serves(&amd), one.serves(&arm)), (Some(false), Some(true)));
        let unsaid = index(vec![variant(1, None), variant(2, Some(arm))]);
        assert_eq!(unsaid.serves(&amd), None);
        assert_eq!(ImageFacts::single(digest(1), None).serves(&amd), None);
    }
}
