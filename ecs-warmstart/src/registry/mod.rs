//! Registries other than Amazon ECR, by the API of the OCI distribution specification.

mod client;
mod error;

pub use client::Registry;
