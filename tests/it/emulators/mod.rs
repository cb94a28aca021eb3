//! The emulators are good enough to be believed.

mod authority;
mod recorder;
