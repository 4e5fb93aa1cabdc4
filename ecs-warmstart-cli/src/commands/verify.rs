//! `verify`

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{Fleet, VerifyOptions, VerifyReport};
use ecs_warmstart::spec::Readiness;

use super::shared::{bring_up_sample, print, progress};
use crate::args::{Format, Global, duration};
use crate::backend::{Cloud, Scene};
use crate::error::Error;
use crate::exit::Ending;
use crate::output::{Reader, verified};
use crate::signals::{self, OnSignal};

/// Between two rounds of `--watch`: as long as the AWS Load Balancer Controller leaves between two looks at a group.
const EVERY: Duration = Duration::from_secs(15);

#[derive(Clone, Debug, Args)]
pub(crate) struct Verify {
    /// Which services [default: all]
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
    /// How long to wait until a task that is starting is RUNNING [default: the file's running_timeout, else 5m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) max_wait: Option<Duration>,
    /// How long to wait from there until every target is healthy [default: the file's healthy_timeout, else 2m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) health_wait: Option<Duration>,
    /// Be content with registered targets: do not wait until they are healthy
    #[arg(long)]
    pub(crate) skip_health_check: bool,
    /// Take out addresses that are proved stale: their task has stopped [without it they are only named]
    #[arg(long)]
    pub(crate) prune: bool,
    /// Print what would be done, and do nothing; ends with 0 where nothing is to be done, with 3 where something is
    #[arg(long, conflicts_with_all = ["watch", "max_wait", "health_wait", "skip_health_check"])]
    pub(crate) plan: bool,
    /// Go on every 15 s until interrupted, or until nobody reads any more; with --output ndjson every event is a line, and
    /// after each round {"report": …}
    #[arg(long)]
    pub(crate) watch: bool,
}

impl Verify {
    pub(crate) async fn run(self, global: &Global) -> Result<Ending, Error> {
        if self.watch && global.output == Format::Json {
            return Err(Error::WatchAsOneDocument);
        }
        let scene = Scene::new(global, &self.services)?;
        let Cloud { fleet, simulated, .. } = scene.cloud(global).await?;
        let progress = Arc::new(progress(global, &scene));
        let cancel = Cancel::new();
        let watch = signals::watch(cancel.clone(), Arc::clone(&progress), OnSignal::End)?;
        if let Some(simulated) = &simulated {
            bring_up_sample(&fleet, &scene, &progress, &cancel).await;
            simulated.mishap(&scene.services, &progress).await;
        }
        let fleet = fleet.with_observer(Arc::clone(&progress));
        let ending = if self.plan {
            let report = fleet.plan(&scene.services, &self.options(&scene), &cancel).await;
            print(global.output, &report, verified::plan)?;
            Ending::of_plan(&report, cancel.is_cancelled())
        } else if self.watch {
            self.go_on(&fleet, &scene, &cancel, global.output).await?
        } else {
            let report = fleet.verify(&scene.services, &self.options(&scene), &cancel).await;
            progress.finish();
            print(global.output, &report, verified::verify)?;
            Ending::of_verify(&report, cancel.is_cancelled())
        };
        drop(watch);
        Ok(ending)
    }

    /// Prints every round. To be interrupted is how it ends, so the last round decides; and so where nobody reads any more,
    /// since nothing should be changed for ever that nobody watches.
    async fn go_on(
        &self,
        fleet: &Fleet,
        scene: &Scene,
        cancel: &Cancel,
        format: Format,
    ) -> Result<Ending, Error> {
        let mut printed = Ok(Reader::There);
        let each = |report: &VerifyReport| {
            printed = print(format, report, verified::verify);
            match printed {
                Ok(Reader::There) => {}
                Ok(Reader::Gone) | Err(_) => cancel.cancel(),
            }
        };
        let report = fleet.watch(&scene.services, &self.options(scene), EVERY, cancel, each).await;
        printed?;
        Ok(Ending::of_verify(&report, false))
    }

    fn options(&self, scene: &Scene) -> VerifyOptions {
        VerifyOptions {
            max_wait: self.max_wait,
            health_wait: self.health_wait,
            readiness: if self.skip_health_check { Readiness::Registered } else { Readiness::Healthy },
            prune: self.prune,
            neighbours: scene.neighbours.clone(),
        }
    }
}
