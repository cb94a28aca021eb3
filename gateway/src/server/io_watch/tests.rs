use std::cell::RefCell;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::task::LocalSet;

use super::*;
use crate::caller::Peer;

#[tokio::test]
async fn whoever_has_read_lets_others_go_first_once() {
    let (near, mut far) = UnixStream::pair().unwrap();
    let mut watched = Watched::new(near, Prefix::default(), conn());
    far.write_all(b"a request").await.unwrap();
    let (order, came) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Notify::new()));
    let answering = {
        let (order, came) = (order.clone(), came.clone());
        async move {
            watched.read_exact(&mut [0; 9]).await.unwrap();
            for _ in 0..2 {
                came.notify_one();
                watched.write_all(b"an answer").await.unwrap();
                order.borrow_mut().push("it writes");
            }
        }
    };
    let other = {
        let order = order.clone();
        async move {
            for _ in 0..2 {
                came.notified().await;
                order.borrow_mut().push("another goes");
            }
        }
    };
    let tasks = LocalSet::new();
    tasks.spawn_local(answering);
    tasks.spawn_local(other);
    tasks.await;
    assert_eq!(*order.borrow(), ["another goes", "it writes", "it writes", "another goes"]);
}

fn conn() -> Rc<Conn> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway.toml");
    let loaded = config::parse_with(CONFIGURATION, &file, |_| None);
    let listener = loaded.unwrap_or_else(|error| panic!("{error}")).config.listener;
    Rc::new(Conn::new(&listener, Protocol::H1, Peer::default()))
}

const CONFIGURATION: &str = r#"
listener.address = "127.0.0.1:0"
admin.address = "127.0.0.1:0"
runtime.danger_loose_key_files = true
[client]
token_endpoint = "http://127.0.0.1:1/token"
id = "gateway"
credential.secret_file = "Cargo.toml"
[[route]]
prefix = "/dicom-web"
origin = "http://127.0.0.1:1"
scope = "scope"
callers = "anyone"
"#;
