//! `verify`: one look at everything, one plan for all, then each service is mended by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::drift::compare_images;
use super::handle::Fleet;
use super::mend::Mend;
use super::options::VerifyOptions;
use super::report::CauseReport;
use super::service::Service;
use super::survey::{Survey, survey};
use super::verified::{ChangeReport, FindingReport, ServicePlan, ServiceVerified};
use crate::driver::Cancel;
use crate::ids::TargetGroupArn;
use crate::observation::Target;
use crate::reconcile::{Action, Item, Keep, Plan, Removal, reconcile};

/// How long a look is repeated that fails: a throttled account is over it by then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Verifies services, once or round after round.
#[derive(Debug)]
pub(super) struct Verifier<'a> {
    fleet: &'a Fleet,
    services: &'a [Service],
    options: &'a VerifyOptions,
    cancel: &'a Cancel,
    known: Known,
    longest_wait: Duration,
}

/// The targets that an earlier round found to be of the services.
type Known = BTreeMap<TargetGroupArn, BTreeSet<Target>>;

impl<'a> Verifier<'a> {
    pub(super) fn new(
        fleet: &'a Fleet,
        services: &'a [Service],
        options: &'a VerifyOptions,
        cancel: &'a Cancel,
    ) -> Self {
        Self { fleet, services, options, cancel, known: Known::new(), longest_wait: Duration::MAX }
    }

    /// Cuts every wait to this.
    pub(super) fn with_waits_up_to(self, longest_wait: Duration) -> Self {
        Self { longest_wait, ..self }
    }

    /// Verifies. Where a service has no task it looks once more: one that was just launched may not be listed yet.
    pub(super) async fn once(mut self) -> Vec<ServiceVerified> {
        let mut found = self.look().await;
        if found.services().any(|(surveyed, tasks)| tasks == 0 && surveyed.cause.is_none()) {
            let listed = self.fleet.clock.now() + self.fleet.policy.listing_lag;
            tokio::select! {
                () = self.fleet.clock.sleep_until(listed) => found = self.look().await,
                () = self.cancel.asked() => {}
            }
        }
        self.mend(found).await
    }

    /// Verifies for another time.
    pub(super) async fn round(&mut self) -> Vec<ServiceVerified> {
        let found = self.look().await;
        self.mend(found).await
    }

    /// What would be done.
    pub(super) async fn plan(self) -> Vec<ServicePlan> {
        let Found { survey, plan, count } = self.look().await;
        let services = survey.services.into_iter().take(count).map(|surveyed| {
            let items = items_of(&surveyed.service, &plan, &surveyed.misfits);
            ServicePlan {
                service: surveyed.service.name.to_string(),
                kept: items.iter().filter(|item| matches!(item.action, Action::Keep(_))).count(),
                changes: items.iter().filter_map(|item| ChangeReport::of(item, false)).collect(),
                findings: FindingReport::all(&surveyed, &items),
                cause: surveyed.cause.as_deref().map(CauseReport::from),
                warnings: surveyed.warnings,
            }
        });
        services.collect()
    }

    async fn look(&self) -> Found {
        let all: Vec<Service> = self.services.iter().chain(&self.options.neighbours).cloned().collect();
        let mut survey = survey(self.fleet, &all, PATIENCE, self.cancel).await;
        compare_images(self.fleet, self.cancel, &mut survey).await;
        for (arn, group) in &mut survey.view.groups {
            group.removal = match self.known.get(arn) {
                _ if self.options.prune => Removal::Remove,
                Some(known) => Removal::Known(known.clone()),
                None => Removal::Report,
            };
        }
        Found { plan: reconcile(&survey.view), survey, count: self.services.len() }
    }

    async fn mend(&mut self, found: Found) -> Vec<ServiceVerified> {
        let Found { survey, plan, count } = found;
        self.know(&plan);
        let Survey { services, view } = survey;
        let mends = services.into_iter().zip(view.services).take(count).map(|(surveyed, seen)| {
            let items = items_of(&surveyed.service, &plan, &surveyed.misfits);
            Mend {
                readiness: self.options.readiness,
                max_wait: self
                    .options
                    .max_wait
                    .unwrap_or(surveyed.service.running_timeout)
                    .min(self.longest_wait),
                health_wait: self
                    .options
                    .health_wait
                    .unwrap_or(surveyed.service.healthy_timeout)
                    .min(self.longest_wait),
                surveyed,
                seen,
                items,
                cancel: self.cancel.clone(),
            }
        });
        self.fleet.each(mends.collect::<Vec<_>>(), |fleet, mend| async move { mend.run(&fleet).await }).await
    }

    /// Remembers what is the services' own: what stands where it should, and what is put there now. What was known before stays
    /// so until it is gone, or the task behind it dies unseen between two rounds.
    fn know(&mut self, plan: &Plan) {
        let mut present: BTreeMap<_, BTreeSet<&Target>> = BTreeMap::new();
        for item in &plan.items {
            present.entry(&item.target_group).or_default().extend(&item.target);
        }
        for (arn, known) in &mut self.known {
            known.retain(|target| present.get(arn).is_some_and(|targets| targets.contains(target)));
        }
        for item in &plan.items {
            let is_own = match &item.action {
                Action::Register => true,
                Action::Keep(Keep::Healthy | Keep::Starting | Keep::Unhealthy(_) | Keep::Returning) => true,
                Action::Keep(Keep::Draining) | Action::Deregister(_) | Action::Report(_) => false,
            };
            if is_own {
                self.known.entry(item.target_group.clone()).or_default().extend(item.target.clone());
            }
        }
    }
}

/// What a look found. The services that are verified come first, then their neighbours.
struct Found {
    survey: Survey,
    plan: Plan,
    count: usize,
}

impl Found {
    /// The services that are verified, and how many tasks of each run.
    fn services(&self) -> impl Iterator<Item = (&super::survey::Surveyed, usize)> {
        let tasks = self.survey.view.services.iter().map(|view| view.tasks.len());
        self.survey.services.iter().zip(tasks).take(self.count)
    }
}

/// What concerns the service: its own items, and what nobody can ascribe to anybody in a group of its.
pub(super) fn items_of(service: &Service, plan: &Plan, misfits: &[Item]) -> Vec<Item> {
    let is_bound = |item: &Item| service.bindings.iter().any(|its| its.target_group == item.target_group);
    let concerns = |item: &&Item| match &item.service {
        Some(name) => *name == service.name,
        None => is_bound(item),
    };
    plan.items.iter().filter(concerns).chain(misfits).cloned().collect()
}
