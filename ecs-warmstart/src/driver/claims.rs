//! Which run of a fleet holds which task: no two of them take the same one for theirs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ids::{RunId, TaskArn};

/// Who holds which task. Clones are handles on the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    holders: Arc<Mutex<HashMap<TaskArn, RunId>>>,
}

impl Claims {
    /// Takes the task for the run, unless another run holds it. Taking it twice is the same as once.
    pub(crate) fn hold(&self, task: &TaskArn, run: &RunId) -> bool {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        holders.entry(task.clone()).or_insert_with(|| run.clone()) == run
    }

    /// Whether another run holds the task.
    pub(crate) fn is_held_by_other(&self, task: &TaskArn, run: &RunId) -> bool {
        let holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        holders.get(task).is_some_and(|holder| holder != run)
    }
}
