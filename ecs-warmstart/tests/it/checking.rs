//! What is checked before anything is launched, and that an error launches nothing.

use std::sync::Arc;
use std::time::Duration;

use ecs_warmstart::driver::Cancel;
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::facts::ImageFacts;
use ecs_warmstart::fleet::{Fleet, RunOutcome, UpOptions, sample_services};
use ecs_warmstart::image::{Digest, ImageRef, Platform};
use ecs_warmstart::memory::{Action, Behaviour, InMemory, SAMPLE_SERVICES, Settings, Stop};
use ecs_warmstart::ports::Ports;
use ecs_warmstart::preflight::{Code, Severity};
use ecs_warmstart::spec::Readiness;
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault, PortMethod};

use crate::worlds::{assert_outcomes, clock, sample};

/// The image of the first service of the sample is made for another processor.
fn built_for_arm(cloud: &InMemory) {
    let image: ImageRef = SAMPLE_SERVICES[0].definition().unwrap().containers[0].image.parse().unwrap();
    cloud.add_image(&image, ImageFacts::single(Digest::of(b"arm"), Some(Platform::linux_arm64())));
}

#[tokio::test(start_paused = true)]
async fn an_error_keeps_a_service_from_starting_and_no_other() {
    let (cloud, fleet) = sample(Settings::default());
    built_for_arm(&cloud);
    let report = fleet.up(&sample_services(), &UpOptions::default(), &Cancel::new()).await;
    assert_eq!((report.summary.succeeded, report.summary.failed), (4, 1));
    let (refused, others) = report.services.split_first().unwrap();
    assert_eq!((refused.outcome, refused.tasks.len()), (RunOutcome::Refused, 0));
    assert_eq!(refused.cause.as_ref().unwrap().code, "image_platform_mismatch");
    assert_eq!(refused.findings[0].code, Code::ImagePlatform);
    assert!(refused.findings[0].remedy.contains("docker buildx build --platform linux/amd64"), "{refused:?}");
    assert!(others.iter().all(|service| service.outcome == RunOutcome::Ready && service.cause.is_none()));
    assert_eq!(cloud.tasks().len(), 4, "nothing of it was launched");
    assert_eq!(report.leftovers().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_only_a_launch_needs_refuses_no_service_that_runs() {
    let (cloud, fleet) = sample(Settings::default());
    let services = &sample_services()[..1];
    let up = || async { fleet.up(services, &UpOptions::default(), &Cancel::new()).await };
    assert_outcomes(&up().await, RunOutcome::Ready);
    let writes = cloud.count_writes();
    built_for_arm(&cloud);
    let again = up().await;
    assert_outcomes(&again, RunOutcome::Ready);
    assert_eq!(again.services[0].findings[0].code, Code::ImagePlatform, "it is said all the same");
    assert_eq!(cloud.count_writes(), writes);
    cloud.stop_by_hand(&cloud.running_tasks()[0], "by hand");
    assert_outcomes(&up().await, RunOutcome::Refused);
}

#[tokio::test(start_paused = true)]
async fn without_the_check_the_same_is_launched_and_undone() {
    let (cloud, fleet) = sample(Settings::default());
    built_for_arm(&cloud);
    let unchecked = UpOptions { check: false, ..UpOptions::default() };
    let report = fleet.up(&sample_services()[..1], &unchecked, &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Undone);
    let cause = report.services[0].tasks[0].cause.as_ref().unwrap();
    assert_eq!(cause.code, "image_platform_mismatch", "{cause:?}");
    assert!(report.services[0].findings.is_empty());
    // The image is looked at once, afterwards, to say what it has.
    assert_eq!((cloud.count(Action::BatchGetImage), cloud.count(Action::DescribeLogGroups)), (1, 0));
}

/// The image's tag stands for another one from now on.
fn move_tag(cloud: &InMemory) {
    let image: ImageRef = SAMPLE_SERVICES[0].definition().unwrap().containers[0].image.parse().unwrap();
    cloud.add_image(&image, ImageFacts::single(Digest::of(b"moved"), Some(Platform::linux_amd64())));
}

#[tokio::test(start_paused = true)]
async fn a_pinned_service_comes_up_on_the_image_that_was_resolved() {
    let (_, fleet) = sample(Settings::default());
    let pinned = UpOptions { pin: true, ..UpOptions::default() };
    assert_outcomes(&fleet.up(&sample_services(), &pinned, &Cancel::new()).await, RunOutcome::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_runs_another_image_is_never_registered() {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    // Who is asked for the digest knows another image than the one that is pulled: the tag was moved in between.
    let elsewhere = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    move_tag(&elsewhere);
    let ports = Ports { inspector: Arc::new(elsewhere), ..Ports::from_one(cloud.clone()) };
    let fleet = Fleet::new(ports).with_clock(clock);
    let pinned = UpOptions { pin: true, ..UpOptions::default() };
    let report = fleet.up(&sample_services()[..1], &pinned, &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Undone);
    assert_eq!(report.services[0].tasks[0].cause.as_ref().unwrap().code, "another_image");
    assert_eq!((cloud.tasks().len(), cloud.count(Action::RegisterTargets)), (1, 0));
    assert_eq!(cloud.running_tasks(), []);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_runs_already_on_another_image_is_named_and_left_alone() {
    let (cloud, fleet) = sample(Settings::default());
    let services = &sample_services()[..1];
    assert_outcomes(&fleet.up(services, &UpOptions::default(), &Cancel::new()).await, RunOutcome::Ready);
    move_tag(&cloud);
    let pinned = UpOptions { pin: true, ..UpOptions::default() };
    let report = fleet.up(services, &pinned, &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Kept);
    assert_eq!(report.services[0].tasks[0].cause.as_ref().unwrap().code, "another_image");
    assert_eq!((cloud.running_tasks().len(), cloud.registered().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_pinned_is_not_launched() {
    for (method, check) in
        [(PortMethod::Image, true), (PortMethod::Image, false), (PortMethod::TaskDefinition, true)]
    {
        let clock = clock();
        let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
        let plan = ChaosPlan::none().every(method, Fault::Before(ErrorKind::Denied));
        let chaos = Chaos::new(Ports::from_one(cloud.clone()), plan);
        let fleet = Fleet::new(chaos.ports()).with_clock(clock);
        let pinned = UpOptions { pin: true, check, ..UpOptions::default() };
        let report = fleet.up(&sample_services()[..1], &pinned, &Cancel::new()).await;
        assert_outcomes(&report, RunOutcome::Refused);
        assert_eq!(report.services[0].cause.as_ref().unwrap().code, "image_not_resolved");
        assert_eq!(cloud.tasks(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_looks_and_changes_nothing() {
    let (cloud, fleet) = sample(Settings::default());
    let report = fleet.check(&sample_services(), Readiness::Healthy).await;
    assert_eq!((report.summary.succeeded, report.summary.failed), (5, 0));
    assert_eq!((report.count(Severity::Error), report.count(Severity::Warning)), (0, 0), "{report:#?}");
    // Two services of the sample have no health check, and are registered as soon as they run.
    assert_eq!(report.count(Severity::Hint), 2, "{report:#?}");
    assert_eq!(cloud.count_writes(), 0);
    assert_eq!(cloud.count(Action::DescribeLoadBalancers), 1, "once, however many services");

    let mut missing = sample_services().remove(0);
    missing.request.task_definition = "never-registered".parse().unwrap();
    let report = fleet.check(&[missing], Readiness::Healthy).await;
    assert_eq!(report.services[0].findings[0].code, Code::TaskDefinitionMissing);
    assert!(!report.services[0].passes());
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_keeps_nothing_from_starting() {
    for (method, said) in [
        (PortMethod::Image, "ecr:BatchGetImage"),
        (PortMethod::LogGroupExists, "logs:DescribeLogGroups"),
        (PortMethod::LoadBalancers, "elasticloadbalancing:DescribeLoadBalancers"),
    ] {
        for fault in [ErrorKind::Denied, ErrorKind::Unavailable, ErrorKind::Other] {
            let clock = clock();
            let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
            let plan = ChaosPlan::none().every(method, Fault::Before(fault));
            let chaos = Chaos::new(Ports::from_one(cloud), plan);
            let fleet = Fleet::new(chaos.ports()).with_clock(clock);
            let report = fleet.up(&sample_services()[..1], &UpOptions::default(), &Cancel::new()).await;
            assert_outcomes(&report, RunOutcome::Ready);
            let findings = &report.services[0].findings;
            assert_eq!((findings.len(), findings[0].code), (1, Code::Unreadable), "{findings:?}");
            assert!(findings[0].remedy.contains(said), "{findings:?}");
        }
    }
}

/// The first service of the sample has an image in a registry that says of it to strangers that it does not exist.
fn hidden(has_registry_credentials: bool) -> (InMemory, Fleet) {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    let mut definition = SAMPLE_SERVICES[0].definition().unwrap();
    let container = &mut definition.containers[0];
    container.image = "registry.example.com/team/auth:1.0".to_owned();
    container.has_registry_credentials = has_registry_credentials;
    let facts = ImageFacts::single(Digest::of(b"hidden"), Some(Platform::linux_amd64()));
    cloud.add_image(&container.image.parse().unwrap(), facts);
    cloud.add_task_definition(definition);
    let plan = ChaosPlan::none().every(PortMethod::Image, Fault::Before(ErrorKind::NotFound));
    let fleet = Fleet::new(Chaos::new(Ports::from_one(cloud.clone()), plan).ports()).with_clock(clock);
    (cloud, fleet)
}

#[tokio::test(start_paused = true)]
async fn what_a_private_registry_hides_is_not_missing() {
    let services = &sample_services()[..1];
    let (cloud, fleet) = hidden(true);
    let report = fleet.up(services, &UpOptions::default(), &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Ready);
    let findings = &report.services[0].findings;
    assert_eq!((findings.len(), findings[0].code), (1, Code::Unreadable), "{findings:?}");
    assert!(findings[0].summary.contains("without its credentials"), "{findings:?}");
    assert_eq!(cloud.running_tasks().len(), 1);

    // Without credentials ECS asks like anybody else.
    let (cloud, fleet) = hidden(false);
    let report = fleet.up(services, &UpOptions::default(), &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Refused);
    assert_eq!(report.services[0].findings[0].code, Code::ImageMissing);
    assert_eq!(cloud.tasks(), []);
}

#[tokio::test(start_paused = true)]
async fn what_a_private_registry_hides_cannot_be_pinned() {
    let (cloud, fleet) = hidden(true);
    let pinned = UpOptions { pin: true, ..UpOptions::default() };
    let report = fleet.up(&sample_services()[..1], &pinned, &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Refused);
    let cause = report.services[0].cause.as_ref().unwrap();
    assert_eq!(cause.code, "image_not_resolved");
    assert!(cause.remedy.as_ref().unwrap().contains("leave --pin out"), "{cause:?}");
    assert_eq!(cloud.tasks(), []);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_with_a_hidden_image_is_not_said_to_miss_it() {
    let (cloud, fleet) = hidden(true);
    cloud.behave_next(
        "authapi-task-def",
        1,
        &Behaviour::stops(Stop::essential_exit(Duration::from_secs(5), 1)),
    );
    let report = fleet.up(&sample_services()[..1], &UpOptions::default(), &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Undone);
    let cause = report.services[0].tasks[0].cause.as_ref().unwrap();
    assert_eq!(cause.code, "application_failed", "{cause:?}");
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_not_mapped_keeps_no_task_with_an_address_of_its_own_from_starting() {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    let mut definition = SAMPLE_SERVICES[0].definition().unwrap();
    definition.containers[0].ports = Vec::new();
    cloud.add_task_definition(definition);
    let fleet = Fleet::new(Ports::from_one(cloud.clone())).with_clock(clock);
    let named = sample_services().remove(0);
    let mut unnamed = named.clone();
    unnamed.bindings[0].container = None;
    // Nothing listens there in the simulated cloud, so nobody waits for health.
    let options = UpOptions { readiness: Readiness::Registered, ..UpOptions::default() };
    let report = fleet.up(&[unnamed], &options, &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Refused);
    let report = fleet.up(&[named], &options, &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Registered);
    let findings = &report.services[0].findings;
    let said: Vec<_> = findings.iter().map(|it| (it.severity, it.code)).collect();
    assert_eq!(said, [(Severity::Warning, Code::PortNotMapped)], "{findings:?}");
    let (_, target) = cloud.registered().remove(0);
    assert_eq!((cloud.registered().len(), target.port), (1, 8080));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_for_good_is_the_cause_and_no_finding() {
    let clock = clock();
    let cloud = InMemory::sample_with(Arc::clone(&clock), Settings::default());
    let plan = ChaosPlan::none().every(PortMethod::TaskDefinition, Fault::Before(ErrorKind::Invalid));
    let fleet = Fleet::new(Chaos::new(Ports::from_one(cloud.clone()), plan).ports()).with_clock(clock);
    let report = fleet.check(&sample_services()[..1], Readiness::Healthy).await;
    assert_eq!(report.services[0].cause.as_ref().unwrap().code, "invalid");
    assert!(!report.services[0].passes());
    let report = fleet.up(&sample_services()[..1], &UpOptions::default(), &Cancel::new()).await;
    assert_outcomes(&report, RunOutcome::Undone);
    assert_eq!(cloud.tasks(), []);
}
