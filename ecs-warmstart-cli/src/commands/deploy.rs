//! `deploy`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{DEFAULT_DEPLOY_WAIT, Deploy as What};
use ecs_warmstart::ids::ClusterId;
use ecs_warmstart::image::ImageRef;
use ecs_warmstart::spec::Revision;

use super::shared::{print, progress};
use crate::args::{Global, duration};
use crate::backend::{Cloud, Scene};
use crate::changes::{self, Given};
use crate::confirm::confirm;
use crate::error::Error;
use crate::exit::Ending;
use crate::output::deployed;
use crate::signals::{self, OnSignal};

const EXAMPLES: &str = "\
Examples:
  The next image, and back to the former where it does not serve:
    ecs-warmstart deploy --ecs-service web --cluster prod --image web=web:2.0 --rollback
  More time for the health check, and a variable:
    ecs-warmstart deploy --ecs-service web --cluster prod --set web.healthCheck.startPeriod=120 --set web.environment.LOG_LEVEL=debug
  The same from a file, in the words of a task definition:
    ecs-warmstart deploy --ecs-service web --cluster prod --patch next.json
  Wait until what was deployed serves:
    ecs-warmstart deploy --ecs-service web --cluster prod
  Without AWS, on a sample, with a new revision that fails:
    ecs-warmstart deploy --ecs-service shop --cluster shop-cluster --backend memory --scenario oom --rollback \\
      --image shop-container=111122223333.dkr.ecr.us-east-2.amazonaws.com/shop-container:2.0

A file of changes: { \"containerDefinitions\": [{ \"name\": \"web\", \"image\": \"web:2.0\",
  \"environment\": [{ \"name\": \"LOG_LEVEL\", \"value\": \"debug\" }], \"healthCheck\": { \"startPeriod\": 120 } }] }
What it does not name stays as it is; a value of null takes a variable out; a name stands in it once.

Exit codes: 0 deployed, or nothing to change; 3 refused, failed, or rolled back; 4 failed and not back yet; 130 interrupted: ECS
goes on by itself, and the same command again waits for it";

#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Deploy {
    /// The ECS service
    #[arg(long, value_name = "NAME")]
    pub(crate) ecs_service: String,
    /// Its cluster
    #[arg(long, value_name = "CLUSTER")]
    pub(crate) cluster: ClusterId,
    /// The image of a container: its tag is resolved, and the task definition names the digest
    #[arg(long, value_name = "CONTAINER=IMAGE", value_parser = changes::image)]
    pub(crate) image: Vec<(String, ImageRef)>,
    /// CONTAINER.environment.NAME=VALUE, or CONTAINER.healthCheck.KEY=VALUE with command, interval, timeout, retries, startPeriod
    #[arg(long, value_name = "SETTING")]
    pub(crate) set: Vec<Given>,
    /// CONTAINER.environment.NAME: take the variable out
    #[arg(long, value_name = "VARIABLE")]
    pub(crate) unset: Vec<Given>,
    /// A file of changes, in JSON as in a task definition
    #[arg(long, value_name = "FILE")]
    pub(crate) patch: Option<PathBuf>,
    /// Take a deployment back that fails, or that cannot be watched any more
    #[arg(long)]
    pub(crate) rollback: bool,
    /// How long the service may take to become stable and healthy, and as long again for the way back [default: 20m: a rolling
    /// update drains the former tasks, 300 s at a time unless their target group says otherwise]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) max_wait: Option<Duration>,
    /// What belongs to no option, such as the rest of a secret with a space in it: clap would repeat it
    #[arg(hide = true)]
    pub(crate) strays: Vec<Given>,
}

impl Deploy {
    pub(crate) async fn run(self, global: &Global) -> Result<Ending, Error> {
        let what = self.what()?;
        let scene = Scene::of_deployment(global)?;
        let Cloud { fleet, deployer, simulated } = scene.cloud(global).await?;
        confirm(&question(&what, global), global.backend, global.yes)?;
        let progress = Arc::new(progress(global, &scene));
        let cancel = Cancel::new();
        if let Some(simulated) = &simulated {
            progress.note("an ECS service \"shop\" in \"shop-cluster\" is brought up first".to_owned());
            simulated.run_ecs_service(&fleet, global.scenario).await?;
        }
        let watch = signals::watch(cancel.clone(), Arc::clone(&progress), OnSignal::End)?;
        let tell = {
            let progress = Arc::clone(&progress);
            move |what: &str| progress.note(what.to_owned())
        };
        let report = fleet.deploy(&deployer, &what, &cancel, &tell).await;
        drop(watch);
        progress.finish();
        print(global.output, &report, deployed::text)?;
        Ok(Ending::of_deploy(&report))
    }

    /// The file first; the command line has the last word.
    fn what(&self) -> Result<What, Error> {
        if !self.strays.is_empty() {
            return Err(Error::Strays);
        }
        let mut settings = changes::parse("--unset", &self.unset, changes::unsetting)?;
        settings.extend(changes::parse("--set", &self.set, changes::setting)?);
        let mut changes = match &self.patch {
            Some(path) => {
                let document = std::fs::read_to_string(path)
                    .map_err(|source| Error::NoPatch { path: path.clone(), source })?;
                changes::patch(&document).map_err(|why| Error::InvalidPatch { path: path.clone(), why })?
            }
            None => Revision::default(),
        };
        for (container, image) in &self.image {
            changes.container(container).image = Some(image.clone());
        }
        changes::apply(&mut changes, settings);
        Ok(What {
            cluster: self.cluster.clone(),
            ecs_service: self.ecs_service.clone(),
            changes,
            rollback: self.rollback,
            max_wait: self.max_wait.unwrap_or(DEFAULT_DEPLOY_WAIT),
        })
    }
}

fn question(what: &What, global: &Global) -> String {
    let place = match (&global.endpoint_url, &global.region) {
        (Some(url), _) => format!(" at {url}"),
        (None, Some(region)) => format!(" in {region}"),
        (None, None) => String::new(),
    };
    let cluster = what.cluster.name();
    let containers: Vec<&str> = what.changes.containers.keys().map(String::as_str).collect();
    let containers = if containers.is_empty() { "nothing".to_owned() } else { containers.join(", ") };
    let name = &what.ecs_service;
    format!("This deploys to the ECS service {name} of {cluster}{place}, changing {containers}.\n")
}
