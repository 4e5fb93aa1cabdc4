//! A simulated cloud behind every port: for tests of starters, for trying the command out, and for this crate's proofs.
//!
//! See [`InMemory`].

mod address;
mod behaviour;
mod cloud;
mod deployer;
mod dice;
mod ecs_service;
mod group;
mod hands;
mod inspect;
mod ledger;
mod owners;
mod ports_impl;
mod quota;
mod sample;
mod scenario;
mod settings;
mod shelf;
mod state;
mod supply;
mod task;
#[cfg(test)]
mod tests;
mod timeline;
mod tokens;

pub use behaviour::{Behaviour, CheckAnswer, Refusal, Serves, Stop, When};
pub use cloud::InMemory;
pub use ecs_service::EcsServiceSettings;
pub use ledger::{Action, Call, LostTraffic, Truth};
pub use sample::{SAMPLE_ACCOUNT, SAMPLE_ECS_SERVICE, SAMPLE_REGION, SAMPLE_SERVICES, SampleService};
pub use scenario::Scenario;
pub use settings::{ContainerCheck, GroupSettings, Settings};
pub use supply::{Shortage, Spot};
