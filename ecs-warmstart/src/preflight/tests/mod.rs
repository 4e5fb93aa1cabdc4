//! What is found, and what is not, in a service that is all right but for one thing.

mod arithmetic;
mod cases;
mod kit;
mod words;
