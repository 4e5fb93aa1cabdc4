//! Whose word counts: which container a target leads to, and which tasks are of the same revision.

use super::evidence::{Evidence, TargetEvidence};
use crate::ids::TaskDefinitionId;
use crate::observation::{ContainerObservation, TaskObservation};

impl Evidence {
    /// The container that the target leads to, where that is known.
    pub(super) fn bound(&self, target: &TargetEvidence) -> Option<&str> {
        let port = target.target.port;
        let has = |it: &&ContainerObservation| it.ports.iter().any(|its| its.host_port == port);
        let observed = || self.containers().iter().find(has).map(|it| it.name.as_str());
        let definition = self.definition.as_ref();
        let declared = || {
            let containers = &definition?.containers;
            containers.iter().find(|it| it.ports.contains(&port)).map(|it| it.name.as_str())
        };
        let only = || match (self.containers(), definition.map(|it| it.containers.as_slice())) {
            ([one], None | Some([] | [_])) => Some(one.name.as_str()),
            (_, Some([one])) => Some(one.name.as_str()),
            _ => None,
        };
        observed().or_else(declared).or_else(only)
    }

    /// Whether what that container says may explain the target.
    pub(super) fn may_answer(&self, container: &str, target: &TargetEvidence) -> bool {
        match self.bound(target) {
            Some(bound) => container.is_empty() || bound == container,
            None => self.is_of_task(container),
        }
    }

    /// Whether that is one of the task's containers, as far as they are known.
    fn is_of_task(&self, container: &str) -> bool {
        let observed = self.containers().iter().any(|it| it.name == container);
        let nobody_knows = self.containers().is_empty() && self.definition.is_none();
        observed || nobody_knows || container.is_empty() || self.settings(container).is_some()
    }

    /// The tasks beside that run, or ran, the same revision.
    pub(super) fn peers(&self) -> impl Iterator<Item = &TaskObservation> {
        let meant = self.revision();
        let is_same = move |its: &TaskDefinitionId| meant.is_none_or(|meant| its.is_same(meant));
        self.siblings.iter().filter(move |task| task.task_definition.as_ref().is_none_or(&is_same))
    }

    /// The revision that this is about: that of the task, else that of the newest task beside.
    fn revision(&self) -> Option<&TaskDefinitionId> {
        match &self.task {
            Some(task) => task.task_definition.as_ref(),
            None => self
                .siblings
                .iter()
                .max_by_key(|task| task.created_at)
                .filter(|task| task.created_at.is_some())
                .or_else(|| self.siblings.first())?
                .task_definition
                .as_ref(),
        }
    }
}
