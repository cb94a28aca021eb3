//! A body that stops halfway until the test has seen to something else.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::watch;

use crate::bulk::Pattern;

/// Controls a body made by [`paused`]. Dropped, it lets the body go on.
pub struct Pause {
    go_on: watch::Sender<bool>,
    reached: watch::Receiver<bool>,
}

/// A body of `length` bytes of the [`Pattern`], of unknown length to whoever sends it, which stops
/// at about its half.
pub fn paused(length: u64) -> (impl Body<Data = Bytes, Error = Infallible> + Send, Pause) {
    let (go_on, may_go_on) = watch::channel(false);
    let (at_half, reached) = watch::channel(false);
    let start = (Pattern::new(length), 0, at_half, may_go_on);
    let frames =
        stream::unfold(start, move |(mut rest, given, at_half, mut may_go_on)| async move {
            if given >= length / 2 {
                at_half.send_replace(true);
                let _ = may_go_on.wait_for(|may| *may).await;
            }
            let data = rest.frame().await?.ok()?.into_data().ok()?;
            let given = given + data.len() as u64;
            Some((Ok(Frame::data(data)), (rest, given, at_half, may_go_on)))
        });
    (StreamBody::new(frames), Pause { go_on, reached })
}

impl Pause {
    /// Waits until whoever sends the body has asked for more than its half.
    pub async fn reached(&self) {
        let _ = self.reached.clone().wait_for(|reached| *reached).await;
    }

    /// Lets it go on.
    pub fn end(&self) {
        self.go_on.send_replace(true);
    }
}
