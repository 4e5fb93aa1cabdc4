//! A finding before its words are filled in.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::finding::Finding;
use super::words;
use crate::catalogue::{Code, Confidence};

/// What a rule found.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) code: Code,
    pub(super) confidence: Confidence,
    pub(super) quotes: Vec<String>,
    /// A sentence that is better than that of the tables.
    summary: Option<String>,
    /// A remedy that is better than that of the tables.
    remedy: Option<String>,
    /// What the words of the tables leave open.
    slots: BTreeMap<&'static str, String>,
}

impl Draft {
    pub(super) fn new(code: Code, confidence: Confidence) -> Self {
        Self { code, confidence, quotes: Vec::new(), summary: None, remedy: None, slots: BTreeMap::new() }
    }

    pub(super) fn quote(mut self, quote: impl Into<String>) -> Self {
        let quote = quote.into();
        if !self.quotes.contains(&quote) {
            self.quotes.push(quote);
        }
        self
    }

    pub(super) fn quotes(mut self, quotes: impl IntoIterator<Item = String>) -> Self {
        self.quotes.extend(quotes);
        self
    }

    pub(super) fn slot(mut self, name: &'static str, value: impl ToString) -> Self {
        self.slots.insert(name, value.to_string());
        self
    }

    pub(super) fn get(&self, slot: &str) -> Option<&str> {
        self.slots.get(slot).map(String::as_str)
    }

    pub(super) fn slots(&self) -> &BTreeMap<&'static str, String> {
        &self.slots
    }

    /// Says it in the run's own sentence.
    pub(super) fn saying(mut self, summary: impl ToString) -> Self {
        self.summary = Some(summary.to_string());
        self
    }

    /// The same remedy, said for this case.
    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// No surer than this.
    pub(super) fn at_most(mut self, confidence: Confidence) -> Self {
        self.confidence = self.confidence.min(confidence);
        self
    }

    /// Whether it explains, and is more than a guess.
    pub(super) fn is_cause(&self) -> bool {
        !self.code.is_symptom() && self.confidence > Confidence::Low
    }

    /// Takes in another draft of the same code: the surer one's words, the quotes of both.
    pub(super) fn merge(&mut self, other: Self) {
        let surer = other.confidence > self.confidence;
        for quote in other.quotes {
            if !self.quotes.contains(&quote) {
                self.quotes.push(quote);
            }
        }
        // A line of some container's log is no proof that whoever is surer speaks of that container.
        if surer && self.slots.contains_key("line") {
            self.slots.retain(|name, _| !is_of_container(name));
        }
        let of_log = other.confidence < self.confidence && other.slots.contains_key("line");
        for (name, value) in other.slots {
            if surer || !(self.slots.contains_key(name) || of_log && is_of_container(name)) {
                self.slots.insert(name, value);
            }
        }
        let known = self.summary.take();
        self.summary = if surer { other.summary.or(known) } else { known.or(other.summary) };
        let known = self.remedy.take();
        self.remedy = if surer { other.remedy.or(known) } else { known.or(other.remedy) };
        self.confidence = self.confidence.max(other.confidence);
    }

    /// The sentence.
    pub(super) fn summary(&self, evidence: &Evidence) -> String {
        printable(&match &self.summary {
            Some(summary) => summary.clone(),
            None => words::fill(words::of(self.code).sentence, &self.slots, evidence),
        })
    }

    pub(super) fn finding(self, evidence: &Evidence) -> Finding {
        // However sure it is that it was observed: it has a cause, and that is not known.
        let most = if self.code.is_symptom() { Confidence::Medium } else { Confidence::High };
        let confidence = self.confidence.min(most);
        Finding {
            code: self.code,
            summary: self.summary(evidence),
            remedy: printable(&match &self.remedy {
                Some(remedy) => remedy.clone(),
                None => words::fill(words::of(self.code).remedy, &self.slots, evidence),
            }),
            evidence: self.quotes.iter().map(|quote| printable(quote)).collect(),
            transient: self.code.is_transient(),
            confidence,
            chain: Vec::new(),
        }
    }
}

fn is_of_container(slot: &str) -> bool {
    matches!(slot, "container" | "line")
}

/// What others wrote, safe to show: a terminal does what control characters say, and some turn the direction of the text.
pub(crate) fn printable(text: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(' '),
            c if c.is_control() || turns(c) => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_shown() {
        for (text, expected) in [
            ("plain: ü 🦀", "plain: ü 🦀"),
            ("a\tb\nc", "a b\\nc"),
            ("\u{1b}[31mfatal\u{1b}[0m", "\\u{1b}[31mfatal\\u{1b}[0m"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}txt.exe", "\\u{202e}txt.exe"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }
}
