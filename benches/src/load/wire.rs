//! A caller's end of a connection, plain or TLS.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::Target;
use crate::Result;

/// Never blocks, and so takes up the TLS handshake with the first read or write.
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    pub(super) fn open(target: &Target) -> Result<Self> {
        let socket = TcpStream::connect(target.address)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let Some(config) = &target.tls else { return Ok(Self::Plain(socket)) };
        let name = ServerName::from(target.address.ip());
        let tls = ClientConnection::new(config.clone(), name)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(tls, socket))))
    }

    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }

    /// From now on it blocks, for at most `patience`.
    pub(super) fn block(&self, patience: Duration) -> io::Result<()> {
        self.socket().set_nonblocking(false)?;
        self.socket().set_read_timeout(Some(patience))
    }

    /// Says how much came, and may drop it.
    pub(super) fn drain(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            // The kernel counts, and copies nothing.
            Self::Plain(socket) => {
                Ok(recv(socket, buffer, RecvFlags::TRUNC).map(|(_, length)| length)?)
            }
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
