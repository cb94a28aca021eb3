//! What the operator asked for, parsed once into types that cannot be wrong.
//!
//! [`load`] reads a file as it is written, checks all of it, and either gives a [`Config`] or every
//! problem of the file at once, each with its line and what would be right. [`sidecar`] does the
//! same for the sidecar, which has no file but variables. What keys there are, of what kind and
//! with what default, stands in one table (`options.rs`), from which both the reader and
//! [`schema`] work. Nothing here opens a socket.

mod address;
mod audit;
mod caller;
mod callers;
mod client;
mod credential;
mod credentials;
mod document;
mod emergency;
mod entra;
mod files;
mod fix;
mod keys;
mod listener;
mod managed_identity;
mod model;
mod names;
mod options;
mod private;
mod problem;
mod process;
mod records;
mod route;
mod schema;
mod sidecar;
mod table;
mod web;
mod words;

pub use self::audit::*;
pub use self::caller::*;
pub use self::credential::*;
pub use self::document::{Loaded, load, parse, parse_with};
pub use self::entra::{exchange_audience_at, is_entra};
pub use self::fix::{Fix, Fixes};
pub use self::model::*;
pub use self::private::{Exposed, PrivateFile};
pub use self::problem::{Problem, Problems};
pub use self::schema::schema;
pub use self::sidecar::{Sidecar, sidecar};
pub use self::web::is_private;
