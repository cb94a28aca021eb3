//! The invariants of a succession, each by itself: no keeper, no gateway, and tokens of any age.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use config::{Credential, Secret, SecretMethod, SecretSource, TokenEndpoint};
use futures_util::future::join_all;
use http::HeaderValue;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::token::slot::Slot;
use crate::token::{ConfidentialClient, TokenRequest};

#[tokio::test]
async fn callers_on_a_stale_token_get_it_at_once_and_cost_one_refresh() {
    let authority = Authority::start(TOKEN).await;
    let slot = authority.slot();
    let stale = slot.put(token(3));

    // Nobody lets the authority answer yet.
    let tokens = join_all((0..20).map(|_| slot.token())).await;
    authority.wait_for(1).await;

    assert!(tokens.iter().all(|token| Arc::ptr_eq(token.as_ref().unwrap(), &stale)));
    authority.release();
    slot.settled().await;
    assert!(!Arc::ptr_eq(&slot.token().await.unwrap(), &stale));
    assert_eq!(authority.asked(), 1);
}

#[tokio::test]
async fn who_waited_for_the_lock_looks_again_before_asking() {
    let authority = Authority::start(TOKEN).await;
    let slot = authority.slot();

    // Overtaken by the successor of the token that was found stale …
    let overtaken = |by: &dyn Fn()| {
        slot.put(token(3));
        slot.succession.quiet_until.store(0, Ordering::Relaxed);
        let flight = slot.succession.lock();
        let (late, runtime) = (slot.clone(), Handle::current());
        let late = std::thread::spawn(move || {
            let _runtime = runtime.enter();
            late.succession.refresh(Instant::now(), || late.clone());
        });
        // Whether it is at the lock by now cannot be seen; if not, this shows nothing.
        std::thread::sleep(Duration::from_millis(50));
        by();
        drop(flight);
        late.join().unwrap();
        assert!(slot.succession.lock().acquisition.is_none());
    };
    overtaken(&|| drop(slot.put(token(0))));
    // … or by the failure of a refresh.
    overtaken(&|| slot.succession.quiet_until.store(u64::MAX, Ordering::Relaxed));
    assert_eq!(authority.asked(), 0);
}

#[tokio::test]
async fn many_without_a_token_share_one_acquisition_and_its_failure() {
    let authority = Authority::start(UNAVAILABLE).await;
    let slot = authority.slot();
    let mut first = pin!(slot.token());
    assert!(first.as_mut().now_or_never().is_none());
    let mut others = pin!(join_all((0..50).map(|_| slot.token())));
    assert!(others.as_mut().now_or_never().is_none());

    authority.release();
    let error = first.await.unwrap_err().error;

    assert!(others.await.iter().all(|it| Arc::ptr_eq(&it.as_ref().unwrap_err().error, &error)));
    assert!(Arc::ptr_eq(&slot.token().await.unwrap_err().error, &error), "it holds for a while");
    assert_eq!(authority.asked(), 1);
}

#[tokio::test]
async fn whoever_leaves_takes_nothing_from_the_others() {
    let authority = Authority::start(TOKEN).await;
    let slot = authority.slot();
    {
        let mut first = pin!(slot.token());
        assert!(first.as_mut().now_or_never().is_none());
    }
    let mut second = pin!(slot.token());
    assert!(second.as_mut().now_or_never().is_none());
    authority.wait_for(1).await;

    authority.release();

    assert!(second.await.is_ok());
    assert_eq!(authority.asked(), 1);
}

#[tokio::test]
async fn a_refresh_that_failed_rests_and_the_token_stays_in_use() {
    let authority = Authority::start(UNAVAILABLE).await;
    authority.release();
    let slot = authority.slot();
    let stale = slot.put(token(3));

    slot.token().await.unwrap();
    slot.settled().await;
    for _ in 0..20 {
        assert!(Arc::ptr_eq(&slot.token().await.unwrap(), &stale));
        assert!(slot.succession.lock().acquisition.is_none());
    }

    assert_eq!(authority.asked(), 1);
    let now = Instant::now();
    let rest = slot.due_at(now) - now;
    assert!(rest > Duration::from_secs(20), "{rest:?}: its end is far");
}

#[tokio::test]
async fn near_its_end_a_refresh_rests_for_a_part_of_what_is_left() {
    let authority = Authority::start(UNAVAILABLE).await;
    authority.release();
    let slot = authority.slot();
    slot.put(token(3600 - 30 - 8));

    slot.token().await.unwrap();
    slot.settled().await;

    let now = Instant::now();
    let rest = slot.due_at(now) - now;
    assert!(rest <= Duration::from_secs(2), "{rest:?} of eight seconds");
}

#[tokio::test]
async fn a_token_near_its_end_is_sent_no_more() {
    let authority = Authority::start(TOKEN).await;
    authority.release();
    let slot = authority.slot();
    let spent = slot.put(token(3600 - 29));

    assert!(!Arc::ptr_eq(&slot.token().await.unwrap(), &spent));
    assert_eq!(authority.asked(), 1);
}

#[tokio::test]
async fn a_rejection_takes_the_token_it_is_about_and_no_other() {
    let authority = Authority::start(TOKEN).await;
    authority.release();
    let slot = authority.slot();
    let (old, new) = (Arc::new(token(1)), slot.put(token(0)));

    assert!(slot.reject(&old, None), "the new one may do");
    assert!(Arc::ptr_eq(&slot.token().await.unwrap(), &new));
    assert!(slot.reject(&new, None));
    let successor = slot.token().await.unwrap();
    assert!(!Arc::ptr_eq(&successor, &new));

    assert!(!slot.reject(&successor, None), "not twice in half a minute");
    assert!(Arc::ptr_eq(&slot.token().await.unwrap(), &successor));
    assert_eq!(authority.asked(), 1);
}

#[tokio::test]
async fn a_token_that_was_asked_for_without_the_demand_is_no_answer_to_it() {
    let authority = Authority::start(TOKEN).await;
    let slot = authority.slot();
    let rejected = slot.put(token(3));
    // A refresh is under way when the demand comes.
    slot.token().await.unwrap();
    authority.wait_for(1).await;
    assert!(slot.reject(&rejected, Claims::read(br#"{"access_token":{"nbf":{}}}"#)));

    authority.release();
    assert!(slot.token().await.is_ok());

    assert_eq!(authority.asked(), 2);
    assert!(
        slot.succession.lock().demanded.is_none(),
        "it is met, and the next refresh goes without"
    );
}

#[tokio::test]
async fn a_demand_outlives_an_outage() {
    let authority = Authority::start(UNAVAILABLE).await;
    let slot = authority.slot();
    let rejected = slot.put(token(3));
    // A refresh is under way when the demand comes.
    slot.token().await.unwrap();
    authority.wait_for(1).await;
    assert!(slot.reject(&rejected, Claims::read(br#"{"access_token":{"nbf":{}}}"#)));

    authority.release();
    slot.settled().await;

    assert!(slot.succession.lock().demanded.is_some(), "the next acquisition has it");
}

#[tokio::test]
async fn a_rejection_is_no_leave_to_ask_an_authority_that_wants_to_be_left_alone() {
    let authority = Authority::start(THROTTLED).await;
    authority.release();
    let slot = authority.slot();
    let stale = slot.put(token(3));
    slot.token().await.unwrap();
    slot.settled().await;

    assert!(slot.reject(&stale, None));

    assert!(slot.token().await.is_err());
    assert_eq!(authority.asked(), 1);
}

impl Slot {
    /// As if the authority had given this token.
    pub(crate) fn put(&self, token: AccessToken) -> Arc<AccessToken> {
        let token = Arc::new(token);
        self.succession.current.store(Some(token.clone()));
        token
    }
}

/// A token of an hour that is so old, in seconds, and was to be renewed after two.
fn token(age: u64) -> AccessToken {
    let value = HeaderValue::from_static("Bearer put");
    let asked_at = Instant::now() - Duration::from_secs(age);
    let (life, refresh_in) = (Duration::from_secs(3600), Duration::from_secs(2));
    AccessToken::new(value, life, Some(refresh_in), 20, asked_at)
}

/// Gives one and the same answer to everyone, once it is let go.
struct Authority {
    address: SocketAddr,
    asked: watch::Receiver<usize>,
    released: watch::Sender<bool>,
}

impl Authority {
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (count, asked) = watch::channel(0);
        let released = watch::Sender::new(false);
        let release = released.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (count, release) = (count.clone(), release.subscribe());
                // Callers who leave in the middle are none of this one's concern.
                tokio::spawn(async move { serve(stream, answer, count, release).await.ok() });
            }
        });
        Self { address, asked, released }
    }

    fn slot(&self) -> Arc<Slot> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let config = config::Client {
            name: "test".to_owned(),
            endpoint: TokenEndpoint::At(format!("http://{}/token", self.address).parse().unwrap()),
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
        let request = TokenRequest::new(&client, "scope");
        Arc::new(Slot::new(client, request, Handle::current(), Arc::default()))
    }

    fn asked(&self) -> usize {
        *self.asked.borrow()
    }

    async fn wait_for(&self, asked: usize) {
        self.asked.clone().wait_for(|count| *count >= asked).await.unwrap();
    }

    fn release(&self) {
        self.released.send_replace(true);
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: &str,
    count: watch::Sender<usize>,
    mut release: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut request = Vec::new();
    // The last of the form's fields.
    while !request.ends_with(b"grant_type=client_credentials") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    count.send_modify(|count| *count += 1);
    let _ = release.wait_for(|released| *released).await;
    stream.write_all(answer.as_bytes()).await
}

const TOKEN: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\
                     {\"access_token\":\"asked\",\"token_type\":\"Bearer\",\"expires_in\":3600}";

const UNAVAILABLE: &str = "HTTP/1.1 503 Service Unavailable\r\n\
                           Connection: close\r\nContent-Length: 0\r\n\r\n";

const THROTTLED: &str = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 30\r\n\
                         Connection: close\r\nContent-Length: 0\r\n\r\n";
