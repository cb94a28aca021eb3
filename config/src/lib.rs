//! What the operator asked for, parsed once into types that cannot be wrong.
//!
//! [`load`] reads a file as it is written, checks all of it, and either gives a [`Config`] or every
//! problem of the file at once, each with its line and what would be right. [`Config::from_env`]
//! does the same for the sidecar, which has no file. Nothing here opens a socket.

mod model;

pub use self::model::*;
