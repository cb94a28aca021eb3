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

/// The first address that answers, as the gateway takes it.
async fn connect(
    to: &Destination<'_>,
    addresses: &[SocketAddr],
) -> Result<(Said, TcpStream), Said> {
    let tried = async {
        let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok((stream, address)),
                Err(error) => last = error,
            }
        }
        Err(last)
    };
    let port = to.port;
    match tokio::time::timeout(to.limit, tried).await {
        Ok(Ok((stream, address))) => Ok((Said::ok(format!("{address} takes connections")), stream)),
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Err(Said::fail(
            format!("port {port} refuses connections"),
            format!(
                "nobody listens there: see whether the port in {} is right, and whether the server \
                 runs",
                to.key
            ),
        )),
        Ok(Err(error)) => Err(Said::fail(
            format!("no connection to port {port}: {}", plain(&error.to_string())),
            blocked(),
        )),
        Err(_) => Err(Said::fail(
            format!("port {port} did not answer within {}", seconds(to.limit)),
            blocked(),
        )),
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

fn blocked() -> String {
    let proxy = match proxy::named().first() {
        Some(name) => format!(", whatever {name} says"),
        None => String::new(),
    };
    format!(
        "something on the way drops what is sent there: see this machine's routes, the firewalls \
         between, and network security groups; the gateway goes straight there and by no \
         proxy{proxy}"
    )
}

/// Some stay, and say nothing.
const OBJECTION: Duration = Duration::from_secs(1);
