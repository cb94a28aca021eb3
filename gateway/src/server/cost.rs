//! What a request costs: before it is sent, and from its first byte to its answer's last.

mod exchange;
mod request;
