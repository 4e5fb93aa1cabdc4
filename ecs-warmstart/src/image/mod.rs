//! Images as people write them: references in every form, digests, platforms and tags. Text alone; nobody is asked.

mod digest;
mod manifest;
mod platform;
mod reference;
mod tag;
mod version;

pub use digest::Digest;
#[cfg(any(feature = "ecr", feature = "registry"))]
pub(crate) use manifest::CONFIG_MAX;
pub use manifest::{Manifest, ManifestEntry, platform_of_config};
pub use platform::Platform;
pub use reference::{EcrRepository, ImageRef};
pub use tag::Tag;
pub use version::{VersionTag, version_tag};
