//! `up`

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::UpOptions;
use ecs_warmstart::ids::RunId;
use ecs_warmstart::spec::Readiness;

use super::shared::{print, progress};
use crate::args::{Global, duration};
use crate::backend::Scene;
use crate::confirm::{Intent, Plan, confirm};
use crate::error::Error;
use crate::exit::Ending;
use crate::output::text;
use crate::signals::{self, OnSignal};

#[derive(Clone, Debug, Args)]
pub(crate) struct Up {
    /// Which services [default: all]
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// Launch that many tasks more, whatever runs already
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Name this call: the same call again with the same name leads to the same tasks
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<RunId>,
    /// How long a task may take until RUNNING with an address [default: the file's running_timeout, else 5m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) max_wait: Option<Duration>,
    /// How long it may take from there until every target is healthy [default: the file's healthy_timeout, else 2m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) health_wait: Option<Duration>,
    /// Be content with registered targets: do not wait until they are healthy
    #[arg(long)]
    pub(crate) skip_health_check: bool,
    /// Launch without checking definitions, images and health checks first
    #[arg(long)]
    pub(crate) no_check: bool,
    /// Resolve every image's tag to its digest first, and register no task that runs another
    #[arg(long)]
    pub(crate) pin: bool,
}

impl Up {
    pub(crate) async fn run(self, global: &Global) -> Result<Ending, Error> {
        let mut scene = Scene::new(global, &self.services)?;
        for service in &mut scene.services {
            service.running_timeout = self.max_wait.unwrap_or(service.running_timeout);
            service.healthy_timeout = self.health_wait.unwrap_or(service.healthy_timeout);
        }
        let fleet = scene.cloud(global).await?.fleet;
        let plan = Plan {
            services: &scene.services,
            intent: if self.fresh { Intent::Launch } else { Intent::BringUp },
            region: scene.region.as_deref(),
            endpoint_url: global.endpoint_url.as_deref(),
        };
        confirm(&plan.text(), global.backend, global.yes)?;

        let progress = Arc::new(progress(global, &scene));
        let cancel = Cancel::new();
        let watch = signals::watch(cancel.clone(), Arc::clone(&progress), OnSignal::Undo)?;
        let fleet = fleet.with_observer(Arc::clone(&progress));
        let report = fleet.up(&scene.services, &self.options(&scene), &cancel).await;
        drop(watch);
        progress.finish();
        if let Err(error) = print(global.output, &report, text::up) {
            // Somebody has to look after these, so they are said where it can still be read.
            report.leftovers().for_each(|leftover| progress.note(leftover.to_owned()));
            return Err(error);
        }
        Ok(Ending::of_report(&report, cancel.is_cancelled()))
    }

    fn options(&self, scene: &Scene) -> UpOptions {
        let readiness = if self.skip_health_check { Readiness::Registered } else { Readiness::Healthy };
        UpOptions {
            fresh: self.fresh,
            run_id: self.run_id.clone(),
            readiness,
            check: !self.no_check,
            pin: self.pin,
            neighbours: scene.neighbours.clone(),
        }
    }
}
