//! The proof.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its functions too")]

mod emulators;
mod http;
mod origin;
mod tokens;
mod wire;
