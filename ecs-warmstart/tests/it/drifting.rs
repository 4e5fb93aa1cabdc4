//! Tasks of one service that run different images: somebody moved the tag between two launches.

use std::sync::Arc;

use ecs_warmstart::driver::Cancel;
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::facts::{ImageFacts, ImageVariant};
use ecs_warmstart::fleet::{FindingReport, Fleet, Outcome, UpOptions, Verdict, VerifyOptions};
use ecs_warmstart::image::{Digest, ImageRef, Platform};
use ecs_warmstart::memory::{Action, InMemory, SAMPLE_SERVICES};
use ecs_warmstart::ports::Ports;
use ecs_warmstart::testing::{Chaos, ChaosPlan, Fault, PortMethod};

use crate::worlds::{auth, clock};

/// A cloud that can be made to fail, and a fleet over it.
fn stage() -> (InMemory, Chaos, Fleet) {
    let clock = clock();
    let cloud = InMemory::sample(Arc::clone(&clock));
    let chaos = Chaos::new(Ports::from_one(cloud.clone()), ChaosPlan::none());
    let fleet = Fleet::new(chaos.ports()).with_clock(clock);
    (cloud, chaos, fleet)
}

/// The image of the service's container, as its task definition names it.
fn image() -> ImageRef {
    let auth = SAMPLE_SERVICES.iter().find(|service| service.name == "auth").unwrap();
    auth.definition().unwrap().containers[0].image.parse().unwrap()
}

async fn up(fleet: &Fleet, count: u32) {
    let options = UpOptions { check: false, ..UpOptions::default() };
    let report = fleet.up(&[auth(count)], &options, &Cancel::new()).await;
    assert_eq!(report.outcome, Outcome::Succeeded, "{report:#?}");
}

/// Two tasks, between which the tag was moved to this image.
async fn moved_to(facts: ImageFacts) -> (InMemory, Chaos, Fleet) {
    let (cloud, chaos, fleet) = stage();
    up(&fleet, 1).await;
    cloud.add_image(&image(), facts);
    up(&fleet, 2).await;
    (cloud, chaos, fleet)
}

fn index(content: &[u8], child: &Digest) -> ImageFacts {
    let amd64 = ImageVariant { digest: child.clone(), platform: Some(Platform::linux_amd64()) };
    ImageFacts { digest: Digest::of(content), is_index: true, images: vec![amd64] }
}

/// What is said of images by all who look.
async fn said(fleet: &Fleet) -> [Vec<FindingReport>; 3] {
    let (services, options, cancel) = ([auth(2)], VerifyOptions::default(), Cancel::new());
    let status = fleet.status(&services).await;
    assert_eq!(status.services[0].verdict, Verdict::Ready, "they serve all the same");
    let plan = fleet.plan(&services, &options, &cancel).await;
    assert_eq!(plan.changes_needed, 0);
    let verified = fleet.verify(&services, &options, &cancel).await;
    assert_eq!(verified.outcome, Outcome::Succeeded);
    [
        status.services[0].findings.clone(),
        plan.services[0].findings.clone(),
        verified.services[0].findings.clone(),
    ]
}

#[tokio::test(start_paused = true)]
async fn tasks_of_one_image_are_nothing_to_say_and_no_registry_is_asked() {
    let (cloud, _, fleet) = stage();
    up(&fleet, 2).await;
    assert_eq!(said(&fleet).await, [vec![], vec![], vec![]]);
    assert_eq!(cloud.count(Action::BatchGetImage), 0);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_was_moved_is_found() {
    let (cloud, _, fleet) = moved_to(index(b"the next build", &Digest::of(b"its amd64"))).await;
    let tasks = cloud.tasks();
    for findings in said(&fleet).await {
        let [finding] = &findings[..] else { panic!("{findings:#?}") };
        assert_eq!((finding.code.as_str(), &finding.target_group), ("different_images", &None));
        let newest = format!(
            "the tasks run different images of container authapi-container: {} in {}, ",
            Digest::of(b"the next build"),
            tasks[1].id()
        );
        assert!(finding.summary.starts_with(&newest), "{}", finding.summary);
        assert!(finding.remedy.contains(&format!("`down --task {}`", tasks[0])), "{}", finding.remedy);
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_that_has_the_other_digest_is_the_same_image() {
    let before = stage().0.image_facts(&image()).unwrap();
    let (cloud, _, fleet) = moved_to(index(b"an index around it", &before.digest)).await;
    assert_eq!(said(&fleet).await, [vec![], vec![], vec![]]);
    assert!(cloud.count(Action::BatchGetImage) > 0);
}

#[tokio::test(start_paused = true)]
async fn what_no_registry_says_is_said_to_be_unsure() {
    let (_, chaos, fleet) = moved_to(index(b"the next build", &Digest::of(b"its amd64"))).await;
    chaos.follow(ChaosPlan::none().every(PortMethod::Image, Fault::Before(ErrorKind::Denied)));
    for findings in said(&fleet).await {
        assert!(findings[0].summary.contains("may run different images"), "{}", findings[0].summary);
    }
}
