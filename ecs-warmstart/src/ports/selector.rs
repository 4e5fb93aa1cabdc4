//! Which tasks a search is for.

use std::fmt;

/// Which tasks to find in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// The tasks of that `startedBy` which ECS wants running. At most 128 characters (AWS's limit).
    StartedBy(String),
    /// The tasks of a task definition's family, of any revision and whoever started them, which ECS wants stopped: they
    /// stop or have stopped. They are found as long as ECS lists them: about an hour.
    StoppedOf {
        /// The family's name.
        family: String,
    },
    /// The tasks of an ECS service, of all its deployments.
    OfEcsService {
        /// The ECS service's name.
        name: String,
        /// Those that ECS wants stopped, found for about an hour, instead of those that it wants running.
        stopped: bool,
    },
    /// All tasks that ECS wants running, whoever started them: those of ECS services and of people too.
    Running,
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartedBy(started_by) => write!(f, "started by {started_by}"),
            Self::StoppedOf { family } => write!(f, "stopped of {family}"),
            Self::OfEcsService { name, stopped: false } => write!(f, "of ECS service {name}"),
            Self::OfEcsService { name, stopped: true } => write!(f, "stopped of ECS service {name}"),
            Self::Running => f.write_str("running"),
        }
    }
}
