//! Who may call, and how that is known.

mod bearer;
mod certificates;
