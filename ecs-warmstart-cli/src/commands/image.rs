//! `image`

use clap::{Args, Subcommand};
use ecs_warmstart::aws::{self, ConnectOptions};
use ecs_warmstart::clock::{Clock, TokioClock};
use ecs_warmstart::error::ErrorKind;
use ecs_warmstart::image::{ImageRef, Platform, version_tag};
use ecs_warmstart::memory::InMemory;
use ecs_warmstart::ports::Inspector;
use ecs_warmstart::registry::Registry;
use ecs_warmstart::time::Timestamp;

use super::shared::print;
use crate::args::{Backend, Format, Global};
use crate::error::Error;
use crate::exit::Ending;
use crate::output::{self, image};

const EXAMPLES: &str = "\
Examples:
  Is it there, and does it run on Fargate's processors?
    ecs-warmstart image verify 111122223333.dkr.ecr.us-east-2.amazonaws.com/web:1.0 --platform linux/amd64
  The tag of a build:
    ecs-warmstart image tag --env pr-51 --sha \"$(git rev-parse HEAD)\"";

#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Image {
    #[command(subcommand)]
    pub(crate) what: What,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum What {
    /// Look whether an image exists, which digest it has, and on which platforms it runs; pulls nothing
    Verify {
        #[arg(value_name = "IMAGE", help = "The image: [REGISTRY/]REPOSITORY[:TAG][@DIGEST]")]
        image: ImageRef,
        /// End with 3 where it is not made for this platform, such as linux/amd64, or where nobody says
        #[arg(long, value_name = "OS/ARCHITECTURE")]
        platform: Option<Platform>,
    },
    /// Print the tag of a build: ENVIRONMENT-COMMIT-DATE-TIME, in UTC; whatever a tag may not have is replaced
    Tag {
        /// The environment, such as pr-51 or a branch's name
        #[arg(long = "env", value_name = "NAME")]
        environment: String,
        /// The commit's hash: 7 to 64 hexadecimal digits, of which the first 8 are taken
        #[arg(long = "sha", value_name = "COMMIT")]
        commit: String,
        /// When it was built, such as 2025-08-20T12:45:00Z or 2025-08-20T14:45:00+02:00 [default: now]
        #[arg(long, value_parser = time)]
        time: Option<Timestamp>,
    },
}

impl Image {
    pub(crate) async fn run(self, global: &Global) -> Result<Ending, Error> {
        match self.what {
            What::Verify { image, platform } => verify(global, image, platform).await,
            What::Tag { environment, commit, time } => {
                let at = time.unwrap_or_else(|| TokioClock::new().now());
                let version = version_tag(&environment, &commit, at)?;
                if global.output == Format::Text {
                    version.notes.iter().for_each(|note| output::stderr(&format!("note: {note}\n")));
                }
                print(global.output, &image::TagReport::new(version), image::tag_text)?;
                Ok(Ending::Ready)
            }
        }
    }
}

async fn verify(global: &Global, image: ImageRef, platform: Option<Platform>) -> Result<Ending, Error> {
    let found = look(global, &image).await?;
    let facts = match found {
        Ok(facts) => Some(facts),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(Error::Image(error)),
    };
    let report = image::ImageReport::new(&image, facts.as_ref(), platform.as_ref());
    print(global.output, &report, image::text)?;
    Ok(if report.is_good() { Ending::Ready } else { Ending::NotReady })
}

type Found = ecs_warmstart::ports::Result<ecs_warmstart::facts::ImageFacts>;

/// Only Amazon ECR needs credentials.
async fn look(global: &Global, image: &ImageRef) -> Result<Found, Error> {
    if global.backend == Backend::Memory {
        return Ok(InMemory::sample(std::sync::Arc::new(TokioClock::new())).image(image).await);
    }
    let Some(repository) = image.ecr() else {
        return Ok(Registry::new().image(image).await);
    };
    let region = global.region.clone().or(Some(repository.region));
    let options = ConnectOptions { region, endpoint_url: global.endpoint_url.clone() };
    Ok(aws::connect(&options).await?.image(image).await)
}

fn time(text: &str) -> Result<Timestamp, String> {
    let expected = || "a time such as 2025-08-20T12:45:00Z is expected".to_owned();
    let (local, offset) = zone(text).ok_or_else(expected)?;
    let time = humantime::parse_rfc3339_weak(local).map_err(|_| expected())?;
    let since =
        time.duration_since(std::time::UNIX_EPOCH).map_err(|_| "a time after 1970 is expected".to_owned())?;
    let seconds = i64::try_from(since.as_secs()).ok().and_then(|it| it.checked_sub(offset));
    let seconds = seconds.and_then(|it| u64::try_from(it).ok()).ok_or_else(expected)?;
    Ok(Timestamp::EPOCH + std::time::Duration::from_secs(seconds))
}

/// `+02:00` at the end, as `git log --format=%cI` writes it: the time before it, and how many seconds it is ahead of UTC.
fn zone(text: &str) -> Option<(&str, i64)> {
    let place = text.len().checked_sub(6).filter(|place| text.is_char_boundary(*place));
    let Some((local, zone)) = place.map(|place| text.split_at(place)) else { return Some((text, 0)) };
    let sign = match zone.as_bytes().first() {
        Some(b'+') => 1,
        // A date's own dashes stand elsewhere.
        Some(b'-') if local.contains(':') => -1,
        _ => return Some((text, 0)),
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    Some((local, sign * (hours * 3600 + minutes * 60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_any_zone() {
        let utc = time("2025-08-20T12:45:00Z").unwrap();
        for text in ["2025-08-20T14:45:00+02:00", "2025-08-20T09:15:00-03:30", "2025-08-20T12:45:00"] {
            assert_eq!(time(text), Ok(utc), "{text}");
        }
        for text in ["noon", "2025-08-20", "2025-08-20T12:45:00+xx:00", "1970-01-01T00:00:00+02:00"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
