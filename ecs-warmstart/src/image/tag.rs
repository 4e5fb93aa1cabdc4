//! Tags, and what becomes one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{InvalidId, id};

id! {
    /// A tag: 1 to 128 letters, digits, `_`, `.` and `-`, the first of them neither `.` nor `-`
    /// (the grammar of the OCI distribution specification: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`).
    Tag, check
}

/// How long a tag may be.
pub(super) const TAG_MAX: usize = 128;

impl Tag {
    /// The nearest tag to any text, such as a branch's name: whatever a tag may not have becomes one `-`, and what is too
    /// long is cut. Nothing where nothing of the text can be part of a tag.
    pub fn sanitised(text: &str) -> Option<Self> {
        let part = sanitised_part(text);
        let cut = &part[..part.len().min(TAG_MAX)];
        let cut = cut.trim_end_matches(['-', '.']);
        (!cut.is_empty()).then(|| Self(cut.to_owned()))
    }
}

/// The text with only what a tag may have: as a beginning of one, of any length. Empty where nothing is left.
pub(super) fn sanitised_part(text: &str) -> String {
    let mut part = String::with_capacity(text.len());
    for c in text.chars() {
        if is_of_tag(c) {
            part.push(c);
        } else if !part.ends_with('-') {
            part.push('-');
        }
    }
    part.trim_start_matches(['-', '.']).trim_end_matches(['-', '.']).to_owned()
}

fn is_of_tag(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

fn check(text: &str) -> Result<(), InvalidId> {
    let wrong = |why: String| Err(InvalidId::new(text, "an image tag", why));
    if text.is_empty() {
        return wrong("it is empty".to_owned());
    }
    if let Some(c) = text.chars().find(|c| !is_of_tag(*c)) {
        let remedy = Tag::sanitised(text).map(|tag| format!("; as a tag it is {tag}")).unwrap_or_default();
        return wrong(format!("{c:?} is not a letter, digit, '_', '.' or '-'{remedy}"));
    }
    if text.len() > TAG_MAX {
        return wrong(format!("it has {} characters, at most {TAG_MAX}", text.len()));
    }
    match text.starts_with(['.', '-']) {
        true => wrong("it begins with '.' or '-'".to_owned()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags() {
        for text in ["latest", "v1.2.3", "_x", "A-b_c.d", &"x".repeat(128)] {
            assert_eq!(text.parse::<Tag>().unwrap().as_str(), text);
        }
        for (text, why) in [
            ("", "empty"),
            ("pr-51/622d2103", "as a tag it is pr-51-622d2103"),
            (".x", "begins with"),
            ("-x", "begins with"),
            ("grün", "as a tag it is gr-n"),
            (&"x".repeat(129), "at most 128"),
        ] {
            let said = text.parse::<Tag>().unwrap_err().to_string();
            assert!(said.contains(why), "{said}");
        }
    }

    #[test]
    fn the_nearest_tag() {
        for (text, tag) in [
            ("feature/JIRA-7_x", "feature-JIRA-7_x"),
            ("refs//pull///51", "refs-pull-51"),
            ("/.-x-./", "x"),
            ("a b\u{1F980}c", "a-b-c"),
        ] {
            assert_eq!(Tag::sanitised(text).unwrap().as_str(), tag);
        }
        assert_eq!(Tag::sanitised("//"), None);
        assert_eq!(Tag::sanitised(""), None);
        assert_eq!(Tag::sanitised(&format!("{}/y", "x".repeat(127))).unwrap().as_str(), "x".repeat(127));
    }

    proptest! {
        #[test]
        fn what_is_sanitised_is_a_tag_and_stays_as_it_is(text in ".{0,300}") {
            if let Some(tag) = Tag::sanitised(&text) {
                prop_assert_eq!(tag.as_str().parse::<Tag>(), Ok(tag.clone()));
                prop_assert_eq!(Tag::sanitised(tag.as_str()), Some(tag));
            } else {
                prop_assert!(!text.contains(|c: char| c.is_ascii_alphanumeric() || c == '_'));
            }
        }
    }
}
