//! What a test may ask of the origin server and tell it: what it was sent, and how to misbehave.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The method.
    pub method: Method,
    /// Path and query, undecoded.
    pub target: String,
    /// Every header field but `Authorization`, which only
    /// [`OriginServer::authorizations`](super::OriginServer::authorizations) tells.
    pub headers: HeaderMap,
}

/// What becomes of good tokens.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// They are checked.
    #[default]
    Checked,
    /// The next so many requests are refused whatever they carry; then as [`Tokens::Checked`].
    NextRefused(usize),
    /// All are refused.
    AllRefused,
}

/// What the token's owner may do, as the service's access control says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    #[default]
    Owner,
    /// Searching and retrieving, the change feed among it.
    Reader,
}

/// How the bodies of answers end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Bodies {
    /// Complete.
    #[default]
    Whole,
    /// Half is sent, then the connection (HTTP/2: the stream) is dropped.
    AbortedMidway,
    /// Half is sent, then nothing more until the caller goes away.
    StalledMidway,
}

/// The shared state behind an origin server's levers and counts.
#[derive(Debug, Default)]
pub(super) struct Controls {
    state: Mutex<State>,
    in_flight: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct State {
    requests: Vec<Recorded>,
    authorizations: Vec<HeaderValue>,
    tokens: Tokens,
    role: Role,
    unavailable: usize,
    bodies: Bodies,
    delay: Duration,
    store_limit: usize,
    polls: usize,
}

impl Default for State {
    fn default() -> Self {
        Self {
            requests: Vec::new(),
            authorizations: Vec::new(),
            tokens: Tokens::default(),
            role: Role::default(),
            unavailable: 0,
            bodies: Bodies::default(),
            delay: Duration::ZERO,
            store_limit: 4 << 30,
            polls: 1,
        }
    }
}

impl Controls {
    pub(super) fn record<B>(&self, request: &Request<B>) -> Flight {
        let mut headers = request.headers().clone();
        headers.remove(AUTHORIZATION);
        self.with(|state| {
            state.requests.push(Recorded {
                method: request.method().clone(),
                target: request.uri().path_and_query().map_or("", |it| it.as_str()).to_owned(),
                headers,
            });
            state.authorizations.extend(request.headers().get_all(AUTHORIZATION).iter().cloned());
        });
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        Flight(self.in_flight.clone())
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Whether this request's token is refused unseen.
    pub(super) fn refuses_token(&self) -> bool {
        self.with(|state| match &mut state.tokens {
            Tokens::Checked | Tokens::NextRefused(0) => false,
            Tokens::NextRefused(left) => {
                *left -= 1;
                true
            }
            Tokens::AllRefused => true,
        })
    }

    /// Whether this request is one of those that find the service too busy.
    pub(super) fn is_unavailable(&self) -> bool {
        self.with(|state| {
            let unavailable = state.unavailable > 0;
            state.unavailable -= usize::from(unavailable);
            unavailable
        })
    }

    pub(super) fn role(&self) -> Role {
        self.with(|state| state.role)
    }

    /// How many bytes a store may have.
    pub(super) fn store_limit(&self) -> usize {
        self.with(|state| state.store_limit)
    }

    /// How many polls find a new operation running.
    pub(super) fn polls(&self) -> usize {
        self.with(|state| state.polls)
    }

    pub(super) fn bodies(&self) -> Bodies {
        self.with(|state| state.bodies)
    }

    pub(super) fn delay(&self) -> Duration {
        self.with(|state| state.delay)
    }

    pub(super) fn requests(&self) -> Vec<Recorded> {
        self.with(|state| state.requests.clone())
    }

    pub(super) fn authorizations(&self) -> Vec<HeaderValue> {
        self.with(|state| state.authorizations.clone())
    }

    pub(super) fn set_tokens(&self, tokens: Tokens) {
        self.with(|state| state.tokens = tokens);
    }

    pub(super) fn set_role(&self, role: Role) {
        self.with(|state| state.role = role);
    }

    pub(super) fn set_unavailable(&self, count: usize) {
        self.with(|state| state.unavailable = count);
    }

    pub(super) fn set_store_limit(&self, bytes: usize) {
        self.with(|state| state.store_limit = bytes);
    }

    pub(super) fn set_polls(&self, polls: usize) {
        self.with(|state| state.polls = polls);
    }

    pub(super) fn set_bodies(&self, bodies: Bodies) {
        self.with(|state| state.bodies = bodies);
    }

    pub(super) fn set_delay(&self, delay: Duration) {
        self.with(|state| state.delay = delay);
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A request under way; dropped when its answer is sent or its caller has left.
#[derive(Debug)]
pub(super) struct Flight(Arc<AtomicUsize>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
