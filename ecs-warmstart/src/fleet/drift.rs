//! Whether the tasks of a service run the same images: looked into only where ECS says different digests.

use std::collections::BTreeSet;
use std::time::Duration;

use super::handle::Fleet;
use super::survey::Survey;
use crate::driver::Cancel;
use crate::ids::TaskDefinitionId;
use crate::image::{Digest, ImageRef};
use crate::observation::TaskObservation;
use crate::reconcile::{different_digests, drifts};

/// How long a look at a registry is repeated that fails. What it does not say by then is said to be unsure.
const PATIENCE: Duration = Duration::from_secs(10);

/// Fills in where the tasks of a service run different images.
pub(super) async fn compare_images(fleet: &Fleet, cancel: &Cancel, survey: &mut Survey) {
    for (surveyed, view) in survey.services.iter_mut().zip(&survey.view.services) {
        if different_digests(&view.tasks).is_empty() {
            continue;
        }
        let definition = &surveyed.service.request.task_definition;
        let images = references(fleet, cancel, definition, &view.tasks).await;
        let read = move |fleet: Fleet, image: ImageRef| {
            let cancel = cancel.clone();
            async move { fleet.patiently(PATIENCE, &cancel, || fleet.ports.inspector.image(&image)).await }
        };
        let facts: Vec<_> = fleet.each(images, read).await.into_iter().filter_map(Result::ok).collect();
        surveyed.drifts = drifts(&view.tasks, &facts);
    }
}

/// What to ask registries for: the images as the task definitions of the tasks name them, and each digest that runs.
async fn references(
    fleet: &Fleet,
    cancel: &Cancel,
    configured: &TaskDefinitionId,
    tasks: &[TaskObservation],
) -> BTreeSet<ImageRef> {
    let differ = different_digests(tasks);
    let ids: BTreeSet<_> = tasks.iter().filter_map(|task| task.task_definition.as_ref()).collect();
    let mut references = BTreeSet::new();
    for id in ids.into_iter().chain([configured]) {
        let inspector = &fleet.ports.inspector;
        let Ok(definition) = fleet.patiently(PATIENCE, cancel, || inspector.task_definition(id)).await else {
            continue;
        };
        for (name, digests) in &differ {
            let named = definition.container(name).and_then(|its| its.image.parse::<ImageRef>().ok());
            let Some(named) = named else { continue };
            let digests = digests.iter().filter_map(|digest| digest.parse::<Digest>().ok());
            references.extend(digests.map(|digest| named.pinned_to(digest)));
            references.insert(named);
        }
    }
    references
}
