//! An origin server for sizes that fit no memory: it makes what is retrieved and sums up what is
//! stored, holding a chunk at a time. It knows nothing of DICOM but two paths.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use crc32fast::Hasher;
use http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::Either;
use http_body_util::Full;
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};

use crate::listen::Listening;
use crate::origin::TokenCheck;

/// A running server on a free port of 127.0.0.1. Dropped, it is gone, connections and all.
///
/// `GET {base}/studies/1.2/series/3/instances/{bytes}` answers that many bytes of the [`Pattern`]
/// as `application/dicom`, and `POST {base}/studies` answers the [`Sum`] of the request's body.
#[derive(Debug)]
pub struct Bulk {
    listening: Listening,
}

/// A body of so many bytes that look random and are the same each time. It costs no memory.
#[derive(Debug, Clone)]
pub struct Pattern {
    position: u64,
    length: u64,
}

/// What is to be known of a body without keeping it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Its length.
    pub bytes: u64,
    /// Its CRC-32 (IEEE).
    pub crc32: u32,
}

impl Bulk {
    /// Binds and serves, by TLS if `tls` says how.
    pub async fn start(
        check: TokenCheck,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> io::Result<Self> {
        let answer = move |_, request| answer(check.clone(), request);
        Ok(Self { listening: Listening::start(tls, answer).await? })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// The base URL, `/v2` included and without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("{}{BASE}", self.listening.origin())
    }
}

impl Pattern {
    /// The first `length` bytes of it.
    pub fn new(length: u64) -> Self {
        Self { position: 0, length }
    }

    /// What [`Sum::of`] such a body is.
    pub fn sum(&self) -> Sum {
        let mut hasher = Hasher::new();
        let mut rest = self.clone();
        while let Some(chunk) = rest.chunk() {
            hasher.update(&chunk);
        }
        Sum { bytes: self.length - self.position, crc32: hasher.finalize() }
    }

    fn chunk(&mut self) -> Option<Bytes> {
        let offset = (self.position % TILE.len() as u64) as usize;
        let left = usize::try_from(self.length - self.position).unwrap_or(usize::MAX);
        let chunk = TILE.slice(offset..offset + left.min(TILE.len() - offset));
        self.position += chunk.len() as u64;
        (!chunk.is_empty()).then_some(chunk)
    }
}

impl Body for Pattern {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.get_mut().chunk().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.position == self.length
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length - self.position)
    }
}

impl Sum {
    /// Reads `body` to its end, keeping nothing of it.
    pub async fn of<B: Body<Data = Bytes> + Unpin>(mut body: B) -> Result<Self, B::Error> {
        let (mut bytes, mut hasher) = (0, Hasher::new());
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                bytes += data.len() as u64;
                hasher.update(&data);
            }
        }
        Ok(Self { bytes, crc32: hasher.finalize() })
    }
}

async fn answer(
    check: TokenCheck,
    request: Request<Incoming>,
) -> Response<Either<Pattern, Full<Bytes>>> {
    if let Err(challenge) = check(request.headers().get(AUTHORIZATION)) {
        let mut response = bare(StatusCode::UNAUTHORIZED);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        return response;
    }
    let path = request.uri().path().strip_prefix(BASE).unwrap_or_default().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::POST, "/studies") => match Sum::of(request.into_body()).await {
            Ok(sum) => typed(
                Either::Right(serde_json::to_vec(&sum).unwrap_or_default().into()),
                "application/dicom+json",
            ),
            Err(_) => bare(StatusCode::BAD_REQUEST),
        },
        (&Method::GET, path) => {
            match path.strip_prefix("/studies/1.2/series/3/instances/").map(str::parse) {
                Some(Ok(length)) => typed(Either::Left(Pattern::new(length)), "application/dicom"),
                _ => bare(StatusCode::NOT_FOUND),
            }
        }
        _ => bare(StatusCode::NOT_FOUND),
    }
}

fn typed<B>(body: B, kind: &'static str) -> Response<B> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn bare(status: StatusCode) -> Response<Either<Pattern, Full<Bytes>>> {
    let mut response = Response::new(Either::Right(Full::default()));
    *response.status_mut() = status;
    response
}

/// The pattern before it repeats. Its length is a prime, so that nothing cut at round sizes and put
/// together wrongly looks right.
static TILE: LazyLock<Bytes> = LazyLock::new(|| {
    let mut state = 1_u32;
    (0..65_521)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
});

const BASE: &str = "/v2";
