//! What keeps the command from doing its work, said for people.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use ecs_warmstart::aws::ConnectError;
use ecs_warmstart::config::ConfigError;
use ecs_warmstart::diagnose::InvalidRecord;
use ecs_warmstart::error::PortError;
use ecs_warmstart::ids::InvalidId;
use ecs_warmstart::memory::Scenario;

use crate::changes::InvalidSetting;
use crate::exit::Ending;
use crate::output;

/// Why the command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("there is no service {name:?}")]
    UnknownService { name: String, nearest: Option<String>, known: Vec<String> },
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Name(#[from] InvalidId),
    #[error("the image could not be looked at: {0}")]
    Image(#[source] PortError),
    #[error("the flight record {} could not be written", path.display())]
    Record { path: PathBuf, source: io::Error },
    #[error("the flight record {} could not be read", path.display())]
    NoRecord { path: PathBuf, source: io::Error },
    #[error("{} could not be read", path.display())]
    InvalidRecord { path: PathBuf, source: InvalidRecord },
    #[error("the file of changes {} could not be read", path.display())]
    NoPatch { path: PathBuf, source: io::Error },
    #[error("{} is no file of changes: {why}", path.display())]
    InvalidPatch { path: PathBuf, why: String },
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    #[error(
        "there are arguments that belong to no option; they are not repeated here, since they may be secret"
    )]
    Strays,
    #[error("--output json is one document, and --watch prints one after every round")]
    WatchAsOneDocument,
    #[error(
        "scenario {0} has no part in a deployment; take one in which tasks fail, such as oom or never-healthy"
    )]
    ScenarioWithoutTasks(Scenario),
    #[error("--scenario breaks the simulated cloud: add --backend memory")]
    ScenarioOnAws,
    #[error("the ARN does not name the task's cluster: add --cluster")]
    NoCluster,
    #[error("--cluster says where a task or an ECS service is: add --task ARN or --ecs-service NAME")]
    ClusterOfNothing,
    #[error("the flight record {} cannot be written", path.display())]
    RecordBeforehand { path: PathBuf, source: io::Error },
    #[error("nothing was started: the question was not answered with yes")]
    Declined,
    #[error("the result could not be written")]
    Output(#[source] io::Error),
    #[error("the operating system refused what the command needs")]
    System(#[from] io::Error),
}

impl Error {
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Self::Config(_)
            | Self::UnknownService { .. }
            | Self::Connect(_)
            | Self::Name(_)
            | Self::NoRecord { .. }
            | Self::InvalidRecord { .. }
            | Self::NoPatch { .. }
            | Self::InvalidPatch { .. }
            | Self::Setting(_)
            | Self::Strays
            | Self::WatchAsOneDocument
            | Self::ScenarioWithoutTasks(_)
            | Self::ScenarioOnAws
            | Self::NoCluster
            | Self::ClusterOfNothing
            | Self::RecordBeforehand { .. } => Ending::Usage,
            Self::Declined => Ending::Interrupted,
            Self::Record { .. } | Self::Output(_) | Self::System(_) | Self::Image(_) => Ending::Unexpected,
        }
    }

    pub(crate) fn print(&self) {
        output::stderr(&self.render());
    }

    fn render(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Config(error) => {
                for problem in error.problems() {
                    head(&mut text, problem.message());
                    if let (Some(location), Some(snippet)) = (problem.location(), problem.snippet()) {
                        let _ = writeln!(text, "  --> {location}\n{snippet}");
                    }
                    hint(&mut text, problem.hint());
                }
            }
            Self::UnknownService { nearest, known, .. } => {
                head(&mut text, &self.to_string());
                let remedy = match nearest {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("there are: {}", known.join(", ")),
                };
                hint(&mut text, Some(&remedy));
            }
            Self::Strays => {
                head(&mut text, &self.to_string());
                hint(
                    &mut text,
                    Some("quote a value that has spaces: --set 'web.environment.NAME=two words'"),
                );
            }
            Self::WatchAsOneDocument => {
                head(&mut text, &self.to_string());
                hint(&mut text, Some("--output ndjson makes of every round one line"));
            }
            Self::Record { .. }
            | Self::NoRecord { .. }
            | Self::InvalidRecord { .. }
            | Self::NoPatch { .. }
            | Self::InvalidPatch { .. }
            | Self::Setting(_)
            | Self::ScenarioWithoutTasks(_)
            | Self::ScenarioOnAws
            | Self::NoCluster
            | Self::ClusterOfNothing
            | Self::RecordBeforehand { .. }
            | Self::Connect(_)
            | Self::Declined
            | Self::Output(_)
            | Self::System(_)
            | Self::Name(_)
            | Self::Image(_) => {
                head(&mut text, &self.to_string());
            }
        }
        causes(&mut text, self);
        text
    }
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

fn head(text: &mut String, message: &str) {
    let _ = writeln!(text, "{ERROR}error:{ERROR:#} {message}");
}

fn hint(text: &mut String, hint: Option<&str>) {
    if let Some(hint) = hint {
        let _ = writeln!(text, "{HINT}hint:{HINT:#} {hint}");
    }
}

/// The chain of sources. One that only repeats what stands above it is left out.
fn causes(text: &mut String, error: &dyn StdError) {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let message = error.to_string();
        if !said.contains(&message) {
            let _ = writeln!(text, "caused by: {message}");
        }
        said = message;
        source = error.source();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecs_warmstart::config::Config;

    #[track_caller]
    fn check(error: &Error, ending: Ending, expected: &str) {
        assert_eq!(anstream::adapter::strip_str(&error.render()).to_string(), expected);
        assert_eq!(error.ending(), ending);
    }

    #[test]
    fn every_problem_of_a_file_is_printed() {
        let error = Config::parse("regoin = \"x\"\n[service.a]\n", |_| None).unwrap_err();
        check(
            &error.into(),
            Ending::Usage,
            "error: unknown key `regoin`\n  --> configuration:1:1\n  |\n1 | regoin = \"x\"\n  | ^^^^^^\n\
             hint: did you mean `region`?\n\
             error: unknown key `service`\n  --> configuration:2:2\n  |\n2 | [service.a]\n  |  ^^^^^^^\n\
             hint: did you mean `services`?\n",
        );
    }

    #[test]
    fn an_unknown_service_gets_its_remedy() {
        let unknown = |nearest: Option<&str>| Error::UnknownService {
            name: "atuh".to_owned(),
            nearest: nearest.map(ToOwned::to_owned),
            known: vec!["auth".to_owned(), "web".to_owned()],
        };
        check(
            &unknown(Some("auth")),
            Ending::Usage,
            "error: there is no service \"atuh\"\nhint: did you mean \"auth\"?\n",
        );
        check(
            &unknown(None),
            Ending::Usage,
            "error: there is no service \"atuh\"\nhint: there are: auth, web\n",
        );
    }

    #[test]
    fn the_chain_is_printed_without_repeats() {
        let source = io::Error::other(io::Error::other("disk full"));
        check(
            &Error::Output(source),
            Ending::Unexpected,
            "error: the result could not be written\ncaused by: disk full\n",
        );
        check(&ConnectError::NoRegion.into(), Ending::Usage, &format!("error: {}\n", ConnectError::NoRegion));
    }
}
