//! What a new revision of a task definition has that the one before has not.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::image::ImageRef;

/// What is changed between one revision of a task definition and the next. Everything else is taken over as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// By container. One that the task definition does not have is an error where it is applied.
    pub containers: BTreeMap<String, ContainerChange>,
}

/// What is changed of a container.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ContainerChange {
    /// Its image.
    pub image: Option<ImageRef>,
    /// Environment variables by name: a value, or none where the variable is taken out.
    pub environment: BTreeMap<String, Option<String>>,
    /// Its health check.
    pub health_check: HealthCheckChange,
}

/// What is changed of a container's health check. What is absent stays; where there was no health check, it is AWS's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthCheckChange {
    /// `CMD-SHELL` and a line, or `CMD` and its words. Needed where there was no health check.
    pub command: Option<Vec<String>>,
    /// From one check to the next. AWS: 5 to 300 s, default 30 s.
    pub interval: Option<Duration>,
    /// For how long an answer is waited for. AWS: 2 to 60 s, default 5 s.
    pub timeout: Option<Duration>,
    /// How many checks have to fail in a row. AWS: 1 to 10, default 3.
    pub retries: Option<u32>,
    /// How long failing checks do not count after the start. AWS: up to 300 s, default 0 s.
    pub start_period: Option<Duration>,
}

impl Revision {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.containers.values().all(|change| *change == ContainerChange::default())
    }

    /// The change of a container, to be filled in.
    pub fn container(&mut self, name: impl Into<String>) -> &mut ContainerChange {
        self.containers.entry(name.into()).or_default()
    }

    /// The images that are changed, by container.
    pub fn images(&self) -> impl Iterator<Item = (&str, &ImageRef)> {
        self.containers.iter().filter_map(|(name, change)| Some((name.as_str(), change.image.as_ref()?)))
    }
}

impl HealthCheckChange {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Debug for ContainerChange {
    /// Without the values of environment variables: they may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerChange")
            .field("image", &self.image)
            .field("environment", &self.environment.keys())
            .field("health_check", &self.health_check)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_never_shown() {
        let mut revision = Revision::default();
        assert!(revision.is_empty());
        revision.container("web").environment.insert("TOKEN".to_owned(), Some("hunter2".to_owned()));
        let shown = format!("{revision:?}");
        assert!(shown.contains("TOKEN") && !shown.contains("hunter2"), "{shown}");
        assert!(!revision.is_empty());
    }

    #[test]
    fn a_container_of_which_nothing_is_changed_is_no_change() {
        let mut revision = Revision::default();
        revision.container("web");
        assert!(revision.is_empty());
        assert_eq!(revision.images().count(), 0);
    }
}
