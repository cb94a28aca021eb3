//! The world around the gateway.

pub mod origin;
