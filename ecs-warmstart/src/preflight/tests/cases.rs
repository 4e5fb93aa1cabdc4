//! One thing wrong, and what is said of it.

use super::super::Severity::{self, Error, Hint, Warning};
use super::super::{Code, Seen};
use super::kit::{World, binding, image, secs, unreadable, world};
use crate::facts::{
    Compatibility, ContainerFacts, Dependency, ImageFacts, NetworkMode, StartCondition, TargetType,
};
use crate::image::{Digest, Platform};
use crate::spec::{Compute, LaunchType, Pool};

/// A change that makes one thing wrong, and what is said of it: all that is said.
type Case = (&'static str, fn(&mut World), &'static [(Severity, Code)]);

const CASES: &[Case] = &[
    ("no definition", |it| it.facts.task_definition = Seen::Missing, &[(Error, Code::TaskDefinitionMissing)]),
    ("an inactive one", |it| it.definition().active = false, &[(Error, Code::TaskDefinitionInactive)]),
    ("unread", |it| it.facts.task_definition = unreadable(), &[(Hint, Code::Unreadable)]),
    ("no subnets", |it| it.request.network = None, &[(Error, Code::SubnetsMissing)]),
    (
        "subnets for bridge",
        |it| it.definition().network_mode = NetworkMode::Bridge,
        &[(Error, Code::SubnetsSuperfluous), (Error, Code::TargetTypeMismatch)],
    ),
    (
        "a fallback for which the definition is not made",
        |it| {
            it.definition().compatibilities = vec![Compatibility::Fargate];
            let compute = Compute::LaunchType(LaunchType::Ec2);
            it.fallbacks = vec![Pool { compute, ..Pool::of(&it.request) }];
        },
        &[(Warning, Code::LaunchTypeIncompatible)],
    ),
    (
        "a fallback without subnets",
        |it| it.fallbacks = vec![Pool { network: None, ..Pool::of(&it.request) }],
        &[(Warning, Code::SubnetsMissing)],
    ),
    (
        "what is wrong everywhere is said once",
        |it| {
            it.fallbacks = vec![Pool::of(&it.request)];
            it.definition().active = false;
        },
        &[(Error, Code::TaskDefinitionInactive)],
    ),
    (
        "not for Fargate",
        |it| it.definition().compatibilities = vec![Compatibility::Ec2],
        &[(Error, Code::LaunchTypeIncompatible)],
    ),
    (
        "not for Fargate, and of no size of it",
        |it| {
            it.definition().compatibilities = vec![Compatibility::Ec2];
            it.definition().memory = Some(1536);
        },
        &[(Error, Code::LaunchTypeIncompatible), (Error, Code::FargateSize)],
    ),
    ("an odd size that AWS took", |it| it.definition().memory = Some(1536), &[]),
    (
        "nothing essential",
        |it| it.web().essential = false,
        &[(Error, Code::NoEssentialContainer), (Warning, Code::ServingNotEssential)],
    ),
    (
        "depends on nobody",
        |it| {
            let on = Dependency { container: "db".into(), condition: StartCondition::Start };
            it.web().depends_on = vec![on];
        },
        &[(Error, Code::DependencyMissing)],
    ),
    (
        "waits for health that nobody checks",
        |it| {
            let on = Dependency { container: "db".into(), condition: StartCondition::Healthy };
            it.web().depends_on = vec![on];
            it.definition().containers.push(ContainerFacts { name: "db".into(), ..Default::default() });
        },
        &[(Error, Code::DependencyNeverHealthy)],
    ),
    (
        "waits for a start",
        |it| {
            let on = Dependency { container: "db".into(), condition: StartCondition::Start };
            it.web().depends_on = vec![on];
            it.definition().containers.push(ContainerFacts { name: "db".into(), ..Default::default() });
        },
        &[],
    ),
    (
        "no execution role on Fargate",
        |it| it.definition().execution_role = None,
        &[(Error, Code::ExecutionRoleMissing)],
    ),
    (
        "no execution role on EC2, where the machine has one",
        |it| {
            it.definition().execution_role = None;
            it.request.compute = Compute::LaunchType(LaunchType::Ec2);
        },
        &[],
    ),
    (
        "no execution role on EC2, and secrets",
        |it| {
            it.definition().execution_role = None;
            it.web().secrets = vec!["arn".into()];
            it.request.compute = Compute::LaunchType(LaunchType::Ec2);
        },
        &[(Error, Code::ExecutionRoleMissing)],
    ),
    (
        "ECS Exec without a task role",
        |it| it.request.enable_execute_command = true,
        &[(Error, Code::TaskRoleMissing)],
    ),
    (
        "no log group",
        |it| drop(it.facts.log_groups.insert("/ecs/web".into(), Seen::Missing)),
        &[(Error, Code::LogGroupMissing)],
    ),
    (
        "a log group that is made",
        |it| {
            it.facts.log_groups.insert("/ecs/web".into(), Seen::Missing);
            it.web().log.as_mut().unwrap().create_group = true;
        },
        &[],
    ),
    (
        "a log group unread",
        |it| drop(it.facts.log_groups.insert("/ecs/web".into(), unreadable())),
        &[(Hint, Code::Unreadable)],
    ),
    (
        "no such container",
        |it| it.bindings[0].container = Some("api".into()),
        &[(Error, Code::ContainerMissing)],
    ),
    ("no such port", |it| it.bindings[0].port = 80, &[(Error, Code::PortNotMapped)]),
    (
        "not that container's port, where nothing has to be mapped",
        |it| {
            it.bindings[0].container = Some("web".into());
            it.bindings[0].port = 80;
        },
        &[(Warning, Code::PortNotMapped)],
    ),
    (
        "not that container's port, behind the host's",
        |it| {
            it.bindings[0].container = Some("web".into());
            it.bindings[0].port = 80;
            it.definition().network_mode = NetworkMode::Bridge;
            it.definition().compatibilities = vec![Compatibility::Ec2];
            it.request.compute = Compute::LaunchType(LaunchType::Ec2);
            it.request.network = None;
            it.group().target_type = TargetType::Instance;
        },
        &[(Error, Code::PortNotMapped)],
    ),
    (
        "two containers with the port",
        |it| {
            let other = ContainerFacts { name: "b".into(), ports: vec![8080], ..Default::default() };
            it.definition().containers.push(other);
        },
        &[(Error, Code::ContainerAmbiguous)],
    ),
    ("no group", |it| it.facts.groups[0] = Seen::Missing, &[(Error, Code::TargetGroupMissing)]),
    ("a group unread", |it| it.facts.groups[0] = unreadable(), &[(Hint, Code::Unreadable)]),
    (
        "a group of instances",
        |it| it.group().target_type = TargetType::Instance,
        &[(Error, Code::TargetTypeMismatch)],
    ),
    ("no listener", |it| it.group().in_use = false, &[(Error, Code::TargetGroupNotInUse)]),
    (
        "no listener, and nobody waits",
        |it| {
            it.group().in_use = false;
            it.waits_for_health = false;
        },
        &[(Warning, Code::TargetGroupNotInUse)],
    ),
    ("another VPC", |it| it.group().vpc = Some("vpc-2".into()), &[(Error, Code::OtherVpc)]),
    (
        "another VPC, and nobody knows the subnet's",
        |it| {
            it.group().vpc = Some("vpc-2".into());
            it.request.network.as_mut().unwrap().subnets = vec!["subnet-z".into()];
        },
        &[],
    ),
    (
        "groups of two VPCs",
        |it| {
            it.facts.load_balancers = unreadable();
            let mut other = it.group().clone();
            other.vpc = Some("vpc-2".into());
            it.bindings.push(binding("other"));
            it.facts.groups.push(Seen::Known(other));
        },
        &[(Error, Code::OtherVpc), (Hint, Code::Unreadable)],
    ),
    (
        "an odd health check port",
        |it| it.group().health_check_port = Some(9),
        &[(Warning, Code::HealthCheckPort)],
    ),
    ("its own health check port", |it| it.group().health_check_port = Some(8080), &[]),
    (
        "a first check after the end",
        |it| {
            it.health_check().interval = secs(300);
            it.health_check().retries = 1;
        },
        &[(Error, Code::NotHealthyInTime), (Hint, Code::ImpatientTimeout)],
    ),
    (
        "a first check after the end, of one that may have started long before the last",
        |it| {
            it.health_check().interval = secs(300);
            it.health_check().retries = 1;
            let on = Dependency { container: "web".into(), condition: StartCondition::Healthy };
            let depends_on = vec![on];
            let beside = ContainerFacts { name: "proxy".into(), depends_on, ..Default::default() };
            it.definition().containers.push(beside);
        },
        &[(Warning, Code::NotHealthyInTime), (Hint, Code::ImpatientTimeout)],
    ),
    (
        "a slow start",
        |it| {
            it.healthy_timeout = secs(60);
            it.health_check().start_period = secs(60);
        },
        &[(Warning, Code::NotHealthyInTime), (Hint, Code::ImpatientTimeout)],
    ),
    (
        "a slow start that nobody waits for",
        |it| {
            it.healthy_timeout = secs(60);
            it.health_check().start_period = secs(60);
            it.waits_for_health = false;
        },
        &[],
    ),
    (
        "a group that checks rarely",
        |it| it.group().health_check_interval = secs(300),
        &[(Warning, Code::NotHealthyInTime)],
    ),
    (
        "patience on the container's side",
        |it| it.health_check().start_period = secs(110),
        &[(Hint, Code::ImpatientTimeout), (Warning, Code::NotHealthyInTime)],
    ),
    (
        "localhost",
        |it| it.health_check().command = vec!["CMD-SHELL".into(), "curl http://localhost:8080".into()],
        &[(Hint, Code::HealthCheckLocalhost)],
    ),
    ("no health check", |it| it.web().health_check = None, &[(Hint, Code::GateWithoutCheck)]),
    (
        "no health check, and no gate",
        |it| {
            it.web().health_check = None;
            it.is_gated = false;
        },
        &[],
    ),
    ("no image's name", |it| it.web().image = "Web:1".into(), &[(Error, Code::ImageInvalid)]),
    ("no image", |it| it.see_image(Seen::Missing), &[(Error, Code::ImageMissing)]),
    ("an image unread", |it| it.see_image(unreadable()), &[(Hint, Code::Unreadable)]),
    (
        "an image for another platform",
        |it| it.see_image(Seen::Known(image(&[Platform::linux_arm64()]))),
        &[(Error, Code::ImagePlatform)],
    ),
    (
        "an image for another platform than Fargate's usual one",
        |it| {
            it.see_image(Seen::Known(image(&[Platform::linux_arm64()])));
            it.definition().runtime_platform = None;
        },
        &[(Warning, Code::ImagePlatform)],
    ),
    (
        "an image for some machine",
        |it| {
            it.see_image(Seen::Known(image(&[Platform::linux_arm64()])));
            it.definition().runtime_platform = None;
            it.request.compute = Compute::LaunchType(LaunchType::Ec2);
        },
        &[],
    ),
    (
        "an image that does not say",
        |it| it.see_image(Seen::Known(ImageFacts::single(Digest::of(b"x"), None))),
        &[],
    ),
    ("an image that moves", |it| it.web().image = "nginx".into(), &[(Hint, Code::ImageMoves)]),
];

#[test]
fn a_service_that_is_all_right_has_no_finding() {
    assert_eq!(world().check(), []);
}

#[test]
fn one_thing_wrong_is_what_is_found() {
    for (name, change, expected) in CASES {
        let mut world = world();
        change(&mut world);
        let findings = world.check();
        let mut found: Vec<_> = findings.iter().map(|finding| (finding.severity, finding.code)).collect();
        let mut expected = expected.to_vec();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{name}: {findings:#?}");
        assert!(findings.is_sorted_by_key(|finding| finding.severity), "{name}: the worst first");
        for finding in &findings {
            assert!(!finding.remedy.is_empty() && !finding.summary.ends_with('.'), "{finding:?}");
        }
    }
}

#[test]
fn every_code_is_found_in_some_case() {
    // What cannot be pinned is found where it is pinned: by `up`.
    let elsewhere = [Code::ImageNotResolved];
    let all: std::collections::BTreeSet<Code> =
        CASES.iter().flat_map(|(.., expected)| expected.iter().map(|(_, code)| *code)).collect();
    let schema = schemars::schema_for!(Code).to_value().to_string();
    for code in &all {
        assert!(schema.contains(&format!("\"{}\"", code.as_str())), "{code:?}");
    }
    assert_eq!(
        schema.matches("\"const\"").count(),
        all.len() + elsewhere.len(),
        "a code without a case: {schema}"
    );
}
