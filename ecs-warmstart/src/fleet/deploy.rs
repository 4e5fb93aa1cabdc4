//! Deploys a revision to an ECS service, and believes it only once it serves.
//!
//! What may have happened when an answer is lost: a revision is registered that nothing uses, and is found again; the service
//! was changed, and changing it to the same is no change. So the same call again goes on, whoever died in the middle. Where reads
//! fail from there on, nobody knows whether it serves: what is not known to serve has failed, and is taken back like it.

use std::time::Duration;

use super::deployed::{DeployOutcome, DeployReport, PinnedImage};
use super::handle::Fleet;
use super::looked_into;
use super::not_begun::{NotBegun, call_failed, refused, unresolved, unwatchable};
use super::report::REPORT_VERSION;
use super::rolling::{Ended, Rolling, Unread, Watched};
use crate::driver::Cancel;
use crate::facts::{EcsServiceFacts, TaskDefinitionFacts};
use crate::ids::{ClusterId, TaskDefinitionId};
use crate::ports::Deployer;
use crate::rollout::{Failed, Goal, WayBack};
use crate::spec::{Pins, Revision};
use crate::time::millis;

/// How long a call is repeated that fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a deployment may take unless somebody says otherwise: a rolling update starts tasks and drains the former ones
/// for their group's deregistration delay (AWS: 300 s unless set), perhaps in several turns.
pub const DEFAULT_DEPLOY_WAIT: Duration = Duration::from_secs(20 * 60);

/// What to deploy, where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deploy {
    /// The cluster of the ECS service.
    pub cluster: ClusterId,
    /// Its name.
    pub ecs_service: String,
    /// What the next revision has that the current one has not. Images are pinned to what their tags stand for now.
    pub changes: Revision,
    /// Whether a deployment that fails, or that cannot be watched any more, is taken back.
    pub rollback: bool,
    /// How long the service may take to become stable and healthy; and as long again for the way back.
    pub max_wait: Duration,
}

impl Fleet {
    /// Deploys a revision to an ECS service, and waits until the service is stable, every target healthy, and every task runs
    /// what was meant. A deployment that fails, or that cannot be watched any more, is explained and, where that is asked for,
    /// taken back; neither that nor what ECS's own circuit breaker takes back is a success. `tell` hears what is waited for,
    /// whenever that changes.
    ///
    /// What watching needs is read once beforehand: where that fails, nothing is registered and nothing changed.
    ///
    /// Idempotent: the same call again registers and changes nothing, and waits for what is under way.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, or `cancel`, ends the waiting: ECS goes on with what was begun.
    pub async fn deploy(
        &self,
        deployer: &dyn Deployer,
        deploy: &Deploy,
        cancel: &Cancel,
        tell: &(dyn Fn(&str) + Send + Sync),
    ) -> DeployReport {
        let began = self.now();
        let rolling = Rolling {
            fleet: self,
            cluster: &deploy.cluster,
            name: &deploy.ecs_service,
            network_mode: None,
            cancel,
            tell,
        };
        let mut story = Story { deployer, deploy, rolling, report: blank(deploy) };
        story.tell().await;
        story.report.elapsed_ms = millis(self.now().since(began));
        story.report
    }
}

struct Story<'a> {
    deployer: &'a dyn Deployer,
    deploy: &'a Deploy,
    rolling: Rolling<'a>,
    report: DeployReport,
}

impl Story<'_> {
    async fn tell(&mut self) {
        let begun = match self.begin().await {
            Ok(begun) => begun,
            Err(NotBegun { unsure, cause }) => {
                let interrupted = self.rolling.cancel.is_cancelled();
                self.report.outcome = match (unsure, interrupted) {
                    (true, _) => DeployOutcome::Failed,
                    (false, true) => DeployOutcome::Interrupted,
                    (false, false) => DeployOutcome::Refused,
                };
                let failure = match unsure {
                    true => "whether the service was changed is not known; the same command again finds out",
                    false => "the service was not changed",
                };
                self.report.failure = Some(failure.to_owned());
                self.report.cause = Some(*cause);
                return;
            }
        };
        let until = self.rolling.fleet.clock.now() + self.deploy.max_wait;
        let watched = self.rolling.watch(&begun.goal, until).await;
        self.end(begun, watched).await;
    }

    /// Up to the change of the service.
    async fn begin(&mut self) -> Result<Begun, NotBegun> {
        let service =
            self.rolling.service().await.map_err(|error| call_failed("DescribeServices", &error))?;
        if service.status != "ACTIVE" {
            return Err(refused("service_not_active", format!("the ECS service is {}", service.status), ""));
        }
        let base = service.primary().and_then(|primary| primary.task_definition.clone());
        let base = base.or_else(|| service.task_definition.clone()).ok_or_else(|| {
            refused(
                "no_deployment",
                "ECS shows no deployment of the service".to_owned(),
                "a service that CodeDeploy or another controller deploys is deployed by that one",
            )
        })?;
        self.report.former = Some(base.to_string());
        let definition = self.definition(&base).await?;
        self.rolling.network_mode = Some(definition.network_mode);
        let (changes, pins) = self.pinned(&definition).await?;
        let probed = self.rolling.probe(&service).await;
        probed.map_err(|Unread { action, error }| unwatchable(action, &error))?;
        let task_definition = self.revise(&base, &changes).await?;
        self.report.task_definition = Some(task_definition.to_string());
        let former = former(&service, &base, &task_definition);
        self.report.former = former.as_ref().map(ToString::to_string);
        let changed = !base.is_same(&task_definition);
        if changed {
            self.update(&task_definition).await?;
        }
        if service.desired == 0 {
            let warning = "the service's desired count is 0: nothing is started, so nothing is proved";
            self.report.warnings.push(warning.to_owned());
        }
        let since = self.rolling.fleet.clock.now();
        Ok(Begun { goal: Goal { task_definition, former, pins, since }, changed })
    }

    async fn definition(&self, base: &TaskDefinitionId) -> Result<TaskDefinitionFacts, NotBegun> {
        let Rolling { fleet, cancel, .. } = &self.rolling;
        let inspector = &fleet.ports.inspector;
        let read = fleet.patiently(PATIENCE, cancel, || inspector.task_definition(base)).await;
        let definition = read.map_err(|error| call_failed("DescribeTaskDefinition", &error))?;
        let unknown = self.deploy.changes.containers.keys().find(|name| definition.container(name).is_none());
        match unknown {
            None => Ok(definition),
            Some(name) => {
                let known: Vec<&str> = definition.containers.iter().map(|it| it.name.as_str()).collect();
                Err(refused(
                    "container_missing",
                    format!("task definition {} has no container {name:?}", base.name()),
                    &format!("name one of {}", known.join(", ")),
                ))
            }
        }
    }

    /// The changes with every image by its digest, and what containers may run then.
    async fn pinned(&mut self, definition: &TaskDefinitionFacts) -> Result<(Revision, Pins), NotBegun> {
        let (mut changes, mut pins) = (self.deploy.changes.clone(), Pins::default());
        let Rolling { fleet, cancel, .. } = &self.rolling;
        for (name, image) in self.deploy.changes.images() {
            let is_private = definition.container(name).is_some_and(|it| it.has_registry_credentials);
            let read = fleet.image(image, is_private, PATIENCE, cancel).await;
            let facts = read.map_err(|error| unresolved(image, &error))?;
            if let Some(wanted) = definition.platform().filter(|wanted| facts.serves(wanted) == Some(false)) {
                let has: Vec<String> = facts.platforms().map(ToString::to_string).collect();
                return Err(refused(
                    "image_platform_mismatch",
                    format!("image {image} is for {}; the task definition wants {wanted}", has.join(", ")),
                    &format!(
                        "docker buildx build --platform {} -t {image} --push .",
                        [vec![wanted.to_string()], has].concat().join(",")
                    ),
                ));
            }
            let pinned = image.pinned_to(facts.digest.clone());
            self.report.images.push(PinnedImage { container: name.to_owned(), image: pinned.to_string() });
            changes.container(name).image = Some(pinned);
            pins.pin(name, [facts.digest]);
            pins.pin(name, facts.images.into_iter().map(|variant| variant.digest));
        }
        Ok((changes, pins))
    }

    async fn revise(
        &self,
        base: &TaskDefinitionId,
        changes: &Revision,
    ) -> Result<TaskDefinitionId, NotBegun> {
        let Rolling { fleet, cancel, .. } = &self.rolling;
        let revised = fleet.patiently(PATIENCE, cancel, || self.deployer.revise(base, changes)).await;
        revised.map_err(|error| call_failed("RegisterTaskDefinition", &error))
    }

    /// Changes the service. Where no answer says so, a look does.
    async fn update(&self, to: &TaskDefinitionId) -> Result<(), NotBegun> {
        let Rolling { fleet, cluster, name, cancel, .. } = &self.rolling;
        let call = || self.deployer.update_service(cluster, name, to);
        let Err(error) = fleet.patiently(PATIENCE, cancel, call).await else { return Ok(()) };
        let shown = fleet.ports.inspector.ecs_service(cluster, name).await;
        let runs = shown.ok().and_then(|service| service.primary()?.task_definition.clone());
        match runs {
            Some(runs) if runs.is_same(to) => Ok(()),
            // What it shows may be late, so where the answer was lost it proves nothing.
            Some(_) | None => {
                Err(NotBegun { unsure: error.kind().is_ambiguous(), ..call_failed("UpdateService", &error) })
            }
        }
    }

    async fn end(&mut self, begun: Begun, watched: Watched) {
        let Watched { ended, tasks, at_once } = watched;
        self.report.tasks = tasks;
        let (failure, is_ours) = match ended {
            Ended::Done { unproved } => {
                if unproved > 0 {
                    self.report.warnings.push(format!(
                        "ECS does not say which image {unproved} of the tasks run; their task definition names its digest"
                    ));
                }
                let unchanged = at_once && !begun.changed;
                self.report.outcome =
                    if unchanged { DeployOutcome::Unchanged } else { DeployOutcome::Deployed };
                return;
            }
            Ended::Interrupted => {
                self.report.outcome = DeployOutcome::Interrupted;
                self.report.failure = Some(
                    "interrupted; ECS goes on by itself, and the same command again waits for it".to_owned(),
                );
                return;
            }
            Ended::Failed(failed) => {
                let ours = !matches!(
                    failed,
                    Failed::Overtaken { .. } | Failed::NotActive { .. } | Failed::WentBack { .. }
                );
                if let Failed::WentBack { to } = &failed {
                    let to = to.clone();
                    self.fail(&begun.goal.task_definition, failed.to_string()).await;
                    return self.settle(to).await;
                }
                (failed.to_string(), ours)
            }
            Ended::TooLate { why } => {
                (format!("not there after {}: {why}", humantime::format_duration(self.deploy.max_wait)), true)
            }
            Ended::Blind(error) => (format!("it could not be watched any more: {error}"), true),
        };
        self.fail(&begun.goal.task_definition, failure).await;
        let former = begun.goal.former.clone().filter(|_| is_ours);
        match former {
            Some(former) if self.deploy.rollback => self.go_back(&begun.goal, former).await,
            Some(former) => {
                let back = self.command_back(&former);
                self.report.warnings.push(format!("the service stays as it is; to go back: {back}"));
            }
            None if self.deploy.rollback => {
                let why = match is_ours {
                    true => "no former revision is known",
                    false => "there is no deployment of ours to take back",
                };
                self.report.warnings.push(format!("nothing was rolled back: {why}"));
            }
            None => {}
        }
    }

    /// Writes down how it failed, and finds out why while that can still be read.
    async fn fail(&mut self, of: &TaskDefinitionId, failure: String) {
        let Rolling { fleet, cluster, name, .. } = &self.rolling;
        self.report.outcome = DeployOutcome::Failed;
        self.report.failure = Some(failure);
        let why = looked_into::ecs_service(fleet, cluster, name, Some(of)).await;
        let diagnosis = why.diagnose();
        if !diagnosis.is_fine() {
            self.report.cause = Some(diagnosis.root().into());
        }
        fleet.keep(why);
    }

    /// Takes the deployment back, unless somebody else has deployed meanwhile.
    async fn go_back(&mut self, goal: &Goal, former: TaskDefinitionId) {
        let why = match self.rolling.way_back(goal).await {
            Ok(WayBack::Ours) => {
                (self.rolling.tell)(&format!("going back to {}", former.name()));
                return match self.update(&former).await {
                    Ok(()) => self.settle(former).await,
                    Err(why) => self.not_back(why.unsure, &why.cause.summary, goal, &former),
                };
            }
            // A circuit breaker was faster.
            Ok(WayBack::TakenBack { to }) => return self.settle(to).await,
            Ok(WayBack::Overtaken { by }) => {
                let by = by.name();
                return self.report.warnings.push(format!(
                    "not rolled back: the service should run {by} now, which somebody else deployed"
                ));
            }
            Ok(WayBack::NotActive { status }) => {
                return self.report.warnings.push(format!("not rolled back: the ECS service is {status}"));
            }
            Ok(WayBack::NotShown) => "ECS does not show which revision the service should run".to_owned(),
            Err(error) => format!("the service could not be read: {error}"),
        };
        self.not_back(false, &why, goal, &former);
    }

    /// Says how things were left, and how a person goes back.
    fn not_back(&mut self, unsure: bool, why: &str, goal: &Goal, former: &TaskDefinitionId) {
        self.report.outcome = DeployOutcome::RollbackFailed;
        let (back, new) = (self.command_back(former), goal.task_definition.name());
        self.report.warnings.push(match unsure {
            true => format!("whether it was rolled back is not known: {why}; to go back: {back}"),
            false => format!("not rolled back, the service was left on {new}: {why}; to go back: {back}"),
        });
    }

    fn command_back(&self, former: &TaskDefinitionId) -> String {
        let Rolling { cluster, name, .. } = &self.rolling;
        let former = former.name();
        format!("aws ecs update-service --cluster {cluster} --service {name} --task-definition {former}")
    }

    /// Waits until the former revision serves again.
    async fn settle(&mut self, former: TaskDefinitionId) {
        let now = self.rolling.fleet.clock.now();
        let back = Goal { task_definition: former.clone(), former: None, pins: Pins::default(), since: now };
        let watched = self.rolling.watch(&back, now + self.deploy.max_wait).await;
        self.report.tasks = watched.tasks;
        let name = former.name();
        let left = match watched.ended {
            Ended::Done { .. } => {
                self.report.outcome = DeployOutcome::RolledBack;
                self.report.warnings.push(format!("the service runs {name} again"));
                return;
            }
            Ended::Failed(failed) => format!("{name} does not serve again yet: {failed}"),
            Ended::TooLate { why } => format!("{name} does not serve again yet: {why}"),
            Ended::Blind(error) => format!(
                "the service should run {name} again; whether that serves could not be watched: {error}"
            ),
            Ended::Interrupted => {
                format!("{name} does not serve again yet: interrupted; ECS goes on by itself")
            }
        };
        self.report.outcome = DeployOutcome::RollbackFailed;
        self.report.warnings.push(left);
    }
}

struct Begun {
    goal: Goal,
    /// Whether the service was changed.
    changed: bool,
}

/// What the service ran before: what it should have run until now, or, where that is the new one already, what it is leaving.
fn former(
    service: &EcsServiceFacts,
    base: &TaskDefinitionId,
    new: &TaskDefinitionId,
) -> Option<TaskDefinitionId> {
    if !base.is_same(new) {
        return Some(base.clone());
    }
    let mut leaving = service.deployments.iter().filter_map(|deployment| deployment.task_definition.as_ref());
    leaving.find(|id| !id.is_same(new)).cloned()
}

fn blank(deploy: &Deploy) -> DeployReport {
    DeployReport {
        version: REPORT_VERSION,
        command: "deploy".to_owned(),
        outcome: DeployOutcome::Refused,
        elapsed_ms: 0,
        ecs_service: deploy.ecs_service.clone(),
        cluster: deploy.cluster.name().to_owned(),
        former: None,
        task_definition: None,
        images: Vec::new(),
        tasks: Vec::new(),
        failure: None,
        cause: None,
        warnings: Vec::new(),
    }
}
