//! A connection to whichever of a name's addresses answers first (RFC 8305).
//!
//! One address that nobody answers at, such as that of a family without a way out, would use up all the
//! time that a connection may take.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// Connects to one of `addresses`: in their order, the families in turn, each with a head start before
/// the next. The last error stands for all.
pub(super) async fn connect(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut addresses = in_turn(addresses).into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        let next = addresses.next();
        if next.is_none() && attempts.is_empty() {
            return Err(last);
        }
        let is_last = next.is_none();
        attempts.extend(next.map(TcpStream::connect));
        tokio::select! {
            Some(attempt) = attempts.next() => match attempt {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            },
            () = sleep(HEAD_START), if !is_last => {}
        }
    }
}

/// The families by turns, beginning with the first one's (RFC 8305, section 4).
fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == is_v6);
    let mut second = second.into_iter();
    let mut in_turn = Vec::with_capacity(first.len() + second.len());
    for address in first {
        in_turn.push(address);
        in_turn.extend(second.next());
    }
    in_turn.extend(second);
    in_turn
}

/// RFC 8305, section 8.
const HEAD_START: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpListener;

    use socket2::{Domain, Socket, Type};

    use super::*;

    #[tokio::test]
    async fn an_address_that_does_not_answer_keeps_nobody_from_the_next() {
        let (silent, _full) = silent();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let live = listener.local_addr().unwrap();
        let stream = connect(vec![silent, live]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live);
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_at_once() {
        let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let live = listener.local_addr().unwrap();
        let stream = connect(vec![refusing, live]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live);
    }

    #[tokio::test]
    async fn where_all_refuse_the_error_says_so() {
        let refusing = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = connect(vec![refusing, refusing]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(connect(Vec::new()).await.is_err());
    }

    #[test]
    fn families_take_turns() {
        let addresses = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter().map(|address| address.parse().unwrap()).collect()
        };
        let (a, b, c) = ("[::1]:1", "[::2]:1", "[::3]:1");
        let (x, y) = ("127.0.0.1:1", "127.0.0.2:1");
        for (given, taken) in [
            (&[a, b, c, x, y][..], &[a, x, b, y, c][..]),
            (&[x, y, a], &[x, a, y]),
            (&[x], &[x]),
            (&[], &[]),
        ] {
            assert_eq!(in_turn(addresses(given)), addresses(taken));
        }
    }

    /// An address at which connections are neither accepted nor refused, as its queue is full.
    fn silent() -> (SocketAddr, impl Sized) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        // One waits there, which is one more than may.
        let waits = std::net::TcpStream::connect(address).unwrap();
        while !has_one_waiting(address) {
            std::thread::yield_now();
        }
        (address, (socket, waits))
    }

    /// As the kernel tells: state LISTEN, and its queue.
    fn has_one_waiting(address: SocketAddr) -> bool {
        let listens = format!("0100007F:{:04X} 00000000:0000 0A 00000000:00000001", address.port());
        fs::read_to_string("/proc/net/tcp").unwrap().contains(&listens)
    }
}
