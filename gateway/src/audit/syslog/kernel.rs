//! What the kernel knows of a connection.
//!
//! Only the kernel is told that the other end's has received what we wrote. Asking it by `getsockopt`
//! would need `unsafe` or another crate; what it writes below `/proc` says the same.

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::fs::fstat;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

/// Waits until the other end's kernel has acknowledged every byte that was written to `stream`; fails
/// if the connection is gone before that. Where there is no `/proc` this cannot be known, and is
/// believed.
pub(super) async fn acknowledged(stream: &TcpStream) -> io::Result<()> {
    let table = if stream.peer_addr()?.is_ipv4() { IPV4 } else { IPV6 };
    let inode = fstat(stream.as_fd())?.st_ino.to_string();
    let read = || spawn_blocking(move || std::fs::read_to_string(table));
    follow(&inode, || async { read().await.ok()?.ok() }).await
}

/// Follows this socket through what is read, which on a busy machine may lack one that is there: the
/// table changes below who reads it.
async fn follow<R>(inode: &str, mut read: impl FnMut() -> R) -> io::Result<()>
where
    R: Future<Output = Option<String>>,
{
    let mut missed = 0;
    loop {
        let Some(connections) = read().await else { return Ok(()) };
        match unacknowledged(&connections, inode) {
            Some(0) => return Ok(()),
            Some(_) => missed = 0,
            None => missed += 1,
        }
        if missed == MISSED_MOST {
            return Err(ErrorKind::ConnectionReset.into());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Bytes that this socket's other end has yet to acknowledge; `None` for a socket that has no
/// connection any more.
fn unacknowledged(connections: &str, inode: &str) -> Option<u64> {
    connections.lines().skip(1).find_map(|line| {
        let mut columns = line.split_ascii_whitespace();
        let queues = columns.nth(QUEUES)?;
        let is_it = columns.nth(INODE - QUEUES - 1)? == inode;
        is_it.then(|| u64::from_str_radix(queues.split_once(':')?.0, 16).ok()).flatten()
    })
}

const IPV4: &str = "/proc/self/net/tcp";
const IPV6: &str = "/proc/self/net/tcp6";

/// The columns of those tables that matter: `tx_queue:rx_queue`, and the socket's inode.
const QUEUES: usize = 4;
const INODE: usize = 9;

const PAUSE: Duration = Duration::from_millis(5);

/// A socket that is missing so often in a row is gone.
const MISSED_MOST: u32 = 5;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn what_the_other_end_has_is_acknowledged() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (mut ours, mut theirs) = connection(address).await;
            ours.write_all(b"record").await.unwrap();
            let mut read = [0; 6];
            theirs.read_exact(&mut read).await.unwrap();
            acknowledged(&ours).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_the_other_end_has_no_room_for_is_not() {
        let (mut ours, theirs) = connection("127.0.0.1:0").await;
        let chunk = vec![0; 1 << 20];
        while tokio::time::timeout(Duration::from_millis(200), ours.write_all(&chunk)).await.is_ok()
        {
        }
        let waiting = tokio::time::timeout(Duration::from_millis(200), acknowledged(&ours));
        assert!(waiting.await.is_err(), "acknowledged before anything was read");
        let reading = tokio::spawn(drain(theirs));
        acknowledged(&ours).await.unwrap();
        drop(ours);
        reading.await.unwrap();
    }

    #[tokio::test]
    async fn what_comes_to_an_end_that_has_closed_is_not() {
        let (mut ours, theirs) = connection("127.0.0.1:0").await;
        drop(theirs);
        // The end is seen, as it would be after everything was read.
        assert_eq!(ours.read(&mut [0; 1]).await.unwrap(), 0);
        ours.write_all(b"record").await.unwrap();
        let began = Instant::now();
        assert!(acknowledged(&ours).await.is_err());
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_socket_is_found_by_its_inode() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  \
                     timeout inode\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 \
                     00000000     0        0 4711 1 0000000000000000 100 0 0 10 0\n   1: 0100007F:1F91 \
                     0100007F:1F92 01 000001A0:00000000 01:00000014 00000000     0        0 4712 2 0\n";
        assert_eq!(unacknowledged(table, "4711"), Some(0));
        assert_eq!(unacknowledged(table, "4712"), Some(0x1a0));
        assert_eq!(unacknowledged(table, "471"), None);
        assert_eq!(unacknowledged("", "4711"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_the_table_lacks_once_is_not_gone() {
        let line = |queue: &str| format!("head\n0: a b 01 {queue}:0 00:0 0 0 0 4711 1\n");
        let (full, empty, none) = (line("1A0"), line("0"), "head\n".to_owned());
        for (tables, is_there) in [
            (vec![&none, &empty], true),
            (vec![&none, &none, &full, &none, &none, &none, &empty], true),
            (vec![&none, &none, &none, &none, &none, &empty], false),
        ] {
            let mut tables = tables.into_iter();
            let followed = follow("4711", || std::future::ready(tables.next().cloned())).await;
            assert_eq!(followed.is_ok(), is_there);
        }
    }

    async fn connection(address: &str) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(address).await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (ours, listener.accept().await.unwrap().0)
    }

    async fn drain(mut stream: TcpStream) {
        let mut bytes = vec![0; 1 << 20];
        while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    }
}
