use std::time::Duration;

use http::HeaderValue;
use http::uri::Authority;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use super::super::OriginSpec;
use super::*;

#[tokio::test]
async fn a_connection_that_ends_while_others_go_first_is_not_used() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pool = Pool::new(spec(listener.local_addr().unwrap().port()), Arc::default());
    let (near, far) = tokio::io::duplex(1024);
    let connection = Box::new(h1::Connection::new(Box::new(near), pool.metrics.open()));
    pool.idle.borrow_mut().push(Idle { connection, since: Instant::now() });
    let (pool, asked) = (Rc::new(pool), Rc::new(Notify::new()));

    let tasks = LocalSet::new();
    let leased = tasks.spawn_local({
        let asked = asked.clone();
        async move {
            asked.notify_one();
            pool.lease(Wanted::Any).await.unwrap().is_reused()
        }
    });
    tasks.spawn_local(async move {
        asked.notified().await;
        drop(far);
    });
    tasks.await;
    assert!(!leased.await.unwrap());
}

fn spec(port: u16) -> SharedSpec {
    let host = "127.0.0.1".to_owned();
    let authority = format!("{host}:{port}");
    let limit = Duration::from_secs(60);
    Arc::new(OriginSpec {
        authority: Authority::try_from(authority.as_str()).unwrap(),
        host: HeaderValue::try_from(authority.as_str()).unwrap(),
        origin: config::Origin {
            tls: false,
            host,
            port,
            authority,
            base: String::new(),
            anchors: None,
        },
        tls: None,
        anchors: 0,
        http2: false,
        connect_timeout: limit,
        response_timeout: limit,
        body_timeout: limit,
        idle_timeout: limit,
        max_idle_connections: 1,
    })
}
