//! Listening sockets.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use config::Address;
use socket2::{Domain, Protocol, Socket, Type};

/// One worker's listening socket, not blocking.
pub(crate) enum CallerSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The admin listener's.
pub(crate) type AdminSocket = CallerSocket;

/// The workers' sockets, and the address that they really have.
pub(super) struct Bound {
    pub(super) address: Address,
    pub(super) sockets: Vec<CallerSocket>,
}

/// `count` sockets on one address. TCP connections are spread over them by the kernel (`SO_REUSEPORT`),
/// so that no worker wakes for another's; a Unix socket is shared.
pub(super) fn callers(address: &Address, count: usize) -> io::Result<Bound> {
    match address {
        Address::Tcp(address) => {
            // A socket that will not share tells whether somebody else has the port: `SO_REUSEPORT`
            // would let two gateways take turns with callers, and nobody would notice.
            drop(tcp(*address, Sharing::Alone)?);
            let first = tcp(*address, Sharing::AmongWorkers)?;
            let address = first.local_addr()?;
            let more = (1..count).map(|_| tcp(address, Sharing::AmongWorkers));
            let sockets = std::iter::once(Ok(first)).chain(more).collect::<io::Result<Vec<_>>>()?;
            let sockets = sockets.into_iter().map(CallerSocket::Tcp).collect();
            Ok(Bound { address: Address::Tcp(address), sockets })
        }
        Address::Unix(path) => {
            let first = unix(path)?;
            let sockets = (1..count)
                .map(|_| first.try_clone().map(CallerSocket::Unix))
                .collect::<io::Result<Vec<_>>>()?;
            let sockets = std::iter::once(CallerSocket::Unix(first)).chain(sockets).collect();
            Ok(Bound { address: address.clone(), sockets })
        }
    }
}

/// The admin listener's socket.
pub(super) fn admin(address: &Address) -> io::Result<AdminSocket> {
    match address {
        Address::Tcp(address) => tcp(*address, Sharing::Alone).map(CallerSocket::Tcp),
        Address::Unix(path) => unix(path).map(CallerSocket::Unix),
    }
}

impl CallerSocket {
    /// Where it listens.
    pub(super) fn address(&self) -> Address {
        match self {
            Self::Tcp(listener) => {
                let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
                Address::Tcp(listener.local_addr().unwrap_or(unknown))
            }
            Self::Unix(listener) => {
                let address = listener.local_addr().ok();
                let path = address.and_then(|address| Some(address.as_pathname()?.to_owned()));
                Address::Unix(path.unwrap_or_default())
            }
        }
    }
}

/// The files of Unix sockets, removed at the end.
pub(super) struct SocketFiles(Vec<PathBuf>);

impl SocketFiles {
    pub(super) fn of(addresses: [&Address; 2]) -> Self {
        let path = |address: &Address| match address {
            Address::Unix(path) => Some(path.clone()),
            Address::Tcp(_) => None,
        };
        Self(addresses.into_iter().filter_map(path).collect())
    }
}

impl Drop for SocketFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Sharing {
    Alone,
    AmongWorkers,
}

fn tcp(address: SocketAddr, sharing: Sharing) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the last run's connections to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(sharing == Sharing::AmongWorkers)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn unix(path: &Path) -> io::Result<UnixListener> {
    let listener = match UnixListener::bind(path) {
        // A gateway that was killed leaves its file behind; one that lives answers.
        Err(error)
            if error.kind() == io::ErrorKind::AddrInUse && UnixStream::connect(path).is_err() =>
        {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        other => other?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
