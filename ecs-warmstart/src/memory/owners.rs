//! All tasks ever launched, and who stands behind a target.

use std::collections::HashMap;

use super::behaviour::CheckAnswer;
use super::task::Task;
use crate::ids::TaskArn;
use crate::observation::Target;
use crate::time::Timestamp;

#[derive(Debug, Default)]
pub(super) struct Owners {
    tasks: Vec<Task>,
    by_arn: HashMap<TaskArn, usize>,
    /// Whoever has, had or will have that address or instance. Addresses are used again, so there may be many.
    by_target: HashMap<String, Vec<usize>>,
    /// The instance ids of the machines: they answer, though nobody may listen on the port.
    machines: Vec<String>,
}

impl Owners {
    pub(super) fn new(machines: Vec<String>) -> Self {
        Self { machines, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter()
    }

    pub(super) fn task(&self, index: usize) -> &Task {
        &self.tasks[index]
    }

    pub(super) fn find(&self, arn: &TaskArn) -> Option<&Task> {
        self.by_arn.get(arn).map(|index| &self.tasks[*index])
    }

    pub(super) fn find_mut(&mut self, arn: &TaskArn) -> Option<&mut Task> {
        self.by_arn.get(arn).map(|index| &mut self.tasks[*index])
    }

    pub(super) fn add(&mut self, task: Task) -> usize {
        let index = self.tasks.len();
        self.by_arn.insert(task.arn.clone(), index);
        for id in task.place.target_ids() {
            self.by_target.entry(id).or_default().push(index);
        }
        self.tasks.push(task);
        index
    }

    pub(super) fn has_machine(&self, id: &str) -> bool {
        self.machines.iter().any(|machine| machine == id)
    }

    /// What a health check of the target gets at that time.
    pub(super) fn answer(&self, target: &Target, now: Timestamp) -> CheckAnswer {
        let answer = self.behind(target).find_map(|task| task.answer(target, now));
        let nobody = if self.has_machine(&target.id) { CheckAnswer::Refused } else { CheckAnswer::Silent };
        answer.unwrap_or(nobody)
    }

    /// The moments after `from`, up to `until`, at which that answer may change.
    pub(super) fn turning_points(
        &self,
        target: &Target,
        from: Timestamp,
        until: Timestamp,
    ) -> Vec<Timestamp> {
        let mut points: Vec<Timestamp> = self
            .behind(target)
            .flat_map(Task::turning_points)
            .filter(|at| from < *at && *at <= until)
            .collect();
        points.sort_unstable();
        points
    }

    fn behind(&self, target: &Target) -> impl Iterator<Item = &Task> {
        self.by_target.get(&target.id).into_iter().flatten().map(|index| &self.tasks[*index])
    }
}
