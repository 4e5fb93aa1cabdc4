//! Other people's tasks and targets, at random.

use crate::facts::{ContainerFacts, NetworkMode, TaskDefinitionFacts};
use crate::ids::{TargetGroupArn, TaskArn};
use crate::memory::InMemory;
use crate::observation::Target;
use crate::policy::mix;
use crate::ports::Result;
use crate::spec::LaunchRequest;

/// The family of those tasks of a crowd that are of another than the request's.
pub const STRANGERS: &str = "strangers";

/// At most so many tasks.
const TASKS_MAX: u64 = 8;
/// At most so many targets in each group.
const TARGETS_MAX: u64 = 4;

/// What other people have in a cluster and in target groups: none of it is any caller's to stop or to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crowd {
    /// Tasks that run until somebody stops them.
    pub living: Vec<TaskArn>,
    /// Tasks that somebody has stopped already.
    pub dead: Vec<TaskArn>,
    /// Targets that were registered by hand.
    pub targets: Vec<CrowdTarget>,
}

/// A target that was registered by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrowdTarget {
    /// Where.
    pub group: TargetGroupArn,
    /// What.
    pub target: Target,
    /// The task of the crowd whose address it is; none where it is nobody's.
    pub task: Option<TaskArn>,
}

impl Crowd {
    /// Gathers 0 to 8 tasks in the cluster of that request, and 0 to 4 targets in each of the groups. The same seed on the
    /// same cloud gathers the same.
    ///
    /// The tasks are of the request's family or of [`STRANGERS`], which listen on `port` too; ECS services, people and
    /// starters of other services have started them, some under names that look much like the request's `startedBy`, never
    /// under that itself. The targets are addresses of the crowd's tasks or of nobody (10.200.0.0/16), on that port or
    /// another one. The groups have to take IPv4 addresses. A cloud with few addresses may give that of a dead task to a
    /// later one.
    ///
    /// # Errors
    ///
    /// As `RunTask` and `RegisterTargets` answer.
    pub fn gather(
        cloud: &InMemory,
        request: &LaunchRequest,
        port: u16,
        groups: &[TargetGroupArn],
        seed: u64,
    ) -> Result<Self> {
        let mut chance = Chance(mix(seed));
        let mut crowd = Self::default();
        add_strangers(cloud, port);
        for _ in 0..chance.below(TASKS_MAX + 1) {
            crowd.launch(cloud, request, &mut chance)?;
        }
        for group in groups {
            for _ in 0..chance.below(TARGETS_MAX + 1) {
                crowd.register(cloud, group, port, &mut chance)?;
            }
        }
        Ok(crowd)
    }

    /// The tasks that ran and do not run any more: somebody stopped them.
    pub fn stopped(&self, cloud: &InMemory) -> Vec<TaskArn> {
        let running = cloud.running_tasks();
        self.living.iter().filter(|task| !running.contains(task)).cloned().collect()
    }

    /// The targets that are not registered any more: somebody removed them.
    pub fn removed(&self, cloud: &InMemory) -> Vec<CrowdTarget> {
        let registered = cloud.registered();
        let is_there = |it: &CrowdTarget| {
            registered.iter().any(|(group, target)| (group, target) == (&it.group, &it.target))
        };
        self.targets.iter().filter(|target| !is_there(target)).cloned().collect()
    }

    fn launch(&mut self, cloud: &InMemory, request: &LaunchRequest, chance: &mut Chance) -> Result<()> {
        let mut theirs =
            LaunchRequest { started_by: somebody(&request.started_by, chance), ..request.clone() };
        if chance.below(2) == 0 {
            theirs.task_definition = STRANGERS.parse().expect("a family");
        }
        let task = cloud.run_by_hand(&theirs)?;
        if chance.below(4) == 0 {
            cloud.stop_by_hand(&task, "not needed any more");
            self.dead.push(task);
        } else {
            self.living.push(task);
        }
        Ok(())
    }

    fn register(
        &mut self,
        cloud: &InMemory,
        group: &TargetGroupArn,
        port: u16,
        chance: &mut Chance,
    ) -> Result<()> {
        let tasks: Vec<&TaskArn> = self.living.iter().chain(&self.dead).collect();
        let picked = tasks.get(chance.index(tasks.len() + 1)).copied();
        let address = picked.and_then(|task| Some((task, cloud.addresses(task).into_iter().next()?)));
        let (task, id) = match address {
            Some((task, address)) => (Some(task.clone()), address.to_string()),
            None => (None, format!("10.200.{}.{}", chance.below(256), chance.below(256))),
        };
        let port = if chance.below(3) == 0 { port.wrapping_add(1).max(1) } else { port };
        let target = CrowdTarget { group: group.clone(), target: Target::new(id, port), task };
        cloud.register_by_hand(group, std::slice::from_ref(&target.target))?;
        if !self.targets.contains(&target) {
            self.targets.push(target);
        }
        Ok(())
    }
}

/// Somebody else, who may have a name much like the caller's.
fn somebody(caller: &str, chance: &mut Chance) -> String {
    let mut shorter = caller.to_owned();
    shorter.pop();
    let mut names = vec![
        "ecs-svc/1234567890123456789".to_owned(),
        "person".to_owned(),
        String::new(),
        "ecs-warmstart/somebody-else".to_owned(),
        format!("{caller}-2"),
        format!("their/{caller}"),
        shorter,
    ];
    names.retain(|name| name != caller);
    names[chance.index(names.len())].clone()
}

fn add_strangers(cloud: &InMemory, port: u16) {
    let stranger =
        ContainerFacts { name: "stranger".to_owned(), ports: vec![port], ..ContainerFacts::default() };
    let id = format!("{STRANGERS}:1").parse().expect("a revision");
    cloud.add_task_definition(TaskDefinitionFacts::new(id, NetworkMode::AwsVpc, vec![stranger]));
}

/// A row of numbers that follows from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = mix(self.0);
        self.0 % end
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("less than a length")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::memory::SAMPLE_SERVICES;
    use crate::testing::ManualClock;

    fn gathered(seed: u64) -> (InMemory, Crowd) {
        let cloud = InMemory::sample(Arc::new(ManualClock::default()));
        let request = SAMPLE_SERVICES[0].request().unwrap();
        let groups: Vec<_> =
            SAMPLE_SERVICES[..2].iter().map(|service| service.target_group.parse().unwrap()).collect();
        let crowd = Crowd::gather(&cloud, &request, SAMPLE_SERVICES[0].port, &groups, seed).unwrap();
        (cloud, crowd)
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(gathered(3).1, gathered(3).1);
        let different: BTreeSet<_> = (0..100).map(|seed| format!("{:?}", gathered(seed).1)).collect();
        assert!(different.len() > 90, "{}", different.len());
    }

    #[test]
    fn all_kinds_of_crowds_gather() {
        let crowds: Vec<(InMemory, Crowd)> = (0..100).map(gathered).collect();
        let some = |kind: fn(&Crowd) -> bool| crowds.iter().any(|(_, crowd)| kind(crowd));
        assert!(some(|crowd| crowd.living.is_empty() && crowd.dead.is_empty()), "nobody");
        assert!(some(|crowd| crowd.living.len() + crowd.dead.len() == 8));
        assert!(some(|crowd| !crowd.dead.is_empty()));
        assert!(some(|crowd| crowd.targets.is_empty()));
        assert!(some(|crowd| crowd.targets.iter().any(|it| it.task.is_none())));
        assert!(some(|crowd| crowd.targets.iter().any(|it| it.task.is_some())));
        assert!(some(|crowd| crowd.targets.iter().any(|it| it.target.port == SAMPLE_SERVICES[0].port + 1)));
        for (cloud, crowd) in crowds {
            assert_eq!(cloud.tasks().len(), crowd.living.len() + crowd.dead.len());
            assert_eq!(cloud.registered().len(), crowd.targets.len());
            assert_eq!((crowd.stopped(&cloud), crowd.removed(&cloud)), (vec![], vec![]));
        }
    }

    #[test]
    fn what_is_taken_from_a_crowd_is_seen() {
        let (cloud, crowd) = (0..100)
            .map(gathered)
            .find(|(_, crowd)| !crowd.living.is_empty() && !crowd.targets.is_empty())
            .unwrap();
        cloud.stop_by_hand(&crowd.living[0], "by mistake");
        assert_eq!(crowd.stopped(&cloud), crowd.living[..1]);
        let CrowdTarget { group, target, .. } = &crowd.targets[0];
        cloud.deregister_by_hand(group, std::slice::from_ref(target)).unwrap();
        assert_eq!(crowd.removed(&cloud), crowd.targets[..1]);
    }
}
