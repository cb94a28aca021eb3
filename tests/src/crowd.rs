//! Very many users at once, with all that goes on in a hospital: tokens that are renewed and that end,
//! users who are refused, callers who leave, an authority that is down for a while, a new
//! configuration, and memory for fewer users than there are. Whose token the origin server is brought
//! is compared with who sent the request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Version, header};
use http_body_util::{Empty, Full};
use hyper::body::Incoming;

use crate::authority::{Answer, RetryAfter, User, refusal};
use crate::connection::whole;
use crate::listen::Listening;
use crate::world::Toml;
use crate::{Connection, Running, Verifier, World};

/// How large the crowd is.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    /// Different users.
    pub users: usize,
    /// Requests, of all of them together.
    pub requests: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Tally {
    /// Requests by the status of their answer.
    pub statuses: BTreeMap<u16, usize>,
    /// Requests whose callers did not wait for an answer.
    pub left: usize,
    /// Requests that the origin server saw with the token of the user who sent them.
    pub own: usize,
    /// And with another's.
    pub anothers: usize,
    /// Answers that were given to another than who asked.
    pub astray: usize,
    /// What the authority was asked.
    pub token_requests: usize,
    /// What the gateway had to forget to make room.
    pub evicted: u64,
    /// How long it took.
    pub took: Duration,
}

impl Crowd {
    /// Lets all of it happen.
    pub async fn run(self) -> Tally {
        let world = World::new().await;
        let origin = Origin::start(world.authority.verifier()).await;
        world.authority.set_refresh_in(Some(Duration::from_secs(20)));
        let toml = toml(&world, &origin.url);
        let scene = Arc::new(Scene {
            members: (0..self.users).map(|n| Member::new(&world, n)).collect(),
            gateway: world.start(&toml),
            world,
            left_to_send: AtomicUsize::new(self.requests),
            over: AtomicBool::new(false),
            tally: Mutex::default(),
        });
        let began = Instant::now();
        let trouble = tokio::spawn(trouble(scene.clone(), toml));
        let callers = (0..AT_ONCE).map(|_| tokio::spawn(call(scene.clone())));
        for caller in callers.collect::<Vec<_>>() {
            caller.await.expect("no panic");
        }
        let took = began.elapsed();
        scene.over.store(true, Ordering::Relaxed);
        trouble.await.expect("no panic");
        let (_, metrics) = scene.gateway.admin("/metrics").await;
        let evicted = metrics.lines().find_map(|line| line.strip_prefix(EVICTED));
        let tally = std::mem::take(&mut *scene.tally());
        Tally {
            own: origin.seen.own.load(Ordering::Relaxed),
            anothers: origin.seen.anothers.load(Ordering::Relaxed),
            token_requests: scene.world.authority.requests(),
            evicted: evicted.and_then(|value| value.parse().ok()).unwrap_or_default(),
            took,
            ..tally
        }
    }
}

struct Scene {
    world: World,
    gateway: Running,
    members: Vec<Member>,
    left_to_send: AtomicUsize,
    over: AtomicBool,
    tally: Mutex<Tally>,
}

/// A user, and the token that the user's viewer has now.
struct Member {
    user: User,
    token: Mutex<String>,
}

impl Member {
    fn new(world: &World, number: usize) -> Self {
        let user = world.authority.user(&format!("user {number}"));
        let token = Mutex::new(world.authority.issue_user_token(&user));
        Self { user, token }
    }

    fn token(&self) -> String {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs in again; now and then for a moment only.
    fn renew(&self, world: &World) {
        let short = fastrand::u8(..10) == 0;
        let life = Duration::from_secs(if short { 2 } else { 5400 });
        let user = self.user.clone().for_only(life).with_second_factor();
        let token = world.authority.issue_user_token(&user);
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

impl Scene {
    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn anyone(&self) -> &Member {
        &self.members[fastrand::usize(..self.members.len())]
    }

    async fn connect(&self) -> Connection {
        let connection = Connection::open(self.gateway.address(), Version::HTTP_11).await;
        connection.expect("the gateway listens")
    }
}

/// One connection's requests, each of another user.
async fn call(scene: Arc<Scene>) {
    let mut connection = scene.connect().await;
    let one_less = |left: usize| left.checked_sub(1);
    let sent = || scene.left_to_send.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
    while sent().is_ok() {
        let member = scene.anyone();
        if fastrand::u8(..50) == 0 {
            member.renew(&scene.world);
        }
        let request = Request::get(format!("/dicom-web/studies?PatientID={}", member.user.oid))
            .header(header::AUTHORIZATION, format!("Bearer {}", member.token()))
            .body(Empty::<Bytes>::new())
            .expect("a request");
        let answered = async { whole(connection.send_request(request).await?).await };
        let patience = match fastrand::u8(..100) {
            0 => Duration::from_millis(2),
            _ => Duration::from_secs(30),
        };
        match tokio::time::timeout(patience, answered).await {
            Ok(Ok((status, body))) => {
                let mut tally = scene.tally();
                *tally.statuses.entry(status.as_u16()).or_default() += 1;
                tally.astray += usize::from(status == 200 && body != member.user.oid.as_bytes());
                drop(tally);
                if status == StatusCode::UNAUTHORIZED {
                    member.renew(&scene.world);
                }
            }
            Ok(Err(_)) => connection = scene.connect().await,
            Err(_) => {
                scene.tally().left += 1;
                connection = scene.connect().await;
            }
        }
    }
}

/// What goes wrong meanwhile: for a user now and then, and twice for all.
async fn trouble(scene: Arc<Scene>, toml: Toml) {
    let authority = &scene.world.authority;
    for round in 0_usize.. {
        if scene.over.load(Ordering::Relaxed) {
            return;
        }
        let user = &scene.anyone().user;
        match round % 6 {
            0 => authority.answer_user(user, Answer::throttled(RetryAfter::Seconds(1))),
            1 => authority.answer_user(user, Answer::unavailable()),
            2 => authority.answer_user(user, refusal("interaction_required", 50_076, "")),
            3 => authority.answer_user(user, Answer::Reset),
            4 => authority.withhold_consent(user),
            _ => authority.demand_second_factor(user),
        }
        match round {
            20 | 60 => authority.answer_with(Answer::unavailable()),
            40 => {
                let config = scene.world.config(&toml);
                scene.gateway.reload(config).expect("the same again");
            }
            // All is well again, and nobody's failure lasts.
            _ if round % 20 == 5 => {
                authority.answer_well();
                scene.members.iter().for_each(|member| authority.consent(&member.user));
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Compares the user of the token with the user of the request, and says whom it saw.
struct Origin {
    url: String,
    seen: Arc<Seen>,
    _listening: Listening,
}

#[derive(Default)]
struct Seen {
    own: AtomicUsize,
    anothers: AtomicUsize,
}

impl Origin {
    async fn start(verifier: Verifier) -> Self {
        let seen = Arc::new(Seen::default());
        let counted = seen.clone();
        let answer = move |_, request: Request<Incoming>| {
            let response = compare(&verifier, &counted, &request);
            async move { response }
        };
        let listening = Listening::start(None, answer).await.expect("a free port");
        Self { url: format!("http://{}", listening.address()), seen, _listening: listening }
    }
}

fn compare(verifier: &Verifier, seen: &Seen, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let claims = match verifier.verify(request.headers().get(header::AUTHORIZATION)) {
        Ok(claims) => claims,
        Err(rejection) => {
            let response = Response::builder().status(StatusCode::UNAUTHORIZED);
            let response = response.header(header::WWW_AUTHENTICATE, rejection.www_authenticate());
            return response.body(Full::default()).expect("a response");
        }
    };
    let sender = request.uri().query().and_then(|query| query.strip_prefix("PatientID="));
    let counter = if sender == Some(&*claims.oid) { &seen.own } else { &seen.anothers };
    counter.fetch_add(1, Ordering::Relaxed);
    Response::builder()
        .header(header::CONTENT_TYPE, "application/dicom+json")
        .body(Full::from(claims.oid))
        .expect("a response")
}

fn toml(world: &World, origin: &str) -> Toml {
    let authority = &world.authority;
    let route = format!(
        "grant = \"on_behalf_of\"\nurls = \"keep\"\n\
         callers = {{ bearer = {{ issuer = \"{}\", audience = \"{}\", jwks_uri = \"{}\", \
         anchors = \"ca.pem\", leeway_secs = 0 }} }}",
        authority.issuer(),
        authority.client_id(),
        authority.jwks_uri()
    );
    let more = "[runtime]\nworkers = 2\nmax_user_tokens_bytes = 2621440\n".to_owned();
    // All of them come from one address, and tokens that have ended are failed attempts.
    let listener = "max_failed_attempts = 10000".to_owned();
    Toml { listener, route, more, ..world.toml(origin) }
}

/// Connections of callers.
const AT_ONCE: usize = 48;

const EVICTED: &str = "dicom_gateway_user_tokens_evicted_total ";
