//! What is known of one caller's connection, and when it has had enough time.

use std::cell::Cell;
use std::time::{Duration, Instant};

use config::Listener;

use crate::caller::Peer;
use crate::tunnel::Tunnel;

/// A caller's connection, as its transactions and its watch see it. Belongs to one thread.
pub(crate) struct Conn {
    peer: Peer,
    limits: Limits,
    protocol: Protocol,
    /// Transactions under way.
    open: Cell<u32>,
    /// Frames of answers that the caller is to take.
    owed: Cell<u32>,
    /// When bytes of an answer last went, while the caller is to take any.
    moved_at: Cell<Instant>,
    /// When the last transaction ended.
    idle_since: Cell<Instant>,
    /// How many bytes of a head came, of which the last did not yet come.
    head_bytes: Cell<usize>,
    /// When the watch first saw it.
    head_since: Cell<Option<Instant>>,
    farewell: Cell<Farewell>,
    /// A request would have had the connection switch to another protocol.
    asked_to_switch: Cell<bool>,
    /// What the connection is to become.
    tunnel: Cell<Option<Box<Tunnel>>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Protocol {
    H1,
    H2,
}

/// How the connection may end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Farewell {
    /// With or without a word: no caller could mistake it.
    Free,
    /// Not as if all were well, now.
    Forbidden,
    /// After all that is still to be sent, and in no other way.
    Due,
    /// The caller may still be sending, a body that nobody wants or an acknowledgement: it is read and
    /// thrown away for a while, or the kernel would answer it with a reset, and the caller lose our
    /// answer (RFC 9112, section 9.6).
    Long,
}

#[derive(Clone, Copy)]
struct Limits {
    head: Duration,
    idle: Duration,
    body: Duration,
    head_bytes: usize,
}

impl Conn {
    pub(super) fn new(listener: &Listener, protocol: Protocol, peer: Peer) -> Self {
        let now = Instant::now();
        let limits = Limits {
            head: listener.head_timeout,
            idle: listener.idle_timeout,
            body: listener.body_timeout,
            // hyper refuses what is a little too large with an answer; this is for floods.
            head_bytes: listener.max_head_bytes.saturating_mul(4),
        };
        Self {
            peer,
            limits,
            protocol,
            open: Cell::new(0),
            owed: Cell::new(0),
            moved_at: Cell::new(now),
            idle_since: Cell::new(now),
            head_bytes: Cell::new(0),
            head_since: Cell::new(None),
            farewell: Cell::new(match protocol {
                Protocol::H1 => Farewell::Free,
                // Its callers go on speaking while they read the last of an answer.
                Protocol::H2 => Farewell::Long,
            }),
            asked_to_switch: Cell::new(false),
            tunnel: Cell::default(),
        }
    }

    /// Who is at its other end.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// How long the caller may neither send nor read a body.
    pub(crate) fn body_timeout(&self) -> Duration {
        self.limits.body
    }

    /// A transaction began: its head is whole.
    pub(crate) fn begin(&self) {
        self.open.set(self.open.get() + 1);
        self.head_bytes.set(0);
        self.head_since.set(None);
    }

    /// A transaction ended.
    pub(crate) fn end(&self, now: Instant) {
        self.open.set(self.open.get() - 1);
        self.idle_since.set(now);
    }

    /// The caller was given a frame, or asked for the next one.
    pub(crate) fn owes(&self, owed: bool) {
        if owed && self.owed.get() == 0 {
            self.moved_at.set(Instant::now());
        }
        self.owed.set(if owed { self.owed.get() + 1 } else { self.owed.get() - 1 });
    }

    /// An answer was made while its request's body was still to come.
    pub(crate) fn linger_on_close(&self) {
        if self.farewell.get() == Farewell::Free {
            self.farewell.set(Farewell::Long);
        }
    }

    /// An answer began whose end callers may know by the end of the connection alone (HTTP/1.0):
    /// until it is whole, any end must look like a failure.
    pub(crate) fn ends_an_answer(&self) {
        self.farewell.set(Farewell::Forbidden);
    }

    /// The last of that answer is on its way.
    pub(crate) fn answer_is_whole(&self) {
        if self.farewell.get() == Farewell::Forbidden {
            self.farewell.set(Farewell::Due);
        }
    }

    /// A request asks for another protocol.
    pub(crate) fn asks_to_switch(&self) {
        self.asked_to_switch.set(true);
    }

    /// The answer on its way is the last by HTTP: then the connection is the tunnel's.
    pub(crate) fn becomes(&self, tunnel: Tunnel) {
        self.tunnel.set(Some(Box::new(tunnel)));
    }

    /// What the connection has become, if it is no longer HTTP's.
    pub(super) fn take_tunnel(&self) -> Option<Box<Tunnel>> {
        self.tunnel.take()
    }

    pub(super) fn was_asked_to_switch(&self) -> bool {
        self.asked_to_switch.get()
    }

    /// All was sent, and then that it was all.
    pub(super) fn said_farewell(&self) {
        self.farewell.set(Farewell::Free);
    }

    pub(super) fn farewell(&self) -> Farewell {
        self.farewell.get()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.open.get() == 0
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Bytes came.
    pub(super) fn received(&self, bytes: usize) {
        if self.is_idle() && self.protocol == Protocol::H1 {
            self.head_bytes.set(self.head_bytes.get() + bytes);
        }
    }

    /// Bytes went. By HTTP/2 a few of them are no part of an answer: whoever answers pings does not
    /// yet read.
    pub(super) fn sent(&self, bytes: usize) {
        let may_be_of_an_answer = self.protocol == Protocol::H1 || bytes > H2_SMALL_TALK;
        if may_be_of_an_answer && self.owed.get() > 0 {
            self.moved_at.set(Instant::now());
        }
    }

    /// Whether a head has come to a size that no answer is worth.
    pub(super) fn is_flooded(&self) -> bool {
        self.head_bytes.get() > self.limits.head_bytes
    }

    /// When its time is up, unless something happens before. An earlier `now` has it looked at sooner.
    pub(super) fn due_at(&self, now: Instant) -> Instant {
        if self.owed.get() > 0 {
            return self.moved_at.get() + self.limits.body;
        }
        if !self.is_idle() {
            // Others have their own timers: the request's body, the origin server.
            return now + self.limits.body;
        }
        if self.head_bytes.get() > 0 {
            // Most heads come at once, and the clock is not looked at for them.
            let since = self.head_since.get().unwrap_or_else(Instant::now);
            self.head_since.set(Some(since));
            return since + self.limits.head;
        }
        self.idle_since.get() + self.limits.idle
    }
}

/// A PING and a SETTINGS with their acknowledgements and a WINDOW_UPDATE (RFC 9113, section 6).
const H2_SMALL_TALK: usize = 64;
