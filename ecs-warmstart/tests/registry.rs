//! Registries other than ECR, on a double of one: what the client asks for, and what becomes of the answers.

use std::sync::{Arc, Mutex};

use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::facts::{ImageFacts, ImageVariant};
use ecs_warmstart::image::{Digest, ImageRef, Platform};
use ecs_warmstart::ports::Result;
use ecs_warmstart::registry::Registry;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry on the loopback interface, and what was asked of it.
struct Double {
    host: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Double {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (its_host, its_asked) = (host.clone(), Arc::clone(&asked));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (host, asked) = (its_host.clone(), Arc::clone(&its_asked));
                tokio::spawn(async move { serve(stream, &host, &asked).await });
            }
        });
        Self { host, asked }
    }

    async fn look(&self, image: &str) -> Result<ImageFacts> {
        let image: ImageRef = format!("{}/{image}", self.host).parse().unwrap();
        Registry::new().image(&image).await
    }
}

async fn serve(mut stream: TcpStream, host: &str, asked: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split_whitespace().nth(1).unwrap().to_owned();
    asked.lock().unwrap().push(head.to_lowercase());
    let (status, headers, body) = answer(&path, &head, host);
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// Anonymous readers need a token, as on Docker Hub.
fn answer(path: &str, head: &str, host: &str) -> (u16, String, String) {
    if path.starts_with("/token") {
        return (200, String::new(), json!({ "token": "t0ken" }).to_string());
    }
    if path.starts_with("/v2/private/") {
        return (401, String::new(), error("UNAUTHORIZED"));
    }
    if path.starts_with("/v2/busy/") {
        return (429, String::new(), error("TOOMANYREQUESTS"));
    }
    if path.starts_with("/v2/broken/") {
        return (503, String::new(), "no".to_owned());
    }
    if !head.to_lowercase().contains("authorization: bearer t0ken") {
        let challenge =
            format!("WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"double\"\r\n");
        return (401, challenge, error("UNAUTHORIZED"));
    }
    let typed = |media_type: &str, body: String| (200, format!("Content-Type: {media_type}\r\n"), body);
    if let Some(digest) = path.strip_prefix("/v2/team/app/blobs/") {
        assert_eq!(digest, Digest::of(config().as_bytes()).as_str());
        return typed("application/octet-stream", config());
    }
    match path.strip_prefix("/v2/team/app/manifests/") {
        Some("1.0") => typed(INDEX, index()),
        Some(digest) if digest == Digest::of(index().as_bytes()).as_str() => typed(INDEX, index()),
        Some("single") => typed(IMAGE, single()),
        Some("odd") => typed(IMAGE, "{}".to_owned()),
        _ => (404, String::new(), error("MANIFEST_UNKNOWN")),
    }
}

fn error(code: &str) -> String {
    json!({ "errors": [{ "code": code, "message": "no" }] }).to_string()
}

fn index() -> String {
    let entry = |number: u8, architecture: &str| {
        json!({
            "mediaType": IMAGE, "size": 1, "digest": Digest::of(&[number]).as_str(),
            "platform": { "os": "linux", "architecture": architecture },
        })
    };
    let manifests = [entry(1, "amd64"), entry(2, "arm64")];
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }).to_string()
}

fn config() -> String {
    json!({ "os": "linux", "architecture": "arm64", "rootfs": { "type": "layers", "diff_ids": [] } })
        .to_string()
}

fn single() -> String {
    let digest = Digest::of(config().as_bytes());
    let config = json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "size": 1, "digest": digest.as_str() });
    json!({ "schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": [] }).to_string()
}

#[tokio::test]
async fn an_index_says_its_platforms_by_tag_and_by_digest() {
    let double = Double::start().await;
    let variant =
        |number: u8, platform| ImageVariant { digest: Digest::of(&[number]), platform: Some(platform) };
    let expected = ImageFacts {
        digest: Digest::of(index().as_bytes()),
        is_index: true,
        images: vec![variant(1, Platform::linux_amd64()), variant(2, Platform::linux_arm64())],
    };
    assert_eq!(double.look("team/app:1.0").await.unwrap(), expected);
    assert_eq!(double.look(&format!("team/app:1.0@{}", expected.digest)).await.unwrap(), expected);
    let asked = double.asked.lock().unwrap();
    let manifests: Vec<_> = asked.iter().filter(|head| head.contains("/manifests/")).collect();
    assert!(manifests.iter().any(|head| head.contains(INDEX)), "an index is asked for: {manifests:?}");
    assert!(asked.iter().all(|head| !head.contains("authorization: basic")), "nobody's account is used");
}

#[tokio::test]
async fn one_image_says_its_platform_in_its_configuration() {
    let double = Double::start().await;
    let facts = double.look("team/app:single").await.unwrap();
    assert_eq!(facts, ImageFacts::single(Digest::of(single().as_bytes()), Some(Platform::linux_arm64())));
    assert_eq!(facts.serves(&Platform::linux_amd64()), Some(false));
}

#[tokio::test]
async fn what_goes_wrong_is_told_by_what_can_be_done() {
    let double = Double::start().await;
    for (image, kind) in [
        ("team/app:missing", ErrorKind::NotFound),
        ("team/app", ErrorKind::NotFound),
        ("team/app:odd", ErrorKind::Other),
        ("private/app:1", ErrorKind::Denied),
        ("busy/app:1", ErrorKind::Throttled),
        ("broken/app:1", ErrorKind::Unavailable),
    ] {
        let error = double.look(image).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{image}: {error}");
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let image = format!("{nobody}/app:1").parse().unwrap();
    assert_eq!(Registry::new().image(&image).await.unwrap_err().kind(), ErrorKind::Unavailable);
}
