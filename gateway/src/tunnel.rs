//! An open WebSocket: bytes both ways, until somebody ends it.
//!
//! It is a transaction under way, and its record ends with it. The gateway looks at where frames end
//! and at nothing else of what goes through: it must put in its own farewell between two frames when
//! it drains, or when nothing has moved for too long.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::time::{Instant, sleep_until, timeout};

use crate::error::Blame;
use crate::origin::Lease;
use crate::record::{self, Record};

mod frames;
mod lane;

use self::lane::{End, Lane, Party};

/// A WebSocket that the origin server has agreed to.
pub(crate) struct Tunnel {
    origin: OnUpgrade,
    /// Keeps the origin server's connection counted.
    _lease: Lease,
    record: Record,
    idle: Duration,
    /// When the emergency is over that it was opened in.
    until: Option<Instant>,
}

/// The record, which has the bytes that passed whichever way the tunnel ends.
struct Told {
    record: Record,
    inward: Cell<u64>,
    outward: Cell<u64>,
}

impl Tunnel {
    /// To where `origin` comes to be.
    pub(crate) fn new(origin: OnUpgrade, lease: Lease, record: Record) -> Self {
        let route = record.route();
        let idle = route.map_or(Duration::ZERO, |route| route.config.websocket_idle_timeout);
        let until = record.emergency.as_ref().map(|emergency| emergency.until.into());
        Self { origin, _lease: lease, record, idle, until }
    }

    /// Carries bytes until either side has left, nothing has moved for too long, the emergency is over
    /// that it was opened in, or `told` to end. `early` came from the caller before.
    ///
    /// A token that ends meanwhile ends nothing: it was good when the WebSocket was opened.
    pub(crate) async fn run<C>(self, caller: C, early: Bytes, told: impl Future<Output = ()>)
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let Self { origin, record, idle, until, .. } = self;
        let mut passed = Told { record, inward: Cell::new(0), outward: Cell::new(0) };
        let Ok(origin) = origin.await else {
            return passed.record.broke_off(Blame::Origin, ORIGIN_BROKE_OFF);
        };
        let (from_caller, to_caller) = split(caller);
        let (from_origin, to_origin) = split(TokioIo::new(origin));
        let moved = Cell::new(Instant::now());
        let mut inward =
            Lane::new((Party::Caller, from_caller), to_origin, (&moved, &passed.inward));
        let mut outward =
            Lane::new((Party::Origin, from_origin), to_caller, (&moved, &passed.outward));
        inward.hold(early);

        let mut told = std::pin::pin!(told);
        // In any order: who is polled first could use up the task's budget each time.
        let end = tokio::select! {
            () = &mut told => End::Ours,
            end = outward.carry() => end,
            end = inward.carry() => end,
            () = still(&moved, idle) => End::Ours,
            () = over(until) => End::Ours,
        };
        match end {
            End::Ours => {
                let closes = (frames::close_masked(GOING_AWAY), frames::close(GOING_AWAY));
                let farewells = async {
                    tokio::join!(inward.say_farewell(&closes.0), outward.say_farewell(&closes.1))
                };
                let _ = timeout(FAREWELL, farewells).await;
            }
            End::HungUp(who) => {
                // The other may have something left to say, but not for as long as before.
                let rest = async {
                    match who {
                        Party::Caller => outward.carry().await,
                        Party::Origin => inward.carry().await,
                    }
                };
                tokio::select! {
                    _ = rest => {}
                    () = still(&moved, HALF_CLOSED) => {}
                    () = told => {}
                }
            }
            End::Broke(_) => {}
        }
        let is_closed = inward.is_closed() || outward.is_closed();
        passed.count();
        let record = &mut passed.record;
        match end {
            End::HungUp(who) | End::Broke(who) if !is_closed => match who {
                Party::Caller => record.broke_off(Blame::Caller, record::LEFT),
                Party::Origin => record.broke_off(Blame::Origin, ORIGIN_BROKE_OFF),
            },
            _ => record.whole(),
        }
        if let Some(kept) = record.keep(0) {
            // All has been said already: there is nothing left to withhold.
            let _ = kept.await;
        }
    }
}

impl Told {
    fn count(&mut self) {
        (self.record.received, self.record.sent) = (self.inward.get(), self.outward.get());
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.count();
    }
}

/// Ends then, if ever.
async fn over(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Ends when nothing has moved for `limit`.
async fn still(moved: &Cell<Instant>, limit: Duration) {
    while moved.get() + limit > Instant::now() {
        sleep_until(moved.get() + limit).await;
    }
}

/// How long both sides have to answer our farewell.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long one side may stand still after the other has hung up.
const HALF_CLOSED: Duration = Duration::from_secs(10);

/// RFC 6455, section 7.4.1.
const GOING_AWAY: u16 = 1001;

const ORIGIN_BROKE_OFF: &str = "origin-broke-off";
