//! A small authority over plain HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use config::{Credential, Exchange, Secret, SecretMethod, SecretSource, TokenEndpoint};
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::super::{UserTokens, Users};
use crate::token::ConfidentialClient;

/// Answers each user as it was told, once it is let go.
pub(super) struct Authority {
    address: SocketAddr,
    seen: Arc<Seen>,
}

struct Seen {
    asked: watch::Sender<Vec<Asked>>,
    held: watch::Sender<bool>,
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A question as it arrived.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) path: String,
    pairs: Vec<(String, String)>,
    pub(super) user: String,
}

impl Asked {
    pub(super) fn form(&self) -> Vec<(&str, &str)> {
        let mut pairs = self.pairs.iter().map(|(n, v)| (&**n, &**v)).collect::<Vec<_>>();
        pairs.sort_unstable();
        pairs
    }

    pub(super) fn field(&self, name: &str) -> &str {
        self.pairs.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl Authority {
    pub(super) async fn start(answer: impl Fn(&Asked) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen {
            asked: watch::Sender::default(),
            held: watch::Sender::default(),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let (told, answer) = (seen.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, told.clone(), answer.clone()));
            }
        });
        Self { address, seen }
    }

    pub(super) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn users(&self, exchange: Exchange) -> Arc<Users> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let endpoint = format!("{}/home/oauth2/v2.0/token", self.base());
        let config = config::Client {
            name: "test".to_owned(),
            endpoint: TokenEndpoint::At(endpoint.parse().unwrap()),
            id: "test".to_owned(),
            anchors: None,
            credentials: vec![Credential::Secret(Secret {
                source: SecretSource::Value(SecretString::from("secret")),
                method: SecretMethod::Post,
                ends: None,
            })],
            parameters: Vec::new(),
            capabilities: Vec::new(),
            timeout: Duration::from_secs(30),
            refresh_percent: 20,
        };
        let client = Arc::new(ConfidentialClient::new(config, &tls, 0).unwrap());
        let tokens = Arc::new(UserTokens::new(Handle::current(), 64 << 20));
        Arc::new(tokens.users(&client, "b a", exchange))
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.seen.asked.borrow().clone()
    }

    pub(super) async fn wait_for(&self, asked: usize) {
        let mut changes = self.seen.asked.subscribe();
        changes.wait_for(|all| all.len() >= asked).await.unwrap();
    }

    pub(super) fn most_at_once(&self) -> usize {
        self.seen.most.load(Ordering::Relaxed)
    }

    pub(super) fn hold(&self) {
        self.seen.held.send_replace(true);
    }

    pub(super) fn release(&self) {
        self.seen.held.send_replace(false);
    }
}

async fn serve(
    mut stream: TcpStream,
    seen: Arc<Seen>,
    answer: Arc<impl Fn(&Asked) -> String + Send + Sync + 'static>,
) {
    let mut request = Vec::new();
    let asked = loop {
        if let Some(asked) = read(&request) {
            break asked;
        }
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    };
    seen.most.fetch_max(seen.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
    seen.asked.send_modify(|all| all.push(asked.clone()));
    let _ = seen.held.subscribe().wait_for(|held| !held).await;
    let text = answer(&asked);
    seen.now.fetch_sub(1, Ordering::Relaxed);
    let _ = stream.write_all(text.as_bytes()).await;
}

/// The question, once it is there as a whole.
fn read(request: &[u8]) -> Option<Asked> {
    let text = std::str::from_utf8(request).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let head = head.to_ascii_lowercase();
    let (_, length) = head.split_once("content-length: ")?;
    if body.len() < length.lines().next()?.parse().ok()? {
        return None;
    }
    let pairs = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect::<Vec<_>>();
    let path = head.split(' ').nth(1)?.to_owned();
    let of = |wanted: &str| pairs.iter().find(|(name, _)| name == wanted);
    let user = of("assertion").or_else(|| of("subject_token"))?.1.clone();
    Some(Asked { path, pairs, user })
}
