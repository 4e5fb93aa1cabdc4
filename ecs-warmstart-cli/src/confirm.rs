//! Asks before anything is started or stopped.

use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Write};

use ecs_warmstart::fleet::Service;

use crate::args::Backend;
use crate::error::Error;

/// What the command is about to do.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) services: &'a [Service],
    pub(crate) intent: Intent,
    /// The region, where the command line or the file names one.
    pub(crate) region: Option<&'a str>,
    pub(crate) endpoint_url: Option<&'a str>,
}

/// What is to become of the services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    BringUp,
    Launch,
    TakeDown,
}

/// Asks, where there is somebody to ask and something at stake: not with `--yes`, not where stdin is no terminal, and not
/// for the simulated cloud.
pub(crate) fn confirm(what: &str, backend: Backend, yes: bool) -> Result<(), Error> {
    let asks = match backend {
        Backend::Aws => !yes && io::stdin().is_terminal(),
        Backend::Memory => false,
    };
    if !asks || ask(what, &mut io::stdin().lock(), &mut io::stderr().lock())? {
        return Ok(());
    }
    Err(Error::Declined)
}

/// Only `y` and `yes` are a yes; the end of the input is a no.
fn ask(what: &str, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<bool> {
    write!(output, "{what}Go ahead? [y/N] ")?;
    output.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

impl Plan<'_> {
    /// What is about to happen, for people.
    pub(crate) fn text(&self) -> String {
        let place = match (self.endpoint_url, self.region) {
            (Some(url), _) => format!(" at {url}"),
            (None, Some(region)) => format!(" in {region}"),
            (None, None) => String::new(),
        };
        let mut text = match self.intent {
            Intent::Launch => format!("This launches new tasks{place}, whatever runs already:\n"),
            Intent::BringUp => {
                format!("This brings services to their count{place}, launching what is missing:\n")
            }
            Intent::TakeDown => {
                format!("This takes services out of traffic{place}, and then stops all of their tasks:\n")
            }
        };
        let width = self.services.iter().map(|service| service.name.as_str().len()).max().unwrap_or(0);
        for Service { name, count, request, .. } in self.services {
            let tasks = if *count == 1 { "task" } else { "tasks" };
            let name = name.as_str();
            let _ = writeln!(
                text,
                "  {name:width$}  {count} {tasks} of {} in {}",
                request.task_definition,
                request.cluster.name()
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::samples;

    fn answered(answer: &str) -> (bool, String) {
        let mut services = vec![samples::service("auth"), samples::service("web")];
        services[1].count = 3;
        let plan = Plan {
            services: &services,
            intent: Intent::BringUp,
            region: Some("us-east-2"),
            endpoint_url: None,
        };
        let mut output = Vec::new();
        let yes = ask(&plan.text(), &mut answer.as_bytes(), &mut output).unwrap();
        (yes, String::from_utf8(output).unwrap())
    }

    #[test]
    fn only_yes_is_yes() {
        for answer in ["y\n", "Y\n", "yes\n", " YES \n", "y"] {
            assert!(answered(answer).0, "{answer:?}");
        }
        for answer in ["", "\n", "n\n", "no\n", "yess\n", "ja\n", "y y\n"] {
            assert!(!answered(answer).0, "{answer:?}");
        }
    }

    #[test]
    fn the_question_says_what_stops() {
        let services = [samples::service("auth")];
        let plan = Plan { services: &services, intent: Intent::TakeDown, region: None, endpoint_url: None };
        let text = plan.text();
        assert!(
            text.starts_with("This takes services out of traffic, and then stops all of their tasks:\n"),
            "{text}"
        );
    }

    #[test]
    fn the_question_says_what_starts_where() {
        assert_eq!(
            answered("y\n").1,
            "This brings services to their count in us-east-2, launching what is missing:\n  \
             auth  1 task of auth-task-def in auth-cluster\n  \
             web   3 tasks of web-task-def in web-cluster\nGo ahead? [y/N] "
        );
        let services = [samples::service("auth")];
        let plan = Plan {
            services: &services,
            intent: Intent::Launch,
            region: None,
            endpoint_url: Some("http://127.0.0.1:5000"),
        };
        assert_eq!(
            plan.text(),
            "This launches new tasks at http://127.0.0.1:5000, whatever runs already:\n  \
             auth  1 task of auth-task-def in auth-cluster\n"
        );
    }
}
