//! The running gateway: threads, sockets, reload and drain.
//!
//! Each worker is a thread with a runtime, a listening socket and connections of its own; nothing that
//! a request touches is shared between them but counters and tokens. One more thread, the control,
//! has what is nobody's request: the admin listener and token acquisitions.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use config::{Address, Config};
use tokio::sync::{mpsc, oneshot};

use crate::admin;
use crate::audit::deliver::Deliveries;
use crate::audit::entry::Event;
use crate::audit::fhir::Tokens;
use crate::audit::{Alerts, Audit, AuditError};
use crate::build::{BuildError, Generation, Shared};
use crate::emergency;
use crate::log::Log;
use crate::rotation;

mod bind;
mod conn;
mod connection;
#[cfg(test)]
mod cost;
mod io_watch;
mod worker;
mod workers;

pub(crate) use self::bind::{CallerSocket, is_free};
pub(crate) use self::conn::Conn;
pub(crate) use self::connection::LocalExecutor;
use self::worker::Command;
pub(crate) use self::workers::Workers;

/// A gateway that serves. Ends with [`Server::drain`]; dropped, it ends at once.
pub struct Server {
    address: Address,
    admin_address: Address,
    forward_auth_address: Option<Address>,
    shared: Arc<Shared>,
    workers: Arc<Workers>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    control: Option<Control>,
    _sockets: bind::SocketFiles,
}

struct Control {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Drained {
    /// Connections whose transfers did not finish in time.
    pub cut_off: usize,
}

/// Why a gateway does not start, or does not take a new configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration cannot be built; all that is wrong.
    #[error("{}", list(.0))]
    Build(Vec<BuildError>),
    /// A listening socket cannot be had.
    #[error("{key} {address}: {error}")]
    Bind {
        /// The option.
        key: &'static str,
        /// Its value.
        address: Address,
        /// What the system says.
        error: io::Error,
    },
    /// Records of accesses cannot be kept where they should be.
    #[error("audit: {0}")]
    Audit(AuditError),
    /// A thread or runtime cannot be had.
    #[error("a thread cannot be started: {0}")]
    Thread(io::Error),
    /// An option changed that holds for the life of the process.
    #[error("{0} cannot change while the gateway runs: restart it")]
    Fixed(&'static str),
}

impl Server {
    /// Builds the configuration whole, binds, and serves. Tokens are acquired meanwhile: `/ready` tells
    /// when they are there.
    pub fn start(config: Config, log: Log) -> Result<Self, StartError> {
        let control = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Thread)?;
        let mut shared = Shared::new(control.handle().clone());
        let count = config.runtime.workers;
        let generation = Generation::build(config, &shared, None).map_err(StartError::Build)?;
        let generation = Arc::new(generation);
        let config = &generation.config;
        if let Some(config) = &config.audit {
            shared.audit = Some(Audit::start(config).map_err(StartError::Audit)?);
            shared.alerts = Some(Alerts::new(config.alert_after));
        }
        let shared = Arc::new(shared);
        let bound = bind::callers(&config.listener.address, count)
            .map_err(|error| bind_error("listener.address", &config.listener.address, error))?;
        let admin = bind::admin(&config.admin.address)
            .map_err(|error| bind_error("admin.address", &config.admin.address, error))?;
        let forward_auth = asked_at(config);
        let asked = match forward_auth {
            Some(address) => Some(
                bind::callers(address, count)
                    .map_err(|error| bind_error("forward_auth.address", address, error))?,
            ),
            None => None,
        };
        let addresses = [&config.listener.address, &config.admin.address];
        let sockets = bind::SocketFiles::of(addresses.into_iter().chain(forward_auth));
        let (forward_auth_address, proxies) =
            asked.map(|bound| (bound.address, bound.sockets)).unzip();
        let mut proxies = proxies.unwrap_or_default().into_iter();
        let current = Arc::new(ArcSwap::from(generation.clone()));
        let (commands, threads) = bound
            .sockets
            .into_iter()
            .enumerate()
            .map(|(index, socket)| {
                let start = worker::Start {
                    socket,
                    proxies: proxies.next(),
                    generation: generation.clone(),
                    shared: shared.clone(),
                    log: log.clone(),
                };
                start_worker(index, start)
            })
            .collect::<io::Result<(Vec<_>, Vec<_>)>>()
            .map_err(StartError::Thread)?;
        let workers = Arc::new(Workers::new(current.clone(), commands));
        let admin_address = admin.address();
        let view = admin::View { shared: shared.clone(), current, log };
        let control = start_control(control, admin, view, workers.clone());
        let control = control.map_err(StartError::Thread)?;
        shared.put_on_record(Event::Start);
        Ok(Self {
            address: bound.address,
            admin_address,
            forward_auth_address,
            shared,
            workers,
            threads,
            control: Some(control),
            _sockets: sockets,
        })
    }

    /// Builds the configuration as [`Self::start`] would, and lets go of it: binds and sends nothing.
    pub fn check(config: Config) -> Result<(), StartError> {
        // A runtime that is never run: what is spawned on it does not happen.
        let runtime =
            tokio::runtime::Builder::new_current_thread().build().map_err(StartError::Thread)?;
        let shared = Shared::new(runtime.handle().clone());
        config.audit.as_ref().map_or(Ok(()), Audit::check).map_err(StartError::Audit)?;
        Generation::build(config, &shared, None).map(drop).map_err(StartError::Build)
    }

    /// Where callers connect; the port is real where 0 was asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Where operators look.
    pub fn admin_address(&self) -> &Address {
        &self.admin_address
    }

    /// Where other proxies ask, if they may.
    pub fn forward_auth_address(&self) -> Option<&Address> {
        self.forward_auth_address.as_ref()
    }

    /// Publishes another configuration: whole to each request that comes after, not at all to those
    /// under way. On an error the old one stays. Returns when every worker has it.
    pub fn reload(&self, config: Config) -> Result<(), StartError> {
        let outcome = self.publish(config);
        match &outcome {
            Ok(()) => self.shared.metrics.reloads.add(1),
            Err(_) => self.shared.metrics.reloads_refused.add(1),
        }
        outcome
    }

    /// Goes on in a new file of records, if the old one was renamed.
    pub fn reopen_records(&self) {
        if let Some(audit) = &self.shared.audit {
            audit.reopen();
        }
    }

    /// Counts a configuration that was refused before it could be built.
    pub fn refuse_reload(&self) {
        self.shared.metrics.reloads_refused.add(1);
    }

    fn publish(&self, config: Config) -> Result<(), StartError> {
        let before = self.workers.current();
        same("listener.address", &before.config.listener.address, &config.listener.address)?;
        same("admin.address", &before.config.admin.address, &config.admin.address)?;
        same("forward_auth.address", &asked_at(&before.config), &asked_at(&config))?;
        let workers = &config.runtime.workers;
        same("runtime.workers", &before.config.runtime.workers, workers)?;
        let core_dumps = &config.runtime.danger_core_dumps;
        same("runtime.danger_core_dumps", &before.config.runtime.danger_core_dumps, core_dumps)?;
        same("audit", &sinks(&before.config), &sinks(&config))?;
        // Half a log in one form and half in another could be read by nobody.
        same("log.format", &before.config.log.format, &config.log.format)?;
        let generation =
            Generation::build(config, &self.shared, Some(&before)).map_err(StartError::Build)?;
        for done in self.workers.publish(Arc::new(generation)) {
            let _ = done.recv_timeout(GRACE);
        }
        self.shared.put_on_record(Event::Reload);
        Ok(())
    }

    /// Says so at `/ready`, waits for the configured delay, closes the listening socket, lets transfers
    /// in flight finish within the configured limit, and ends.
    pub fn drain(mut self) -> Drained {
        let drain = self.workers.current().config.drain;
        self.shared.drain();
        std::thread::sleep(drain.delay);
        let until = Instant::now() + drain.timeout;
        let ends = self.workers.ask(|done| Command::Drain { until, done });
        let patience = drain.timeout + GRACE;
        let cut_off = ends.into_iter().filter_map(|end| end.recv_timeout(patience).ok()).sum();
        self.end();
        Drained { cut_off }
    }

    fn end(&mut self) {
        self.workers.dismiss();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        let Some(Control { stop, thread }) = self.control.take() else { return };
        emergency::end_all(&self.shared);
        self.shared.close_records();
        let _ = stop.send(());
        let _ = thread.join();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn start_worker(index: usize, start: worker::Start) -> io::Result<StartedWorker> {
    let (commands, receiver) = mpsc::unbounded_channel();
    let thread = std::thread::Builder::new()
        .name(format!("worker-{index}"))
        .spawn(move || worker::run(start, receiver))?;
    Ok((commands, thread))
}

type StartedWorker = (mpsc::UnboundedSender<Command>, JoinHandle<io::Result<()>>);

fn start_control(
    runtime: tokio::runtime::Runtime,
    listener: bind::AdminSocket,
    view: admin::View,
    workers: Arc<Workers>,
) -> io::Result<Control> {
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::Builder::new().name("control".into()).spawn(move || {
        runtime.block_on(async {
            let shared = view.shared.clone();
            // Cloned: a generation that is held here would never end, nor would its clients' tokens.
            let records = workers.current().config.audit.clone();
            let deliveries = shared.audit.as_ref().zip(records.as_ref());
            let tokens = |index: usize| -> Tokens {
                let workers = workers.clone();
                Box::new(move || workers.current().record_tokens.get(index).cloned().flatten())
            };
            let deliveries =
                deliveries.map(|(audit, config)| Deliveries::start(audit, config, tokens));
            tokio::select! {
                () = admin::serve(listener, view) => {}
                () = rotation::watch(shared.clone(), workers) => {}
                () = alert(&shared) => {}
                () = emergency::watch(&shared) => {}
                _ = stopped => {}
            }
            if let Some(deliveries) = deliveries {
                deliveries.finish().await;
            }
        });
        // A name lookup or a file read may hang: the process must not.
        runtime.shutdown_timeout(Duration::from_millis(100));
    })?;
    Ok(Control { stop, thread })
}

/// Puts on record which addresses were refused how often in the minutes that end.
async fn alert(shared: &Shared) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        if let Some(alerts) = &shared.alerts {
            shared.alert(alerts.ended(Instant::now()));
        }
    }
}

fn asked_at(config: &Config) -> Option<&Address> {
    config.forward_auth.as_ref().map(|forward_auth| &forward_auth.address)
}

/// Where records go, and the names of the clients whose tokens are sent there: their places in the file
/// may change.
fn sinks(config: &Config) -> (Option<config::Audit>, Vec<&str>) {
    let mut audit = config.audit.clone();
    let tokens = audit.iter_mut().flat_map(|audit| &mut audit.fhir);
    let places = tokens.filter_map(|sink| Some(std::mem::take(&mut sink.token.as_mut()?.0)));
    let names = places.map(|place| config.clients[place].name.as_str()).collect();
    (audit, names)
}

fn same<T: PartialEq>(key: &'static str, old: &T, new: &T) -> Result<(), StartError> {
    if old == new { Ok(()) } else { Err(StartError::Fixed(key)) }
}

fn bind_error(key: &'static str, address: &Address, error: io::Error) -> StartError {
    StartError::Bind { key, address: address.clone(), error }
}

fn list(problems: &[BuildError]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// How long a worker may take to notice something.
const GRACE: Duration = Duration::from_secs(5);
