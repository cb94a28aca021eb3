//! From a name to a TLS connection, one step after the other, so that the one which fails is known.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use certs::{Presented, TrustAnchors, Witness};
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::finding::{Said, Section, count, plain};
use super::handshake::{self, Shown};
use super::proxy;

/// A server to be reached.
pub(super) struct Destination<'d> {
    /// A name or an address, without brackets.
    pub(super) host: &'d str,
    pub(super) port: u16,
    /// Whom to believe, where it speaks TLS.
    pub(super) anchors: Option<&'d TrustAnchors>,
    /// What names the anchors, and where they are, for remedies.
    pub(super) anchors_file: Option<&'d std::path::Path>,
    /// What is shown of the gateway to a server that asks.
    pub(super) presented: Option<Arc<Presented>>,
    pub(super) alpn: &'d [&'d [u8]],
    /// The option with its URL.
    pub(super) key: &'d str,
    /// Whether it is one, and no origin server.
    pub(super) is_authority: bool,
    /// How long each step may take.
    pub(super) limit: Duration,
}

/// Resolves, connects and shakes hands; true if there is a way. Nothing is sent.
pub(super) async fn reach(section: &mut Section<'_>, to: &Destination<'_>) -> bool {
    let steps = if to.anchors.is_some() { &["tcp", "tls"][..] } else { &["tcp"] };
    let Some(addresses) = section.check("name", resolve(to)).await else {
        section.skip(steps, "its name has no address");
        return false;
    };
    let Some(stream) = section.check("tcp", connect(to, &addresses)).await else {
        section.skip(&steps[1..], "there is no connection");
        return false;
    };
    match to.anchors {
        Some(anchors) => section.check("tls", shake_hands(to, anchors, stream)).await.is_some(),
        None => true,
    }
}

async fn resolve(to: &Destination<'_>) -> Result<(Said, Vec<SocketAddr>), Said> {
    let Destination { host, port, key, .. } = to;
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok((Said::ok(format!("{address} is an address")), vec![(address, *port).into()]));
    }
    let found = tokio::time::timeout(to.limit, tokio::net::lookup_host((*host, *port))).await;
    let remedy = || {
        format!(
            "look for a slip in {key}, and see whether this machine resolves the name (getent \
             hosts {host}): in a container or a cluster other name servers are asked; a private \
             endpoint has a name only where its private DNS zone is linked"
        )
    };
    match found {
        Err(_) => Err(Said::fail(
            format!("no name server told the address of {host} within {}", seconds(to.limit)),
            remedy(),
        )),
        Ok(Err(error)) => Err(Said::fail(
            format!("{host} cannot be resolved: {}", plain(&error.to_string())),
            remedy(),
        )),
        Ok(Ok(addresses)) => {
            let mut addresses = addresses.collect::<Vec<_>>();
            addresses.dedup();
            let Some(first) = addresses.first() else {
                return Err(Said::fail(format!("{host} has no address"), remedy()));
            };
            let more = match addresses.len() {
                1 => String::new(),
                all => format!(" and {}", count(all - 1, "other")),
            };
            let all = addresses.iter().map(|address| address.ip().to_string());
            let fact = all.collect::<Vec<_>>();
            let said = Said::ok(format!("{host} is {}{more}", first.ip())).fact("addresses", fact);
            Ok((said, addresses))
        }
    }
}

/// The first address that answers. To an origin server the gateway waits at each for as long as it
/// has; to an authority it goes on to the next before that.
async fn connect(
    to: &Destination<'_>,
    addresses: &[SocketAddr],
) -> Result<(Said, TcpStream), Said> {
    let all = u32::try_from(addresses.len()).unwrap_or(u32::MAX).max(1);
    let each = if to.is_authority { to.limit / all } else { to.limit };
    let deadline = Instant::now() + to.limit;
    let (mut last, mut silent) = (None, None);
    for (index, address) in addresses.iter().enumerate() {
        let until = deadline.min(Instant::now() + each);
        match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok((reached(address, silent), stream)),
            Ok(Err(error)) => last = Some(refused(to, address, &error)),
            Err(_) => {
                let untried = match addresses.len() - index - 1 {
                    0 => String::new(),
                    _ if to.is_authority => String::new(),
                    left => format!(", and {} had no turn", count(left, "other")),
                };
                let says = format!("{address} did not answer within {}{untried}", seconds(each));
                last = Some((says, blocked(address)));
                silent.clone_from(&last);
                if Instant::now() >= deadline {
                    break;
                }
            }
        }
    }
    let (says, remedy) = last.unwrap_or_else(|| ("it has no address".to_owned(), String::new()));
    Err(Said::fail(says, remedy))
}

/// Others before it may have cost time: what refuses costs none.
fn reached(address: &SocketAddr, silent: Option<(String, String)>) -> Said {
    let says = format!("{address} takes connections");
    match silent {
        None => Said::ok(says),
        Some((why, remedy)) => Said::warn(format!("{says}; before that, {why}"), remedy),
    }
}

fn refused(to: &Destination<'_>, address: &SocketAddr, error: &io::Error) -> (String, String) {
    match error.kind() {
        ErrorKind::ConnectionRefused => (
            format!("{address} refuses connections"),
            format!(
                "nobody listens there: see whether the port in {} is right, and whether the server \
                 runs; a firewall that rejects does the same",
                to.key
            ),
        ),
        _ => {
            (format!("no connection to {address}: {}", plain(&error.to_string())), blocked(address))
        }
    }
}

async fn shake_hands(
    to: &Destination<'_>,
    anchors: &TrustAnchors,
    stream: TcpStream,
) -> Result<(Said, ()), Said> {
    let name = ServerName::try_from(to.host.to_owned()).map_err(|_| {
        Said::fail("its host is no name for TLS", format!("write another host in {}", to.key))
    })?;
    let (mut config, witness): (_, Arc<Witness>) = anchors.witnessed_config(to.alpn);
    let asked = Arc::new(Asked { presented: to.presented.clone(), asked: AtomicBool::new(false) });
    config.client_auth_cert_resolver = asked.clone();
    let shaken = async {
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        if asked.asked.load(Ordering::Relaxed) {
            objection(&mut stream).await?;
        }
        Ok(stream)
    };
    let outcome = tokio::time::timeout(to.limit, shaken).await;
    let shown = Shown { to, chain: witness.chain(), asked: asked.asked.load(Ordering::Relaxed) };
    match outcome {
        Ok(Ok(stream)) => Ok((handshake::good(&shown, stream.get_ref().1), ())),
        Ok(Err(error)) => Err(handshake::bad(&shown, &error)),
        Err(_) => Err(Said::fail(
            format!("no TLS handshake within {}", seconds(to.limit)),
            "what answers there takes connections and says nothing: see whether it hangs, whether \
             it waits for another protocol, and whether a firewall swallows what follows the first \
             packet",
        )),
    }
}

/// What a server has against our certificate, or against there being none: by TLS 1.3 it says so only
/// when the handshake is over for us. One that has nothing against us hears that we leave, and leaves.
async fn objection(stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
    let _ = stream.shutdown().await;
    let mut chunk = [0; 256];
    let heard = async {
        loop {
            if stream.read(&mut chunk).await? == 0 {
                return Ok(());
            }
        }
    };
    match tokio::time::timeout(OBJECTION, heard).await {
        Ok(Err(error)) if handshake::is_alert(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Notices that a certificate of ours is asked for.
#[derive(Debug)]
struct Asked {
    presented: Option<Arc<Presented>>,
    asked: AtomicBool,
}

impl ResolvesClientCert for Asked {
    fn resolve(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.presented.as_ref()?.resolve(issuers, schemes)
    }

    fn has_certs(&self) -> bool {
        self.presented.is_some()
    }
}

/// A length of time, in a person's words.
pub(super) fn seconds(limit: Duration) -> String {
    if limit.subsec_millis() == 0 {
        format!("{} s", limit.as_secs())
    } else {
        format!("{:.1} s", limit.as_secs_f64())
    }
}

fn blocked(address: &SocketAddr) -> String {
    let proxy = match proxy::named().first() {
        Some(name) => format!(", whatever {name} says"),
        None => String::new(),
    };
    let family = match address {
        SocketAddr::V6(_) => "; perhaps this machine has no way for IPv6",
        SocketAddr::V4(_) => "",
    };
    format!(
        "something on the way drops what is sent there: see this machine's routes, the firewalls \
         between, and network security groups{family}; the gateway goes straight there and by no \
         proxy{proxy}"
    )
}

/// Some stay, and say nothing.
const OBJECTION: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use tokio::net::TcpSocket;

    use super::super::finding::{Finding, Verdict};
    use super::*;

    #[tokio::test]
    async fn each_address_has_its_turn_and_one_that_is_silent_is_told() {
        let open = TcpSocket::new_v4().expect("a socket");
        open.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let open = open.listen(9).expect("a listener");
        let open = open.local_addr().expect("bound");
        let (full, silent) = silent().await;
        let closed = SocketAddr::from(([127, 0, 0, 1], 1));
        for (is_authority, addresses, verdict, says) in [
            (true, &[closed, open][..], Verdict::Ok, "takes connections".to_owned()),
            (true, &[silent, open], Verdict::Warn, format!("before that, {silent} did not")),
            (false, &[silent, open], Verdict::Fail, "and 1 other had no turn".to_owned()),
            (false, &[closed], Verdict::Fail, format!("{closed} refuses connections")),
        ] {
            let destination = Destination {
                host: "a.example",
                port: 443,
                anchors: None,
                anchors_file: None,
                presented: None,
                alpn: &[],
                key: "`origin`",
                is_authority,
                limit: Duration::from_millis(400),
            };
            let mut found = Vec::<Finding>::new();
            let mut tell = |finding| found.push(finding);
            let mut section = Section::new("route", &mut tell);
            let _ = section.check("tcp", connect(&destination, addresses)).await;
            assert_eq!(found[0].verdict, verdict, "{found:?}");
            assert!(found[0].says.contains(&says), "{found:?}");
        }
        drop(full);
    }

    /// An address whose queue is full: nobody is let in any more.
    async fn silent() -> (tokio::net::TcpListener, SocketAddr) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let listener = socket.listen(1).expect("a listener");
        let address = listener.local_addr().expect("bound");
        let calls = (0..4).map(|_| tokio::spawn(TcpStream::connect(address))).collect::<Vec<_>>();
        // Linux lets one more wait than it is told.
        while calls.iter().filter(|call| call.is_finished()).count() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        (listener, address)
    }
}
