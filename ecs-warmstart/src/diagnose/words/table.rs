//! Finds the words of a code.

use super::{before, health, image, running};
use crate::catalogue::Code;

/// What is said of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::diagnose) struct Words {
    pub(super) code: Code,
    /// One sentence without a full stop.
    pub(in crate::diagnose) sentence: &'static str,
    /// What to do: a command or a setting.
    pub(in crate::diagnose) remedy: &'static str,
}

pub(super) const fn words(code: Code, sentence: &'static str, remedy: &'static str) -> Words {
    Words { code, sentence, remedy }
}

pub(super) const TABLES: [&[Words]; 4] = [before::TABLE, image::TABLE, running::TABLE, health::TABLE];

/// The words of that code.
pub(in crate::diagnose) fn of(code: Code) -> Words {
    let found = TABLES.into_iter().flatten().find(|words| words.code == code);
    // A test holds that none is missing.
    found.copied().unwrap_or_else(|| words(code, "it is not ready", "look at the evidence"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::words::fill::NAMES;

    #[test]
    fn every_code_has_its_words_once() {
        for code in Code::ALL {
            let found: Vec<&Words> =
                TABLES.into_iter().flatten().filter(|words| words.code == *code).collect();
            assert_eq!(found.len(), 1, "{code}");
            let Words { sentence, remedy, .. } = *found[0];
            assert!(!sentence.is_empty() && !sentence.ends_with('.'), "{code}: {sentence}");
            assert!(!remedy.is_empty() && !remedy.ends_with('.'), "{code}: {remedy}");
        }
    }

    #[test]
    fn every_name_in_braces_is_known() {
        for words in TABLES.into_iter().flatten() {
            for text in [words.sentence, words.remedy] {
                for part in text.split('{').skip(1) {
                    let name = part.split('}').next().unwrap();
                    assert!(NAMES.contains(&name), "{}: {{{name}}}", words.code);
                }
            }
        }
    }
}
