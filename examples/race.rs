//! What scripts lose and this library does not: the same start and the same stop in the naive order and in the right one, on
//! the simulated cloud, with the seconds in which requests went to a task that did not serve.
//!
//! ```sh
//! cargo run -p examples --example race
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::clock::{Clock, TokioClock};
use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{DownOptions, Fleet, GateKind, Service, UpOptions, sample_services};
use ecs_warmstart::memory::{InMemory, Settings};
use ecs_warmstart::ports::{Ports, TargetRegistrar, TaskLauncher};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("{:<46} {:>12}", "", "lost traffic");
    for (what, gate) in [
        ("start: registered as soon as it is RUNNING", GateKind::Running),
        ("start: registered once its container is HEALTHY", GateKind::ContainerHealthy),
    ] {
        let (cloud, fleet) = world();
        up(&fleet, &auth(gate)).await;
        say(what, cloud.lost_traffic_in_all(), gate == GateKind::Running);
    }
    for (what, naive) in [("stop: stopped, then deregistered", true), ("stop: drained, then stopped", false)]
    {
        let (cloud, fleet) = world();
        let service = auth(GateKind::ContainerHealthy);
        up(&fleet, &service).await;
        if naive {
            stop_first(&cloud, &service).await?;
        } else {
            let options = DownOptions { allow_empty: true, ..DownOptions::default() };
            fleet.down(&[service], &options, &Cancel::new()).await;
        }
        say(what, cloud.lost_traffic_in_all(), naive);
    }
    Ok(())
}

/// A cloud whose tasks serve half a minute after they are RUNNING, as many do.
fn world() -> (InMemory, Fleet) {
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::new());
    let half_a_minute = Duration::from_secs(30)..=Duration::from_secs(30);
    let settings = Settings { serving: half_a_minute, ..Settings::default() };
    let cloud = InMemory::sample_with(Arc::clone(&clock), settings);
    (cloud.clone(), Fleet::new(Ports::from_one(cloud)).with_clock(clock))
}

fn auth(gate: GateKind) -> Service {
    Service { gate, ..sample_services().remove(0) }
}

async fn up(fleet: &Fleet, service: &Service) {
    fleet.up(std::slice::from_ref(service), &UpOptions::default(), &Cancel::new()).await;
}

/// What a script does: stops the task, waits a little, and takes the address out.
async fn stop_first(cloud: &InMemory, service: &Service) -> Result<(), Box<dyn Error>> {
    for task in cloud.running_tasks() {
        cloud.stop(&service.request.cluster, &task, "the naive order").await?;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    for (group, target) in cloud.registered() {
        cloud.deregister(&group, &[target]).await?;
    }
    Ok(())
}

fn say(what: &str, lost: Duration, naive: bool) {
    println!("{what:<48} {:>8.1} s", lost.as_secs_f64());
    assert_eq!(lost > Duration::ZERO, naive, "only the naive order loses traffic");
}
