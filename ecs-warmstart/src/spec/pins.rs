//! Which images a task may run before anything is registered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::image::Digest;
use crate::observation::TaskObservation;

/// The digests that containers may run, by container. A container that is not named may run any.
///
/// ECS may say the digest of an image's index, or of the image for its platform: both belong in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pins(BTreeMap<String, Vec<Digest>>);

impl Pins {
    /// Lets a container run these, and no other.
    pub fn pin(&mut self, container: impl Into<String>, digests: impl IntoIterator<Item = Digest>) {
        self.0.entry(container.into()).or_default().extend(digests);
    }

    /// Whether every container may run any image.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The digests that a container may run; none where it may run any.
    pub fn of(&self, container: &str) -> Option<&[Digest]> {
        self.0.get(container).map(Vec::as_slice)
    }

    /// The containers of which it is not known what they run.
    pub fn unseen<'a>(&'a self, task: &'a TaskObservation) -> impl Iterator<Item = &'a String> {
        self.0.keys().filter(move |name| runs(task, name).is_none())
    }

    /// A container that runs another image, and which.
    pub fn another<'a>(&'a self, task: &'a TaskObservation) -> Option<(&'a str, &'a str)> {
        self.0.iter().find_map(|(name, digests)| {
            let runs = runs(task, name)?;
            let is_one = digests.iter().any(|digest| digest.as_str() == runs);
            (!is_one).then_some((name.as_str(), runs))
        })
    }
}

fn runs<'a>(task: &'a TaskObservation, container: &str) -> Option<&'a str> {
    task.container(container)?.image_digest.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{ContainerObservation, TaskStatus};

    #[test]
    fn what_runs_is_one_of_the_pinned_or_another() {
        let task = |digest: Option<Digest>| {
            let mut task = TaskObservation::new(
                "arn:aws:ecs:us-east-2:111122223333:task/c/1".parse().unwrap(),
                TaskStatus::Running,
            );
            task.containers = vec![ContainerObservation {
                name: "web".into(),
                image_digest: digest.map(String::from),
                ..ContainerObservation::default()
            }];
            task
        };
        let (index, child, other) = (Digest::of(b"index"), Digest::of(b"child"), Digest::of(b"other"));
        let mut pins = Pins::default();
        assert!(pins.is_empty() && pins.another(&task(Some(other.clone()))).is_none());
        pins.pin("web", [index.clone(), child.clone()]);
        for (runs, unseen, another) in [
            (None, 1, None),
            (Some(index), 0, None),
            (Some(child), 0, None),
            (Some(other.clone()), 0, Some(&other)),
        ] {
            let task = task(runs);
            assert_eq!(pins.unseen(&task).count(), unseen);
            assert_eq!(pins.another(&task), another.map(|digest| ("web", digest.as_str())));
        }
    }
}
