//! What other tasks of the same revision died of. They decide only where the task itself says nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::draft::Draft;
use super::evidence::Evidence;
use super::{exits, presence, stops};
use crate::catalogue::Code;
use crate::catalogue::Confidence::Low;
use crate::catalogue::rank;
use crate::observation::TaskObservation;
use crate::time::Timestamp;

/// Those that died of one thing.
#[derive(Default)]
struct Group {
    number: usize,
    newest: Option<Timestamp>,
    /// In the order of the evidence: the newest stands first where nobody says when.
    place: usize,
    drafts: Vec<Draft>,
}

pub(super) fn rule(evidence: &Evidence, of_task: &[Draft]) -> Vec<Draft> {
    if presence::is_met(evidence) {
        return Vec::new();
    }
    let groups = groups(evidence);
    let decides =
        |(code, group): &(&Code, &Group)| (group.number, group.newest, Reverse(group.place), Reverse(**code));
    let Some(deciding) = groups.iter().max_by_key(decides).map(|(code, _)| *code) else { return Vec::new() };
    let own = of_task.iter().filter(|draft| draft.is_cause()).min_by_key(|it| rank(it.code, it.confidence));
    let counts = own.map_or(deciding, |own| own.code);
    let mut drafts = Vec::new();
    for (code, group) in groups {
        if code == counts {
            drafts.extend(group.drafts);
        } else {
            // Another trouble of another task: a hint.
            let causes = group.drafts.into_iter().filter(|draft| !draft.code.is_symptom());
            drafts.extend(causes.map(|draft| draft.at_most(Low)));
        }
    }
    drafts
}

/// By what each died of. The first of a group is quoted.
fn groups(evidence: &Evidence) -> BTreeMap<Code, Group> {
    let mut groups: BTreeMap<Code, Group> = BTreeMap::new();
    for (place, task) in evidence.peers().enumerate() {
        let drafts = of_sibling(evidence, task);
        let Some(first) = drafts.iter().min_by_key(|it| rank(it.code, it.confidence)) else { continue };
        let group = groups.entry(first.code).or_default();
        if group.number == 0 {
            (group.place, group.drafts) = (place, drafts);
        }
        group.number += 1;
        group.newest = group.newest.max(task.created_at);
    }
    groups
}

fn of_sibling(evidence: &Evidence, task: &TaskObservation) -> Vec<Draft> {
    let Some(stop) = task.stop.as_ref().filter(|_| !stops::ended_on_purpose(task)) else { return Vec::new() };
    let mut drafts = stops::of_stop(stop, &task.containers);
    drafts.extend(exits::of_stop(evidence, stop, &task.containers));
    for draft in &mut drafts {
        for quote in &mut draft.quotes {
            *quote = format!("task {}: {quote}", task.task.id());
        }
    }
    drafts
}
