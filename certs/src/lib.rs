//! Key material, from disk to rustls.
