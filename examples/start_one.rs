//! Start one task, wait until it serves, and put it into its target group: on the simulated cloud.
//!
//! `cargo run -p examples --example start_one`

#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::sync::Arc;

use ecs_warmstart::clock::{Clock, TokioClock};
use ecs_warmstart::driver::{Event, EventKind, Observer, WarmStart};
use ecs_warmstart::memory::{InMemory, SAMPLE_SERVICES};
use ecs_warmstart::ports::Ports;
use ecs_warmstart::spec::{Binding, Gate, Spec};
use ecs_warmstart::time::Timestamp;

/// Prints every event, with the seconds since the start.
#[derive(Debug)]
struct Printer {
    began: Timestamp,
}

impl Observer for Printer {
    fn event(&self, event: &Event) {
        let seconds = event.at.since(self.began).as_secs_f64();
        let what = match &event.kind {
            EventKind::Started { phase } => format!("started in {phase}"),
            EventKind::Entered { to, because, .. } => format!("{to}: {because}"),
            EventKind::Observed { what, .. } => what.clone(),
            EventKind::Switched { from, to, because } => format!("{from} -> {to}: {because}"),
            EventKind::Retrying { call, failure, .. } => format!("{call} failed and is repeated: {failure}"),
            EventKind::Warning { message } => format!("warning: {message}"),
            other => format!("{other:?}"),
        };
        println!("{seconds:6.1} s  {:<6} {what}", event.service.as_str());
    }
}

// Paused time: the minute that the task takes passes at once. Against AWS, leave `start_paused` out and give
// `WarmStart` the clients of `ecs_warmstart::aws` instead of the simulated cloud.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    let cloud = InMemory::sample(Arc::clone(&clock));

    // What to start, where to register it, and what must hold before that.
    let auth = &SAMPLE_SERVICES[0];
    let spec = Spec::builder(auth.name.parse()?, "auth/example".parse()?, auth.request()?)
        .binding(Binding {
            container: Some(auth.container.to_owned()),
            ..Binding::new(auth.target_group.parse()?, auth.port)
        })
        .gate(Gate::ContainersHealthy { containers: vec![auth.container.to_owned()] })
        .build()?;

    let ports = Ports::from_one(cloud.clone());
    let warm_start = WarmStart::new(ports.launcher, ports.registrar, ports.waiter)
        .with_clock(Arc::clone(&clock))
        .with_observer(Printer { began: clock.now() });
    let ready = warm_start.run(spec).await?;

    for (group, target) in &ready.targets {
        println!("{target} is healthy in {}", group.name());
    }
    println!("{} calls, {:?} of lost traffic", cloud.calls().len(), cloud.lost_traffic_in_all());
    Ok(())
}
