//! `status`

use clap::Args;

use super::shared::{print, progress};
use crate::args::Global;
use crate::backend::Scene;
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
        let fleet = scene.fleet(global).await?;
        progress(global, &scene).finish();
        let report = fleet.status(&scene.services).await;
        print(global.output, &report, text::status)?;
        Ok(Ending::of_status(&report))
    }
}
