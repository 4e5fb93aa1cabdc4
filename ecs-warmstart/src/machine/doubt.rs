//! Whose an address is. A run may be gone on with long after its task has stopped, and AWS gives the address of a task that has
//! stopped to the next one.

use super::state::{Place, Run, Standing};
use super::undo::{must_deregister, name_target};
use crate::address::may_be_behind;
use crate::observation::{Target, TaskObservation, TaskStatus};
use crate::policy::BELIEVED;

/// Whether it is so long since the task was seen alive that it may be gone, and its address another's.
pub(super) fn lost_sight(run: &Run) -> bool {
    run.held.as_ref().is_none_or(|held| run.latest >= held.known_at + BELIEVED)
}

/// Whether its address may be another task's by now: this run's own was seen alive too long ago.
pub(super) fn is_in_doubt(run: &Run, place: &Place) -> bool {
    must_deregister(run, place) && lost_sight(run) && run.latest >= place.look_at
}

/// Leaves what is behind another task by now.
pub(super) fn looked_around(run: &mut Run, tasks: &[TaskObservation]) {
    // Failures in a row go on: who may look and not deregister must not do so for ever.
    let now = run.latest;
    let is_own = |task: &TaskObservation| run.held.as_ref().is_some_and(|held| held.seen.task == task.task);
    let runs = |task: &&TaskObservation| task.status != TaskStatus::Missing && !task.is_ending();
    // As long as it runs nobody else is given its address.
    let own_runs = tasks.iter().filter(runs).any(is_own);
    let is_anothers = |target: &Target| {
        !own_runs && tasks.iter().filter(runs).any(|task| !is_own(task) && may_be_behind(task, target))
    };
    let in_doubt = (0..run.places.len()).filter(|&place| is_in_doubt(run, &run.places[place]));
    let (anothers, free): (Vec<usize>, Vec<usize>) =
        in_doubt.partition(|&place| run.places[place].target.as_ref().is_some_and(is_anothers));
    for place in free {
        run.places[place].look_at = now + BELIEVED;
    }
    for place in anothers {
        run.places[place] = Place { standing: Standing::Unknown, seen: None, ..run.places[place].clone() };
    }
}

/// Who cannot know whose an address is must not take it out.
pub(super) fn name_targets_in_doubt(run: &mut Run) {
    for place in 0..run.places.len() {
        if is_in_doubt(run, &run.places[place]) {
            name_target(run, place);
        }
    }
}
