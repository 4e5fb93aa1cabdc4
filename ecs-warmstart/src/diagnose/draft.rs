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
    /// What the words of the tables leave open.
    slots: BTreeMap<&'static str, String>,
}

impl Draft {
    pub(super) fn new(code: Code, confidence: Confidence) -> Self {
        Self { code, confidence, quotes: Vec::new(), summary: None, slots: BTreeMap::new() }
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

    /// Says it in the run's own sentence.
    pub(super) fn saying(mut self, summary: impl ToString) -> Self {
        self.summary = Some(summary.to_string());
        self
    }

    /// Takes in another draft of the same code: the surer one's words, the quotes of both.
    pub(super) fn merge(&mut self, other: Self) {
        let surer = other.confidence > self.confidence;
        for quote in other.quotes {
            if !self.quotes.contains(&quote) {
                self.quotes.push(quote);
            }
        }
        for (name, value) in other.slots {
            if surer || !self.slots.contains_key(name) {
                self.slots.insert(name, value);
            }
        }
        let known = self.summary.take();
        self.summary = if surer { other.summary.or(known) } else { known.or(other.summary) };
        self.confidence = self.confidence.max(other.confidence);
    }

    /// The sentence.
    pub(super) fn summary(&self, evidence: &Evidence) -> String {
        match &self.summary {
            Some(summary) => summary.clone(),
            None => words::fill(words::of(self.code).sentence, &self.slots, evidence),
        }
    }

    pub(super) fn finding(self, evidence: &Evidence) -> Finding {
        // However sure it is that it was observed: it has a cause, and that is not known.
        let most = if self.code.is_symptom() { Confidence::Medium } else { Confidence::High };
        let confidence = self.confidence.min(most);
        Finding {
            code: self.code,
            summary: self.summary(evidence),
            remedy: words::fill(words::of(self.code).remedy, &self.slots, evidence),
            evidence: self.quotes,
            transient: self.code.is_transient(),
            confidence,
            chain: Vec::new(),
        }
    }
}
