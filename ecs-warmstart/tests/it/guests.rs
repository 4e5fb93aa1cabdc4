//! Tasks that were started into the group of another service: whoever meets one goes by what it says of itself.

use std::time::Duration;

use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{
    DownOptions, Fleet, RunOutcome, Service, UpOptions, VerifyOptions, sample_services,
};
use ecs_warmstart::memory::{InMemory, Settings};

use crate::worlds::{assert_outcomes, auth, sample};

fn users() -> Service {
    sample_services().into_iter().find(|service| service.name.as_str() == "users").unwrap()
}

/// One of auth in the group of users, in its own cluster.
fn guest() -> Service {
    let users = users();
    auth(1).started_elsewhere(users.bindings[0].target_group.clone(), users.bindings[0].port).unwrap()
}

async fn up(fleet: &Fleet, service: Service) {
    let report = fleet.up(&[service], &UpOptions::default(), &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Ready);
}

/// A guest has the only address, which a task of the host's had before.
async fn with_the_hosts_address() -> (InMemory, Fleet) {
    let (cloud, fleet) = sample(Settings { addresses: 1, ..Settings::default() });
    up(&fleet, users()).await;
    cloud.stop_by_hand(&cloud.running_tasks()[0], "gone");
    tokio::time::sleep(Duration::from_secs(60)).await;
    up(&fleet, guest()).await;
    assert_eq!((cloud.tasks().len(), cloud.registered().len()), (2, 1), "one address for both");
    (cloud, fleet)
}

#[tokio::test(start_paused = true)]
async fn verify_takes_out_no_guest_that_its_neighbours_may_have_sent() {
    let (cloud, fleet) = with_the_hosts_address().await;
    for (neighbours, stays) in [(vec![auth(1)], true), (Vec::new(), false)] {
        let options = VerifyOptions { prune: true, neighbours, ..VerifyOptions::default() };
        fleet.verify(&[users()], &options, &Cancel::new()).await;
        // In a cluster that nobody names it is not known to run.
        assert_eq!(cloud.registered().len(), usize::from(stays));
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_guest_is_taken_out_where_it_stands() {
    let (cloud, fleet) = sample(Settings::default());
    up(&fleet, guest()).await;
    let task = Some(cloud.running_tasks().remove(0));
    let options = DownOptions { allow_empty: true, task, ..DownOptions::default() };
    let report = fleet.down(&[auth(1)], &options, &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Drained);
    assert!(cloud.running_tasks().is_empty() && cloud.registered().is_empty());
    assert_eq!(cloud.lost_traffic_in_all(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_diagnosis_of_it_looks_at_its_own_target() {
    let (cloud, fleet) = sample(Settings::default());
    up(&fleet, guest()).await;
    let task = cloud.running_tasks().remove(0);
    let subject = fleet.evidence_of_task(&[auth(1), users()], &auth(1).request.cluster, &task).await;
    assert_eq!(subject.evidence.service.as_deref(), Some("auth"));
    let groups: Vec<&str> =
        subject.evidence.targets.iter().map(|target| target.target_group.name()).collect();
    assert_eq!(groups, ["users"]);
}
