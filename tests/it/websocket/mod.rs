//! WebSockets by which work items are notified (PS3.18, section 8.10.4): opened with the token,
//! carried as they are, and ended in an orderly way. Both ends speak by an implementation that is not
//! ours.

mod ends;
mod handshake;
mod messages;
pub(crate) mod notifier;

use std::future::Future;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use gateway_tests::world::Toml;
use gateway_tests::{Running, World};
use http::{Request, Response};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use self::notifier::{Notifier, Opened, Socket, Wire};

/// A gateway before an origin server that notifies.
struct Scene {
    world: World,
    notifier: Notifier,
    gateway: Running,
}

impl Scene {
    async fn new() -> Self {
        Self::with("", "").await
    }

    /// With more lines of `[[route]]`, and further tables.
    async fn with(route: &str, more: &str) -> Self {
        let (world, notifier) = (World::new().await, Notifier::start().await);
        let gateway = world.start_ready(&toml(&world, &notifier, route, more)).await;
        Self { world, notifier, gateway }
    }

    /// Opens a WebSocket; both its ends.
    async fn open(&self) -> (Socket, Opened) {
        let (socket, _) = self.ask("/dicom-web", &[]).await.unwrap();
        (socket, self.notifier.next().await)
    }

    /// Asks for one with these header fields beside what has to be there.
    async fn ask(&self, path: &str, fields: &[(&str, &str)]) -> Result<Asked, Error> {
        let request = asking(&format!("ws://{}{path}", self.gateway.address()), fields);
        let stream = TcpStream::connect(self.gateway.address()).await?;
        stream.set_nodelay(true)?;
        speak(request, Box::new(stream)).await
    }

    /// The status of what is answered instead of a WebSocket, and the code in it.
    async fn refusal(&self, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        match self.ask(path, fields).await {
            Err(Error::Http(answer)) => refusal(&answer),
            other => panic!("{path} {fields:?}: {:?}", other.map(|(_, answer)| answer)),
        }
    }

    /// Waits for the line that a transaction leaves when it ends.
    async fn line(&self) -> String {
        self.gateway.wait_for_line("transaction=worklist").await
    }
}

/// The caller's end, and the answer that opened it.
type Asked = (Socket, Response<Option<Vec<u8>>>);

fn toml(world: &World, notifier: &Notifier, route: &str, more: &str) -> Toml {
    let route = format!("allow = [\"worklist\"]\n{route}");
    Toml { route, more: more.into(), ..world.toml(notifier.url() + "/ws") }
}

fn asking(url: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = url.into_client_request().unwrap();
    for (name, value) in fields {
        let name = name.parse::<http::HeaderName>().unwrap();
        // The first of a name takes the place of what has to be there.
        let first = fields.iter().find(|(other, _)| *other == name.as_str());
        if first.is_some_and(|first| first.1 == *value) {
            request.headers_mut().remove(&name);
        }
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

async fn speak(request: Request<()>, wire: Box<dyn Wire>) -> Result<Asked, Error> {
    soon(client_async(request, wire)).await
}

fn refusal(answer: &Response<Option<Vec<u8>>>) -> (u16, String) {
    let body = answer.body().as_deref().unwrap_or_default();
    let problem = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
    (answer.status().as_u16(), problem["code"].as_str().unwrap_or_default().to_owned())
}

async fn say(socket: &mut Socket, message: impl Into<Message>) {
    soon(socket.send(message.into())).await.unwrap();
}

/// The next message, or how it ended.
async fn hear(socket: &mut Socket) -> Option<Result<Message, Error>> {
    soon(socket.next()).await
}

#[track_caller]
fn heard(socket: &mut Socket) -> impl Future<Output = Message> {
    let place = std::panic::Location::caller();
    async move { hear(socket).await.unwrap_or_else(|| panic!("an end at {place}")).unwrap() }
}

/// Gives up when nobody would wait any longer.
#[track_caller]
fn soon<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let waited = tokio::time::timeout(Duration::from_secs(30), future);
    let place = std::panic::Location::caller();
    async move { waited.await.unwrap_or_else(|_| panic!("waited in vain at {place}")) }
}
