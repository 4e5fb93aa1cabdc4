//! Whatever else is in the cluster and in the groups: nothing that is not ours is ever stopped or removed.

use std::time::Duration;

use ecs_warmstart::driver::Cancel;
use ecs_warmstart::fleet::{DownOptions, RunOutcome};
use ecs_warmstart::memory::Settings;
use ecs_warmstart::observation::Target;
use ecs_warmstart::testing::Crowd;

use crate::worlds::{assert_outcomes, auth, sample};

#[tokio::test(start_paused = true)]
async fn down_touches_nothing_of_strangers_in_ten_thousand_worlds() {
    let service = auth(2);
    let group = &service.bindings[0].target_group;
    let options =
        DownOptions { allow_empty: true, drain_wait: Some(Duration::ZERO), ..DownOptions::default() };
    let (mut living, mut targets) = (0, 0);
    for seed in 0..10_000 {
        let (cloud, fleet) = sample(Settings::with_seed(seed));
        // Ours: up to three tasks, registered, one of which has died.
        for dead in (0..seed % 4).map(|task| task == 2) {
            let task = cloud.run_by_hand(&service.request).unwrap();
            let address = cloud.addresses(&task)[0].to_string();
            cloud.register_by_hand(group, &[Target::new(address, 8080)]).unwrap();
            if dead {
                cloud.stop_by_hand(&task, "died");
            }
        }
        let crowd = Crowd::gather(&cloud, &service.request, 8080, std::slice::from_ref(group), seed).unwrap();
        tokio::time::sleep(Duration::from_secs(90)).await;

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
