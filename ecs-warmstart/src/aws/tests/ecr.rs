//! What ECR is asked besides the manifest: the platform of a single image, from its configuration on a double of S3 on the
//! loopback interface; and whether a cache fetches what is not there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Region;
use aws_sdk_ecr::operation::batch_get_image::{BatchGetImageError, BatchGetImageOutput};
use aws_sdk_ecr::operation::describe_pull_through_cache_rules::{
    DescribePullThroughCacheRulesError, DescribePullThroughCacheRulesOutput,
};
use aws_sdk_ecr::operation::get_download_url_for_layer::{
    GetDownloadUrlForLayerError, GetDownloadUrlForLayerOutput,
};
use aws_sdk_ecr::types::{Image, ImageFailure, ImageFailureCode, PullThroughCacheRule};
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::error::ErrorMetadata;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::Ecr;
use super::super::ecr::CONFIG_PATIENCE;
use crate::clock::{Clock, TokioClock};
use crate::error::ErrorKind;
use crate::facts::ImageFacts;
use crate::image::{CONFIG_MAX, Digest, Platform};
use crate::ports::Result;

const IMAGE: &str = "111122223333.dkr.ecr.us-east-2.amazonaws.com/team/web:1.0";

/// What S3 does with a request.
enum Storage {
    Answers(&'static str, String),
    Hangs,
}

/// Where the double listens, and what was asked of it.
async fn storage(does: Storage) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/layer?X-Amz-Signature=s1gned", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            heard.lock().unwrap().push(String::from_utf8(head).unwrap().to_lowercase());
            let Storage::Answers(status, body) = &does else { return std::future::pending().await };
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
            // A client that has had enough closes the connection.
            let _ = stream
                .write_all(format!("{head}Location: http://127.0.0.1:9/\r\n\r\n{body}").as_bytes())
                .await;
        }
    });
    (url, asked)
}

fn config() -> String {
    json!({ "os": "linux", "architecture": "arm64", "config": { "Env": ["A=1"] } }).to_string()
}

fn manifest_of(config: &str) -> String {
    let config = json!({ "digest": Digest::of(config.as_bytes()).as_str(), "size": 1 });
    json!({ "schemaVersion": 2, "config": config, "layers": [] }).to_string()
}

fn manifest() -> String {
    manifest_of(&config())
}

fn image(manifest: String) -> Rule {
    let image = Image::builder().image_manifest(manifest).build();
    let answer = BatchGetImageOutput::builder().images(image).build();
    mock!(Client::batch_get_image).then_output(move || answer.clone())
}

/// Where a blob lies, for whoever asks for that of this text.
fn address_of(blob: &str, url: String) -> Rule {
    let digest = Digest::of(blob.as_bytes());
    mock!(Client::get_download_url_for_layer)
        .match_requests(move |input| {
            let image = (input.registry_id(), input.repository_name());
            image == (Some("111122223333"), Some("team/web")) && input.layer_digest() == Some(digest.as_str())
        })
        .then_output(move || GetDownloadUrlForLayerOutput::builder().download_url(url.clone()).build())
}

async fn ask(rules: &[&Rule]) -> Result<ImageFacts> {
    let in_region = |config: aws_sdk_ecr::config::Builder| config.region(Region::new("us-east-2"));
    let client = mock_client!(aws_sdk_ecr, RuleMode::MatchAny, rules, in_region);
    Ecr::new(client).image(&IMAGE.parse().unwrap()).await
}

async fn look(rules: &[&Rule]) -> ImageFacts {
    ask(rules).await.unwrap()
}

fn single(platform: Option<Platform>) -> ImageFacts {
    ImageFacts::single(Digest::of(manifest().as_bytes()), platform)
}

#[tokio::test]
async fn a_single_image_says_its_platform_in_its_configuration() {
    let (url, asked) = storage(Storage::Answers("200 OK", config())).await;
    assert_eq!(
        look(&[&image(manifest()), &address_of(&config(), url)]).await,
        single(Some(Platform::linux_arm64()))
    );
    let asked = asked.lock().unwrap();
    let [head] = asked.as_slice() else { panic!("once: {asked:?}") };
    assert!(head.starts_with("get /layer?x-amz-signature=s1gned "), "{head}");
    assert!(!head.contains("authorization"), "S3 refuses what is signed twice: {head}");
}

#[tokio::test]
async fn an_index_is_not_downloaded() {
    let entry = |architecture: &str| {
        json!({
            "digest": Digest::of(architecture.as_bytes()).as_str(),
            "platform": { "os": "linux", "architecture": architecture },
        })
    };
    let index = json!({ "schemaVersion": 2, "manifests": [entry("amd64"), entry("arm64")] }).to_string();
    let (url, asked) = storage(Storage::Answers("200 OK", config())).await;
    let address = address_of(&config(), url);
    let facts = look(&[&image(index), &address]).await;
    assert_eq!((facts.images.len(), address.num_calls(), asked.lock().unwrap().len()), (2, 0, 0));
}

#[tokio::test]
async fn where_the_configuration_is_not_to_be_had_the_image_is_there_all_the_same() {
    let answers = |status, body: &str| Storage::Answers(status, body.to_owned());
    for (what, does) in [
        ("another text", answers("200 OK", "{\"os\": \"linux\", \"architecture\": \"amd64\"}")),
        ("expired", answers("403 Forbidden", &config())),
        ("elsewhere", answers("307 Temporary Redirect", &config())),
        ("broken", answers("503 Service Unavailable", &config())),
    ] {
        let (url, asked) = storage(does).await;
        assert_eq!(look(&[&image(manifest()), &address_of(&config(), url)]).await, single(None), "{what}");
        assert_eq!(asked.lock().unwrap().len(), 1, "{what}: asked once");
    }

    let large = format!("{}{}", config(), " ".repeat(CONFIG_MAX));
    let (url, _) = storage(answers("200 OK", &large)).await;
    let manifest_of_large = manifest_of(&large);
    let facts = look(&[&image(manifest_of_large.clone()), &address_of(&large, url)]).await;
    assert_eq!(facts, ImageFacts::single(Digest::of(manifest_of_large.as_bytes()), None));

    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(
        look(&[&image(manifest()), &address_of(&config(), format!("http://{nobody}/"))]).await,
        single(None)
    );
    assert_eq!(
        look(&[&image(manifest()), &address_of(&config(), "not an address".to_owned())]).await,
        single(None)
    );

    let denied = mock!(Client::get_download_url_for_layer).then_error(|| {
        let meta = ErrorMetadata::builder().code("AccessDeniedException").message("not authorized").build();
        GetDownloadUrlForLayerError::generic(meta)
    });
    assert_eq!(look(&[&image(manifest()), &denied]).await, single(None));
    assert_eq!(denied.num_calls(), 1, "worth no second call");

    let nameless = json!({ "schemaVersion": 2, "layers": [] }).to_string();
    let facts = look(&[&image(nameless.clone())]).await;
    assert_eq!(facts, ImageFacts::single(Digest::of(nameless.as_bytes()), None));
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_never_answers_is_waited_for_a_moment() {
    let (url, _) = storage(Storage::Hangs).await;
    let clock = TokioClock::new();
    let limit = clock.now() + CONFIG_PATIENCE;
    assert_eq!(look(&[&image(manifest()), &address_of(&config(), url)]).await, single(None));
    assert!(clock.now() >= limit && clock.now() < limit + Duration::from_secs(1));
}

/// Neither the image nor its repository is there, each in ECR's way to say so.
fn absences() -> [Rule; 2] {
    let failure = ImageFailure::builder()
        .failure_code(ImageFailureCode::ImageNotFound)
        .failure_reason("Requested image not found")
        .build();
    let no_image = BatchGetImageOutput::builder().failures(failure).build();
    [
        mock!(Client::batch_get_image).then_output(move || no_image.clone()),
        mock!(Client::batch_get_image).then_error(|| {
            let meta = ErrorMetadata::builder().code("RepositoryNotFoundException").message("no repository");
            BatchGetImageError::generic(meta.build())
        }),
    ]
}

#[tokio::test]
async fn what_a_cache_fetches_is_not_missing() {
    let rules = |prefix: &'static str| {
        let rule = PullThroughCacheRule::builder().ecr_repository_prefix(prefix).build();
        let answer = DescribePullThroughCacheRulesOutput::builder().pull_through_cache_rules(rule).build();
        mock!(Client::describe_pull_through_cache_rules)
            .match_requests(|input| input.registry_id() == Some("111122223333"))
            .then_output(move || answer.clone())
    };
    for absence in absences() {
        let error = ask(&[&absence, &rules("team")]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Other, "{error}");
        assert!(error.to_string().contains("not in Amazon ECR yet"), "{error}");
    }
    for absence in absences() {
        assert_eq!(ask(&[&absence, &rules("quay")]).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    let denied = mock!(Client::describe_pull_through_cache_rules).then_error(|| {
        let meta = ErrorMetadata::builder().code("AccessDeniedException").message("not authorized").build();
        DescribePullThroughCacheRulesError::generic(meta)
    });
    for absence in absences() {
        assert_eq!(ask(&[&absence, &denied]).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(denied.num_calls(), 2, "worth no second call");
}
