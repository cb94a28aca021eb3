//! The emulators are good enough to be believed.

mod authority;
mod graph;
mod guard;
mod recorder;
mod users;
