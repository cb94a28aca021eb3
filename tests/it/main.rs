//! The proof.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its functions too")]

mod accept;
mod admin;
mod advisories;
mod audit;
mod callers;
mod cors;
mod credentials;
mod doctor;
mod emulators;
mod forward_auth;
mod http;
mod life;
mod links;
mod logs;
mod on_behalf_of;
mod origin;
mod program;
mod register;
mod routes;
mod secrecy;
mod tokens;
mod transactions;
mod wado_uri;
mod websocket;
mod wire;
