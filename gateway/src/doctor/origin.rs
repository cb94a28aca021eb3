//! Requests to an origin server on the gateway's own connections, without a caller.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::{Instant, timeout, timeout_at};

use super::finding::{Said, chain};
use super::reach::seconds;
use crate::build;
use crate::error::{ConnectError, Error};
use crate::origin::{self, Outgoing, Pool, Wanted};
use crate::token::AccessToken;

/// An origin server.
pub(super) struct Origin {
    pool: Rc<Pool>,
    /// Its base URL without the path: `https://a.example`.
    pub(super) url: String,
    /// The path of its base URL.
    pub(super) base: String,
    /// When nobody waits for its answers any more.
    pub(super) deadline: Instant,
}

/// An answer, of which nothing but these is looked at.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Result<Bytes, Lost>,
}

/// Why a body is not there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lost {
    /// It has more than [`BODY_MOST`].
    TooLarge,
    /// It did not end within this time.
    Late(Duration),
    /// It ended before its end.
    BrokeOff,
}

impl Origin {
    /// That of a route, which has half a minute from now for all its answers, however long callers
    /// would wait; `None` where its trust anchors cannot be used.
    pub(super) fn of(route: &config::Route) -> Option<Self> {
        let mut route = route.clone();
        route.response_timeout = route.response_timeout.min(LIMIT);
        route.body_timeout = route.body_timeout.min(LIMIT);
        let spec = build::origin(&route, &mut Vec::new(), &mut Vec::new()).ok()?;
        let scheme = if route.origin.tls { "https" } else { "http" };
        let url = format!("{scheme}://{}", route.origin.authority);
        let pool = Rc::new(Pool::new(spec, Arc::default()));
        Some(Self { pool, url, base: route.origin.base, deadline: Instant::now() + LIMIT })
    }

    /// Gets this path, as a viewer that searches would.
    pub(super) async fn get(&self, path: &str, token: &AccessToken) -> Result<Answer, Said> {
        let request = Request::get(path)
            .header(header::ACCEPT, HeaderValue::from_static("application/dicom+json"))
            .header(header::AUTHORIZATION, token.authorization().clone());
        self.ask(request, (BODY_MOST, LIMIT)).await
    }

    /// Gets what anybody may read at this path: a small JSON document, if there is one. No token goes
    /// along.
    pub(super) async fn published(&self, path: &str) -> Option<Bytes> {
        let request =
            Request::get(path).header(header::ACCEPT, HeaderValue::from_static("application/json"));
        let answer = self.ask(request, (PUBLISHED_MOST, PUBLISHED_LIMIT)).await.ok()?;
        (answer.status == StatusCode::OK).then_some(answer.body.ok()).flatten()
    }

    async fn ask(
        &self,
        request: http::request::Builder,
        (most, longest): (usize, Duration),
    ) -> Result<Answer, Said> {
        let spec = self.pool.spec();
        let deadline = self.deadline.min(Instant::now() + longest);
        let request = request
            .header(header::HOST, spec.host.clone())
            .body(Outgoing::Empty)
            .map_err(|_| Said::fail("its path is none", "look for a slip in `origin`"))?;
        let sent = origin::run(&self.pool, request, None, Wanted::Any);
        let sent = timeout_at(deadline, sent).await;
        let sent = sent.map_err(|_| unanswered(&Error::Late, LIMIT))?;
        let (response, lease) =
            sent.map_err(|failure| unanswered(&failure.error, spec.response_timeout))?;
        let (head, body) = response.into_parts();
        let limit = within(spec.body_timeout, deadline, Instant::now());
        let body = match timeout(limit, Limited::new(body, most).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Lost::TooLarge),
            Ok(Err(_)) => Err(Lost::BrokeOff),
            Err(_) => Err(Lost::Late(limit)),
        };
        drop(lease);
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

impl Answer {
    /// Its media type without parameters, in lower case; empty without one.
    pub(super) fn media_type(&self) -> String {
        let value = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = value.and_then(|value| value.split(';').next()).unwrap_or_default();
        kind.trim().to_ascii_lowercase()
    }

    /// How many results a search has, if it is one that succeeded.
    pub(super) fn results(&self) -> Option<usize> {
        match self.status {
            StatusCode::NO_CONTENT => Some(0),
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => {
                let body = self.body.as_ref().ok()?;
                Some(serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(body).ok()?.len())
            }
            _ => None,
        }
    }
}

/// What is left of this limit.
fn within(limit: Duration, deadline: Instant, now: Instant) -> Duration {
    limit.min(deadline.saturating_duration_since(now))
}

fn unanswered(error: &Error, limit: Duration) -> Said {
    let words = chain(error);
    match error {
        Error::Late => Said::fail(
            format!("no answer within {}", seconds(limit)),
            "the service takes connections and does not answer: see whether it is overloaded, or \
             whether what stands before it has nowhere to go",
        ),
        Error::Unreachable(ConnectError::Late) => Said::fail(
            words,
            "it answered a moment ago: see whether it takes few connections, or loses some",
        ),
        Error::BrokeOff(_) => Said::fail(
            words,
            "what answers there speaks no HTTP, or ended the connection: see the port in `origin`, \
             and `http2`",
        ),
        _ => Said::fail(words, "see what stands before the service"),
    }
}

/// A person waits.
const LIMIT: Duration = Duration::from_secs(30);

/// One study is of some kilobytes; a service that does not know `limit` sends all that it has.
pub(super) const BODY_MOST: usize = 8 << 20;

/// What a service says of itself is of a kilobyte or two.
const PUBLISHED_MOST: usize = 64 << 10;

/// For each of the places where it may stand.
const PUBLISHED_LIMIT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_answer_took_the_next_does_not_have() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let deadline = now + LIMIT;
        for (limit, taken, left) in [(30, 0, 30), (30, 29, 1), (5, 20, 5), (5, 28, 2), (5, 31, 0)] {
            let left_over = within(second * limit, deadline, now + second * taken);
            assert_eq!(left_over, second * left, "{limit} {taken}");
        }
    }
}
