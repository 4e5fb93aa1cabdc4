//! Whatever else is in the cluster and in the groups: nothing that is not ours is ever stopped or removed.

use std::time::Duration;

use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{DownOptions, Fleet, RunOutcome, Service, VerifyOptions};
use ecs_warmstart::memory::{InMemory, Settings};
use ecs_warmstart::observation::Target;
use ecs_warmstart::testing::Crowd;

use crate::worlds::{assert_outcomes, auth, sample};

const WORLDS: u64 = 10_000;

/// Ours: up to three tasks, registered, one of which has died; and among them whoever else gathers.
async fn world(seed: u64, service: &Service) -> (InMemory, Fleet, Crowd) {
    let (cloud, fleet) = sample(Settings::with_seed(seed));
    let group = &service.bindings[0].target_group;
    let own: Vec<_> = (0..seed % 4).map(|_| cloud.run_by_hand(&service.request).unwrap()).collect();
    for task in &own {
        let address = cloud.addresses(task)[0].to_string();
        cloud.register_by_hand(group, &[Target::new(address, 8080)]).unwrap();
    }
    let crowd = Crowd::gather(&cloud, &service.request, 8080, std::slice::from_ref(group), seed).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    if let Some(dead) = own.get(2) {
        cloud.stop_by_hand(dead, "died");
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    (cloud, fleet, crowd)
}

#[tokio::test(start_paused = true)]
async fn verify_touches_nothing_of_strangers_in_ten_thousand_worlds() {
    let service = auth(2);
    let options = VerifyOptions { prune: true, ..VerifyOptions::default() };
    let (mut living, mut targets, mut pruned) = (0, 0, 0);
    for seed in 0..WORLDS {
        let (cloud, fleet, crowd) = world(seed, &service).await;
        let running = cloud.running_tasks();
        let report = fleet.verify(std::slice::from_ref(&service), &options, &Cancel::new()).await;
        assert_eq!(cloud.running_tasks(), running, "seed {seed}: {report:#?}");
        assert_eq!(crowd.removed(&cloud), [], "seed {seed}: {report:#?}");
        // What is left in the group is of a task of ours that runs, or a stranger's.
        let alive = seed % 4 - u64::from(seed % 4 == 3);
        let left = u64::try_from(cloud.registered().len() - crowd.targets.len()).unwrap();
        assert_eq!(left, alive, "seed {seed}: {report:#?}");
        pruned += report.services[0].changes.len();
        living += crowd.living.len();
        targets += crowd.targets.len();
    }
    assert!(living > 20_000 && targets > 10_000, "{living} tasks and {targets} targets of strangers");
    assert_eq!(pruned, 2_500, "the dead one of every fourth world");
}

#[tokio::test(start_paused = true)]
async fn down_touches_nothing_of_strangers_in_ten_thousand_worlds() {
    let service = auth(2);
    let options =
        DownOptions { allow_empty: true, drain_wait: Some(Duration::ZERO), ..DownOptions::default() };
    let (mut living, mut targets) = (0, 0);
    for seed in 0..WORLDS {
        let (cloud, fleet, crowd) = world(seed, &service).await;
        let report = fleet.down(std::slice::from_ref(&service), &options, &Cancel::new()).await;
        assert_outcomes(&report, RunOutcome::Drained);
        assert_eq!(crowd.stopped(&cloud), [], "seed {seed}: {report:#?}");
        assert_eq!(crowd.removed(&cloud), [], "seed {seed}: {report:#?}");
        assert_eq!(cloud.running_tasks().len(), crowd.living.len(), "seed {seed}: ours are gone");
        living += crowd.living.len();
        targets += crowd.targets.len();
    }
    assert!(living > 20_000 && targets > 10_000, "{living} tasks and {targets} targets of strangers");
}
