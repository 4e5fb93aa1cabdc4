//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args as Arguments, Parser, Subcommand, ValueEnum};
use ecs_warmstart::memory::Scenario;

use crate::commands::{Check, Deploy, Diagnose, Down, Image, Schema, Status, Up, Verify};
use crate::flight::Flight;

const EXAMPLES: &str = "\
Examples:
  See it work, without AWS:
    ecs-warmstart up --backend memory
  Bring every service of warmstart.toml to its count:
    ecs-warmstart up
  Two of them, from a pipeline, with a report for programs:
    ecs-warmstart up auth web --yes --output json
  One more task of each, under a name by which a retry is the same call:
    ecs-warmstart up --fresh --run-id build-1234 --yes
  What runs and what serves:
    ecs-warmstart status
  Whether every target group says what serves, and what would be mended:
    ecs-warmstart verify --plan
  Mend it, and take out the addresses of tasks that have stopped:
    ecs-warmstart verify --prune
  What is wrong before anything is launched:
    ecs-warmstart check --deny warnings
  What is wrong, and what to do:
    ecs-warmstart diagnose
  The next image of an ECS service, and back where it does not serve:
    ecs-warmstart deploy --ecs-service web --cluster prod --image web=web:2.0 --rollback
  In the evening, out of traffic first and then stopped:
    ecs-warmstart down --allow-empty

Exit codes:
  0    all ready, all true, all down, or deployed
  1    unexpected
  2    wrong command line or configuration, no region, no credentials: nothing was started
  3    something is not ready, and nothing is left over
  4    something is left over; the result names it
  130  interrupted or answered with no, and nothing is left over";

/// Start ECS tasks that no ECS service runs, and put them into target groups once they serve.
///
/// What cannot get ready is undone: taken out of its target groups and stopped.
#[derive(Clone, Debug, Parser)]
#[command(name = "ecs-warmstart", version, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

#[derive(Clone, Debug, Arguments)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The configuration file [default: warmstart.toml]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where tasks run: aws, or memory, a simulated cloud with five sample services that reads no file
    #[arg(long, global = true, value_enum, default_value_t = Backend::Aws)]
    pub(crate) backend: Backend,
    /// The AWS region [default: the file's, then AWS_REGION, the profile, the instance]
    #[arg(long, global = true)]
    pub(crate) region: Option<String>,
    /// Break one thing in the simulated cloud, to see what is said of it
    #[arg(long, global = true, value_name = "NAME", value_parser = scenario())]
    pub(crate) scenario: Option<Scenario>,
    /// Send every call there instead of AWS: for emulators [default: AWS_ENDPOINT_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// The part of AWS's published API quotas that this call takes; above 1 where the account's were raised
    #[arg(long, global = true, value_name = "PART", value_parser = quota_share, default_value_t = 0.5)]
    pub(crate) quota_share: f64,
    /// How the result is written: text for people; json, one document; ndjson, every event as a line and last {"report": …}
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
    /// Do not ask before starting or stopping tasks [it asks only where stdin is a terminal]
    #[arg(long, short, global = true, visible_alias = "force")]
    pub(crate) yes: bool,
    /// Log to stderr instead of progress; twice for every decision, three times for every call
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Write all evidence there, the ends of logs among it, for `diagnose --from`: ECS forgets a stopped task after an hour
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    #[arg(skip)]
    pub(crate) flight: Flight,
    /// Colours: auto means on a terminal, and never where NO_COLOR is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring services to their count: adopt the tasks that run, launch what is missing, wait until all serve
    Up(Up),
    /// Take services down: out of their target groups, then, when requests under way have ended, stopped
    Down(Down),
    /// Make target groups say what serves: register what runs and is missing, wait until it is healthy, name what is wrong
    Verify(Verify),
    /// Show what runs, what serves, and what is wrong in the target groups; changes nothing
    Status(Status),
    /// Say what is wrong with definitions, images and health checks before anything is launched; changes nothing
    Check(Check),
    /// What an image is, and the tag of a build
    Image(Image),
    /// Say why services, a task or an ECS service do not run as they should: one root cause, and what to do; changes nothing
    Diagnose(Diagnose),
    /// Deploy images, environment and health checks to an ECS service, and wait until it is stable, healthy, and runs them
    Deploy(Deploy),
    /// Print a JSON Schema
    Schema(Schema),
}

impl Command {
    /// Its name, for the flight record.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Up(_) => "up",
            Self::Down(_) => "down",
            Self::Verify(_) => "verify",
            Self::Status(_) => "status",
            Self::Check(_) => "check",
            Self::Image(_) => "image",
            Self::Diagnose(_) => "diagnose",
            Self::Deploy(_) => "deploy",
            Self::Schema(_) => "schema",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    Aws,
    Memory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Ndjson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Says it to everything that prints.
    pub(crate) fn apply(self) {
        let choice = match self {
            // Here NO_COLOR and what the terminal can do are looked at.
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// One of the scenarios, by its name.
fn scenario() -> impl TypedValueParser<Value = Scenario> {
    let names = PossibleValuesParser::new(Scenario::ALL.map(Scenario::as_str));
    names.try_map(|name| name.parse::<Scenario>())
}

/// A duration above zero.
fn quota_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.001..=1000.0).contains(&share) => Ok(share),
        Ok(_) | Err(_) => {
            Err("a number from 0.001 to 1000 is expected, such as 0.5 for half of each quota".to_owned())
        }
    }
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("a duration has to be above zero".to_owned()),
        Ok(duration) => Ok(duration),
        Err(_) => Err("a duration such as 5m or 90s is expected".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use clap::error::ErrorKind;
    use ecs_warmstart::ids::{RunId, TaskArn};

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[track_caller]
    fn up(line: &str) -> (Up, Global) {
        let args = parse(line).unwrap();
        let Command::Up(up) = args.command else { panic!("{args:?}") };
        (up, args.global)
    }

    #[test]
    fn the_definition_holds_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn nothing_is_given() {
        let (up, global) = up("ecs-warmstart up");
        assert!(up.services.is_empty() && !up.fresh && !up.skip_health_check);
        assert_eq!((up.run_id, up.max_wait, up.health_wait), (None, None, None));
        assert_eq!((global.backend, global.output), (Backend::Aws, Format::Text));
        assert_eq!((global.config, global.region, global.endpoint_url), (None, None, None));
        assert_eq!((global.yes, global.verbose, global.quota_share), (false, 0, 0.5));
    }

    #[test]
    fn everything_is_given_on_either_side_of_the_command() {
        let (up, global) = up(
            "ecs-warmstart -vv --config a.toml --force up auth web --fresh --run-id ci-1 --max-wait 90s \
             --health-wait 1m30s --skip-health-check --backend memory --region r --endpoint-url http://x -o ndjson",
        );
        assert_eq!(up.services, ["auth", "web"]);
        assert!(up.fresh && up.skip_health_check && global.yes);
        assert_eq!(up.run_id.as_ref().map(RunId::as_str), Some("ci-1"));
        assert_eq!(
            (up.max_wait, up.health_wait),
            (Some(Duration::from_secs(90)), Some(Duration::from_secs(90)))
        );
        assert_eq!((global.backend, global.output, global.verbose), (Backend::Memory, Format::Ndjson, 2));
        assert_eq!(global.config, Some(PathBuf::from("a.toml")));
        assert_eq!((global.region.as_deref(), global.endpoint_url.as_deref()), (Some("r"), Some("http://x")));
    }

    #[test]
    fn down_takes_its_options() {
        let arn = "arn:aws:ecs:us-east-2:111122223333:task/c/1";
        let args =
            parse(&format!("ecs-warmstart down auth --drain-wait 0s --allow-empty --task {arn}")).unwrap();
        let Command::Down(down) = args.command else { panic!("{args:?}") };
        assert_eq!(
            (down.services.as_slice(), down.drain_wait),
            (&["auth".to_owned()][..], Some(Duration::ZERO))
        );
        assert!(down.allow_empty);
        assert_eq!(down.task.as_ref().map(TaskArn::as_str), Some(arn));
    }

    #[test]
    fn what_is_refused() {
        for (line, kind) in [
            ("ecs-warmstart", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
            ("ecs-warmstart dwn", ErrorKind::InvalidSubcommand),
            ("ecs-warmstart down --drain-wait soon", ErrorKind::ValueValidation),
            ("ecs-warmstart down --task 1", ErrorKind::ValueValidation),
            ("ecs-warmstart up --nope", ErrorKind::UnknownArgument),
            ("ecs-warmstart up --max-wait soon", ErrorKind::ValueValidation),
            ("ecs-warmstart up --max-wait 0s", ErrorKind::ValueValidation),
            ("ecs-warmstart up --quota-share 0", ErrorKind::ValueValidation),
            ("ecs-warmstart up --quota-share half", ErrorKind::ValueValidation),
            ("ecs-warmstart up --output xml", ErrorKind::InvalidValue),
            ("ecs-warmstart up --backend gcp", ErrorKind::InvalidValue),
            ("ecs-warmstart status --fresh", ErrorKind::UnknownArgument),
            ("ecs-warmstart schema nothing", ErrorKind::InvalidValue),
            ("ecs-warmstart deploy --cluster c", ErrorKind::MissingRequiredArgument),
            ("ecs-warmstart deploy --cluster c --ecs-service s --image web", ErrorKind::ValueValidation),
            ("ecs-warmstart check --deny hints", ErrorKind::InvalidValue),
            ("ecs-warmstart image verify Web:1", ErrorKind::ValueValidation),
            ("ecs-warmstart image verify web --platform amd64", ErrorKind::ValueValidation),
            ("ecs-warmstart image tag --env x", ErrorKind::MissingRequiredArgument),
            ("ecs-warmstart image tag --env x --sha 622d2103 --time noon", ErrorKind::ValueValidation),
        ] {
            assert_eq!(parse(line).unwrap_err().kind(), kind, "{line}");
        }
        let long = format!("ecs-warmstart up --run-id {}", "x".repeat(257));
        let message = parse(&long).unwrap_err().to_string();
        assert!(message.contains("it has 257 characters, at most 256"), "{message}");
    }
}
