//! The admin listener: `/live`, `/ready`, `/metrics`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use crate::build::{Generation, Shared};
use crate::log::Log;
use crate::metrics;
use crate::server::CallerSocket;

/// What operators may see.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) shared: Arc<Shared>,
    pub(crate) current: Arc<ArcSwap<Generation>>,
    pub(crate) log: Log,
}

/// Serves operators until it is dropped.
pub(crate) async fn serve(socket: CallerSocket, view: View) {
    match socket {
        CallerSocket::Tcp(listener) => {
            let Ok(listener) = TcpListener::from_std(listener) else { return };
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => take(stream, &view),
                    Err(_) => tokio::time::sleep(BREATH).await,
                }
            }
        }
        CallerSocket::Unix(listener) => {
            let Ok(listener) = UnixListener::from_std(listener) else { return };
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => take(stream, &view),
                    Err(_) => tokio::time::sleep(BREATH).await,
                }
            }
        }
    }
}

fn take(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, view: &View) {
    let view = view.clone();
    let service = service_fn(move |request| {
        let response = view.answer(&request);
        async move { Ok::<_, Infallible>(response) }
    });
    tokio::spawn(async move {
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        // An operator who leaves is no event.
        let _ = connection.await;
    });
}

impl View {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET or HEAD\n");
            refusal.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refusal;
        }
        match request.uri().path() {
            "/live" => text(StatusCode::OK, "text/plain", "live\n"),
            "/ready" => self.ready(),
            "/metrics" => {
                let generation = self.current.load();
                let (routes, lives) = (&generation.routes, &generation.lives);
                let usage = self.shared.user_tokens.usage();
                let mut body = metrics::render(&self.shared.metrics, (routes, usage), lives);
                metrics::render_callers(&mut body, &generation.routes);
                metrics::render_emergencies(&mut body, &self.shared.metrics, &generation.routes);
                metrics::render_dropped_lines(&mut body, self.log.dropped());
                if let Some(audit) = &self.shared.audit {
                    metrics::render_audit(&mut body, &audit.figures());
                }
                text(StatusCode::OK, "text/plain; version=0.0.4", body)
            }
            "/" => text(StatusCode::OK, "text/plain", "/live\n/ready\n/metrics\n"),
            _ => text(StatusCode::NOT_FOUND, "text/plain", "/live, /ready or /metrics\n"),
        }
    }

    /// A usable token for every route, records that can be kept, and no drain.
    fn ready(&self) -> Response<Full<Bytes>> {
        let now = Instant::now();
        let generation = self.current.load();
        let routes = generation
            .routes
            .iter()
            .map(|route| {
                let (reason, failure) = route.source.trouble(now).unzip();
                let failure = failure.flatten();
                let said = failure.as_ref().and_then(|failure| failure.said());
                let advice = said.and_then(|said| said.advice);
                RouteStatus {
                    prefix: route.name().to_owned(),
                    ready: reason.is_none(),
                    reason,
                    remedy: advice.map(|advice| advice.remedy),
                }
            })
            .collect::<Vec<_>>();
        let draining = self.shared.is_draining();
        let is_refusing = self.shared.audit.as_ref().is_some_and(|audit| audit.is_refusing());
        let audit = is_refusing.then_some("no records of accesses can be kept");
        let ready = !draining && !is_refusing && routes.iter().all(|route| route.ready);
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let time = SystemTime::now();
        let ended = generation.lives.iter().filter(|life| life.has_ended(time));
        let ended = ended.map(|life| life.key.clone()).collect();
        let readiness = Readiness { ready, draining, audit, routes, ended };
        let body = serde_json::to_vec(&readiness).unwrap_or_default();
        text(status, "application/json", body)
    }
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    draining: bool,
    /// Why no request is let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<&'static str>,
    routes: Vec<RouteStatus>,
    /// Options whose certificates or secrets have ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ended: Vec<String>,
}

#[derive(Serialize)]
struct RouteStatus {
    prefix: String,
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What an operator should do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'static str>,
}

fn text(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// How long an operator's request may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait for descriptors.
const BREATH: Duration = Duration::from_millis(50);
