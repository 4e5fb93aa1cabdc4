//! What is deployed: the templates by their linters, the real binary behind everything that calls it, and the role that it
//! runs with.

// The deploy script is one of bash.
#![cfg(unix)]

mod alarms;
mod cloud;
mod events;
mod lint;
mod machines;
mod role;
mod stack;
