//! Findings about images.

use super::finding::{Code, Finding};
use super::subject::{Facts, Seen, Subject};
use crate::facts::{ContainerFacts, ImageFacts, TaskDefinitionFacts};
use crate::ids::TaskDefinitionId;
use crate::image::{ImageRef, Platform};

/// What images have to run on: what the task definition says, or, where it says nothing and the task runs on Fargate,
/// `linux/amd64`. Nothing where it is left to the machine.
pub fn wanted_platform(subject: &Subject<'_>, definition: &TaskDefinitionFacts) -> Option<Platform> {
    let said = definition.platform();
    said.or_else(|| subject.request.compute.is_fargate().then(Platform::linux_amd64))
}

pub(super) fn check(subject: &Subject<'_>, definition: &TaskDefinitionFacts, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for container in definition.containers.iter().filter(|container| !container.image.is_empty()) {
        let Ok(image) = container.image.parse::<ImageRef>() else {
            findings.push(invalid(container));
            continue;
        };
        match facts.images.get(&container.image) {
            Some(Seen::Known(it)) => {
                findings.extend(platform(subject, definition, container, it));
            }
            Some(Seen::Missing) => findings.push(missing(container, &image)),
            Some(Seen::Unreadable { why }) => findings.push(unreadable(container, &image, why)),
            None => {}
        }
        findings.extend(moves(container, &image));
    }
    findings
}

fn invalid(container: &ContainerFacts) -> Finding {
    let why = container.image.parse::<ImageRef>().err().map(|error| error.to_string()).unwrap_or_default();
    Finding::error(
        Code::ImageInvalid,
        format!("the image of container {} has no name that a registry takes: {why}", container.name),
        "register a revision with [REGISTRY/]REPOSITORY[:TAG][@DIGEST]",
    )
}

fn missing(container: &ContainerFacts, image: &ImageRef) -> Finding {
    Finding::error(
        Code::ImageMissing,
        format!("image {image} of container {} does not exist", container.name),
        push_it(image),
    )
}

/// What to do where an image does not exist.
pub(crate) fn push_it(image: &ImageRef) -> String {
    match image.ecr() {
        Some(its) => format!(
            "push it, or see what is there: aws ecr describe-images --registry-id {} --region {} --repository-name {}",
            its.account, its.region, its.name
        ),
        None => "push it, or register a revision with an image that exists".to_owned(),
    }
}

fn unreadable(container: &ContainerFacts, image: &ImageRef, why: &str) -> Finding {
    let remedy = match image.ecr() {
        Some(_) => {
            "allow ecr:BatchGetImage on its repository, or pull it once where a cache fetches it; then it is checked whether it exists and has the platform"
        }
        None => "nothing, where the registry is private: only ECS has its credentials",
    };
    let name = &container.name;
    Finding::hint(
        Code::Unreadable,
        format!("image {image} of container {name} could not be looked at: {why}"),
        remedy,
    )
}

fn platform(
    subject: &Subject<'_>,
    definition: &TaskDefinitionFacts,
    container: &ContainerFacts,
    image: &ImageFacts,
) -> Option<Finding> {
    let wanted = wanted_platform(subject, definition)?;
    if image.serves(&wanted) != Some(false) {
        return None;
    }
    let has: Vec<String> = image.platforms().map(ToString::to_string).collect();
    // What others run under the same tag stays.
    let both = [vec![wanted.to_string()], has.clone()].concat().join(",");
    let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
    let remedy = format!(
        "docker buildx build --platform {both} -t {} --push . , or register a revision whose runtimePlatform is one it has",
        container.image.split('@').next().unwrap_or(&container.image)
    );
    let (name, reference) = (&container.name, &container.image);
    Some(match definition.platform() {
        Some(_) => Finding::error(
            Code::ImagePlatform,
            format!("image {reference} of container {name} is for {has}; the task definition wants {wanted}"),
            remedy,
        ),
        // What Fargate takes where nothing is said is nowhere promised.
        None => Finding::warning(
            Code::ImagePlatform,
            format!(
                "image {reference} of container {name} is for {has}; Fargate runs {wanted} where runtimePlatform is not set"
            ),
            remedy,
        ),
    })
}

/// What was to be pinned, and cannot be.
pub(crate) fn not_resolved(container: &ContainerFacts, why: &str) -> Finding {
    let of_ecr = container.image.parse::<ImageRef>().is_ok_and(|image| image.ecr().is_some());
    Finding::error(
        Code::ImageNotResolved,
        format!(
            "the digest of image {:?} of container {} is not known: {why}",
            container.image, container.name
        ),
        match of_ecr {
            true => "allow ecr:BatchGetImage on its repository, or leave --pin out",
            false => "leave --pin out: only ECS has the credentials of a private registry",
        },
    )
}

/// The images were to be pinned, and nobody says which there are.
pub(crate) fn no_images(definition: &TaskDefinitionId) -> Finding {
    Finding::error(
        Code::ImageNotResolved,
        format!("the images of task definition {definition} are not known, since it may not be read"),
        "allow ecs:DescribeTaskDefinition, or leave --pin out",
    )
}

fn moves(container: &ContainerFacts, image: &ImageRef) -> Option<Finding> {
    (image.effective_tag() == Some("latest")).then(|| {
        Finding::hint(
            Code::ImageMoves,
            format!("image {image} of container {} may be another one with every task", container.name),
            "name a tag that does not move, or a digest",
        )
    })
}
