//! One caller's connection, which asks one thing after another and waits.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::Result;
use crate::load::Target;

/// An open connection.
pub(super) struct Caller {
    wire: Wire,
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Caller {
    /// Connects, and shakes hands where `target` speaks TLS.
    pub(super) fn connect(target: &Target) -> Result<Self> {
        let socket = TcpStream::connect(target.address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let Some(config) = &target.tls else { return Ok(Self { wire: Wire::Plain(socket) }) };
        let tls = ClientConnection::new(config.clone(), ServerName::from(target.address.ip()))?;
        let mut stream = StreamOwned::new(tls, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self { wire: Wire::Tls(Box::new(stream)) })
    }

    /// Asks for `path` with these further fields, and reads the answer to its end.
    pub(super) fn ask(&mut self, (path, fields): (&str, &str)) -> Result<()> {
        let (come, length) = self.begin((path, fields))?;
        let mut left = length - come;
        let mut buffer = [0; 16 << 10];
        while left > 0 {
            let most = usize::try_from(left)?.min(buffer.len());
            let read = self.read(&mut buffer[..most])?;
            left -= read as u64;
        }
        Ok(())
    }

    /// Asks, and reads the answer's head; gives how much of its body came with it, and how long it is.
    pub(super) fn begin(&mut self, (path, fields): (&str, &str)) -> Result<(u64, u64)> {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: scale\r\n\
             Accept: */*\r\n{fields}\r\n"
        );
        self.write(head.as_bytes())?;
        let (mut buffer, mut filled) = ([0; 8 << 10], 0);
        loop {
            filled += self.read(&mut buffer[filled..])?;
            let Some(end) = memchr::memmem::find(&buffer[..filled], b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&buffer[..end]);
            if !head.starts_with("HTTP/1.1 200") {
                let body = String::from_utf8_lossy(&buffer[end..filled]);
                return Err(format!("an answer that nobody wants: {head}{body}").into());
            }
            let mut fields = head.lines().filter_map(|line| line.split_once(": "));
            let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            let Some((_, length)) = length else {
                return Err(format!("an answer of unknown length: {head}").into());
            };
            let length = length.parse()?;
            return Ok(((filled - end - 4) as u64, length));
        }
    }

    /// Reads what is there, once something is.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = match &mut self.wire {
            Wire::Plain(socket) => socket.read(buffer)?,
            Wire::Tls(stream) => stream.read(buffer)?,
        };
        if read == 0 { Err("the connection ended before the answer".into()) } else { Ok(read) }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.wire {
            Wire::Plain(socket) => socket.write_all(bytes)?,
            Wire::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()?;
            }
        }
        Ok(())
    }
}

/// No answer here takes that long.
const PATIENCE: Duration = Duration::from_secs(20);
