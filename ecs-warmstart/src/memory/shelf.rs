//! What stands beside tasks and groups: images, logs, load balancers, ECS services.

use std::collections::BTreeMap;

use super::behaviour::Stop;
use super::cloud::InMemory;
use super::state::refused;
use super::task::Task;
use crate::error::{ErrorKind, PortError};
use crate::facts::{
    ContainerFacts, EcsServiceFacts, ImageFacts, LoadBalancerFacts, LogLine, LogQuery, TaskDefinitionFacts,
};
use crate::ids::ClusterId;
use crate::image::{ImageRef, Platform};
use crate::observation::TaskStatus;
use crate::ports::Result;
use crate::time::Timestamp;

/// Lines of a log by stream.
type Streams = BTreeMap<String, Vec<LogLine>>;

#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// By registry and repository.
    images: BTreeMap<(String, String), Repository>,
    logs: BTreeMap<String, Streams>,
    load_balancers: BTreeMap<String, LoadBalancerFacts>,
    /// By cluster and name.
    ecs_services: BTreeMap<(String, String), EcsServiceFacts>,
}

#[derive(Debug, Default)]
struct Repository {
    tags: BTreeMap<String, ImageFacts>,
    /// The images whose tag was moved to another: their digests find them still.
    untagged: Vec<ImageFacts>,
}

impl InMemory {
    /// Puts an image into its registry, under the tag of the reference (`latest` where it has none). The
    /// image that had the tag before keeps its digest.
    ///
    /// Tasks pull their images from here: a tag that is missing in a repository that is here, and an image that lacks the
    /// platform the task definition names, keep the task from starting. Images of repositories that are not here are pulled
    /// without a look.
    pub fn add_image(&self, image: &ImageRef, facts: ImageFacts) {
        let tag = image.tag().map_or("latest", |tag| tag.as_str()).to_owned();
        let (mut state, _) = self.now();
        let repository = state.shelf.images.entry(place_of(image)).or_default();
        let before = repository.tags.insert(tag, facts);
        repository.untagged.extend(before);
    }

    /// Makes a log group.
    pub fn add_log_group(&self, group: &str) {
        self.now().0.shelf.logs.entry(group.to_owned()).or_default();
    }

    /// Writes a line to a log, now. Its group is made where it is missing.
    pub fn write_log(&self, group: &str, stream: &str, message: &str) {
        let (mut state, at) = self.now();
        let streams = state.shelf.logs.entry(group.to_owned()).or_default();
        let line = LogLine { at, message: message.to_owned() };
        streams.entry(stream.to_owned()).or_default().push(line);
    }

    /// Makes a load balancer, or replaces it.
    pub fn add_load_balancer(&self, facts: LoadBalancerFacts) {
        self.now().0.shelf.load_balancers.insert(facts.arn.clone(), facts);
    }

    /// Makes an ECS service, or replaces it. It starts no tasks: those that [`run_by_hand`](Self::run_by_hand) launches with
    /// the id of one of its deployments as `startedBy` are its tasks.
    pub fn add_ecs_service(&self, cluster: &ClusterId, facts: EcsServiceFacts) {
        let key = (cluster.name().to_owned(), facts.name.clone());
        self.now().0.shelf.ecs_services.insert(key, facts);
    }
}

impl Shelf {
    pub(super) fn load_balancers(&self) -> Vec<LoadBalancerFacts> {
        self.load_balancers.values().cloned().collect()
    }

    pub(super) fn has_log_group(&self, group: &str) -> bool {
        self.logs.contains_key(group)
    }

    pub(super) fn ecs_service(&self, cluster: &ClusterId, name: &str) -> Result<EcsServiceFacts> {
        let key = (cluster.name().to_owned(), name.to_owned());
        self.ecs_services
            .get(&key)
            .cloned()
            .ok_or_else(|| refused(ErrorKind::NotFound, "ServiceNotFoundException", "Service not found."))
    }

    /// What the tasks of an ECS service are started by.
    pub(super) fn deployments(&self, cluster: &ClusterId, name: &str) -> Vec<String> {
        let service = self.ecs_service(cluster, name);
        service.map_or_else(|_| Vec::new(), |it| it.deployments.into_iter().map(|it| it.id).collect())
    }

    pub(super) fn image(&self, image: &ImageRef) -> Result<ImageFacts> {
        let Some(Repository { tags, untagged }) = self.images.get(&place_of(image)) else {
            let message = format!("The repository with name '{}' does not exist", image.repository());
            return Err(refused(ErrorKind::NotFound, "RepositoryNotFoundException", &message));
        };
        let found = match (image.effective_tag(), image.digest()) {
            (Some(tag), _) => tags.get(tag).cloned(),
            (None, Some(digest)) => {
                tags.values().chain(untagged).find(|facts| facts.has(digest)).map(|facts| {
                    match facts.images.iter().find(|it| it.digest == *digest && facts.digest != *digest) {
                        Some(one) => ImageFacts::single(one.digest.clone(), one.platform.clone()),
                        None => facts.clone(),
                    }
                })
            }
            (None, None) => None,
        };
        found.ok_or_else(|| {
            refused(ErrorKind::NotFound, "ImageNotFoundException", "Requested image not found")
        })
    }

    /// The digests of a task's images as it pulls them, and what keeps it from starting.
    pub(super) fn pull(&self, definition: &TaskDefinitionFacts) -> (Vec<Option<String>>, Option<Stop>) {
        let platform = definition.platform();
        let mut stop = None;
        let digests = definition.containers.iter().map(|container| {
            let reference = container.image.parse::<ImageRef>().ok()?;
            match self.image(&reference) {
                Ok(facts) if platform.as_ref().and_then(|wanted| facts.serves(wanted)) == Some(false) => {
                    stop = platform.as_ref().map(no_platform);
                    None
                }
                Ok(facts) => Some(facts.digest.to_string()),
                Err(error) if is_no_such_image(&error) => {
                    stop = Some(no_image(&reference));
                    None
                }
                Err(_) => None,
            }
        });
        (digests.collect(), stop)
    }

    pub(super) fn log_tail<'a>(
        &self,
        query: &LogQuery,
        tasks: impl Iterator<Item = &'a Task>,
        now: Timestamp,
    ) -> Result<Vec<LogLine>> {
        let Some(streams) = self.logs.get(&query.group) else {
            let message = "The specified log group does not exist.";
            return Err(refused(ErrorKind::NotFound, "ResourceNotFoundException", message));
        };
        let mut lines: Vec<LogLine> = tasks.flat_map(|task| output_of(task, query, now)).collect();
        lines.extend(streams.get(&query.stream).cloned().unwrap_or_default());
        lines.sort_by_key(|line| line.at);
        let most = usize::try_from(query.lines).unwrap_or(usize::MAX);
        Ok(lines.split_off(lines.len().saturating_sub(most)))
    }
}

/// What the first essential container of a task has said by now, where that is the stream asked for.
fn output_of(task: &Task, query: &LogQuery, now: Timestamp) -> Vec<LogLine> {
    let Some(started) = task.timeline.before_end(task.timeline.running).filter(|at| *at <= now) else {
        return Vec::new();
    };
    let Some(container) = task.definition.containers.iter().find(|container| container.essential) else {
        return Vec::new();
    };
    let is_asked_for = |container: &ContainerFacts| {
        let log = container.log.as_ref()?;
        let stream = log.stream(&container.name, task.arn.id())?;
        (log.group.as_deref() == Some(&query.group) && stream == query.stream).then_some(())
    };
    match is_asked_for(container) {
        Some(()) => {
            task.behaviour.says.iter().map(|line| LogLine { at: started, message: line.clone() }).collect()
        }
        None => Vec::new(),
    }
}

fn place_of(image: &ImageRef) -> (String, String) {
    (image.registry().to_owned(), image.repository())
}

fn is_no_such_image(error: &PortError) -> bool {
    error.failure().code.as_deref() == Some("ImageNotFoundException")
}

fn no_platform(wanted: &Platform) -> Stop {
    Stop::before_start(
        TaskStatus::Activating,
        format!(
            "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain \
             descriptor matching platform '{wanted}'"
        ),
    )
}

fn no_image(image: &ImageRef) -> Stop {
    Stop::before_start(
        TaskStatus::Activating,
        format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: not \
             found"
        ),
    )
}
