//! How long somebody may stand still.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// Notices when nothing has moved for a while. Made for streams that move often: the clock is looked at
/// only when nothing moves, and the timer is set anew only when it goes off.
pub(crate) struct Patience {
    limit: Duration,
    /// When it was first noticed that nothing moves.
    still_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Begins when it is first asked for its end.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, still_since: None, timer: None }
    }

    /// Something moved.
    pub(crate) fn renew(&mut self) {
        self.still_since = None;
    }

    /// Something moved at `instant`; whether that is news.
    pub(crate) fn has_moved(&mut self, instant: Instant) -> bool {
        let is_news = self.still_since.is_none_or(|since| since < instant);
        if is_news {
            self.still_since = Some(instant);
        }
        is_news
    }

    /// Ready when nothing has moved for the limit; asked while nothing moves.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let end = *self.still_since.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        loop {
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_ends_a_limit_after_the_last_move_and_not_before() {
        let mut patience = Patience::new(Duration::from_secs(10));
        let began = Instant::now();
        let early = Duration::from_secs(4);
        let ends = std::future::poll_fn(|cx| patience.poll_end(cx));
        assert!(tokio::time::timeout(early, ends).await.is_err());
        patience.renew();
        std::future::poll_fn(|cx| patience.poll_end(cx)).await;
        assert_eq!(began.elapsed().as_secs(), 14);
    }
}
