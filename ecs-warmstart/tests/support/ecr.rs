//! ECR over ports: a manifest that says what the port said.

use aws_sdk_ecr::Client;
use aws_sdk_ecr::operation::batch_get_image::{BatchGetImageError, BatchGetImageInput, BatchGetImageOutput};
use aws_sdk_ecr::operation::describe_pull_through_cache_rules::DescribePullThroughCacheRulesOutput;
use aws_sdk_ecr::types::{Image, ImageFailure, ImageFailureCode, ImageIdentifier};
use aws_smithy_mocks::{MockResponse, Rule, mock};
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::facts::ImageFacts;
use ecs_warmstart::image::Manifest;
use ecs_warmstart::ports::Ports;
use serde_json::json;

use super::client::{at_once, meta};

pub(super) fn rules(cloud: &Ports) -> Vec<Rule> {
    let cloud = cloud.clone();
    vec![
        mock!(Client::batch_get_image).then_compute_response(move |input| image(&cloud, input)),
        mock!(Client::describe_pull_through_cache_rules)
            .then_output(|| DescribePullThroughCacheRulesOutput::builder().build()),
    ]
}

fn image(cloud: &Ports, input: &BatchGetImageInput) -> MockResponse<BatchGetImageOutput, BatchGetImageError> {
    assert_eq!(input.accepted_media_types(), Manifest::MEDIA_TYPES, "without these an index is resolved");
    let [id] = input.image_ids() else { panic!("one image at a time: {input:?}") };
    let (account, repository) = (input.registry_id().unwrap(), input.repository_name().unwrap());
    let place = format!("{account}.dkr.ecr.us-east-2.amazonaws.com/{repository}");
    let reference = match (id.image_tag(), id.image_digest()) {
        (Some(tag), None) => format!("{place}:{tag}"),
        (None, Some(digest)) => format!("{place}@{digest}"),
        other => panic!("a tag or a digest: {other:?}"),
    };
    match at_once(cloud.inspector.image(&reference.parse().unwrap())) {
        Ok(facts) => {
            let digest = ImageIdentifier::builder().image_digest(facts.digest.as_str()).build();
            let image = Image::builder().image_id(digest).image_manifest(manifest_of(&facts)).build();
            MockResponse::Output(BatchGetImageOutput::builder().images(image).build())
        }
        Err(error) if error.failure().code.as_deref() == Some("ImageNotFoundException") => {
            assert_eq!(error.kind(), ErrorKind::NotFound);
            let failure = ImageFailure::builder()
                .failure_code(ImageFailureCode::ImageNotFound)
                .failure_reason("Requested image not found")
                .build();
            MockResponse::Output(BatchGetImageOutput::builder().failures(failure).build())
        }
        Err(error) => MockResponse::Error(BatchGetImageError::generic(meta(&error))),
    }
}

fn manifest_of(facts: &ImageFacts) -> String {
    assert!(facts.is_index, "only an index says its platforms in its manifest");
    let manifests: Vec<_> = facts
        .images
        .iter()
        .map(|image| {
            let platform = image.platform.as_ref().unwrap();
            json!({
                "digest": image.digest.as_str(),
                "platform": { "os": platform.os(), "architecture": platform.architecture() },
            })
        })
        .collect();
    json!({ "schemaVersion": 2, "manifests": manifests }).to_string()
}
