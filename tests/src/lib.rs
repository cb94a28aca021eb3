//! The world around the gateway.
