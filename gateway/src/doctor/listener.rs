//! The gateway's own side: addresses, names, and the way that callers take.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use config::{Address, Config};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::finding::{Said, Section, plain};
use super::public;
use crate::identity;
use crate::server;

/// Whether a gateway serves there now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Serving {
    /// One does.
    Yes,
    /// None does.
    No,
}

/// Looks at addresses, at the identity's names, and at the URLs of these routes.
pub(super) async fn look(section: &mut Section<'_>, config: &Config, routes: &[usize]) {
    let serving = if is_live(&config.admin.address).await { Serving::Yes } else { Serving::No };
    let asked = config.forward_auth.as_ref().map(|asked| ("forward_auth.address", &asked.address));
    let own =
        [("listener.address", &config.listener.address), ("admin.address", &config.admin.address)];
    for (key, address) in own.into_iter().chain(asked) {
        section.say("address", free(key, address, serving));
    }
    if let Some(files) = &config.listener.identity
        && let Ok(identity) = identity::load(files)
    {
        section.say("names", public::names(config, routes, &identity));
    }
    let mut urls = routes.iter().filter_map(|index| config.routes[*index].public_url.as_ref());
    let mut seen = Vec::new();
    for url in &mut urls {
        if !seen.contains(&url) {
            seen.push(url);
            let _ = section.check("public_url", public::reach(url, serving)).await;
        }
    }
}

fn free(key: &str, address: &Address, serving: Serving) -> Said {
    match server::is_free(address) {
        Ok(()) => Said::ok(format!("{key} {address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && serving == Serving::Yes => Said::ok(
            format!("{key} {address} is in use: a gateway serves, and its admin listener answers"),
        ),
        Err(error) => Said::fail(
            format!("{key} {address} cannot be had: {}", plain(&error.to_string())),
            remedy(address, &error),
        ),
    }
}

fn remedy(address: &Address, error: &io::Error) -> String {
    match (error.kind(), address) {
        (ErrorKind::AddrInUse, Address::Tcp(address)) => format!(
            "another program listens there; this shows which:\n\
             ss -ltnp 'sport = :{}'",
            address.port()
        ),
        (ErrorKind::AddrInUse, Address::Unix(_)) => {
            "another program serves that socket, or a file that is none is in its place".to_owned()
        }
        (ErrorKind::PermissionDenied, Address::Tcp(_)) => {
            "ports below 1024 are root's: let the gateway have it (AmbientCapabilities=\
             CAP_NET_BIND_SERVICE in its systemd unit), or take a higher one"
                .to_owned()
        }
        (ErrorKind::AddrNotAvailable, _) => {
            "this machine does not have that address: see `ip address`".to_owned()
        }
        (_, Address::Unix(_)) => {
            "have its folder made, for the gateway's user to write in (RuntimeDirectory= in a \
             systemd unit)"
                .to_owned()
        }
        (_, Address::Tcp(_)) => "take another address".to_owned(),
    }
}

/// Whether a gateway's admin listener answers there.
async fn is_live(address: &Address) -> bool {
    let asked = async {
        match address {
            Address::Tcp(address) => {
                says_live(TcpStream::connect(reachable(*address)).await.ok()?).await
            }
            Address::Unix(path) => says_live(UnixStream::connect(path).await.ok()?).await,
        }
    };
    let answer = tokio::time::timeout(LIMIT, asked).await;
    answer.ok().flatten().is_some()
}

async fn says_live(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
    let question = b"GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(question).await.ok()?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await.ok()?;
    (answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(b"\r\n\r\nlive\n")).then_some(())
}

/// Who listens everywhere listens here.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// On this machine.
const LIMIT: Duration = Duration::from_secs(2);
