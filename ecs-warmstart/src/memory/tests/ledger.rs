//! Lost traffic.

use std::time::Duration;

use super::kit::{FAMILY, Kit, seconds};
use crate::memory::{Behaviour, Stop};
use crate::observation::{Target, TargetState};

/// A task that serves behind a healthy target since before second 120.
async fn healthy_target(kit: &Kit, number: u8) -> (crate::ids::TaskArn, Target) {
    let task = kit.launch(&format!("t#{number}")).await.task;
    kit.go_to(100);
    let target = kit.target(number);
    kit.register(&target).await.unwrap();
    kit.go_to(120);
    assert_eq!(kit.look(&target).await.state, TargetState::Healthy);
    (task, target)
}

#[tokio::test]
async fn nothing_is_lost_in_fair_weather() {
    let kit = Kit::new();
    let (task, target) = healthy_target(&kit, 0).await;
    kit.go_to(200);
    kit.deregister(&target).await;
    kit.stop(&task, "over").await;
    kit.go_to(1000);
    assert_eq!(kit.cloud.lost_traffic(&kit.group), []);
    assert_eq!(kit.cloud.lost_traffic_in_all(), Duration::ZERO);
}

#[tokio::test]
async fn a_task_that_dies_loses_traffic_until_its_target_is_unhealthy() {
    let kit = Kit::new();
    let dies = Stop::essential_exit(seconds(167), 1);
    kit.cloud.behave_next(FAMILY, 1, &Behaviour::stops(dies));
    kit.launch("t#0").await;
    let (_, lives) = healthy_target(&kit, 1).await;
    let doomed = kit.target(0);
    kit.register(&doomed).await.unwrap();
    // It dies at 200; nobody looks before 300.
    kit.go_to(300);
    assert_eq!(kit.look(&doomed).await.state, TargetState::Unhealthy);
    let lost = kit.cloud.lost_traffic(&kit.group);
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert_eq!(lost[0].from, kit.at(200));
    // Two failing checks of which the first comes within 10 s; the silent ones take 5 s more each to be known.
    let length = lost[0].until.since(lost[0].from);
    assert!((seconds(10)..=seconds(25)).contains(&length), "{length:?}");
    assert_eq!(kit.look(&lives).await.state, TargetState::Healthy);
}

#[tokio::test]
async fn a_group_without_healthy_targets_fails_open() {
    let kit = Kit::new();
    let (task, target) = healthy_target(&kit, 0).await;
    kit.go_to(200);
    kit.stop(&task, "before it is taken out").await;
    kit.go_to(400);
    assert_eq!(kit.look(&target).await.state, TargetState::Unhealthy);
    kit.deregister(&target).await;
    kit.go_to(500);
    let lost = kit.cloud.lost_traffic(&kit.group);
    assert_eq!(
        lost.iter().map(|span| (span.from, span.until)).collect::<Vec<_>>(),
        [(kit.at(201), kit.at(400))]
    );
    assert_eq!(kit.cloud.lost_traffic_in_all(), seconds(199));
}

#[tokio::test]
async fn what_is_initial_gets_no_traffic() {
    let kit = Kit::new();
    let (task, _) = healthy_target(&kit, 0).await;
    // Never served: it is initial, then unhealthy beside a healthy one.
    kit.cloud.register_by_hand(&kit.group, &[Target::new("10.9.9.9", 80)]).unwrap();
    kit.go_to(300);
    assert_eq!(kit.cloud.lost_traffic(&kit.group), []);
    kit.cloud.stop_serving(&task).unwrap();
    kit.go_to(310);
    assert_eq!(kit.cloud.lost_traffic(&kit.group)[0].from, kit.at(300));
    assert_eq!(kit.cloud.lost_traffic_in_all(), seconds(10));
}

#[tokio::test]
async fn looking_often_or_seldom_sees_the_same() {
    let lost = |step: u64| async move {
        let kit = Kit::new();
        let (task, target) = healthy_target(&kit, 0).await;
        kit.go_to(200);
        kit.cloud.stop_serving(&task).unwrap();
        for second in (201..400).step_by(usize::try_from(step).unwrap()) {
            kit.go_to(second);
            kit.look(&target).await;
        }
        kit.go_to(400);
        kit.deregister(&target).await;
        kit.cloud.lost_traffic(&kit.group)
    };
    assert_eq!(lost(1).await, lost(199).await);
    assert_eq!(lost(1).await.len(), 1);
}
