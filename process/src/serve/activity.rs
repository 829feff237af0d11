//! Whether a connection is in use: how many of its requests are in flight, and since when none is.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tokio::time::Instant;

/// A connection's use, shared by the connection and its requests.
#[derive(Debug, Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    in_flight: usize,
    served_any: bool,
    idle_since: Instant,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { in_flight: 0, served_any: false, idle_since: Instant::now() })))
    }

    /// Counts a request until the returned guard is dropped.
    pub(super) fn begin(&self) -> InFlight {
        let mut state = self.0.lock();
        state.in_flight += 1;
        state.served_any = true;
        InFlight(self.clone())
    }

    /// Returns when the connection has had no request for `idle`, or no first request for `first`.
    pub(super) async fn unused(&self, first: Duration, idle: Duration) {
        loop {
            let deadline = {
                let state = self.0.lock();
                let allowed = if state.served_any { idle } else { first };
                // In use: look again after a whole period, which costs one timer and no notification.
                let since = if state.in_flight > 0 { Instant::now() } else { state.idle_since };
                since + allowed
            };
            if deadline <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct InFlight(Activity);

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.in_flight -= 1;
        state.idle_since = Instant::now();
    }
}

pin_project! {
    /// An answer's body; its request is in flight until the body is dropped.
    pub(super) struct Tracked<B> {
        #[pin]
        body: B,
        in_flight: InFlight,
    }
}

impl<B> Tracked<B> {
    pub(super) fn new(body: B, in_flight: InFlight) -> Self {
        Self { body, in_flight }
    }
}

impl<B: Body<Data = Bytes>> Body for Tracked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(60);

    /// How long after `since` a connection counts as unused.
    async fn unused_after(activity: &Activity, since: Instant) -> Duration {
        activity.unused(FIRST, IDLE).await;
        since.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_request_has_less_time_than_one_between_two() {
        let (activity, start) = (Activity::new(), Instant::now());
        assert_eq!(unused_after(&activity, start).await, FIRST);
        drop(activity.begin());
        assert_eq!(unused_after(&activity, start).await, FIRST + IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_in_flight_is_use_however_long_it_takes() {
        let activity = Activity::new();
        let in_flight = activity.begin();
        let waiting = tokio::time::timeout(IDLE * 100, activity.unused(FIRST, IDLE)).await;
        assert!(waiting.is_err(), "a connection with a request in flight counted as unused");
        drop(in_flight);
        assert_eq!(unused_after(&activity, Instant::now()).await, IDLE);
    }
}
