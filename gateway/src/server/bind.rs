//! Listening sockets.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use config::Address;
use socket2::{Domain, Protocol, Socket, Type};

/// One worker's listening socket, for callers or for proxies that ask; not blocking.
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

/// Whether a gateway could listen there now; the error is the one that it would meet. Leaves nothing
/// behind, and disturbs nobody who has the address.
pub(crate) fn is_free(address: &Address) -> io::Result<()> {
    match address {
        Address::Tcp(address) => tcp(*address, Sharing::Alone).map(drop),
        Address::Unix(path) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = std::fs::metadata(folder.unwrap_or_else(|| Path::new(".")))?;
            let taken = std::fs::symlink_metadata(path).is_ok() && !is_left_behind(path);
            match folder.is_dir() {
                true if taken => Err(io::ErrorKind::AddrInUse.into()),
                true => Ok(()),
                false => Err(io::ErrorKind::NotADirectory.into()),
            }
        }
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

/// The files of Unix sockets, removed at the end unless they are others' by then: a successor may
/// start while this gateway drains.
pub(super) struct SocketFiles(Vec<(PathBuf, FileId)>);

impl SocketFiles {
    pub(super) fn of<'a>(addresses: impl Iterator<Item = &'a Address>) -> Self {
        let file = |address: &Address| match address {
            Address::Unix(path) => Some((path.clone(), file_id(path)?)),
            Address::Tcp(_) => None,
        };
        Self(addresses.filter_map(file).collect())
    }
}

impl Drop for SocketFiles {
    fn drop(&mut self) {
        for (path, id) in &self.0 {
            if file_id(path) == Some(*id) {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

/// Device and inode, and when it was made: inodes are used again.
type FileId = (u64, u64, Option<SystemTime>);

fn file_id(path: &Path) -> Option<FileId> {
    let file = std::fs::symlink_metadata(path).ok()?;
    Some((file.dev(), file.ino(), file.created().ok()))
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
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(path) => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        other => other?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Whether a gateway that was killed left this behind: a socket where nobody answers, and not any
/// other file, where nobody answers either.
fn is_left_behind(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).is_err_and(refused)
}

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;
