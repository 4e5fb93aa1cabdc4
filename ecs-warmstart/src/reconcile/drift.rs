//! Tasks of one service that run different images, which no task definition shows: a tag was moved between two launches.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::facts::ImageFacts;
use crate::ids::TaskArn;
use crate::observation::TaskObservation;

/// A container of which the tasks of one service run different images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The container's name.
    pub container: String,
    /// The images, that of the newest task first.
    pub images: Vec<RunningImage>,
    /// Whether they are known to be different. Otherwise the registry did not say of all of them what they are, and two
    /// digests may be the index and the image for one platform of the same.
    pub is_sure: bool,
}

/// An image, and the tasks that run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningImage {
    /// Its digest, as ECS says it; of several the first in the alphabet.
    pub digest: String,
    /// The tasks, the newest first.
    pub tasks: Vec<TaskArn>,
}

/// The containers of which the tasks run more than one digest, with those digests.
pub fn different_digests(tasks: &[TaskObservation]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut digests: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for container in tasks.iter().flat_map(|task| &task.containers) {
        if let Some(digest) = &container.image_digest {
            digests.entry(&container.name).or_default().insert(digest);
        }
    }
    digests.retain(|_, digests| digests.len() > 1);
    digests
}

/// The drifts among these tasks, by what registries say of the images. An index and the images for its platforms are one
/// image: AWS may name either.
pub fn drifts(tasks: &[TaskObservation], images: &[ImageFacts]) -> Vec<Drift> {
    let mut newest: Vec<&TaskObservation> = tasks.iter().collect();
    newest.sort_by_key(|task| std::cmp::Reverse((task.created_at, &task.task)));
    let drifts = different_digests(tasks).into_iter().filter_map(|(container, digests)| {
        let mut running: Vec<(&str, RunningImage)> = Vec::new();
        for task in &newest {
            let Some(digest) = task.container(container).and_then(|it| it.image_digest.as_deref()) else {
                continue;
            };
            let image = image_of(digest, images).unwrap_or(digest);
            match running.iter_mut().find(|(its, _)| *its == image) {
                Some((_, running)) => {
                    running.tasks.push(task.task.clone());
                    if digest < running.digest.as_str() {
                        digest.clone_into(&mut running.digest);
                    }
                }
                None => running.push((
                    image,
                    RunningImage { digest: digest.to_owned(), tasks: vec![task.task.clone()] },
                )),
            }
        }
        let is_sure = digests.iter().all(|digest| image_of(digest, images).is_some());
        let images: Vec<_> = running.into_iter().map(|(_, running)| running).collect();
        (images.len() > 1).then(|| Drift { container: container.to_owned(), images, is_sure })
    });
    drifts.collect()
}

/// The digest of the index where there is one, of the image otherwise.
fn image_of<'a>(digest: &str, images: &'a [ImageFacts]) -> Option<&'a str> {
    let has = |facts: &&ImageFacts| {
        facts.digest.as_str() == digest || facts.images.iter().any(|image| image.digest.as_str() == digest)
    };
    images.iter().filter(has).max_by_key(|facts| facts.is_index).map(|facts| facts.digest.as_str())
}

impl Drift {
    /// A stable word for programs.
    pub const CODE: &'static str = "different_images";

    /// What to do about it.
    pub fn remedy(&self) -> String {
        let old = self.images.iter().skip(1).flat_map(|image| &image.tasks);
        let downs: Vec<String> = old.map(|task| format!("`down --task {task}`")).collect();
        format!(
            "take the older ones out with {}; then `up --pin` starts what the tag stands for now",
            downs.join(", ")
        )
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let are = if self.is_sure { "run" } else { "may run" };
        write!(f, "the tasks {are} different images of container {}: ", self.container)?;
        for (place, image) in self.images.iter().enumerate() {
            let tasks: Vec<&str> = image.tasks.iter().map(TaskArn::id).collect();
            let and = if place == 0 { "" } else { ", " };
            write!(f, "{and}{} in {}", image.digest, tasks.join(" and "))?;
        }
        if !self.is_sure {
            f.write_str("; the registry could not be asked whether these are an index and its image")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ImageVariant;
    use crate::image::{Digest, Platform};
    use crate::observation::{ContainerObservation, TaskStatus};
    use crate::time::Timestamp;

    fn digest(number: u8) -> Digest {
        Digest::of(&[number])
    }

    /// A task as old as its number is small.
    fn task(number: u8, image: Option<u8>) -> TaskObservation {
        let arn = format!("arn:aws:ecs:us-east-2:111122223333:task/c/{number}");
        let mut task = TaskObservation::new(arn.parse().unwrap(), TaskStatus::Running);
        task.created_at = Some(Timestamp::from_millis(u64::from(number)));
        task.containers = vec![ContainerObservation {
            name: "web".into(),
            image_digest: image.map(|number| digest(number).to_string()),
            ..ContainerObservation::default()
        }];
        task
    }

    fn index(number: u8, children: &[u8]) -> ImageFacts {
        let variant =
            |child: &u8| ImageVariant { digest: digest(*child), platform: Some(Platform::linux_amd64()) };
        ImageFacts { digest: digest(number), is_index: true, images: children.iter().map(variant).collect() }
    }

    /// Each drift's groups of tasks, and whether it is sure.
    fn found(tasks: &[TaskObservation], images: &[ImageFacts]) -> Vec<(Vec<Vec<String>>, bool)> {
        let groups = |drift: &Drift| {
            let ids = |image: &RunningImage| image.tasks.iter().map(|task| task.id().to_owned()).collect();
            drift.images.iter().map(ids).collect()
        };
        drifts(tasks, images).iter().map(|drift| (groups(drift), drift.is_sure)).collect()
    }

    fn groups(groups: &[&[&str]], is_sure: bool) -> Vec<(Vec<Vec<String>>, bool)> {
        let owned = |group: &&[&str]| group.iter().map(|id| (*id).to_owned()).collect();
        vec![(groups.iter().map(owned).collect(), is_sure)]
    }

    #[test]
    fn one_image_or_none_is_no_drift() {
        assert_eq!(found(&[], &[]), []);
        assert_eq!(found(&[task(1, None), task(2, Some(7))], &[]), []);
        assert_eq!(found(&[task(1, Some(7)), task(2, Some(7))], &[]), []);
    }

    #[test]
    fn an_index_and_its_images_are_one() {
        let tasks = [task(1, Some(1)), task(2, Some(2)), task(3, Some(3))];
        let single = |number| ImageFacts::single(digest(number), None);
        assert_eq!(found(&tasks, &[single(2), index(1, &[2, 3]), single(3)]), []);
        assert_eq!(
            found(&tasks, &[single(3), index(1, &[2])]),
            groups(&[&["3"], &["2", "1"]], true),
            "the newest first"
        );
    }

    #[test]
    fn what_no_registry_tells_is_only_maybe_different() {
        let tasks = [task(1, Some(1)), task(2, Some(2))];
        assert_eq!(found(&tasks, &[]), groups(&[&["2"], &["1"]], false));
        let said = drifts(&tasks, &[])[0].to_string();
        assert!(said.contains("may run different images of container web"), "{said}");
        assert_eq!(
            found(&tasks, &[index(1, &[])]),
            groups(&[&["2"], &["1"]], false),
            "one alone is not enough"
        );
    }

    #[test]
    fn the_remedy_names_the_older_tasks() {
        let drift = &drifts(&[task(1, Some(1)), task(2, Some(2))], &[])[0];
        assert!(
            drift.remedy().contains("down --task arn:aws:ecs:us-east-2:111122223333:task/c/1`"),
            "{}",
            drift.remedy()
        );
    }
}
