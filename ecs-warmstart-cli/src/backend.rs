//! The cloud that is worked on, and the services that are configured for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::aws::{self, ConnectOptions};
use ecs_warmstart::clock::{Clock, TokioClock};
use ecs_warmstart::config::Config;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{self, DEFAULT_DEPLOY_WAIT, Deploy, Fleet, Service};
use ecs_warmstart::ids::ClusterId;
use ecs_warmstart::limit::Limits;
use ecs_warmstart::memory::{InMemory, SAMPLE_ECS_SERVICE, Scenario};
use ecs_warmstart::ports::{Deployer, Ports, Selector, TaskLauncher};
use ecs_warmstart::spec::Revision;

use crate::args::{Backend, Global};
use crate::error::Error;
use crate::output::Progress;
use crate::select::select;

/// How many times as fast as real time the simulated cloud runs: a start takes a second or two instead of a minute.
const SPEED: u32 = 30;

/// Services, and where they are looked up.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) services: Vec<Service>,
    /// The services that are configured and not named.
    pub(crate) neighbours: Vec<Service>,
    /// The region, where the command line or the file names one.
    pub(crate) region: Option<String>,
    /// What a person should know beforehand.
    pub(crate) notes: Vec<String>,
}

impl Scene {
    /// Reads what is configured, and chooses what is named. Calls nobody.
    pub(crate) fn new(global: &Global, names: &[String]) -> Result<Self, Error> {
        match global.backend {
            Backend::Aws if global.scenario.is_some() => Err(Error::ScenarioOnAws),
            Backend::Aws => {
                let path = global.config.clone().unwrap_or_else(|| PathBuf::from("warmstart.toml"));
                let config = Config::load(&path)?;
                let region = global.region.clone().or(config.region);
                let (services, neighbours) = select(config.services, names)?;
                Ok(Self { services, neighbours, region, notes: Vec::new() })
            }
            Backend::Memory => {
                let (services, neighbours) = select(fleet::sample_services(), names)?;
                Ok(Self { services, neighbours, region: None, notes: simulation_notes(global) })
            }
        }
    }

    /// The same for an ECS service, which no configuration names.
    pub(crate) fn of_deployment(global: &Global) -> Result<Self, Error> {
        let scene = Self::of_anything(global)?;
        let notes = match global.backend {
            Backend::Aws => scene.notes,
            Backend::Memory => vec![format!(
                "simulated: one sample ECS service, no AWS; time runs {SPEED} times as fast as the clock"
            )],
        };
        Ok(Self { services: Vec::new(), neighbours: Vec::new(), notes, ..scene })
    }

    /// The same where nothing is named and nothing has to be configured.
    pub(crate) fn of_anything(global: &Global) -> Result<Self, Error> {
        let given = global.config.clone().unwrap_or_else(|| PathBuf::from("warmstart.toml"));
        if global.backend == Backend::Memory || global.config.is_some() || given.exists() {
            return Self::new(global, &[]);
        }
        Ok(Self {
            services: Vec::new(),
            neighbours: Vec::new(),
            region: global.region.clone(),
            notes: Vec::new(),
        })
    }

    /// The cloud, and the fleet that works on it.
    pub(crate) async fn cloud(&self, global: &Global) -> Result<Cloud, Error> {
        let limits = Limits::of_published(global.quota_share);
        match global.backend {
            Backend::Aws => {
                let options =
                    ConnectOptions { region: self.region.clone(), endpoint_url: global.endpoint_url.clone() };
                let aws = aws::connect(&options).await?;
                let fleet = Fleet::new(Ports::from_one(aws.clone())).with_limits(limits);
                let fleet = global.flight.board(fleet, &self.services);
                Ok(Cloud { fleet, deployer: Arc::new(aws), simulated: None })
            }
            Backend::Memory => {
                let clock = TokioClock::new().with_speed(SPEED);
                let cloud = InMemory::sample(Arc::new(clock.clone()));
                if let Some(scenario) = global.scenario {
                    cloud.set_scene(scenario);
                }
                let fleet =
                    Fleet::new(Ports::from_one(cloud.clone())).with_clock(clock.clone()).with_limits(limits);
                let fleet = global.flight.board(fleet, &self.services);
                let deployer = Arc::new(cloud.clone());
                Ok(Cloud { fleet, deployer, simulated: Some(Simulated { cloud, clock }) })
            }
        }
    }
}

/// A cloud that is worked on.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) fleet: Fleet,
    /// What changes ECS services.
    pub(crate) deployer: Arc<dyn Deployer>,
    /// What can be done to it from outside, where it is the simulated one.
    pub(crate) simulated: Option<Simulated>,
}

/// The simulated cloud, for those who play fate.
#[derive(Debug)]
pub(crate) struct Simulated {
    cloud: InMemory,
    clock: TokioClock,
}

impl Simulated {
    /// Lets something happen that `verify` is for: the task of the first service is stopped by hand, and another one started
    /// and not registered.
    pub(crate) async fn mishap(&self, services: &[Service], progress: &Progress) {
        let Some(service) = services.first() else { return };
        let ours = Selector::StartedBy(service.request.started_by.clone());
        let running = self.cloud.find(&service.request.cluster, &ours).await.unwrap_or_default();
        let Some(task) = running.first() else { return };
        progress.note(format!(
            "then somebody stops the task of {} by hand, and starts another one",
            service.name
        ));
        self.cloud.stop_by_hand(task, "by hand");
        self.minute().await;
        match self.cloud.run_by_hand(&service.request) {
            Ok(_) => self.minute().await,
            Err(error) => progress.note(format!("and cannot: {error}")),
        }
    }

    /// Sets up the sample's ECS service and waits until it serves; the next revision has what the scenario breaks.
    pub(crate) async fn run_ecs_service(
        &self,
        fleet: &Fleet,
        scenario: Option<Scenario>,
    ) -> Result<(), Error> {
        if let Some(scenario) = scenario {
            let behaviour = scenario.behaviour().ok_or(Error::ScenarioWithoutTasks(scenario))?;
            self.cloud.behave(&format!("{}:2", SAMPLE_ECS_SERVICE.task_definition), &behaviour);
        }
        self.cloud.run_sample_ecs_service();
        let as_it_is = Deploy {
            cluster: ClusterId::new(SAMPLE_ECS_SERVICE.cluster)?,
            ecs_service: SAMPLE_ECS_SERVICE.name.to_owned(),
            changes: Revision::default(),
            rollback: false,
            max_wait: DEFAULT_DEPLOY_WAIT,
        };
        fleet.deploy(&self.cloud, &as_it_is, &Cancel::new(), &|_| {}).await;
        Ok(())
    }

    async fn minute(&self) {
        self.clock.sleep_until(self.clock.now() + Duration::from_secs(60)).await;
    }
}

/// An option that has no effect is said, not swallowed: somebody may think that his own services were rehearsed.
fn simulation_notes(global: &Global) -> Vec<String> {
    let mut notes = vec![format!(
        "simulated: five sample services, no AWS; time runs {SPEED} times as fast as the clock"
    )];
    if let Some(scenario) = global.scenario {
        notes.push(format!("one thing is broken in {}: {scenario}", scenario.service()));
    }
    let unused = [
        ("--config", global.config.as_deref().map(Path::display).map(|path| path.to_string())),
        ("--region", global.region.clone()),
        ("--endpoint-url", global.endpoint_url.clone()),
    ];
    for (option, value) in unused {
        if let Some(value) = value {
            notes.push(format!(
                "{option} {value} has no effect: the simulated cloud has only its own services"
            ));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Color, Format};
    use crate::flight::Flight;

    #[test]
    fn options_without_effect_are_said() {
        let mut global = Global {
            config: None,
            backend: Backend::Memory,
            region: None,
            scenario: None,
            record: None,
            flight: Flight::default(),
            endpoint_url: None,
            quota_share: 0.5,
            output: Format::Text,
            yes: false,
            verbose: 0,
            color: Color::Auto,
        };
        assert_eq!(simulation_notes(&global).len(), 1);
        global.config = Some(PathBuf::from("mine.toml"));
        assert_eq!(
            simulation_notes(&global)[1],
            "--config mine.toml has no effect: the simulated cloud has only its own services"
        );
    }
}
