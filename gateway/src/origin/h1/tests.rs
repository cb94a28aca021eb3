use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use tokio::io::ReadBuf;
use tokio::sync::Notify;
use tokio::task::LocalSet;

use super::*;
use crate::metrics::ConnectionMetrics;

#[tokio::test]
async fn a_small_answer_lets_others_go_first() {
    let (order, came) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Notify::new()));
    let sending = {
        let mut connection = connection(Origin { order: order.clone(), came: came.clone() });
        let order = order.clone();
        async move {
            assert_eq!(connection.send(request()).await.unwrap().status(), 204);
            order.borrow_mut().push("it is answered");
        }
    };
    let other = {
        let order = order.clone();
        async move {
            came.notified().await;
            order.borrow_mut().push("another goes");
        }
    };
    let tasks = LocalSet::new();
    tasks.spawn_local(sending);
    tasks.spawn_local(other);
    tasks.await;
    assert_eq!(*order.borrow(), ["it is sent", "another goes", "it is answered"]);
}

#[tokio::test]
async fn an_answer_without_a_body_leaves_the_room_that_it_was_read_to() {
    let block = BytesMut::with_capacity(ROOM_OF_A_HEAD);
    let address = block.as_ptr();
    room::give_back(block);
    let mut connection = connection(Origin { order: Rc::default(), came: Rc::default() });
    assert_eq!(connection.send(request()).await.unwrap().status(), 204);
    assert_eq!(room::take(ROOM_OF_A_HEAD).as_ptr(), address);
}

fn connection(origin: Origin) -> Connection {
    Connection::new(Box::new(origin), Arc::<ConnectionMetrics>::default().open())
}

fn request() -> Request<Outgoing> {
    Request::get("/studies").body(Outgoing::Empty).unwrap()
}

/// An origin server that has answered as soon as it is asked, while something else happened.
struct Origin {
    order: Rc<RefCell<Vec<&'static str>>>,
    came: Rc<Notify>,
}

impl AsyncRead for Origin {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.came.notify_one();
        buffer.put_slice(b"HTTP/1.1 204 No Content\r\n\r\n");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Origin {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.order.borrow_mut().push("it is sent");
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
