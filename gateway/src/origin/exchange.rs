//! One exchange with an origin server: a connection, a request, the head of an answer, in time.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use http::{Request, Response};

use super::h1::Fault;
use super::pool::{Unanswered, Wanted};
use super::{Incoming, Lease, Lost, Outgoing, Pool, Upload};
use crate::error::Error;

/// Why an exchange failed, and whether a new connection might do better.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What happened.
    pub(crate) error: Error,
    /// The connection had served before: most likely the origin server closed it while the request
    /// was on its way.
    pub(crate) stale: bool,
}

/// Sends `request` on a connection that is `wanted`.
pub(crate) async fn run(
    pool: &Rc<Pool>,
    mut request: Request<Outgoing>,
    upload: Option<&Rc<Upload>>,
    mut wanted: Wanted,
) -> Result<(Response<Incoming>, Lease), Failure> {
    let failed = |error| Failure { error, stale: false };
    loop {
        let mut lease =
            pool.lease(wanted).await.map_err(|error| failed(Error::Unreachable(error)))?;
        let sent = {
            // Pinned here and lent: moved in, it would be held twice.
            let sending = pin!(lease.send(request));
            in_time(sending, upload, pool).await
        };
        let Unanswered { lost, request: unsent, is_begun } = match sent {
            None => return Err(failed(Error::Late)),
            Some(Ok(response)) => return Ok((response, lease)),
            Some(Err(failure)) => failure,
        };
        if let Some(fault) = upload.and_then(|upload| upload.fault()) {
            return Err(failed(fault));
        }
        lease.condemn();
        match (unsent, lost) {
            // Nothing of it went out: the next connection may have it.
            (Some(unsent), _) if lease.is_reused() => {
                request = unsent;
                wanted = Wanted::New;
            }
            (_, Lost::H1(Fault::Unsound(what))) => return Err(failed(Error::Unsound(what))),
            (_, lost) => {
                let stale = lease.is_reused() && !is_begun;
                return Err(Failure { error: Error::BrokeOff(lost), stale });
            }
        }
    }
}

/// The outcome of `sent`, or `None` if the origin server takes too long for it, counted from the last
/// bytes of the body that it was sent.
async fn in_time<T>(
    mut sent: Pin<&mut impl Future<Output = T>>,
    upload: Option<&Rc<Upload>>,
    pool: &Pool,
) -> Option<T> {
    let mut patience = pool.patience();
    let outcome = poll_fn(|cx| {
        if let Poll::Ready(outcome) = sent.as_mut().poll(cx) {
            return Poll::Ready(Some(outcome));
        }
        while patience.poll_end(cx).is_ready() {
            let moved = upload.is_some_and(|upload| patience.has_moved(upload.moved_at().into()));
            if !moved {
                return Poll::Ready(None);
            }
        }
        Poll::Pending
    });
    let outcome = outcome.await;
    pool.keep(patience);
    outcome
}
