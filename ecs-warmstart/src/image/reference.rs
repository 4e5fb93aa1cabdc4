//! References to images, as task definitions and people write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::tag::Tag;
use crate::ids::InvalidId;

/// What is asked where a reference names no registry.
const DEFAULT_REGISTRY: &str = "docker.io";
/// Where Docker Hub keeps images whose name has one part.
const OFFICIAL: &str = "library/";
/// How long a name may be without tag and digest (OCI distribution, and ECS for `repository:tag`).
const NAME_MAX: usize = 255;

/// A reference to an image: `nginx`, `repo/app:1.2`, `app@sha256:…`, `HOST:5000/a/b:tag@sha256:…`.
///
/// The grammar is Docker's: the first part is a registry where it has a `.` or a `:`, or is `localhost`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageRef {
    registry: Option<String>,
    path: String,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// A repository of Amazon ECR's, by the name of its registry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EcrRepository {
    /// The account that the registry belongs to, 12 digits.
    pub account: String,
    /// Its region.
    pub region: String,
    /// The repository's name, with its namespaces.
    pub name: String,
}

impl EcrRepository {
    /// Whether a pull through cache rule with this prefix fills it: `ROOT` is for every repository, any other one for those
    /// below it, with a `/` at its end or without.
    pub fn is_filled_by(&self, prefix: &str) -> bool {
        let below = self.name.strip_prefix(prefix.trim_end_matches('/'));
        prefix == "ROOT" || below.is_some_and(|name| name.starts_with('/'))
    }
}

impl ImageRef {
    /// The registry's host, with its port; `docker.io` where none is named.
    pub fn registry(&self) -> &str {
        self.registry.as_deref().unwrap_or(DEFAULT_REGISTRY)
    }

    /// The repository's name within its registry: for Docker Hub's own images `library/NAME`.
    pub fn repository(&self) -> String {
        match self.registry() == DEFAULT_REGISTRY && !self.path.contains('/') {
            true => format!("{OFFICIAL}{}", self.path),
            false => self.path.clone(),
        }
    }

    /// The tag it names.
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// The tag by which a registry finds it: `latest` where neither tag nor digest is named, none where the digest
    /// decides.
    pub fn effective_tag(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (_, Some(_)) => None,
            (Some(tag), None) => Some(tag.as_str()),
            (None, None) => Some("latest"),
        }
    }

    /// The digest it names.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Whether it always stands for the same image.
    pub fn is_pinned(&self) -> bool {
        self.digest.is_some()
    }

    /// The same repository by this digest. The tag stays, for people; registries go by the digest.
    #[must_use]
    pub fn pinned_to(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// The repository of Amazon ECR's that it names; none for any other registry, ECR Public among them.
    pub fn ecr(&self) -> Option<EcrRepository> {
        let host = self.registry.as_deref()?;
        let (account, rest) = host.split_once('.')?;
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // `dkr.ecr.REGION.amazonaws.com`, `.cn` in China, `dkr.ecr-fips`, and `dkr-ecr.REGION.on.aws` for IPv6.
        let beginnings = ["dkr.ecr.", "dkr.ecr-fips.", "dkr-ecr.", "dkr-ecr-fips."];
        let rest = beginnings.iter().find_map(|beginning| rest.strip_prefix(beginning))?;
        let ends = [".amazonaws.com", ".amazonaws.com.cn", ".on.aws", ".on.amazonwebservices.com.cn"];
        let region = ends.iter().find_map(|end| rest.strip_suffix(end))?;
        let is_region = !region.is_empty() && !region.contains('.');
        is_region.then(|| EcrRepository {
            account: account.to_owned(),
            region: region.to_owned(),
            name: self.path.clone(),
        })
    }
}

impl fmt::Display for ImageRef {
    /// As it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(registry) = &self.registry {
            write!(f, "{registry}/")?;
        }
        f.write_str(&self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl FromStr for ImageRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let wrong = |why: String| InvalidId::new(text, "an image reference", why);
        if text.is_empty() {
            return Err(wrong("it is empty".to_owned()));
        }
        if text.contains("://") {
            return Err(wrong("it begins with the registry's host, without https://".to_owned()));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                (name, Some(digest.parse::<Digest>().map_err(|error| wrong(error.to_string()))?))
            }
            None => (text, None),
        };
        let (registry, rest) = match name.split_once('/') {
            Some((first, rest)) if is_registry(first) => (Some(first), rest),
            Some(_) | None => (None, name),
        };
        if let Some(tag) = slash_in_tag(registry, rest) {
            return Err(wrong(tag.parse::<Tag>().err().map(|error| error.to_string()).unwrap_or_default()));
        }
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag.parse::<Tag>().map_err(|error| wrong(error.to_string()))?)),
            None => (rest, None),
        };
        if let Some(registry) = registry {
            check_registry(registry).map_err(&wrong)?;
        }
        check_path(path).map_err(&wrong)?;
        let length = path.len() + registry.map_or(0, |registry| registry.len() + 1);
        if length > NAME_MAX {
            return Err(wrong(format!("its name has {length} characters, at most {NAME_MAX}")));
        }
        Ok(Self { registry: registry.map(str::to_owned), path: path.to_owned(), tag, digest })
    }
}

impl TryFrom<String> for ImageRef {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ImageRef> for String {
    fn from(reference: ImageRef) -> Self {
        reference.to_string()
    }
}

/// Docker's rule.
fn is_registry(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':']) || first.chars().any(|c| c.is_ascii_uppercase())
}

/// What was meant for a tag, though it has a `/`: `app:pr-51/622d2103`, also where the rules take `app:pr-51` for a host
/// with a port.
fn slash_in_tag<'a>(registry: Option<&'a str>, rest: &'a str) -> Option<String> {
    if let Some((_, tag)) = rest.split_once(':') {
        return tag.contains('/').then(|| tag.to_owned());
    }
    let (host, port) = registry?.split_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    (!is_port && !host.starts_with('[')).then(|| format!("{port}/{rest}"))
}

fn check_registry(registry: &str) -> Result<(), String> {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (registry, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err(format!("the port of {registry:?} is no number from 0 to 65535"));
    }
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_address = address.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match is_address || host.split('.').all(is_label) {
        true => Ok(()),
        false => Err(format!("{host:?} is no registry's host")),
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, parts of it with `/` between.
fn check_path(path: &str) -> Result<(), String> {
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(format!("a repository's name is lower case: {}", path.to_ascii_lowercase()));
    }
    match path.split('/').find(|part| !is_part(part)) {
        None => Ok(()),
        Some("") => Err("a part of the repository's name is empty".to_owned()),
        Some(part) => Err(format!(
            "{part:?} is no part of a repository's name: letters and digits, with '.', '_', '__' or '-' between"
        )),
    }
}

fn is_part(part: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut separators = part.split(is_word).filter(|separator| !separator.is_empty());
    let is_separator = |it: &str| matches!(it, "." | "_" | "__") || it.bytes().all(|byte| byte == b'-');
    part.starts_with(is_word) && part.ends_with(is_word) && separators.all(is_separator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const ECR: &str = "111122223333.dkr.ecr.us-east-2.amazonaws.com";

    #[test]
    fn a_rule_of_a_cache_fills_what_is_below_its_prefix() {
        for (name, prefix, filled) in [
            ("docker-hub/library/nginx", "docker-hub", true),
            ("docker-hub/library/nginx", "docker-hub/library/", true),
            ("docker-hub/library/nginx", "docker", false),
            ("docker-hub", "docker-hub", false),
            ("web", "ROOT", true),
            ("web", "quay", false),
        ] {
            let image = format!("111122223333.dkr.ecr.us-east-2.amazonaws.com/{name}");
            let repository = image.parse::<ImageRef>().unwrap().ecr().unwrap();
            assert_eq!(repository.is_filled_by(prefix), filled, "{name} by {prefix}");
        }
    }

    #[test]
    fn every_form() {
        let with_digest = |text: &str| text.replace("DIGEST", DIGEST).replace("ECR", ECR);
        for (text, registry, repository, tag, pinned) in [
            ("nginx", "docker.io", "library/nginx", Some("latest"), false),
            ("nginx:1.27", "docker.io", "library/nginx", Some("1.27"), false),
            ("nginx@DIGEST", "docker.io", "library/nginx", None, true),
            ("nginx:1.27@DIGEST", "docker.io", "library/nginx", None, true),
            ("grafana/grafana", "docker.io", "grafana/grafana", Some("latest"), false),
            ("docker.io/nginx", "docker.io", "library/nginx", Some("latest"), false),
            ("localhost/app:x", "localhost", "app", Some("x"), false),
            ("localhost:5000/a/b:x", "localhost:5000", "a/b", Some("x"), false),
            ("[::1]:5000/app", "[::1]:5000", "app", Some("latest"), false),
            (
                "public.ecr.aws/docker/library/nginx",
                "public.ecr.aws",
                "docker/library/nginx",
                Some("latest"),
                false,
            ),
            ("ECR/team/app:v1", ECR, "team/app", Some("v1"), false),
            ("ECR/team/app:v1@DIGEST", ECR, "team/app", None, true),
            ("quay.io/a__b/c-d.e_f---g", "quay.io", "a__b/c-d.e_f---g", Some("latest"), false),
        ] {
            let text = with_digest(text);
            let reference: ImageRef = text.parse().unwrap();
            assert_eq!(reference.to_string(), text);
            assert_eq!(
                (reference.registry(), reference.repository().as_str()),
                (registry, repository),
                "{text}"
            );
            assert_eq!((reference.effective_tag(), reference.is_pinned()), (tag, pinned), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, why) in [
            ("", "empty"),
            ("https://quay.io/app", "without https://"),
            ("Nginx", "lower case: nginx"),
            ("quay.io/Team/app", "lower case: team/app"),
            ("app:", "it is empty"),
            ("app@sha256:12", "64 hexadecimal digits"),
            ("app@sha1:12", "begins with sha256:"),
            ("app:pr-51/622d2103", "as a tag it is pr-51-622d2103"),
            ("quay.io/app:pr-51/622d2103", "as a tag it is pr-51-622d2103"),
            ("quay.io:99999/app", "0 to 65535"),
            ("quay..io/app", "no registry's host"),
            ("a//b", "is empty"),
            ("a/_b", "no part of a repository's name"),
            ("a___b", "no part of a repository's name"),
            ("app:a b", "' ' is not"),
        ] {
            let said = text.parse::<ImageRef>().unwrap_err().to_string();
            assert!(said.contains(why), "{text}: {said}");
        }
        let long = format!("{}/x", "a".repeat(255)).parse::<ImageRef>().unwrap_err().to_string();
        assert!(long.contains("at most 255"), "{long}");
    }

    #[test]
    fn repositories_of_ecr() {
        let of = |text: &str| text.parse::<ImageRef>().unwrap().ecr();
        let ours = of(&format!("{ECR}/team/app:v1")).unwrap();
        assert_eq!((ours.account.as_str(), ours.region.as_str()), ("111122223333", "us-east-2"));
        assert_eq!(ours.name, "team/app");
        for host in [
            "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
            "111122223333.dkr-ecr.eu-central-1.on.aws",
        ] {
            assert!(of(&format!("{host}/app")).is_some(), "{host}");
        }
        for text in ["nginx", "public.ecr.aws/a/b", "1.dkr.ecr.us-east-2.amazonaws.com/a", "quay.io/a"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn a_pinned_reference_keeps_its_tag() {
        let reference: ImageRef = "app:v1".parse().unwrap();
        let pinned = reference.pinned_to(DIGEST.parse().unwrap());
        assert_eq!(pinned.to_string(), format!("app:v1@{DIGEST}"));
        assert_eq!(pinned.tag().map(Tag::as_str), Some("v1"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_parses_comes_back(text in "[a-zA-Z0-9:/@._\\[\\] -]{0,80}") {
            if let Ok(reference) = text.parse::<ImageRef>() {
                prop_assert_eq!(reference.to_string(), text);
            }
        }

        #[test]
        fn what_is_well_formed_parses(
            registry in proptest::option::of("[a-z]{1,9}\\.[a-z]{2,3}(:[1-9][0-9]{0,3})?"),
            path in "[a-z0-9]{1,8}((\\.|_|__|-{1,2})[a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,6}){0,3}",
            tag in proptest::option::of("[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,20}"),
            digest in proptest::option::of("[0-9a-f]{64}"),
        ) {
            let mut text = registry.as_ref().map(|registry| format!("{registry}/")).unwrap_or_default() + &path;
            // Docker reads a first part with a dot as a registry.
            prop_assume!(registry.is_some() || !path.contains('.') || !path.contains('/'));
            if let Some(tag) = &tag { text += &format!(":{tag}"); }
            if let Some(digest) = &digest { text += &format!("@sha256:{digest}"); }
            let reference: ImageRef = text.parse().unwrap();
            prop_assert_eq!(reference.to_string(), text);
            prop_assert_eq!(reference.tag().map(|it| it.to_string()), tag);
            prop_assert_eq!(reference.digest().map(|it| it.to_string()), digest.map(|it| format!("sha256:{it}")));
        }
    }
}
