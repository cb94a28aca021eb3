//! The connections of one worker to one origin server.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::uri::{Scheme, Uri};
use http::{Request, Response, Version, header};
use hyper::client::conn::{http1, http2};
use tokio::sync::Notify;

use super::connect::{STREAMS_MOST, Sender, connect, connect_alone};
use super::h1;
use super::{Incoming, Lost, Outgoing, SharedSpec};
use crate::error::ConnectError;
use crate::metrics::{ConnectionMetrics, OpenConnection};
use crate::patience::Patience;

/// Belongs to one thread: no lock, no wake-up of another core, and the most recently used connection
/// first, since that one's congestion window and caches are warm.
pub(crate) struct Pool {
    spec: SharedSpec,
    metrics: Arc<ConnectionMetrics>,
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Vec<Rc<Shared>>>,
    /// The origin server prefers HTTP/1.1: connections cannot be shared.
    speaks_h1: Cell<bool>,
    /// A connection is being made that all may come to share.
    connecting: Cell<bool>,
    connected: Notify,
    /// What waited for answers, and may again: its timer stays set, and need not be set each time.
    patience: RefCell<Vec<Patience>>,
}

struct Idle {
    connection: Box<h1::Connection>,
    since: Instant,
}

/// An HTTP/2 connection.
struct Shared {
    sender: http2::SendRequest<Outgoing>,
    under_way: Cell<u32>,
    used_at: Cell<Instant>,
}

/// Which connections will do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wanted {
    /// Any.
    Any,
    /// One that was never used: it cannot be stale.
    New,
    /// One that nobody else ever uses, by HTTP/1.1: it may become another protocol's.
    Own,
}

/// The use of a connection for one exchange.
pub(crate) struct Lease {
    pool: Rc<Pool>,
    connection: Connection,
    reused: bool,
}

/// Why no answer came.
pub(super) struct Unanswered {
    pub(super) lost: Lost,
    /// The request, if none of it was sent.
    pub(super) request: Option<Request<Outgoing>>,
    /// Something of an answer came all the same.
    pub(super) is_begun: bool,
}

enum Connection {
    /// Taken by the exchange, and given back by the answer's body.
    H1(Option<Box<h1::Connection>>),
    H2(Stream),
    /// Counted by its lease, since it outlives its HTTP.
    Own {
        sender: http1::SendRequest<Outgoing>,
        _open: OpenConnection,
    },
}

/// One transaction under way on a shared connection.
struct Stream(Rc<Shared>);

/// The one who makes a connection that others wait for.
struct Connecting<'p>(&'p Pool);

impl Pool {
    pub(crate) fn new(spec: SharedSpec, metrics: Arc<ConnectionMetrics>) -> Self {
        Self {
            spec,
            metrics,
            idle: RefCell::default(),
            shared: RefCell::default(),
            speaks_h1: Cell::new(false),
            connecting: Cell::new(false),
            connected: Notify::new(),
            patience: RefCell::default(),
        }
    }

    pub(crate) fn spec(&self) -> &SharedSpec {
        &self.spec
    }

    /// Closes what has been idle for too long, and forgets what is closed.
    pub(crate) fn sweep(&self, now: Instant) {
        let timeout = self.spec.idle_timeout;
        let is_over = |idle: &mut Idle| !idle.connection.is_quiet() || now >= idle.since + timeout;
        for idle in self.idle.borrow_mut().extract_if(.., is_over) {
            tokio::task::spawn_local(tokio::time::timeout(FAREWELL, idle.connection.close()));
        }
        self.shared.borrow_mut().retain(|shared| {
            let idle = shared.under_way.get() == 0 && now >= shared.used_at.get() + timeout;
            !shared.sender.is_closed() && !idle
        });
        // A timer keeps a task in memory: that of the last request that it was for.
        self.patience.borrow_mut().clear();
    }

    /// How long an answer may take.
    pub(super) fn patience(&self) -> Patience {
        let kept = self.patience.borrow_mut().pop();
        kept.unwrap_or_else(|| Patience::new(self.spec.response_timeout))
    }

    /// Puts `patience` aside until the next exchange.
    pub(super) fn keep(&self, mut patience: Patience) {
        patience.renew();
        self.patience.borrow_mut().push(patience);
    }

    /// A connection, an old one if there is one that will do.
    ///
    /// Where one may be there, whoever else has something to do goes first: what is sent on it wakes
    /// the origin server, which is dear where that sleeps, and of requests that go out close upon each
    /// other only the first does.
    pub(super) async fn lease(self: &Rc<Self>, wanted: Wanted) -> Result<Lease, ConnectError> {
        match wanted {
            Wanted::Own => return Box::pin(self.connect_alone()).await,
            Wanted::New => {}
            // Before it is seen whether it will do, or it might end meanwhile.
            Wanted::Any => tokio::task::yield_now().await,
        }
        loop {
            if wanted == Wanted::Any
                && let Some(connection) = self.used()
            {
                return Ok(Lease { pool: self.clone(), connection, reused: true });
            }
            if !self.connecting.get() {
                // Boxed: what a handshake needs would be moved about with every request's future.
                return Box::pin(self.connect()).await;
            }
            self.connected.notified().await;
        }
    }

    fn used(&self) -> Option<Connection> {
        let mut shared = self.shared.borrow_mut();
        shared.retain(|shared| !shared.sender.is_closed());
        if let Some(shared) = shared.iter().find(|s| s.under_way.get() < STREAMS_MOST) {
            return Some(Connection::H2(Stream::begin(shared)));
        }
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { mut connection, .. }) = idle.pop() {
            if connection.is_quiet() {
                return Some(Connection::H1(Some(connection)));
            }
        }
        None
    }

    async fn connect(self: &Rc<Self>) -> Result<Lease, ConnectError> {
        // Where HTTP/2 may come of it, others wait: a burst must not open a connection each.
        let may_share = self.spec.tls.is_some() && self.spec.http2 && !self.speaks_h1.get();
        let _connecting = may_share.then(|| Connecting::begin(self));
        let connection = match connect(&self.spec, &self.metrics).await? {
            Sender::H1(connection) => {
                self.speaks_h1.set(true);
                Connection::H1(Some(connection))
            }
            Sender::H2(sender) => {
                let (under_way, used_at) = (Cell::new(0), Cell::new(Instant::now()));
                let shared = Rc::new(Shared { sender, under_way, used_at });
                let stream = Stream::begin(&shared);
                self.shared.borrow_mut().push(shared);
                Connection::H2(stream)
            }
        };
        Ok(Lease { pool: self.clone(), connection, reused: false })
    }

    async fn connect_alone(self: &Rc<Self>) -> Result<Lease, ConnectError> {
        let (sender, _open) = connect_alone(&self.spec, &self.metrics).await?;
        let connection = Connection::Own { sender, _open };
        Ok(Lease { pool: self.clone(), connection, reused: false })
    }
}

impl Stream {
    fn begin(shared: &Rc<Shared>) -> Self {
        shared.under_way.set(shared.under_way.get() + 1);
        Self(shared.clone())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
        self.0.used_at.set(Instant::now());
    }
}

impl<'p> Connecting<'p> {
    fn begin(pool: &'p Pool) -> Self {
        pool.connecting.set(true);
        Self(pool)
    }
}

impl Drop for Connecting<'_> {
    fn drop(&mut self) {
        self.0.connecting.set(false);
        self.0.connected.notify_waiters();
    }
}

impl Lease {
    /// How the origin server is reached.
    pub(crate) fn spec(&self) -> &SharedSpec {
        &self.pool.spec
    }

    /// Whether the connection was used before.
    pub(super) fn is_reused(&self) -> bool {
        self.reused
    }

    /// Sends `request` in the connection's manner. On failure the request comes back if none of it
    /// was sent.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, Unanswered> {
        let sent = match &mut self.connection {
            Connection::H1(connection) => {
                let mut connection = connection.take().ok_or(h1::Fault::Ended)?;
                return match connection.send(request).await {
                    Ok(head) => Ok(head.map(|()| Incoming::h1(connection))),
                    Err(fault) => {
                        let is_begun = connection.has_answered();
                        Err(Unanswered { lost: fault.into(), request: None, is_begun })
                    }
                };
            }
            Connection::Own { sender, .. } => sender.try_send_request(request).await,
            Connection::H2(Stream(shared)) => {
                *request.version_mut() = Version::HTTP_2;
                request.headers_mut().remove(header::HOST);
                absolute(request.uri_mut(), &self.pool.spec);
                shared.sender.clone().try_send_request(request).await
            }
        };
        sent.map(|response| response.map(Incoming::Hyper)).map_err(|mut error| {
            let request = error.take_message();
            Unanswered { lost: error.into_error().into(), request, is_begun: false }
        })
    }

    /// Takes the connection out of use: it failed, or the origin server is about to close it.
    pub(super) fn condemn(&self) {
        if let Connection::H2(Stream(failed)) = &self.connection {
            self.pool.shared.borrow_mut().retain(|shared| !Rc::ptr_eq(shared, failed));
        }
    }

    /// Gives the connection back, once the answer has been read to its end.
    pub(crate) fn release(self, incoming: &mut Incoming) {
        let Some(mut connection) = incoming.connection() else { return };
        let mut idle = self.pool.idle.borrow_mut();
        if idle.len() < self.pool.spec.max_idle_connections {
            connection.rest();
            idle.push(Idle { connection, since: Instant::now() });
        }
    }
}

impl From<h1::Fault> for Unanswered {
    fn from(fault: h1::Fault) -> Self {
        Self { lost: fault.into(), request: None, is_begun: false }
    }
}

/// How long an origin server may take to hear that a connection ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// HTTP/2 takes `:scheme` and `:authority` from the target.
fn absolute(uri: &mut Uri, spec: &SharedSpec) {
    let mut parts = std::mem::take(uri).into_parts();
    parts.scheme = Some(Scheme::HTTPS);
    parts.authority = Some(spec.authority.clone());
    *uri = Uri::from_parts(parts).unwrap_or_default();
}

#[cfg(test)]
mod tests;
