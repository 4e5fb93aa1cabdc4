//! The benchmarks of fleets at a size that takes a moment, so that they cannot rot.

use benches::fleet::{alone, bring_up, floor};
use benches::measure::quantile;
use benches::peers::{self, PEERS, Peer, Poll};
use benches::table::simulated;
use ecs_warmstart::memory::Action;
use ecs_warmstart::policy::Policy;
use std::time::Duration;

const TASKS: usize = 60;

#[test]
fn a_small_fleet_is_up_near_its_floor_without_a_throttle() {
    let measured = simulated(bring_up(TASKS, Policy::default()));
    assert_eq!((measured.ready, measured.throttled), (TASKS, 0));
    assert_eq!(measured.calls[&Action::RunTask], TASKS);
    let floor = floor(TASKS, simulated(alone()));
    assert!(measured.makespan < floor.mul_f64(1.7), "{:?}, floor {floor:?}", measured.makespan);
    let own_floor = measured.own_floor.unwrap();
    assert!((own_floor..own_floor.mul_f64(1.15)).contains(&measured.makespan), "{own_floor:?}");
    assert_eq!((measured.lags.running.len(), measured.lags.healthy.len()), (TASKS, TASKS));
    assert!(quantile(&measured.beyond_poll, 0.95).unwrap() < Duration::from_secs(1));
    for lags in [&measured.lags.running, &measured.lags.healthy] {
        let p50 = quantile(lags, 0.5).unwrap();
        assert!(p50 < Duration::from_secs(2), "{p50:?}");
    }
}

/// Of ELB's calls a fleet may make 5/s: then looks and registrations of ten groups have to be made in rounds.
#[test]
fn a_thousand_are_seen_healthy_within_a_second_of_the_poll_that_the_quota_allows() {
    let measured = simulated(bring_up(1_000, Policy::default()));
    assert_eq!((measured.ready, measured.throttled), (1_000, 0));
    let beyond = quantile(&measured.beyond_poll, 0.95).unwrap();
    assert!(beyond < Duration::from_millis(750), "{beyond:?}");
    let own_floor = measured.own_floor.unwrap();
    assert!(measured.makespan < own_floor.mul_f64(1.05), "{:?}, floor {own_floor:?}", measured.makespan);
}

#[test]
fn the_schedules_of_others_see_it_later() {
    let ours = simulated(bring_up(TASKS, Policy::default()));
    for peer in PEERS {
        let (measured, failures) = simulated(peers::bring_up(TASKS, Peer { ends_at_missing: false, ..peer }));
        assert_eq!(measured.ready + failures.values().sum::<usize>(), TASKS);
        let (theirs, ours) = (quantile(&measured.lags.running, 0.95), quantile(&ours.lags.running, 0.95));
        assert!(theirs > ours, "{}: {theirs:?}, ours {ours:?}", peer.name);
        // Right after RunTask a task is not known yet, and there they give up.
        let (_, failures) = simulated(peers::bring_up(TASKS, peer));
        assert!(failures["MISSING"] > TASKS / 2, "{}: {failures:?}", peer.name);
    }
}

#[test]
fn a_doubling_schedule_stays_between_its_bounds() {
    let poll = Poll::Doubling { min: Duration::from_secs(6), max: Duration::from_secs(600) };
    for (looks, most) in [(1, 6), (2, 12), (3, 24), (7, 384), (8, 600), (40, 600)] {
        assert_eq!(poll.delay(looks, 0.0), Duration::from_secs(6));
        assert_eq!(poll.delay(looks, 0.999_999), Duration::from_secs(most));
    }
}
