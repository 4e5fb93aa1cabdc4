//! `up` and `down` in pieces: begun here, driven for a while, handed on, and driven to their end by whoever comes next.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::handle::{Fleet, random_call};
use super::options::{DownOptions, UpOptions};
use super::preflight::Balancers;
use super::runs::{Budget, Runs};
use super::service::Service;
use super::service_runs::{Until, earlier};
use super::{down, up};
use crate::driver::{Cancel, Driven};
use crate::error::{ErrorKind, Failure};
use crate::machine::{Cause, Operation};

impl Fleet {
    /// Begins what [`up`](Self::up) does: reads the definitions and what runs, and makes the runs. Nothing is launched yet;
    /// [`drive`](Self::drive) does that.
    ///
    /// With [`UpOptions::run_id`] it needs no memory of earlier calls: begun anew under the same name it finds the same tasks.
    /// What cannot be read within `patience` fails, and is reported with its cause once the runs are driven.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn begin_up(
        &self,
        services: &[Service],
        options: &UpOptions,
        patience: Duration,
        cancel: &Cancel,
    ) -> Runs {
        let began = self.clock.now();
        let call = options.run_id.clone().or_else(|| options.fresh.then(random_call));
        let balancers = Balancers::default();
        let around = [services, &options.neighbours].concat();
        let begun = self
            .each(services.to_vec(), |fleet, service| {
                let (options, cancel, call) = (options.clone(), cancel.clone(), call.clone());
                let balancers = Balancers::clone(&balancers);
                let neighbours = service.neighbours(&around);
                async move {
                    let begin = up::begin(
                        &fleet,
                        (&service, neighbours),
                        &options,
                        call.as_ref(),
                        &balancers,
                        &cancel,
                    );
                    match fleet.within(patience, begin).await {
                        Ok(runs) => runs,
                        Err(cause) => up::never_began(&service, &cause),
                    }
                }
            })
            .await;
        Runs::new("up", began, begun)
    }

    /// Begins what [`down`](Self::down) does: reads what runs and is registered, asks the guard, and makes the drains. Nothing
    /// is deregistered yet; [`drive`](Self::drive) does that.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn begin_down(
        &self,
        services: &[Service],
        options: &DownOptions,
        patience: Duration,
        cancel: &Cancel,
    ) -> Runs {
        let began = self.clock.now();
        let around: Arc<[Service]> = services.iter().chain(&options.neighbours).cloned().collect();
        let plans = self
            .each(services.to_vec(), |fleet, service| {
                let (options, cancel, around) = (options.clone(), cancel.clone(), Arc::clone(&around));
                async move {
                    let plan = down::plan(&fleet, &service, &around, &options, &cancel);
                    fleet.within(patience, plan).await
                }
            })
            .await;
        let guarded = if options.allow_empty { BTreeSet::new() } else { down::emptied(&plans) };
        let begun =
            services.iter().zip(plans).map(|(service, plan)| down::begin(self, service, plan, &guarded));
        Runs::new("down", began, begun.collect())
    }

    /// Drives all runs at once, until they end or the budget is used up.
    ///
    /// Called again with the state it answers it goes on, in this process or in another, whatever became of the piece
    /// before. `resume_at` is when the first of them has something to do again; earlier does no harm.
    ///
    /// With `cancel` starts are undone and drains left as they are. Undoing takes time too: give it some.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops in the middle and loses what it learnt; the state it was called with can be driven on.
    pub async fn drive(&self, runs: Runs, budget: Budget, cancel: &Cancel) -> Driven<Runs> {
        let now = self.clock.now();
        let limits = Until { drive: now + budget.drive, calls: now + budget.calls.max(budget.drive) };
        let (command, began, services) = runs.into_services();
        let driven = self
            .each(services, |fleet, mut service| {
                let cancel = cancel.clone();
                async move {
                    let resume_at = service.drive(&fleet, limits, &cancel).await;
                    (service, resume_at)
                }
            })
            .await;
        let (services, times): (Vec<_>, Vec<_>) = driven.into_iter().unzip();
        let state = Runs::new(&command, began, services);
        match times.into_iter().fold(None, earlier) {
            None => Driven::Finished(state),
            Some(resume_at) => Driven::Suspended { state, resume_at },
        }
    }

    /// The work, if it is done within that time.
    pub(super) async fn within<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, Box<Cause>>>,
    ) -> Result<T, Box<Cause>> {
        let until = self.clock.now() + patience;
        tokio::select! {
            biased;
            done = work => done,
            () = self.clock.sleep_until(until) => Err(Box::new(Cause::CallFailed {
                call: Operation::DescribeTaskDefinition,
                failure: Failure::new(
                    ErrorKind::Timeout,
                    "the time given was over before everything could be read; nothing was begun",
                ),
            })),
        }
    }
}
