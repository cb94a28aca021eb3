//! A bug in one transaction is that one's failure and nobody else's.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::error::Error;

/// The outcome of `work`. A panic in it ends it with [`Error::Panicked`]: whoever shares a connection
/// or a thread with it goes on. What it leaves half done belonged to it alone, or is a `Cell` or a
/// `RefCell`, which know no poison.
pub(crate) fn isolated<T>(
    work: impl Future<Output = Result<T, Error>>,
) -> impl Future<Output = Result<T, Error>> {
    // Not an async function: its future would hold the work twice.
    AssertUnwindSafe(work).catch_unwind().map(|outcome| outcome.unwrap_or(Err(Error::Panicked)))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::rc::Rc;

    use bytes::Bytes;
    use http::{HeaderValue, Request, Response, StatusCode};
    use http_body_util::{BodyExt, Empty, Full};
    use hyper::client::conn::http2::{SendRequest, handshake};
    use hyper::server::conn::http2;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::Semaphore;
    use tokio::task::{LocalSet, spawn_local};

    use super::*;
    use crate::problem;
    use crate::server::LocalExecutor;

    /// In a transaction of ours nothing can be made to panic from outside, so these are not ours; but
    /// thread, executor, connection and answer are as in the gateway.
    #[tokio::test]
    async fn a_panic_answers_500_and_harms_no_other() {
        LocalSet::new()
            .run_until(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let stream = TcpStream::connect(listener.local_addr().expect("bound")).await;
                let (accepted, _) = listener.accept().await.expect("a caller");
                let released = Rc::new(Semaphore::new(0));
                let service = {
                    let released = released.clone();
                    service_fn(move |request: Request<_>| serve(request, released.clone()))
                };
                let server = http2::Builder::new(LocalExecutor)
                    .serve_connection(TokioIo::new(accepted), service);
                spawn_local(server);
                let io = TokioIo::new(stream.expect("connected"));
                let (caller, connection) = handshake(LocalExecutor, io).await.expect("HTTP/2");
                spawn_local(connection);

                let healthy = spawn_local(ask(caller.clone(), "/healthy"));
                for _ in 0..3 {
                    let (status, body) = ask(caller.clone(), "/panic").await;
                    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
                    assert!(body.contains(r#""code":"gateway-failed""#), "{body}");
                    assert!(!body.contains("canary"), "{body}");
                }
                assert!(!healthy.is_finished());
                released.add_permits(1);

                let (status, body) = healthy.await.expect("no panic");
                assert_eq!((status, body.as_str()), (StatusCode::OK, "well"));
            })
            .await;
    }

    async fn serve<B>(
        request: Request<B>,
        released: Rc<Semaphore>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let work = async {
            if request.uri().path() == "/panic" {
                tokio::task::yield_now().await;
                panic!("canary");
            }
            let _ = released.acquire().await;
            Ok(Response::new(Bytes::from_static(b"well")))
        };
        let id = HeaderValue::from_static("id");
        let response = isolated(work).await.unwrap_or_else(|error| problem::answer(&error, id));
        Ok(response.map(Full::new))
    }

    async fn ask(mut caller: SendRequest<Empty<Bytes>>, path: &str) -> (StatusCode, String) {
        let request = Request::get(format!("http://localhost{path}")).body(Empty::new());
        let sent = caller.send_request(request.expect("a request")).await.expect("an answer");
        let status = sent.status();
        let body = sent.into_body().collect().await.expect("a whole one").to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}
