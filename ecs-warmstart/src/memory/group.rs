//! A target group: registrations, health checks, draining, and the traffic that was lost.
//!
//! The past never changes, so a group is brought up to the present only when somebody looks at it or changes it.

use std::time::Duration;

use super::behaviour::CheckAnswer;
use super::dice::Dice;
use super::ledger::LostTraffic;
use super::owners::Owners;
use super::settings::GroupSettings;
use crate::observation::{Target, TargetObservation, TargetReason, TargetState};
use crate::time::Timestamp;

#[derive(Debug)]
pub(super) struct Group {
    pub(super) settings: GroupSettings,
    members: Vec<Member>,
    /// Up to when everything is computed.
    at: Timestamp,
    lost: Vec<LostTraffic>,
}

/// A target in the group.
#[derive(Debug)]
struct Member {
    target: Target,
    /// A load balancer has its address itself.
    unusable: bool,
    /// The registration is complete.
    registered: Timestamp,
    next: Probe,
    health: Health,
    /// Whether somebody serves behind it.
    served: bool,
    first_healthy: Option<Timestamp>,
    draining_since: Option<Timestamp>,
}

/// What comes next of a target's health checks.
#[derive(Clone, Copy, Debug)]
enum Probe {
    /// The next check.
    At(Timestamp),
    /// The end of one that gets no answer, and the next check after it.
    GivesUp { at: Timestamp, next: Timestamp },
}

impl Probe {
    fn at(self) -> Timestamp {
        match self {
            Self::At(at) | Self::GivesUp { at, .. } => at,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    /// Not known yet; so many checks failed in a row.
    Initial { failed: u32 },
    /// So many checks failed in a row.
    Healthy { failed: u32 },
    /// So many checks passed in a row; what the last that failed got.
    Unhealthy { passed: u32, last: CheckAnswer },
}

impl Health {
    fn after(self, answer: CheckAnswer, settings: &GroupSettings) -> Self {
        let passes = answer == CheckAnswer::Passes;
        match self {
            // A new target needs one check, whatever the healthy threshold says.
            Self::Initial { .. } | Self::Healthy { .. } if passes => Self::Healthy { failed: 0 },
            Self::Initial { failed } | Self::Healthy { failed }
                if failed + 1 >= settings.unhealthy_threshold =>
            {
                Self::Unhealthy { passed: 0, last: answer }
            }
            Self::Initial { failed } => Self::Initial { failed: failed + 1 },
            Self::Healthy { failed } => Self::Healthy { failed: failed + 1 },
            Self::Unhealthy { passed, .. } if passes && passed + 1 >= settings.healthy_threshold => {
                Self::Healthy { failed: 0 }
            }
            Self::Unhealthy { passed, last } if passes => Self::Unhealthy { passed: passed + 1, last },
            Self::Unhealthy { .. } => Self::Unhealthy { passed: 0, last: answer },
        }
    }
}

/// What a target has to do with traffic from some moment on.
#[derive(Clone, Copy, Debug)]
struct Change {
    at: Timestamp,
    member: usize,
    health: Health,
    served: bool,
}

impl Group {
    pub(super) fn new(settings: GroupSettings, now: Timestamp) -> Self {
        Self { settings, members: Vec::new(), at: now, lost: Vec::new() }
    }

    /// How many targets it holds, those that drain included.
    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn holds(&self, target: &Target) -> bool {
        self.member(target).is_some_and(|member| member.draining_since.is_none())
    }

    pub(super) fn is_draining(&self, target: &Target) -> bool {
        self.member(target).is_some_and(|member| member.draining_since.is_some())
    }

    /// The targets that are registered and do not drain.
    pub(super) fn registered(&self) -> impl Iterator<Item = &Target> {
        self.members.iter().filter(|member| member.draining_since.is_none()).map(|member| &member.target)
    }

    pub(super) fn lost(&self) -> &[LostTraffic] {
        &self.lost
    }

    /// When the target was healthy for the first time since its registration.
    pub(super) fn healthy_at(&self, target: &Target) -> Option<Timestamp> {
        self.member(target)?.first_healthy
    }

    /// Registers a target, or has it registered still. Bring the group up to `now` before.
    pub(super) fn register(&mut self, target: &Target, unusable: bool, owners: &Owners, mut dice: Dice) {
        let now = self.at;
        if self.holds(target) {
            return;
        }
        self.members.retain(|member| member.target != *target);
        let registered = now + dice.within(&self.settings.registration);
        let first_check = registered + dice.within(&(Duration::ZERO..=self.interval()));
        self.members.push(Member {
            target: target.clone(),
            unusable,
            registered,
            next: Probe::At(first_check),
            health: Health::Initial { failed: 0 },
            served: owners.answer(target, now) == CheckAnswer::Passes,
            first_healthy: None,
            draining_since: None,
        });
    }

    /// Begins to take a target out. Bring the group up to `now` before.
    pub(super) fn deregister(&mut self, target: &Target) {
        let now = self.at;
        if !self.settings.in_use {
            // There is no load balancer with connections to it.
            self.members.retain(|member| member.target != *target);
            return;
        }
        for member in &mut self.members {
            if member.target == *target {
                member.draining_since.get_or_insert(now);
            }
        }
    }

    pub(super) fn observe(&self, target: &Target) -> TargetObservation {
        self.member(target)
            .map_or_else(TargetObservation::not_registered, |member| self.observe_member(member))
    }

    pub(super) fn observe_all(&self) -> Vec<(Target, TargetObservation)> {
        self.members.iter().map(|member| (member.target.clone(), self.observe_member(member))).collect()
    }

    fn observe_member(&self, member: &Member) -> TargetObservation {
        let seen = |state, reason, description: &str| TargetObservation {
            description: Some(description.to_owned()),
            ..TargetObservation::new(state, Some(reason))
        };
        if member.draining_since.is_some() {
            let description = "Target deregistration is in progress";
            return seen(TargetState::Draining, TargetReason::DeregistrationInProgress, description);
        }
        if member.unusable {
            let description = "Target IP address is in use by a load balancer";
            return seen(TargetState::Unused, TargetReason::IpUnusable, description);
        }
        if !self.settings.in_use {
            let description = "Target group is not configured to receive traffic from the load balancer";
            return seen(TargetState::Unused, TargetReason::NotInUse, description);
        }
        if self.at < member.registered {
            let description = "Target registration is in progress";
            return seen(TargetState::Initial, TargetReason::RegistrationInProgress, description);
        }
        match member.health {
            Health::Initial { .. } => {
                let description = "Initial health checks in progress";
                seen(TargetState::Initial, TargetReason::InitialHealthChecking, description)
            }
            Health::Healthy { .. } => TargetObservation::new(TargetState::Healthy, None),
            Health::Unhealthy { last, .. } => match last {
                CheckAnswer::Silent => {
                    seen(TargetState::Unhealthy, TargetReason::Timeout, "Request timed out")
                }
                CheckAnswer::Code(code) => {
                    let description = format!("Health checks failed with these codes: [{code}]");
                    seen(TargetState::Unhealthy, TargetReason::ResponseCodeMismatch, &description)
                }
                CheckAnswer::Refused | CheckAnswer::Passes => {
                    seen(TargetState::Unhealthy, TargetReason::FailedHealthChecks, "Health checks failed")
                }
            },
        }
    }

    /// Brings everything up to `now`: checks, drained targets, lost traffic.
    pub(super) fn bring_up_to(&mut self, now: Timestamp, owners: &Owners) {
        if now <= self.at {
            return;
        }
        if self.settings.in_use {
            self.run_checks(now, owners);
        }
        self.at = now;
        let delay = self.settings.deregistration_delay;
        self.members.retain(|member| member.draining_since.is_none_or(|since| now < since + delay));
    }

    fn run_checks(&mut self, now: Timestamp, owners: &Owners) {
        let before: Vec<(Health, bool)> =
            self.members.iter().map(|member| (member.health, member.served)).collect();
        let mut changes = Vec::new();
        for (index, member) in self.members.iter_mut().enumerate() {
            if member.draining_since.is_none() && !member.unusable {
                member.live(self.at, now, owners, &self.settings, |at, health, served| {
                    changes.push(Change { at, member: index, health, served });
                });
            }
        }
        changes.sort_by_key(|change| change.at);
        self.count_lost_traffic(before, &changes, now);
    }

    fn count_lost_traffic(&mut self, mut states: Vec<(Health, bool)>, changes: &[Change], now: Timestamp) {
        let active: Vec<usize> = (0..self.members.len())
            .filter(|index| self.members[*index].draining_since.is_none() && !self.members[*index].unusable)
            .collect();
        let mut tally = Tally::default();
        for index in &active {
            tally.count(states[*index], 1);
        }
        let mut from = self.at;
        for change in changes {
            if tally.loses_traffic() {
                self.lose(from, change.at);
            }
            from = change.at;
            tally.count(states[change.member], -1);
            states[change.member] = (change.health, change.served);
            tally.count(states[change.member], 1);
        }
        if tally.loses_traffic() {
            self.lose(from, now);
        }
    }

    fn lose(&mut self, from: Timestamp, until: Timestamp) {
        if from >= until {
            return;
        }
        match self.lost.last_mut() {
            Some(last) if last.until == from => last.until = until,
            Some(_) | None => self.lost.push(LostTraffic { from, until }),
        }
    }

    fn interval(&self) -> Duration {
        self.settings.health_check_interval
    }

    fn member(&self, target: &Target) -> Option<&Member> {
        self.members.iter().find(|member| member.target == *target)
    }
}

impl Member {
    /// Lives through the time after `from`, up to `until`, and reports each change.
    fn live(
        &mut self,
        from: Timestamp,
        until: Timestamp,
        owners: &Owners,
        settings: &GroupSettings,
        mut changed: impl FnMut(Timestamp, Health, bool),
    ) {
        // An interval of nothing would never end.
        let interval = settings.health_check_interval.max(Duration::from_millis(1));
        let timeout = settings.health_check_timeout.min(interval);
        // `from` again: what was done by hand at that very moment is not among the turning points.
        let points = owners.turning_points(&self.target, from, until);
        for point in [from].into_iter().chain(points).chain([until]) {
            while self.next.at() <= point {
                let at = self.next.at();
                let answer = match self.next {
                    Probe::At(at) => owners.answer(&self.target, at),
                    Probe::GivesUp { .. } => CheckAnswer::Silent,
                };
                match (self.next, answer) {
                    (Probe::At(at), CheckAnswer::Silent) => {
                        self.next = Probe::GivesUp { at: at + timeout, next: at + interval };
                        continue;
                    }
                    (Probe::At(at), _) => self.next = Probe::At(at + interval),
                    (Probe::GivesUp { next, .. }, _) => self.next = Probe::At(next),
                }
                self.health = self.health.after(answer, settings);
                if let Health::Healthy { .. } = self.health {
                    self.first_healthy.get_or_insert(at);
                }
                changed(at, self.health, self.served);
            }
            let served = owners.answer(&self.target, point) == CheckAnswer::Passes;
            if served != self.served {
                self.served = served;
                changed(point, self.health, served);
            }
        }
    }
}

/// How many targets of each kind there are.
#[derive(Debug, Default)]
struct Tally {
    all: i64,
    unhealthy: i64,
    healthy_unserved: i64,
    unhealthy_unserved: i64,
}

impl Tally {
    fn count(&mut self, (health, served): (Health, bool), by: i64) {
        self.all += by;
        match (health, served) {
            (Health::Initial { .. }, _) | (Health::Healthy { .. }, true) => {}
            (Health::Healthy { .. }, false) => self.healthy_unserved += by,
            (Health::Unhealthy { .. }, true) => self.unhealthy += by,
            (Health::Unhealthy { .. }, false) => {
                self.unhealthy += by;
                self.unhealthy_unserved += by;
            }
        }
    }

    /// Traffic goes to the healthy targets; where all are unhealthy it goes to all of them ("fail open").
    fn loses_traffic(&self) -> bool {
        let fails_open = self.unhealthy > 0 && self.unhealthy == self.all;
        self.healthy_unserved > 0 || (fails_open && self.unhealthy_unserved > 0)
    }
}
