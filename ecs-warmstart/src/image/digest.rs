//! What an image is, whatever it is called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::ids::{InvalidId, id};

id! {
    /// The digest of a manifest: `sha256:` and 64 hexadecimal digits in lower case. ECS takes no other algorithm.
    Digest, check
}

const PREFIX: &str = "sha256:";
const DIGITS: usize = 64;

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let hex: String = sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{PREFIX}{hex}"))
    }

    /// Its first twelve digits, as people compare them.
    pub fn short(&self) -> &str {
        &self.0[PREFIX.len()..PREFIX.len() + 12]
    }
}

fn check(text: &str) -> Result<(), InvalidId> {
    let wrong = |why: &str| Err(InvalidId::new(text, "an image digest", why));
    let Some(hex) = text.strip_prefix(PREFIX) else {
        return wrong("it begins with sha256:");
    };
    if hex.len() != DIGITS {
        return wrong("64 hexadecimal digits follow sha256:");
    }
    match hex.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')) {
        true => Ok(()),
        false => wrong("its digits are 0 to 9 and a to f"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests() {
        let empty = Digest::of(b"");
        assert_eq!(empty.as_str(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(empty.short(), "e3b0c44298fc");
        assert_eq!(empty.as_str().parse(), Ok(empty.clone()));
        for (text, why) in [
            (empty.as_str().to_uppercase(), "begins with sha256:"),
            (empty.as_str().replace('e', "E"), "0 to 9 and a to f"),
            (empty.as_str()[..70].to_owned(), "64 hexadecimal digits"),
            ("sha512:00".to_owned(), "begins with sha256:"),
        ] {
            let said = text.parse::<Digest>().unwrap_err().to_string();
            assert!(said.contains(why), "{said}");
        }
    }
}
