//! The emulators are good enough to be believed.

mod authority;
mod guard;
mod recorder;
mod users;
