//! The SDK's clients over ports: every call of the SDK becomes a call of a port, and what the port answers becomes an
//! answer of AWS.

mod client;
mod ecr;
mod ecs;
mod elb;
mod facts;
mod logs;

pub(crate) use client::through_the_sdk;
