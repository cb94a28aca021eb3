//! One worker: a thread that accepts and serves callers with a runtime of its own.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use futures_util::future::OptionFuture;
use tokio::net::{TcpListener, UnixListener};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, mpsc, watch};

use super::bind::CallerSocket;
use super::connection::{self, is_of_the_connection};
use super::io_watch::Socket;
use crate::Gateway;
use crate::build::{Generation, Shared};
use crate::local::Local;
use crate::log::{HAND_OVER, Log};
use crate::origin::Pool;

/// What a worker starts with.
pub(super) struct Start {
    pub(super) socket: CallerSocket,
    /// Where proxies ask, if they may.
    pub(super) proxies: Option<CallerSocket>,
    pub(super) generation: Arc<Generation>,
    pub(super) shared: Arc<Shared>,
    pub(super) log: Log,
}

/// Who comes in where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Door {
    /// Callers, with requests.
    Callers,
    /// Proxies, with questions about requests.
    Proxies,
}

/// What a worker is told.
pub(crate) enum Command {
    /// Serve new requests under this configuration.
    Publish(Arc<Generation>, Done),
    /// Take no new connections, and end when the open ones have, or at `until`.
    Drain { until: Instant, done: Done },
}

/// Told when a command is carried out: how many connections were cut off by it.
pub(crate) type Done = SyncSender<usize>;

/// A worker, as its connections see it.
pub(super) struct Worker {
    gateway: RefCell<Rc<Gateway>>,
    draining: watch::Sender<bool>,
    open: Cell<usize>,
    closed: Notify,
}

/// Runs until the commands end.
pub(super) fn run(
    Start { socket, proxies, generation, shared, log }: Start,
    mut commands: mpsc::UnboundedReceiver<Command>,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async {
        let ledger = shared.audit.as_ref().map(|audit| audit.ledger());
        let local = Rc::new(Local::new(log, ledger, &shared.pseudonym));
        let gateway = Rc::new(gateway(generation, shared, local, &[]));
        let worker = Rc::new(Worker {
            gateway: RefCell::new(gateway),
            draining: watch::Sender::new(false),
            open: Cell::new(0),
            closed: Notify::new(),
        });
        let accepting = tokio::task::spawn_local({
            let callers = accept(worker.clone(), (Door::Callers, socket));
            let proxies = proxies.map(|socket| accept(worker.clone(), (Door::Proxies, socket)));
            async { tokio::join!(callers, OptionFuture::from(proxies)) }
        });
        tokio::task::spawn_local(tidy(worker.clone()));
        while let Some(command) = commands.recv().await {
            match command {
                Command::Publish(generation, done) => {
                    worker.publish(generation);
                    let _ = done.try_send(0);
                }
                Command::Drain { until, done } => {
                    // It stops once nobody waits to be accepted.
                    worker.draining.send_replace(true);
                    let all_closed = async {
                        let _ = (&mut { accepting }).await;
                        while worker.open.get() > 0 {
                            worker.closed.notified().await;
                        }
                    };
                    let is_late = tokio::time::timeout_at(until.into(), all_closed).await.is_err();
                    worker.gateway().local.cuts_off.set(is_late);
                    let _ = done.try_send(worker.open.get());
                    return Ok(());
                }
            }
        }
        Ok(())
    })
}

impl Worker {
    /// What new requests are served with.
    pub(super) fn gateway(&self) -> Rc<Gateway> {
        self.gateway.borrow().clone()
    }

    /// Connections that are open.
    pub(super) fn open(&self) -> usize {
        self.open.get()
    }

    /// Becomes true when the gateway drains.
    pub(super) fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    fn publish(&self, generation: Arc<Generation>) {
        let before = self.gateway();
        let (shared, local) = (before.shared.clone(), before.local.clone());
        *self.gateway.borrow_mut() = Rc::new(gateway(generation, shared, local, &before.pools));
    }

    fn take<S: Socket>(self: &Rc<Self>, door: Door, (stream, address): (S, Option<IpAddr>)) {
        let (metrics, most) = {
            let gateway = self.gateway();
            let most = gateway.generation.config.listener.max_connections;
            let metrics = &gateway.shared.metrics;
            let metrics = match door {
                Door::Callers => &metrics.callers,
                Door::Proxies => &metrics.proxies,
            };
            (metrics.clone(), most)
        };
        if metrics.open_now() >= most as u64 {
            metrics.refused.add(1);
            return;
        }
        let open = metrics.open();
        self.open.set(self.open.get() + 1);
        // Not with the gateway: a connection may outlive its configuration by days.
        let worker = self.clone();
        tokio::task::spawn_local(async move {
            let _here = Here(worker.clone());
            if connection::serve(worker, door, (stream, address)).await.is_err() {
                metrics.refused.add(1);
            }
            drop(open);
        });
    }
}

/// A connection of this worker, whichever way it ends.
struct Here(Rc<Worker>);

impl Drop for Here {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        self.0.closed.notify_one();
    }
}

/// A worker's view of a generation. Pools whose origin server is reached as before go on.
fn gateway(
    generation: Arc<Generation>,
    shared: Arc<Shared>,
    local: Rc<Local>,
    before: &[Rc<Pool>],
) -> Gateway {
    let mut pools: Vec<Rc<Pool>> = Vec::new();
    for route in generation.routes.iter() {
        let mut known = before.iter().chain(&pools);
        let same = known.find(|pool| Arc::ptr_eq(pool.spec(), &route.origin)).cloned();
        let origins = &shared.metrics.origins;
        pools.push(
            same.unwrap_or_else(|| Rc::new(Pool::new(route.origin.clone(), origins.clone()))),
        );
    }
    Gateway { generation, shared, local, pools }
}

async fn accept(worker: Rc<Worker>, (door, socket): (Door, CallerSocket)) -> io::Result<()> {
    let mut draining = worker.draining();
    let stop = async move {
        let _ = draining.wait_for(|draining| *draining).await;
    };
    match socket {
        CallerSocket::Tcp(listener) => {
            let listener = TcpListener::from_std(listener)?;
            let next = || async {
                let (stream, peer) = listener.accept().await?;
                // Answers are written whole: waiting for more to send would only delay them.
                stream.set_nodelay(true)?;
                Ok((stream, Some(peer.ip().to_canonical())))
            };
            accept_all((&worker, door), next, stop).await;
        }
        CallerSocket::Unix(listener) => {
            let listener = UnixListener::from_std(listener)?;
            let next = || async { listener.accept().await.map(|(stream, _)| (stream, None)) };
            accept_all((&worker, door), next, stop).await;
        }
    }
    Ok(())
}

/// Accepts until `stop`, and then whoever was already waiting: they connected before we said no.
async fn accept_all<S: Socket, N: Future<Output = io::Result<(S, Option<IpAddr>)>>>(
    (worker, door): (&Rc<Worker>, Door),
    next: impl Fn() -> N,
    stop: impl Future<Output = ()>,
) {
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = next() => accepted,
            () = &mut stop => return,
        };
        match accepted {
            Ok(came) => worker.take(door, came),
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                // Out of descriptors or memory: callers who leave will free some.
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// Hands over log lines and records, and closes connections to origin servers that nobody needs.
async fn tidy(worker: Rc<Worker>) {
    let mut ticks = tokio::time::interval(HAND_OVER);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for tick in 0u64.. {
        ticks.tick().await;
        let gateway = worker.gateway();
        gateway.local.lines.hand_over();
        if let Some(ledger) = &gateway.local.ledger {
            ledger.hand_over();
        }
        if tick % 10 == 0 {
            let now = Instant::now();
            gateway.pools.iter().for_each(|pool| pool.sweep(now));
        }
    }
}

/// How long to wait for callers to leave.
const BREATH: Duration = Duration::from_millis(50);
