//! A front for a real server that knows nothing of tokens, which demands one.
//!
//! With a guard before it, any DICOMweb server is a protected resource such as Azure's: who brings
//! no good bearer token is turned away, and the server behind never sees the token.

use std::net::SocketAddr;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::ca::Ca;
use crate::server::{Body, BoxError, Port, Server};
use crate::verifier::Verifier;

/// A running guard on a port of 127.0.0.1, HTTP/1.1 and HTTP/2 over TLS. It ends when dropped.
#[derive(Debug)]
pub struct Guard {
    port: Port,
    _server: Server,
}

impl Guard {
    /// Starts a guard before the plain HTTP/1.1 server at `origin`, which lets in who `verifier`
    /// lets in; its certificate, for `localhost` and `127.0.0.1`, is of `ca`.
    ///
    /// Bodies stream both ways. The server behind is addressed as `Host: 127.0.0.1`, so that it
    /// writes the same URLs to those who call it through a gateway and to those who do not.
    pub async fn start(ca: &Ca, verifier: Verifier, origin: SocketAddr) -> Self {
        let port = Port::take();
        let tls = ca.issue(&["localhost", "127.0.0.1"]).server_config(&[b"h2", b"http/1.1"]);
        let server = Server::https(port.listen(), tls, move |request| {
            let verifier = verifier.clone();
            async move { answer(&verifier, origin, request).await }
        });
        Self { port, _server: server }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Its URL, without a path.
    pub fn url(&self) -> String {
        format!("https://{}", self.address())
    }
}

async fn answer(
    verifier: &Verifier,
    origin: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    if let Err(rejection) = verifier.verify(request.headers().get(header::AUTHORIZATION)) {
        let mut response = told(StatusCode::UNAUTHORIZED, "A token, please.\n");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, rejection.www_authenticate());
        return Ok(response);
    }
    match forward(origin, request).await {
        Ok(response) => Ok(response),
        Err(_) => Ok(told(StatusCode::BAD_GATEWAY, "The server behind does not answer.\n")),
    }
}

async fn forward(
    origin: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    // A connection for each request: servers close idle ones when they like, and what a test sees
    // then must come of the gateway's connections, not of ours.
    let stream = TcpStream::connect(origin).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);

    let target = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(target.unwrap_or(PathAndQuery::from_static("/")));
    *request.version_mut() = Version::HTTP_11;
    remove_hop_by_hop(request.headers_mut());
    request.headers_mut().remove(header::AUTHORIZATION);
    request.headers_mut().remove(header::EXPECT);
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("127.0.0.1"));

    let mut response = sender.send_request(request).await?;
    remove_hop_by_hop(response.headers_mut());
    *response.version_mut() = Version::HTTP_11;
    Ok(response.map(|body| body.map_err(BoxError::from).boxed_unsync()))
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

fn told(status: StatusCode, text: &'static str) -> Response<Body> {
    let whole = Full::new(Bytes::from_static(text.as_bytes()));
    let mut response = Response::new(whole.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// Those that servers and HTTP libraries really send; this is no gateway.
const HOP_BY_HOP: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];
