//! The results of `image verify` and of `image tag`.

use std::fmt::Write as _;

use ecs_warmstart::facts::ImageFacts;
use ecs_warmstart::image::{ImageRef, Platform, VersionTag};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::text::{BAD, GOOD};

/// What a registry says of an image. Its form is version 1, and only grows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ImageReport {
    /// The version of this form, 1.
    version: u32,
    /// `image verify`.
    command: &'static str,
    /// As it was asked for.
    image: String,
    /// Whether the registry has it.
    exists: bool,
    /// The digest of its index, or of itself.
    digest: Option<String>,
    /// By which it always stands for the same image.
    pinned: Option<String>,
    /// Whether it has an image for each of several platforms.
    is_index: bool,
    /// Its images; one, where it is no index.
    platforms: Vec<PlatformReport>,
    /// The platform that was asked for.
    wanted: Option<String>,
    /// Whether it runs there; absent where that was not asked, and where nobody says.
    fits: Option<bool>,
    /// What to do where nobody says.
    #[serde(skip)]
    remedy: &'static str,
}

#[derive(Clone, Debug, Serialize, JsonSchema)]
struct PlatformReport {
    /// Absent where the registry does not say.
    platform: Option<String>,
    /// Of the image for it.
    digest: String,
}

impl ImageReport {
    pub(crate) fn new(image: &ImageRef, facts: Option<&ImageFacts>, wanted: Option<&Platform>) -> Self {
        let images = facts.map(|facts| facts.images.as_slice()).unwrap_or_default();
        let platforms = images.iter().map(|image| PlatformReport {
            platform: image.platform.as_ref().map(ToString::to_string),
            digest: image.digest.to_string(),
        });
        Self {
            version: 1,
            command: "image verify",
            image: image.to_string(),
            exists: facts.is_some(),
            digest: facts.map(|facts| facts.digest.to_string()),
            pinned: facts.map(|facts| image.pinned_to(facts.digest.clone()).to_string()),
            is_index: facts.is_some_and(|facts| facts.is_index),
            platforms: platforms.collect(),
            wanted: wanted.map(ToString::to_string),
            fits: facts.zip(wanted).and_then(|(facts, wanted)| facts.serves(wanted)),
            remedy: match image.ecr() {
                Some(_) => {
                    "allow ecr:GetDownloadUrlForLayer on its repository; its configuration is read from Amazon S3"
                }
                None => "its registry has to show its configuration to everybody",
            },
        }
    }

    pub(crate) fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }

    /// Whether it is there, and runs where it is wanted. What nobody says is no proof.
    pub(crate) fn is_good(&self) -> bool {
        self.exists && (self.wanted.is_none() || self.fits == Some(true))
    }
}

/// The same for people.
pub(crate) fn text(report: &ImageReport) -> String {
    let mut text = String::new();
    let (Some(digest), Some(pinned)) = (&report.digest, &report.pinned) else {
        let _ = writeln!(text, "{BAD}{} does not exist{BAD:#}", report.image);
        return text;
    };
    let _ = writeln!(text, "digest    {digest}");
    let _ = writeln!(text, "pinned    {pinned}");
    for image in &report.platforms {
        let platform = image.platform.as_deref().unwrap_or("not said by the registry");
        let _ = writeln!(text, "platform  {platform}  {}", image.digest);
    }
    match (&report.wanted, report.fits) {
        (None, _) => {
            let _ = writeln!(text, "\n{GOOD}{} exists{GOOD:#}", report.image);
        }
        (Some(wanted), Some(true)) => {
            let _ = writeln!(text, "\n{GOOD}{} exists for {wanted}{GOOD:#}", report.image);
        }
        (Some(wanted), Some(false)) => {
            let _ = writeln!(text, "\n{BAD}{} is not made for {wanted}{BAD:#}", report.image);
            let name = report.image.split('@').next().unwrap_or(&report.image);
            // What others run under the same tag stays.
            let has = report.platforms.iter().filter_map(|image| image.platform.clone());
            let both: Vec<String> = [wanted.clone()].into_iter().chain(has).collect();
            let _ = writeln!(text, "  docker buildx build --platform {} -t {name} --push .", both.join(","));
        }
        (Some(wanted), None) => {
            let _ = writeln!(text, "\n{} exists; whether it is made for {wanted} is not said", report.image);
            let _ = writeln!(text, "  {}", report.remedy);
        }
    }
    text
}

/// The tag of a build. Its form is version 1, and only grows.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct TagReport {
    /// The version of this form, 1.
    version: u32,
    /// `image tag`.
    command: &'static str,
    /// ENVIRONMENT-COMMIT-DATE-TIME.
    tag: String,
    /// What of the environment was changed, a sentence each.
    notes: Vec<String>,
}

impl TagReport {
    pub(crate) fn new(VersionTag { tag, notes }: VersionTag) -> Self {
        Self { version: 1, command: "image tag", tag: tag.to_string(), notes }
    }

    pub(crate) fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

/// The same for scripts: the tag alone.
pub(crate) fn tag_text(report: &TagReport) -> String {
    format!("{}\n", report.tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecs_warmstart::image::Digest;
    use snapbox::{assert_data_eq, str};

    fn said(facts: Option<&ImageFacts>, wanted: Option<&str>) -> (String, bool) {
        let wanted = wanted.map(|wanted| wanted.parse().unwrap());
        let report = ImageReport::new(&"web:1.0".parse().unwrap(), facts, wanted.as_ref());
        (anstream::adapter::strip_str(&text(&report)).to_string(), report.is_good())
    }

    #[test]
    fn what_is_there_and_what_is_not() {
        let arm = ImageFacts::single(Digest::of(b"1"), Some(Platform::linux_arm64()));
        let (text, good) = said(Some(&arm), Some("linux/amd64"));
        assert!(!good);
        assert_data_eq!(
            text,
            str![[r#"
digest    sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b
pinned    web:1.0@sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b
platform  linux/arm64  sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b

web:1.0 is not made for linux/amd64
  docker buildx build --platform linux/amd64,linux/arm64 -t web:1.0 --push .

"#]]
        );
        assert_eq!(said(None, None), ("web:1.0 does not exist\n".to_owned(), false));
        let (text, good) = said(Some(&arm), Some("linux/arm64/v8"));
        assert!(good && text.ends_with("\nweb:1.0 exists for linux/arm64\n"), "{text}");
        let (text, good) = said(Some(&ImageFacts::single(Digest::of(b"1"), None)), Some("linux/amd64"));
        assert!(
            !good && text.contains("whether it is made for linux/amd64 is not said\n  its registry"),
            "{text}"
        );
    }
}
