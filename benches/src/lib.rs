//! What the gateway costs.
