//! The Lambda: parses events, drives starts and stops as far as an invocation's time allows, and hands on what is left.
//!
//! Everything that decides is in the library; the contract of the events and answers stands in this package's README.

pub mod event;
pub mod failure;
