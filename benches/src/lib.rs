//! What the gateway costs, beside what users would run instead.
//!
//! A race starts an origin server (nginx), the gateway and its peers, each before that same origin
//! server and each adding the same bearer token. It pins whoever is measured to one core, and all
//! others to the next one, then sends them the same requests in many short rounds in turn. What
//! counts is the CPU time of the peer's processes, and the ratio of two peers in neighbouring
//! rounds: absolute figures wander with the machine's mood, ratios hardly.

pub mod case;
pub mod finding;
pub mod load;
pub mod machine;
pub mod origin;
pub mod peers;
pub mod process;
pub mod race;
pub mod report;
pub mod samples;
pub mod scale;
pub mod strace;
pub mod token;
pub mod two_cores;
pub mod venue;

/// A race either comes to a result or says why it did not.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
