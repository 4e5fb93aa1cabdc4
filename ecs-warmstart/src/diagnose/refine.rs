//! Says drafts more exactly by what else is known: which image is meant, and what can be done about it.

use super::draft::Draft;
use super::evidence::Evidence;
use super::{images, words};
use crate::catalogue::Confidence::Medium;
use crate::catalogue::{Code, Stage};

pub(super) fn refine(evidence: &Evidence, drafts: Vec<Draft>) -> Vec<Draft> {
    let named = drafts.iter().filter_map(|it| Some((it.code, it.get("image")?.to_owned())));
    let named: Vec<(Code, String)> = named.collect();
    let refined = drafts.into_iter().map(|draft| exec_format(evidence, draft));
    let refined = refined.map(|draft| {
        let named = named.iter().find(|(code, _)| *code == draft.code).map(|(_, image)| image.as_str());
        which_image(evidence, draft, named)
    });
    refined.map(|draft| where_to_look(evidence, draft)).collect()
}

/// The image is proven to be made for the platform: then the file that is to be executed is no program, such as a script
/// without its first line.
fn exec_format(evidence: &Evidence, draft: Draft) -> Draft {
    let says = draft.code == Code::ImagePlatformMismatch
        && draft.quotes.iter().any(|quote| quote.contains("exec format error"));
    if !says || !images::fits(evidence, draft.get("container")) {
        return draft;
    }
    let container = draft.get("container").unwrap_or("of the task").to_owned();
    Draft::new(Code::CommandNotExecutable, draft.confidence)
        .quotes(draft.quotes)
        .slot("container", &container)
        .saying(format!(
            "the entry point of container {container} is nothing that can be executed, although its image is made for the \
             platform"
        ))
        .remedy(
            "give the script a first line such as #!/bin/sh with a Unix line end (an editor on Windows writes another), \
             or see what the program is made for: docker run --rm --entrypoint file IMAGE FILE",
        )
}

/// With several containers a sentence that names no image leaves open which one is meant.
fn which_image(evidence: &Evidence, draft: Draft, named: Option<&str>) -> Draft {
    let of_pull = draft.code.stage() == Stage::Pulling
        && !matches!(draft.code, Code::AnotherImage | Code::ImageDrift | Code::DiskFull);
    if !of_pull || draft.get("image").is_some() || draft.get("container").is_some() {
        return draft;
    }
    // Another sentence says which, or the registry.
    let by_registry = || {
        let mut misfits = images::misfits(evidence, draft.code);
        misfits.next().filter(|_| misfits.next().is_none())
    };
    if let Some(image) = named.or_else(by_registry) {
        return draft.slot("image", image);
    }
    let containers = evidence.definition.iter().flat_map(|it| &it.containers);
    let mut used: Vec<&str> = containers.filter_map(|it| it.image.as_deref()).collect();
    used.dedup();
    if used.len() < 2 {
        return draft;
    }
    draft.slot("image", used.join(" or ")).at_most(Medium)
}

/// What shows whether the image is there depends on its registry.
fn where_to_look(evidence: &Evidence, draft: Draft) -> Draft {
    if draft.code != Code::ImageNotFound {
        return draft;
    }
    let image = words::fill("{image}", draft.slots(), evidence);
    if image == "IMAGE" || image.contains(" or ") {
        return draft;
    }
    let Some((host, repository)) = words::repository(&image).and_then(|name| {
        name.split_once('/').map(|(host, repository)| (host.to_owned(), repository.to_owned()))
    }) else {
        return draft.slot("look", format!(": docker manifest inspect {image} shows whether it is there"));
    };
    if !host.contains(".dkr.ecr.") {
        return draft.slot("look", format!(": docker manifest inspect {image} shows whether it is there"));
    }
    let gone = ["RepositoryNotFoundException", "name unknown", "The repository with name"];
    let no_repository = draft.quotes.iter().any(|quote| gone.iter().any(|words| quote.contains(words)));
    draft.slot(
        "look",
        if no_repository {
            format!("; the repository is missing: aws ecr create-repository --repository-name {repository}")
        } else {
            format!(": aws ecr describe-images --repository-name {repository} shows what is there")
        },
    )
}
