//! The configuration as its users meet it: text in, `Config` or problems out.

// A test may fail where a program may not: by panicking.
#![allow(clippy::unwrap_used)]

mod audit;
mod callers;
mod choices;
mod credentials;
mod example;
mod places;
mod problems;
mod secrets;
mod sidecar;
mod support;
