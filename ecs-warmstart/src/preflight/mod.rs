//! What is wrong before anything is launched: from facts to findings. Pure.
//!
//! An error keeps a service from getting ready for certain, by AWS's own rules; a warning may; a hint is worth knowing.

mod check;
mod definition;
mod fargate;
mod finding;
mod group;
mod health;
mod image;
mod subject;
#[cfg(test)]
mod tests;

pub use check::check;
pub(crate) use definition::{binding_container, network_fits};
pub use finding::{Code, Finding, Severity};
pub(crate) use group::type_fits;
pub use health::{first_healthy, healthy_after, latest_kill};
pub use image::wanted_platform;
pub(crate) use image::{no_images, not_resolved, push_it};
pub use subject::{Facts, Seen, Subject};
