//! The world around the gateway.

pub mod authority;
pub mod bulk;
pub mod ca;
pub mod caller;
pub mod connection;
pub mod crowd;
pub mod fhir_server;
pub mod graph;
pub mod guard;
pub mod issuer;
mod listen;
pub mod origin;
pub mod paused;
pub mod platform;
pub mod program;
mod raw_message;
pub mod recorder;
pub mod repository;
pub mod scratch;
mod server;
pub mod token_issuer;
pub mod verifier;
mod wire;
pub mod world;

pub use self::authority::{Authority, User};
pub use self::bulk::Bulk;
pub use self::ca::{Ca, Issued};
pub use self::caller::{RawCaller, RawResponse};
pub use self::connection::Connection;
pub use self::fhir_server::FhirServer;
pub use self::graph::Graph;
pub use self::guard::Guard;
pub use self::issuer::Issuer;
pub use self::origin::{OriginServer, TokenCheck};
pub use self::platform::Platform;
pub use self::program::Program;
pub use self::recorder::{RawRequest, Recorder, Reply};
pub use self::repository::Repository;
pub use self::scratch::{Scratch, write_private};
pub use self::token_issuer::TokenIssuer;
pub use self::verifier::{Claims, Rejection, Verifier};
pub use self::world::{Running, World};

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// Makes aws-lc-rs the TLS provider of this process, for code that asks for "the default".
///
/// May be called any number of times and from any thread.
pub fn install_crypto() {
    // Fails only when a provider is installed already, and there is no other one in this workspace.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The one TLS provider that all emulators and callers use.
pub(crate) fn crypto() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
