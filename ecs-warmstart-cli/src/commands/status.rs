//! `status`

use clap::Args;
use ecs_warmstart::driver::Cancel;

use super::shared::{bring_up_sample, print, progress};
use crate::args::Global;
use crate::backend::{Cloud, Scene};
use crate::error::Error;
use crate::exit::Ending;
use crate::output::text;

#[derive(Clone, Debug, Args)]
pub(crate) struct Status {
    /// Which services [default: all]
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
}

impl Status {
    pub(crate) async fn run(self, global: &Global) -> Result<Ending, Error> {
        let scene = Scene::new(global, &self.services)?;
        let Cloud { fleet, simulated, .. } = scene.cloud(global).await?;
        let progress = progress(global, &scene);
        if let Some(simulated) = &simulated {
            bring_up_sample(&fleet, &scene, &progress, &Cancel::new()).await;
            simulated.mishap(&scene.services, &progress).await;
        }
        progress.finish();
        let report = fleet.status(&scene.services).await;
        print(global.output, &report, text::status)?;
        Ok(Ending::of_status(&report))
    }
}
