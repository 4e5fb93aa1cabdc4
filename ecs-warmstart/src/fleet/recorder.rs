//! Keeps the evidence of runs that did not get ready, for the flight record.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnose::Subject;

/// What [`Fleet::with_recorder`](super::Fleet::with_recorder) writes down. Clones are handles on the same.
#[derive(Clone, Default)]
pub struct Recorder {
    subjects: Arc<Mutex<Vec<Subject>>>,
    listener: Option<Listener>,
}

/// Whoever hears of everything that is kept so far, whenever something more is.
type Listener = Arc<dyn Fn(&[Subject]) + Send + Sync>;

impl Recorder {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells this one everything that is kept so far, whenever something more is: whoever is killed before the end has it
    /// written down by then.
    #[must_use]
    pub fn with_listener(self, listener: impl Fn(&[Subject]) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Arc::new(listener)), ..self }
    }

    /// What was kept so far, in the order in which it came about.
    pub fn subjects(&self) -> Vec<Subject> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps one.
    pub fn keep(&self, subject: Subject) {
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        subjects.push(subject);
        if let Some(listener) = &self.listener {
            listener(&subjects);
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("subjects", &self.subjects).finish_non_exhaustive()
    }
}
