//! The tag of one build: which environment, which commit, when.

use super::tag::{TAG_MAX, Tag, sanitised_part};
use crate::ids::InvalidId;
use crate::time::Timestamp;

/// How much of a commit's hash is in the tag.
const SHA_DIGITS: usize = 8;
/// The fewest digits that git takes for a commit.
const SHA_FEWEST: usize = 7;
/// What `sha256` hashes of git have.
const SHA_MOST: usize = 64;

/// The tag of a build, and what had to be changed for it to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionTag {
    /// `ENVIRONMENT-COMMIT-DATE-TIME`, such as `pr-51-622d2103-20250820-124500`. The time is UTC.
    pub tag: Tag,
    /// What was changed, a sentence each.
    pub notes: Vec<String>,
}

/// The tag of a build of that commit for that environment at that time. Tags of one environment and commit sort by time.
///
/// The environment may be any text, such as a branch's name: what a tag may not have becomes `-`, and the notes say so.
///
/// # Errors
///
/// [`InvalidId`] where nothing of the environment can be in a tag, or where the commit is no hash of 7 to 64 hexadecimal
/// digits.
pub fn version_tag(environment: &str, commit: &str, at: Timestamp) -> Result<VersionTag, InvalidId> {
    let commit = commit_digits(commit)?;
    let mut name = sanitised_part(environment);
    if name.is_empty() {
        let why = "nothing of it can be in a tag: give letters or digits";
        return Err(InvalidId::new(environment, "an environment", why));
    }
    let mut notes = Vec::new();
    if name != environment {
        notes.push(format!(
            "{environment:?} is written {name:?}: a tag has letters, digits, '_', '.' and '-' alone, and a '/' would be \
             part of the repository's name"
        ));
    }
    let suffix = format!("-{commit}-{}", compact(at));
    let room = TAG_MAX.saturating_sub(suffix.len());
    if name.len() > room {
        name.truncate(room);
        name.truncate(name.trim_end_matches(['-', '.']).len());
        notes.push(format!("the environment is cut to {name:?}: a tag has at most {TAG_MAX} characters"));
    }
    Ok(VersionTag { tag: format!("{name}{suffix}").parse()?, notes })
}

fn commit_digits(commit: &str) -> Result<String, InvalidId> {
    let is_hash =
        (SHA_FEWEST..=SHA_MOST).contains(&commit.len()) && commit.bytes().all(|it| it.is_ascii_hexdigit());
    if !is_hash {
        let why = "it has 7 to 64 hexadecimal digits, as `git rev-parse HEAD` prints them";
        return Err(InvalidId::new(commit, "a commit's hash", why));
    }
    Ok(commit[..commit.len().min(SHA_DIGITS)].to_ascii_lowercase())
}

/// `20250820-124500`, from `2025-08-20T12:45:00.000Z`.
fn compact(at: Timestamp) -> String {
    let written = at.to_string();
    let (date, time) = written.split_once('T').unwrap_or((&written, ""));
    let digits =
        |text: &str, count| text.chars().filter(char::is_ascii_digit).take(count).collect::<String>();
    format!("{}-{}", digits(date, 8), digits(time, 6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COMMIT: &str = "622d2103ab1f5a0f0f6f1b8d7a2f3c4d5e6f7081";
    /// 2025-08-20T12:45:00Z.
    const AT: Timestamp = Timestamp::from_millis(1_755_693_900_999);

    fn tag(environment: &str, commit: &str) -> (String, usize) {
        let version = version_tag(environment, commit, AT).unwrap();
        (version.tag.to_string(), version.notes.len())
    }

    #[test]
    fn environment_commit_and_time() {
        assert_eq!(tag("pr-51", COMMIT), ("pr-51-622d2103-20250820-124500".to_owned(), 0));
        assert_eq!(tag("pr-51", "622D210"), ("pr-51-622d210-20250820-124500".to_owned(), 0));
        assert_eq!(tag("feature/x", COMMIT), ("feature-x-622d2103-20250820-124500".to_owned(), 1));
        let (long, notes) = tag(&format!("{}/{}", "x".repeat(102), "y".repeat(40)), COMMIT);
        assert_eq!((long, notes), (format!("{}-622d2103-20250820-124500", "x".repeat(102)), 2));
    }

    #[test]
    fn what_is_changed_is_said() {
        let version = version_tag("pr/51", COMMIT, AT).unwrap();
        assert!(version.notes[0].starts_with("\"pr/51\" is written \"pr-51\": a tag has"), "{version:?}");
        for (environment, commit, why) in [
            ("//", COMMIT, "letters or digits"),
            ("", COMMIT, "letters or digits"),
            ("pr-51", "622d", "git rev-parse"),
            ("pr-51", "main-branch", "git rev-parse"),
        ] {
            let said = version_tag(environment, commit, AT).unwrap_err().to_string();
            assert!(said.contains(why), "{said}");
        }
    }

    proptest! {
        #[test]
        fn whatever_the_environment_is_a_tag_comes_out_or_the_reason(
            environment in ".{0,300}", commit in "[0-9a-fA-F]{7,64}", at: u64,
        ) {
            match version_tag(&environment, &commit, Timestamp::from_millis(at)) {
                Ok(version) => {
                    prop_assert!(version.tag.as_str().len() <= TAG_MAX);
                    let commit = commit[..commit.len().min(8)].to_ascii_lowercase();
                    let middle = format!("-{commit}-");
                    prop_assert!(version.tag.as_str().contains(&middle));
                    let kept = version.tag.as_str().starts_with(&environment);
                    prop_assert_eq!(version.notes.is_empty(), kept);
                }
                Err(_) => prop_assert!(!environment.contains(|c: char| c.is_ascii_alphanumeric() || c == '_')),
            }
        }
    }
}
