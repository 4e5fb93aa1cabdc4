//! What an image runs on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::InvalidId;

/// An operating system and a processor, as image indexes and Docker name them: `linux/amd64`, `linux/arm64`,
/// `linux/arm/v7`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl Platform {
    /// Of these parts, in the form by which platforms are compared: lower case, `amd64` for x86_64, `arm64` for aarch64 and
    /// for `arm64/v8`.
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let architecture = match architecture.to_ascii_lowercase().as_str() {
            "x86_64" | "x86-64" => "amd64".to_owned(),
            "aarch64" => "arm64".to_owned(),
            other => other.to_owned(),
        };
        let variant = variant.map(str::to_ascii_lowercase).filter(|variant| !variant.is_empty());
        // Every 64-bit ARM is at least v8, and most images leave it out.
        let variant = variant.filter(|variant| !(architecture == "arm64" && variant == "v8"));
        Self { os: os.to_ascii_lowercase(), architecture, variant }
    }

    /// `linux/amd64`.
    pub fn linux_amd64() -> Self {
        Self::new("linux", "amd64", None)
    }

    /// `linux/arm64`.
    pub fn linux_arm64() -> Self {
        Self::new("linux", "arm64", None)
    }

    /// `linux`, `windows`.
    pub fn os(&self) -> &str {
        &self.os
    }

    /// `amd64`, `arm64`, ...
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Whether what is made for this platform runs where `wanted` is wanted. One that wants no variant takes any.
    pub fn serves(&self, wanted: &Self) -> bool {
        let variant_fits = wanted.variant.is_none() || self.variant == wanted.variant;
        self.os == wanted.os && self.architecture == wanted.architecture && variant_fits
    }

    /// Whether this names a platform at all: attestations stand in indexes as `unknown/unknown`.
    pub(super) fn is_known(&self) -> bool {
        self.os != "unknown" && self.architecture != "unknown"
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Platform {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_word = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        match parts[..] {
            [os, architecture] if parts.iter().all(is_word) => Ok(Self::new(os, architecture, None)),
            [os, architecture, variant] if parts.iter().all(is_word) => {
                Ok(Self::new(os, architecture, Some(variant)))
            }
            _ => Err(InvalidId::new(
                text,
                "a platform",
                "it is OS/ARCHITECTURE, such as linux/amd64 or linux/arm64",
            )),
        }
    }
}

impl TryFrom<String> for Platform {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    #[test]
    fn one_form_for_all_ways_of_writing_it() {
        for (text, form) in [
            ("linux/amd64", "linux/amd64"),
            ("Linux/X86_64", "linux/amd64"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("windows/amd64", "windows/amd64"),
        ] {
            assert_eq!(platform(text).to_string(), form);
            assert_eq!(platform(form), platform(text));
        }
        for text in ["", "linux", "linux/", "linux/amd64/v1/x", "linux /amd64"] {
            let said = text.parse::<Platform>().unwrap_err().to_string();
            assert!(said.contains("such as linux/amd64"), "{said}");
        }
    }

    #[test]
    fn what_serves_what() {
        for (made, wanted, serves) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/arm64", "linux/amd64", false),
            ("windows/amd64", "linux/amd64", false),
            ("linux/arm64/v8", "linux/arm64", true),
            ("linux/arm/v7", "linux/arm", true),
            ("linux/arm/v6", "linux/arm/v7", false),
            ("linux/arm64", "linux/arm64/v9", false),
        ] {
            assert_eq!(platform(made).serves(&platform(wanted)), serves, "{made} for {wanted}");
        }
    }
}
