//! `diagnose`

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use ecs_warmstart::diagnose::{FlightRecord, Subject};
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{DiagnosisReport, Fleet, Service, UpOptions};
use ecs_warmstart::ids::{ClusterId, TaskArn};
use ecs_warmstart::spec::OnFailure;

use super::shared::{print, progress};
use crate::args::{Backend, Global};
use crate::backend::Scene;
use crate::error::Error;
use crate::exit::Ending;
use crate::output::diagnosis;

const EXAMPLES: &str = "\
Examples:
  What is wrong with the services of warmstart.toml:
    ecs-warmstart diagnose
  Why a task stopped, within the hour that ECS remembers it:
    ecs-warmstart diagnose --task arn:aws:ecs:us-east-2:111122223333:task/prod/0a1b2c3d
  Why an ECS service is not stable:
    ecs-warmstart diagnose --ecs-service web --cluster prod
  Keep the evidence of a run, and look at it whenever:
    ecs-warmstart up --record run.json; ecs-warmstart diagnose --from run.json
  Without AWS, on a sample with one thing broken:
    ecs-warmstart diagnose --backend memory --scenario slow-database

Exit codes: 0 nothing is wrong, 3 something is, 2 wrong command line or configuration";

#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Diagnose {
    /// Which services [default: all]
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// One task, whoever started it
    #[arg(long, value_name = "ARN", conflicts_with_all = ["services", "ecs_service", "from"])]
    pub(crate) task: Option<TaskArn>,
    /// An ECS service: its deployments, events and tasks, and those that it stopped
    #[arg(long, value_name = "NAME", requires = "cluster", conflicts_with_all = ["services", "from"])]
    pub(crate) ecs_service: Option<String>,
    /// The cluster of the task or ECS service [default for a task: the one in its ARN]
    #[arg(long, value_name = "CLUSTER")]
    pub(crate) cluster: Option<ClusterId>,
    /// A flight record, written by --record, or - for standard input: nobody is asked
    #[arg(long, value_name = "FILE", conflicts_with = "cluster")]
    pub(crate) from: Option<PathBuf>,
}

impl Diagnose {
    pub(crate) async fn run(self, global: &Global) -> Result<Ending, Error> {
        let report = match &self.from {
            Some(path) => self.replay(path)?,
            None => self.look(global).await?,
        };
        print(global.output, &report, diagnosis::text)?;
        Ok(if report.summary.failed == 0 { Ending::Ready } else { Ending::NotReady })
    }

    /// What is written down; of all, or of the services that are named.
    fn replay(&self, path: &Path) -> Result<DiagnosisReport, Error> {
        let read = match path.as_os_str() == "-" {
            true => std::io::read_to_string(std::io::stdin()),
            false => std::fs::read_to_string(path),
        };
        let document = read.map_err(|source| Error::NoRecord { path: path.to_owned(), source })?;
        // Editors of some systems put a mark before the text.
        let record = FlightRecord::parse(document.trim_start_matches('\u{feff}'))
            .map_err(|source| Error::InvalidRecord { path: path.to_owned(), source })?;
        let known: Vec<String> = record.subjects.iter().map(|subject| subject.name.clone()).collect();
        if let Some(name) = self.services.iter().find(|name| !known.contains(name)) {
            return Err(Error::UnknownService { name: name.clone(), nearest: None, known });
        }
        let is_meant = |subject: &&Subject| self.services.is_empty() || self.services.contains(&subject.name);
        let subjects: Vec<Subject> = record.subjects.iter().filter(is_meant).cloned().collect();
        Ok(DiagnosisReport::new(Duration::ZERO, &subjects))
    }

    async fn look(&self, global: &Global) -> Result<DiagnosisReport, Error> {
        let of_services = self.task.is_none() && self.ecs_service.is_none();
        if of_services && self.cluster.is_some() {
            return Err(Error::ClusterOfNothing);
        }
        let mut scene =
            if of_services { Scene::new(global, &self.services)? } else { Scene::of_anything(global)? };
        // Whoever pastes an ARN means that region, whatever the shell is set to.
        if let (Some(task), None) = (&self.task, &global.region) {
            scene.region = Some(task.region().to_owned());
        }
        let fleet = scene.cloud(global).await?.fleet;
        let progress = progress(global, &scene);
        if global.backend == Backend::Memory {
            progress.note("the sample is brought up first, and what fails is left in place".to_owned());
            bring_up(&fleet, &scene.services).await;
        }
        progress.finish();
        let began = fleet.now();
        let subjects = match (&self.task, &self.ecs_service, &self.cluster) {
            (Some(task), _, cluster) => {
                let cluster = match (cluster, task.cluster()) {
                    (Some(cluster), _) => cluster.clone(),
                    (None, Some(name)) => ClusterId::new(name)?,
                    (None, None) => return Err(Error::NoCluster),
                };
                vec![fleet.evidence_of_task(&scene.services, &cluster, task).await]
            }
            (None, Some(name), Some(cluster)) => vec![fleet.evidence_of_ecs_service(cluster, name).await],
            (None, _, _) => fleet.evidence(&scene.services).await,
        };
        global.flight.keep(&subjects);
        Ok(DiagnosisReport::new(fleet.now().since(began), &subjects))
    }
}

/// A simulated cloud begins empty. Nothing is checked beforehand, or what is broken would not be started.
async fn bring_up(fleet: &Fleet, services: &[Service]) {
    let mut services = services.to_vec();
    services.iter_mut().for_each(|service| service.on_failure = OnFailure::Keep);
    let options = UpOptions { check: false, ..UpOptions::default() };
    fleet.up(&services, &options, &Cancel::new()).await;
}
