//! `down`

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::DownOptions;
use ecs_warmstart::ids::TaskArn;

use super::shared::{bring_up_sample, print, progress};
use crate::args::Global;
use crate::backend::{Cloud, Scene};
use crate::confirm::{Intent, Plan, confirm};
use crate::error::Error;
use crate::exit::Ending;
use crate::output::text;
use crate::signals::{self, OnSignal};

#[derive(Clone, Debug, Args)]
pub(crate) struct Down {
    /// Which services [default: all]
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// How long to wait for requests under way at most [default: each target group's own deregistration delay]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) drain_wait: Option<Duration>,
    /// Allow that a target group in use is left without a healthy target
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Only this task, whoever started it
    #[arg(long, value_name = "ARN")]
    pub(crate) task: Option<TaskArn>,
}

impl Down {
    pub(crate) async fn run(self, global: &Global) -> Result<Ending, Error> {
        let scene = Scene::new(global, &self.services)?;
        let Cloud { fleet, simulated, .. } = scene.cloud(global).await?;
        let plan = Plan {
            services: &scene.services,
            intent: Intent::TakeDown,
            region: scene.region.as_deref(),
            endpoint_url: global.endpoint_url.as_deref(),
        };
        confirm(&plan.text(), global.backend, global.yes)?;

        let progress = Arc::new(progress(global, &scene));
        let cancel = Cancel::new();
        let watch = signals::watch(cancel.clone(), Arc::clone(&progress), OnSignal::End)?;
        if simulated.is_some() {
            bring_up_sample(&fleet, &scene, &progress, &cancel).await;
        }
        let fleet = fleet.with_observer(Arc::clone(&progress));
        let report = fleet.down(&scene.services, &self.options(&scene), &cancel).await;
        drop(watch);
        progress.finish();
        print(global.output, &report, text::down)?;
        Ok(Ending::of_report(&report, cancel.is_cancelled()))
    }

    fn options(&self, scene: &Scene) -> DownOptions {
        DownOptions {
            drain_wait: self.drain_wait,
            allow_empty: self.allow_empty,
            task: self.task.clone(),
            only_here: false,
            neighbours: scene.neighbours.clone(),
        }
    }
}
