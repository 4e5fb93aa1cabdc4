//! The arithmetic of health checks, and whatever the numbers and names are.

use proptest::prelude::*;

use super::super::Severity::{Error, Hint};
use super::super::{Code, Seen, first_healthy, healthy_after, latest_kill};
use super::kit::{secs, unreadable, world};
use crate::facts::{ContainerHealthCheck, Dependency, StartCondition, TargetGroupFacts, TargetType};

#[test]
fn the_arithmetic_of_health() {
    let check = |interval, retries, start_period| ContainerHealthCheck {
        interval: secs(interval),
        retries,
        start_period: secs(start_period),
        ..ContainerHealthCheck::default()
    };
    for (interval, start, healthy) in [(5, 0, 5), (5, 5, 5), (5, 6, 10), (30, 31, 60), (10, 100, 100)] {
        assert_eq!(first_healthy(&check(interval, 3, 0), secs(start)), secs(healthy), "{interval} {start}");
    }
    for (interval, retries, start_period, kill) in [(30, 3, 0, 90), (5, 3, 60, 75), (300, 10, 300, 3300)] {
        assert_eq!(latest_kill(&check(interval, retries, start_period)), secs(kill));
    }
    let group = |interval, healthy, unhealthy| TargetGroupFacts {
        health_check_interval: secs(interval),
        healthy_threshold: healthy,
        unhealthy_threshold: unhealthy,
        ..TargetGroupFacts::new(TargetType::Ipv4)
    };
    for (group, start, healthy) in [
        // Registered once it answers: one check, whatever the threshold.
        (group(30, 5, 2), 0, 30),
        (group(30, 10, 2), 30, 30),
        // One failed check does not make it unhealthy.
        (group(30, 5, 2), 31, 60),
        // Two do, and then it is the whole threshold.
        (group(30, 5, 2), 61, 90 + 4 * 30),
        (group(5, 2, 2), 11, 15 + 5),
    ] {
        assert_eq!(healthy_after(&group, secs(start)), secs(healthy), "{group:?} {start}");
    }
}

proptest! {
    /// Any numbers: no panic, and an error of time only where no check can come in time.
    #[test]
    fn any_health_checks(
        interval in 0u64..=u64::MAX / 4, retries: u32, start_period in 0u64..=u64::MAX / 4,
        group_interval in 0u64..=u64::MAX / 4, healthy: u32, unhealthy: u32, timeout in 0u64..10_000,
    ) {
        let mut world = world();
        world.healthy_timeout = secs(timeout);
        let check = world.health_check();
        check.interval = secs(interval);
        check.retries = retries;
        check.start_period = secs(start_period);
        let group = world.group();
        group.health_check_interval = secs(group_interval);
        group.healthy_threshold = healthy;
        group.unhealthy_threshold = unhealthy;
        let errors = world.check().into_iter().filter(|it| it.severity == Error).count();
        prop_assert_eq!(errors > 0, interval.max(1) > timeout);
    }

    /// The later something answers, the later it is healthy, and never before it answers.
    #[test]
    fn health_never_comes_before_the_answer(
        interval in 1u64..300, start in 0u64..3_000, later in 0u64..300, healthy in 1u32..10, unhealthy in 1u32..10,
    ) {
        let group = TargetGroupFacts {
            health_check_interval: secs(interval),
            healthy_threshold: healthy,
            unhealthy_threshold: unhealthy,
            ..TargetGroupFacts::new(TargetType::Ipv4)
        };
        let at = healthy_after(&group, secs(start));
        prop_assert!(at >= secs(start) && at <= healthy_after(&group, secs(start + later)));
        let check = ContainerHealthCheck { interval: secs(interval), ..ContainerHealthCheck::default() };
        let first = first_healthy(&check, secs(start));
        prop_assert!(first >= secs(start) && first < secs(start + 2 * interval));
    }

    /// What cannot be read keeps nobody from anything.
    #[test]
    fn what_cannot_be_read_is_no_error(definition: bool, group: bool, image: bool, log: bool, balancers: bool) {
        let mut world = world();
        if image { world.see_image(unreadable()); }
        if log { world.facts.log_groups.insert("/ecs/web".into(), unreadable()); }
        if balancers { world.facts.load_balancers = unreadable(); }
        if group { world.facts.groups[0] = unreadable(); }
        if definition { world.facts.task_definition = unreadable(); }
        let findings = world.check();
        prop_assert!(findings.iter().all(|it| (it.severity, it.code) == (Hint, Code::Unreadable)), "{:?}", findings);
    }

    /// Any text for names: no panic.
    #[test]
    fn any_names(image in ".{0,40}", on in ".{0,10}", group in ".{0,20}", port: u16) {
        let mut world = world();
        world.bindings[0].port = port;
        let web = world.web();
        web.image = image;
        web.depends_on = vec![Dependency { container: on, condition: StartCondition::Healthy }];
        web.log.as_mut().unwrap().group = Some(group.clone());
        world.facts.log_groups.insert(group, Seen::Missing);
        prop_assert!(!world.check().is_empty());
    }
}
