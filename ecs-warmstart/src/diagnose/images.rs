//! What the registry says of the images, against what the task needs; and whether all tasks run the same one.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::evidence::{Evidence, ImageEvidence};
use crate::catalogue::Code;
use crate::catalogue::Confidence::{High, Medium};
use crate::observation::TaskObservation;

pub(super) fn rule(evidence: &Evidence) -> Vec<Draft> {
    let used = |image: &&ImageEvidence| is_used(evidence, &image.image);
    let mut drafts: Vec<Draft> =
        evidence.images.iter().filter(used).filter_map(|it| of_image(evidence, it)).collect();
    drafts.extend(drift(evidence));
    drafts
}

/// An image that no container of the task has is somebody else's.
fn is_used(evidence: &Evidence, image: &str) -> bool {
    let Some(definition) = &evidence.definition else { return true };
    let named = || definition.containers.iter().filter_map(|container| container.image.as_deref());
    named().next().is_none() || named().any(|used| used == image)
}

fn of_image(evidence: &Evidence, image: &ImageEvidence) -> Option<Draft> {
    if image.exists == Some(false) {
        let quote = format!("registry: {} is not there", image.image);
        return Some(Draft::new(Code::ImageNotFound, High).quote(quote).slot("image", &image.image));
    }
    let wanted = evidence.definition.as_ref()?.platform.as_ref()?;
    if image.platforms.is_empty() || image.platforms.iter().any(|has| runs_on(has, wanted)) {
        return None;
    }
    let has = image.platforms.join(", ");
    Some(
        Draft::new(Code::ImagePlatformMismatch, Medium)
            .quote(format!("registry: {} is made for {has}; the task definition wants {wanted}", image.image))
            .slot("image", &image.image)
            .slot("platform", wanted)
            .slot("has", format!(" (it has {has})")),
    )
}

/// `linux/arm64/v8` runs where `linux/arm64` is wanted.
fn runs_on(has: &str, wanted: &str) -> bool {
    has == wanted || has.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether that container's image is known to be made for the platform that the task definition wants.
pub(super) fn fits(evidence: &Evidence, container: Option<&str>) -> bool {
    let Some(definition) = &evidence.definition else { return false };
    let Some(wanted) = &definition.platform else { return false };
    let named: Vec<&str> = match container.and_then(|name| evidence.settings(name)) {
        Some(settings) => settings.image.as_deref().into_iter().collect(),
        None => definition.containers.iter().filter_map(|it| it.image.as_deref()).collect(),
    };
    let proven = |name: &&str| {
        let of_name = evidence.images.iter().filter(|image| image.image == *name);
        of_name.flat_map(|image| &image.platforms).any(|has| runs_on(has, wanted))
    };
    !named.is_empty() && named.iter().all(proven)
}

/// The images of the task of which the registry says that.
pub(super) fn misfits(evidence: &Evidence, code: Code) -> impl Iterator<Item = &str> {
    let used = evidence.images.iter().filter(|image| is_used(evidence, &image.image));
    used.filter(move |it| of_image(evidence, it).is_some_and(|draft| draft.code == code))
        .map(|it| it.image.as_str())
}

/// Tasks of one revision have to run one image: where they do not, a tag moved between their starts. Of tasks that are gone
/// nobody has to be told.
fn drift(evidence: &Evidence) -> Option<Draft> {
    let tasks = evidence.task.iter().chain(&evidence.siblings);
    let tasks: Vec<&TaskObservation> = tasks.filter(|task| !task.is_ending()).collect();
    let mut running: BTreeMap<(String, &str), BTreeMap<&str, &str>> = BTreeMap::new();
    for task in &tasks {
        let Some(revision) = &task.task_definition else { continue };
        for container in &task.containers {
            let Some(digest) = &container.image_digest else { continue };
            let of_container = running.entry((revision.to_string(), &container.name)).or_default();
            of_container.entry(digest).or_insert_with(|| task.task.id());
        }
    }
    let ((_, container), digests) =
        running.into_iter().find(|(_, digests)| digests.len() > 1 && !is_one_image(evidence, digests))?;
    let quotes =
        digests.iter().map(|(digest, task)| format!("imageDigest of {container} in task {task}: {digest}"));
    Some(
        Draft::new(Code::ImageDrift, High)
            .quotes(quotes.collect::<Vec<_>>())
            .slot("container", container)
            .slot("number", digests.len()),
    )
}

/// ECS may name the index or the image that the index names for the platform.
fn is_one_image(evidence: &Evidence, digests: &BTreeMap<&str, &str>) -> bool {
    evidence.images.iter().any(|image| {
        let known: BTreeSet<&str> = image.digests.iter().map(String::as_str).collect();
        digests.keys().all(|digest| known.contains(digest))
    })
}
