//! Scripts for tasks and calls, and what other people do.

use super::behaviour::{Behaviour, Refusal, Stop};
use super::cloud::InMemory;
use super::ledger::Action;
use super::state::{Fault, Lasts, RefusalRule, refused};
use super::tokens::Kind;
use crate::error::{ErrorKind, Failure};
use crate::ids::{TargetGroupArn, TaskArn};
use crate::observation::Target;
use crate::ports::Result;
use crate::spec::LaunchRequest;
use crate::time::Timestamp;

impl InMemory {
    /// From now on, what the tasks of a family (`web`), or of one of its revisions (`web:2`), do that are launched.
    pub fn behave(&self, family: &str, behaviour: &Behaviour) {
        self.now().0.behaviours.insert(family.to_owned(), behaviour.clone());
    }

    /// What the next `times` tasks of a family do, after those that were scripted so before.
    pub fn behave_next(&self, family: &str, times: usize, behaviour: &Behaviour) {
        let (mut state, _) = self.now();
        let queue = state.next_behaviours.entry(family.to_owned()).or_default();
        queue.extend(std::iter::repeat_n(behaviour.clone(), times));
    }

    /// Refuses the next `times` launches of a family.
    pub fn refuse_next(&self, family: &str, times: u32, refusal: &Refusal) {
        self.refuse(family, Lasts::Times(times), refusal);
    }

    /// Refuses the launches of a family until then.
    pub fn refuse_until(&self, family: &str, until: Timestamp, refusal: &Refusal) {
        self.refuse(family, Lasts::Until(until), refusal);
    }

    fn refuse(&self, family: &str, lasts: Lasts, refusal: &Refusal) {
        let rule = RefusalRule { family: family.to_owned(), lasts, refusal: refusal.clone() };
        self.now().0.refusals.push(rule);
    }

    /// Answers the next `times` calls of that kind with an error; they take no effect.
    pub fn fail_next(&self, action: Action, times: usize, failure: &Failure) {
        self.fault(action, times, failure, false);
    }

    /// Loses the answer of the next `times` calls of that kind: they take effect, and end in a timeout.
    pub fn lose_answer_of_next(&self, action: Action, times: usize) {
        self.fault(action, times, &Failure::new(ErrorKind::Timeout, "the answer was lost"), true);
    }

    fn fault(&self, action: Action, times: usize, failure: &Failure, takes_effect: bool) {
        let (mut state, _) = self.now();
        for _ in 0..times {
            state.faults.push_back(Fault { action, failure: failure.clone(), takes_effect });
        }
    }

    /// Says that a load balancer has this address itself: whoever is registered with it from now on is never checked.
    pub fn make_unusable(&self, address: &str) {
        self.now().0.unusable.insert(address.to_owned());
    }

    /// From now on every call about the group is refused with `AccessDenied`, as where the caller's role does not name it.
    /// What is done by hand goes on.
    pub fn deny_group(&self, group: &TargetGroupArn) {
        self.now().0.denied.insert(group.clone());
    }

    /// Launches a task as somebody else does: an ECS service (`startedBy` is `ecs-svc/...` then), or a person (it may be
    /// empty then). Not in the ledger's calls.
    ///
    /// # Errors
    ///
    /// As `RunTask` answers, [refusals](Self::refuse_next) included.
    pub fn run_by_hand(&self, request: &LaunchRequest) -> Result<TaskArn> {
        let (mut state, now) = self.now();
        state.cluster(&request.cluster)?;
        match state.launch(request, now)? {
            Kind::Task(number) => Ok(state.owners.task(number).arn.clone()),
            Kind::Failures(failure) => Err(failure.into()),
        }
    }

    /// Stops a task as somebody does in the console. Not in the ledger's calls.
    pub fn stop_by_hand(&self, task: &TaskArn, reason: &str) {
        let (mut state, now) = self.now();
        state.stop_task(task, reason, now);
    }

    /// Makes something happen to a task that has been launched; nothing where that moment has passed already.
    ///
    /// # Errors
    ///
    /// `NotFound` where no such task was launched.
    pub fn stop_by_fate(&self, task: &TaskArn, stop: &Stop) -> Result<()> {
        let (mut state, now) = self.now();
        let Some(task) = state.owners.find_mut(task) else {
            return Err(refused(ErrorKind::NotFound, "InvalidParameterException", "The task was not found."));
        };
        let mut fate = task.timeline.clone();
        fate.plan_stop(stop);
        // The past never changes.
        if let Some(end) = fate.end
            && end.at >= now
        {
            task.timeline.end_by(end);
        }
        Ok(())
    }

    /// From now on the task runs on, but does not serve.
    ///
    /// # Errors
    ///
    /// `NotFound` where no such task was launched.
    pub fn stop_serving(&self, task: &TaskArn) -> Result<()> {
        let (mut state, now) = self.now();
        let Some(task) = state.owners.find_mut(task) else {
            return Err(refused(ErrorKind::NotFound, "InvalidParameterException", "The task was not found."));
        };
        let life = &mut task.timeline;
        if life.serves.is_some_and(|from| now <= from) {
            life.serves = None;
        } else {
            life.serves_until = Some(life.serves_until.map_or(now, |until| until.min(now)));
        }
        Ok(())
    }

    /// Registers targets as somebody does in the console. Not in the ledger's calls.
    ///
    /// # Errors
    ///
    /// As `RegisterTargets` answers.
    pub fn register_by_hand(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
        let (mut state, now) = self.now();
        state.register(group, targets, now)
    }

    /// Takes targets out as somebody does in the console. Not in the ledger's calls.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no such group.
    pub fn deregister_by_hand(&self, group: &TargetGroupArn, targets: &[Target]) -> Result<()> {
        let (mut state, now) = self.now();
        let found = state.group(group, now)?;
        targets.iter().for_each(|target| found.deregister(target));
        Ok(())
    }
}
