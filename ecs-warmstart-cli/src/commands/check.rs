//! `check`

use clap::{Args, ValueEnum};
use ecs_warmstart::preflight::Severity;
use ecs_warmstart::spec::Readiness;

use super::shared::{print, progress};
use crate::args::Global;
use crate::backend::Scene;
use crate::error::Error;
use crate::exit::Ending;
use crate::output::checked;

const EXAMPLES: &str = "\
Examples:
  Before a deployment, in a pipeline:
    ecs-warmstart check --deny warnings
  One service, for programs:
    ecs-warmstart check auth --output json";

#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Check {
    /// Which services [default: all]
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// End with 3 on warnings too, not on errors alone
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) deny: Option<Deny>,
    /// Be content with registered targets: do not check whether they can get healthy
    #[arg(long)]
    pub(crate) skip_health_check: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Deny {
    Warnings,
}

impl Check {
    pub(crate) async fn run(self, global: &Global) -> Result<Ending, Error> {
        let scene = Scene::new(global, &self.services)?;
        let fleet = scene.cloud(global).await?.fleet;
        progress(global, &scene).finish();
        let readiness = if self.skip_health_check { Readiness::Registered } else { Readiness::Healthy };
        let report = fleet.check(&scene.services, readiness).await;
        print(global.output, &report, checked::text)?;
        let denied = self.deny == Some(Deny::Warnings) && report.count(Severity::Warning) > 0;
        Ok(if report.summary.failed > 0 || denied { Ending::NotReady } else { Ending::Ready })
    }
}
