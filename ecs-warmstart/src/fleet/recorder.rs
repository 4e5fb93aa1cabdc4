//! Keeps the evidence of runs that did not get ready, for the flight record.

use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnose::Subject;

/// What [`Fleet::with_recorder`](super::Fleet::with_recorder) writes down. Clones are handles on the same.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    subjects: Arc<Mutex<Vec<Subject>>>,
}

impl Recorder {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was kept so far, in the order in which it came about.
    pub fn subjects(&self) -> Vec<Subject> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps one.
    pub fn keep(&self, subject: Subject) {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner).push(subject);
    }
}
