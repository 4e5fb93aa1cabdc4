//! Everything behind the lock: what each call does, at a given time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::address::Places;
use super::behaviour::{Behaviour, Refusal, Stop};
use super::deployer::Values;
use super::dice::Dice;
use super::ecs_service::EcsServices;
use super::group::Group;
use super::ledger::{Action, Call};
use super::owners::Owners;
use super::quota::Buckets;
use super::settings::Settings;
use super::shelf::Shelf;
use super::supply::Supply;
use super::task::{Place, Task};
use super::timeline::{End, Timeline};
use super::tokens::{Kind, Known, Tokens};
use crate::error::{ErrorKind, Failure, PortError};
use crate::facts::{EcsServiceFacts, NetworkMode, TargetType, TaskDefinitionFacts};
use crate::ids::{ClientToken, ClusterId, TargetGroupArn, TaskArn, TaskDefinitionId};
use crate::observation::{StopCode, StopInfo, Target, TaskObservation};
use crate::ports::{Result, Selector};
use crate::spec::LaunchRequest;
use crate::time::Timestamp;

/// What chance is needed for; each has a row of throws of its own.
pub(super) const DICE_LIFE: u64 = 1;
pub(super) const DICE_NAME: u64 = 2;
pub(super) const DICE_TARGET: u64 = 3;
pub(super) const DICE_LATENCY: u64 = 4;

#[derive(Debug)]
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) clusters: BTreeSet<String>,
    /// By family, then by revision.
    pub(super) definitions: BTreeMap<String, BTreeMap<u32, Arc<TaskDefinitionFacts>>>,
    pub(super) groups: BTreeMap<TargetGroupArn, Group>,
    pub(super) unusable: BTreeSet<String>,
    /// Groups about which every call is refused.
    pub(super) denied: BTreeSet<TargetGroupArn>,
    pub(super) owners: Owners,
    pub(super) shelf: Shelf,
    pub(super) ecs_services: EcsServices,
    /// Of the environment variables that a deployment set: facts have no values.
    pub(super) values: BTreeMap<TaskDefinitionId, Values>,
    pub(super) supply: Supply,
    pub(super) calls: Vec<Call>,
    /// What tasks of a family do.
    pub(super) behaviours: BTreeMap<String, Behaviour>,
    /// What the next tasks of a family do.
    pub(super) next_behaviours: BTreeMap<String, VecDeque<Behaviour>>,
    pub(super) refusals: Vec<RefusalRule>,
    pub(super) faults: VecDeque<Fault>,
    places: Places,
    tokens: Tokens,
    buckets: Option<Buckets>,
    registrations: u64,
    pub(super) travels: u64,
}

/// Launches of a family that are refused.
#[derive(Debug)]
pub(super) struct RefusalRule {
    pub(super) family: String,
    pub(super) lasts: Lasts,
    pub(super) refusal: Refusal,
}

#[derive(Debug)]
pub(super) enum Lasts {
    Times(u32),
    Until(Timestamp),
}

/// The next call of a kind that fails.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) action: Action,
    pub(super) failure: Failure,
    /// Whether the call takes effect all the same.
    pub(super) takes_effect: bool,
}

impl State {
    pub(super) fn new(settings: Settings) -> Self {
        let places = Places::new(&settings);
        Self {
            clusters: BTreeSet::new(),
            definitions: BTreeMap::new(),
            groups: BTreeMap::new(),
            unusable: BTreeSet::new(),
            denied: BTreeSet::new(),
            owners: Owners::new(places.machine_ids()),
            shelf: Shelf::default(),
            ecs_services: EcsServices::new(),
            values: BTreeMap::new(),
            supply: Supply::default(),
            calls: Vec::new(),
            behaviours: BTreeMap::new(),
            next_behaviours: BTreeMap::new(),
            refusals: Vec::new(),
            faults: VecDeque::new(),
            places,
            tokens: Tokens::default(),
            buckets: settings.quotas.as_ref().map(Buckets::new),
            registrations: 0,
            travels: 0,
            settings,
        }
    }

    /// Answers `count` calls that the port makes for one question, and writes them down.
    pub(super) fn call<T>(
        &mut self,
        now: Timestamp,
        action: Action,
        count: usize,
        about: String,
        perform: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.roll_out(now);
        let answer = self.answer(now, action, count, perform);
        let failed = answer.as_ref().err().map(PortError::kind);
        let call = Call { at: now, action, about, failed };
        self.calls.extend(std::iter::repeat_n(call, count));
        answer
    }

    fn answer<T>(
        &mut self,
        now: Timestamp,
        action: Action,
        count: usize,
        perform: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let position = self.faults.iter().position(|fault| fault.action == action);
        let fault = position.and_then(|position| self.faults.remove(position));
        if let Some(fault) = &fault
            && !fault.takes_effect
        {
            return Err(fault.failure.clone().into());
        }
        if let Some(buckets) = &mut self.buckets
            && !(0..count).all(|_| buckets.take(action, now))
        {
            return Err(throttled());
        }
        let answer = perform(self);
        match fault {
            Some(fault) => Err(fault.failure.into()),
            None => answer,
        }
    }

    pub(super) fn cluster(&self, cluster: &ClusterId) -> Result<()> {
        if self.clusters.contains(cluster.name()) {
            Ok(())
        } else {
            Err(refused(ErrorKind::NotFound, "ClusterNotFoundException", "Cluster not found."))
        }
    }

    /// The revision that the name stands for: the newest one where it names none.
    pub(super) fn definition(&self, id: &TaskDefinitionId) -> Option<&Arc<TaskDefinitionFacts>> {
        let revisions = self.definitions.get(id.family())?;
        match revision(id) {
            Some(revision) => revisions.get(&revision),
            None => revisions.last_key_value().map(|(_, facts)| facts),
        }
    }

    pub(super) fn run_task(
        &mut self,
        token: &ClientToken,
        request: &LaunchRequest,
        now: Timestamp,
    ) -> Result<TaskObservation> {
        if let Some(buckets) = &mut self.buckets
            && request.compute.is_fargate()
            && !buckets.take_fargate_launch(now)
        {
            return Err(throttled());
        }
        self.cluster(&request.cluster)?;
        let owners = &self.owners;
        let stopped = |number: usize| owners.task(number).timeline.stopped().filter(|at| *at <= now);
        let lifetime = self.settings.token_lifetime;
        match self.tokens.look(token, request, lifetime, now, stopped) {
            Known::Same(answer) => self.replay(answer, now),
            Known::Other(answer) => Err(self.conflict(answer)),
            Known::No => {
                let answer = self.launch(request, now)?;
                self.tokens.keep(token, request, now, answer.clone());
                self.replay(answer, now)
            }
        }
    }

    fn replay(&self, answer: Kind, now: Timestamp) -> Result<TaskObservation> {
        match answer {
            Kind::Task(number) => Ok(self.owners.task(number).launch_answer(&self.settings, now)),
            Kind::Failures(failure) => Err(failure.into()),
        }
    }

    fn conflict(&self, answer: Kind) -> PortError {
        let tasks = match answer {
            Kind::Task(number) => vec![self.owners.task(number).arn.clone()],
            Kind::Failures(_) => Vec::new(),
        };
        let message = "The clientToken was used with other parameters.";
        refused(ErrorKind::Conflict, "ConflictException", message).with_tasks(tasks)
    }

    /// Launches a task, or answers `failures[]`; an error is an answer that no token keeps.
    pub(super) fn launch(&mut self, request: &LaunchRequest, now: Timestamp) -> Result<Kind> {
        let definition = self
            .definition(&request.task_definition)
            .cloned()
            .ok_or_else(|| refused(ErrorKind::Invalid, "ClientException", "TaskDefinition not found."))?;
        check_request(request, &definition)?;
        match self.take_refusal(definition.id.family(), now) {
            Some(Refusal::Error(failure)) => return Err(failure.into()),
            Some(refusal @ Refusal::Failures(_)) => return Ok(Kind::Failures(refusal.failure())),
            None => {}
        }
        let spot = match self.supply.take(request, &definition, now) {
            Ok(spot) => spot,
            Err(refusal) => return Ok(Kind::Failures(refusal.failure())),
        };
        let number = self.owners.len();
        let arn = self.task_arn(request.cluster.name(), number)?;
        let place = match self.places.take(&definition, number, self.settings.ipv6, &self.owners, now) {
            Ok(place) => place,
            Err(reason) => return Ok(Kind::Failures(Refusal::Failures(reason.to_owned()).failure())),
        };
        let behaviour = self.take_behaviour(&definition.id);
        let awsvpc = definition.network_mode == NetworkMode::AwsVpc;
        let dice = Dice::new(self.settings.seed, DICE_LIFE, number as u64);
        let mut timeline = Timeline::draw(now, awsvpc, &behaviour, &self.settings, dice);
        let (digests, unpullable) = self.shelf.pull(&definition);
        if let Some(stop) = unpullable {
            timeline.plan_stop(&stop);
        }
        if matches!(&place, Place::Addresses(addresses) if addresses.is_empty()) {
            timeline.plan_stop(&Stop::no_free_address());
        }
        Ok(Kind::Task(self.owners.add(Task {
            arn,
            cluster: request.cluster.name().to_owned(),
            started_by: request.started_by.clone(),
            overrides: request.overrides.clone(),
            definition,
            behaviour,
            timeline,
            place,
            spot,
            digests,
        })))
    }

    fn task_arn(&self, cluster: &str, number: usize) -> Result<TaskArn> {
        let mut dice = Dice::new(self.settings.seed, DICE_NAME, number as u64);
        let Settings { region, account, .. } = &self.settings;
        let id = format!("{:016x}{:016x}", dice.number(), dice.number());
        TaskArn::new(format!("arn:aws:ecs:{region}:{account}:task/{cluster}/{id}")).map_err(|error| {
            PortError::new(ErrorKind::Invalid, "the settings make no ARN").with_source(error)
        })
    }

    fn take_behaviour(&mut self, definition: &TaskDefinitionId) -> Behaviour {
        let next = self.next_behaviours.get_mut(definition.family()).and_then(VecDeque::pop_front);
        next.or_else(|| self.behaviours.get(definition.name()).cloned())
            .or_else(|| self.behaviours.get(definition.family()).cloned())
            .unwrap_or_default()
    }

    fn take_refusal(&mut self, family: &str, now: Timestamp) -> Option<Refusal> {
        self.refusals.retain(|rule| match rule.lasts {
            Lasts::Times(left) => left > 0,
            Lasts::Until(until) => now < until,
        });
        let rule = self.refusals.iter_mut().find(|rule| rule.family == family)?;
        match &mut rule.lasts {
            Lasts::Times(left) => *left -= 1,
            Lasts::Until(_) => {}
        }
        Some(rule.refusal.clone())
    }

    /// The tasks that `ListTasks` names.
    pub(super) fn list(&self, cluster: &ClusterId, selector: &Selector, now: Timestamp) -> Vec<TaskArn> {
        let deployments = match selector {
            Selector::OfEcsService { name, .. } => Some(self.deployments(cluster, name)),
            _ => None,
        };
        self.owners
            .iter()
            .filter(|task| task.cluster == cluster.name())
            .filter(|task| deployments.as_ref().is_none_or(|ids| ids.contains(&task.started_by)))
            .filter(|task| task.is_listed(selector, &self.settings, now))
            .map(|task| task.arn.clone())
            .collect()
    }

    /// What the tasks of an ECS service are started by.
    fn deployments(&self, cluster: &ClusterId, name: &str) -> Vec<String> {
        match self.ecs_services.get(&(cluster.name().to_owned(), name.to_owned())) {
            Some(service) => service.deployments(),
            None => self.shelf.deployments(cluster, name),
        }
    }

    pub(super) fn ecs_service(
        &self,
        cluster: &ClusterId,
        name: &str,
        now: Timestamp,
    ) -> Result<EcsServiceFacts> {
        match self.ecs_services.get(&(cluster.name().to_owned(), name.to_owned())) {
            Some(service) => Ok(service.facts(self, now)),
            None => self.shelf.ecs_service(cluster, name),
        }
    }

    pub(super) fn stop_task_if_known(&mut self, task: &TaskArn, reason: &str, now: Timestamp) -> Result<()> {
        if !self.owners.find(task).is_some_and(|found| found.is_known_to_stop(&self.settings, now)) {
            let said = "The referenced task was not found.";
            return Err(refused(ErrorKind::NotFound, "InvalidParameterException", said));
        }
        self.stop_task(task, reason, now);
        Ok(())
    }

    pub(super) fn stop_task(&mut self, task: &TaskArn, reason: &str, now: Timestamp) {
        let Some(task) = self.owners.find_mut(task) else {
            return;
        };
        let exit_code = if task.behaviour.handles_sigterm { 143 } else { 137 };
        task.timeline.end_by(End {
            at: now,
            told: true,
            stop: StopInfo { code: Some(StopCode::UserInitiated), reason: reason.to_owned() },
            exit_code: Some(exit_code),
            container_reason: None,
        });
    }

    pub(super) fn observe_task(
        &self,
        cluster: &ClusterId,
        task: &TaskArn,
        now: Timestamp,
    ) -> TaskObservation {
        match self.owners.find(task) {
            Some(found) if found.cluster == cluster.name() => found.observe(&self.settings, now),
            Some(_) | None => TaskObservation::missing(task.clone()),
        }
    }

    /// Refuses who may do nothing with the group: before AWS says whether there is one.
    pub(super) fn authorize(&self, group: &TargetGroupArn) -> Result<()> {
        if self.denied.contains(group) {
            let message = format!("User is not authorized to perform this action on resource: {group}");
            return Err(refused(ErrorKind::Denied, "AccessDenied", message));
        }
        Ok(())
    }

    /// The group, brought up to `now`.
    pub(super) fn group(&mut self, group: &TargetGroupArn, now: Timestamp) -> Result<&mut Group> {
        let Some(found) = self.groups.get_mut(group) else {
            let message = format!("Target groups '{group}' not found");
            return Err(refused(ErrorKind::NotFound, "TargetGroupNotFound", message));
        };
        found.bring_up_to(now, &self.owners);
        Ok(found)
    }

    pub(super) fn register(
        &mut self,
        group: &TargetGroupArn,
        targets: &[Target],
        now: Timestamp,
    ) -> Result<()> {
        let found = self.group(group, now)?;
        let target_type = found.settings.target_type;
        let mut new = BTreeSet::new();
        for target in targets {
            if found.is_draining(target) && target_type != TargetType::Instance {
                let message = format!("The target {target} is still being deregistered");
                return Err(refused(ErrorKind::Invalid, "InvalidTarget", message));
            }
            if !found.holds(target) {
                new.insert(target);
            }
        }
        if found.len() + new.len() > found.settings.quota {
            let message = "The maximum number of targets per target group has been reached";
            return Err(refused(ErrorKind::Invalid, "TooManyTargets", message));
        }
        for target in targets {
            self.check_target(target_type, target)?;
        }
        let Self { groups, owners, unusable, registrations, settings, .. } = self;
        if let Some(found) = groups.get_mut(group) {
            for target in targets {
                *registrations += 1;
                let dice = Dice::new(settings.seed, DICE_TARGET, *registrations);
                found.register(target, unusable.contains(&target.id), owners, dice);
            }
        }
        Ok(())
    }

    fn check_target(&self, target_type: TargetType, target: &Target) -> Result<()> {
        let address = target.id.parse::<std::net::IpAddr>();
        let (fits, wanted) = match target_type {
            TargetType::Ipv4 => (address.is_ok_and(|address| address.is_ipv4()), "a valid IPv4 address"),
            TargetType::Ipv6 => (address.is_ok_and(|address| address.is_ipv6()), "a valid IPv6 address"),
            TargetType::Instance => (self.owners.has_machine(&target.id), "an instance of this VPC"),
            TargetType::Unsupported => (false, "a target of this group's type"),
        };
        if fits {
            return Ok(());
        }
        let message = format!("'{}' is not {wanted}", target.id);
        Err(refused(ErrorKind::Invalid, "InvalidTarget", message))
    }
}

/// The revision that an id names.
pub(super) fn revision(id: &TaskDefinitionId) -> Option<u32> {
    let name = id.as_str().rsplit('/').next().unwrap_or(id.as_str());
    name.split_once(':').and_then(|(_, revision)| revision.parse().ok())
}

pub(super) fn refused(kind: ErrorKind, code: &str, message: impl Into<String>) -> PortError {
    PortError::new(kind, message).with_code(code)
}

fn throttled() -> PortError {
    refused(ErrorKind::Throttled, "ThrottlingException", "Rate exceeded")
}

/// What `RunTask` refuses although it is well-formed.
fn check_request(request: &LaunchRequest, definition: &TaskDefinitionFacts) -> Result<()> {
    let invalid = |code, message: &str| Err(refused(ErrorKind::Invalid, code, message));
    if request.started_by.len() > 128 {
        return invalid("InvalidParameterException", "startedBy is longer than 128 characters.");
    }
    let containers = &definition.containers;
    let mut overridden = request.overrides.container_overrides.iter();
    if let Some(unknown) = overridden.find(|given| !containers.iter().any(|its| its.name == given.name)) {
        let message = format!(
            "Override for container named {} is not a container in the TaskDefinition.",
            unknown.name
        );
        return invalid("InvalidParameterException", &message);
    }
    match (definition.network_mode, &request.network) {
        (NetworkMode::AwsVpc, None) => invalid(
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (NetworkMode::AwsVpc, Some(network)) if network.subnets.is_empty() => {
            invalid("InvalidParameterException", "subnets can not be empty.")
        }
        (NetworkMode::AwsVpc, Some(_)) => Ok(()),
        (NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None, _) if request.compute.is_fargate() => {
            invalid("ClientException", "Fargate only supports network mode 'awsvpc'.")
        }
        (NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None, Some(_)) => invalid(
            "InvalidParameterException",
            "Network Configuration is not valid for the given networkMode of this task definition.",
        ),
        (NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None, None) => Ok(()),
    }
}
