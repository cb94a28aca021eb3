//! The world around the gateway.

pub mod bulk;
mod listen;
pub mod origin;
