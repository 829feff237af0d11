//! Waiting for a client: for its next bytes, for the end of its time, for the end of the process.
//!
//! A request that comes soon costs no timer: the deadline of the connection is looked at when it comes, and moved then.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// Why the waiting is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// Bytes came.
    Received,
    /// The client will send no more.
    Ended,
    /// The process is to end. Told once.
    Stopped,
    /// The time for a request is over.
    TooLong,
}

pin_project! {
    /// What one connection waits for besides its bytes.
    pub(super) struct Waiting<'t> {
        #[pin]
        stopped: WaitForCancellationFuture<'t>,
        told: bool,
        #[pin]
        timer: Sleep,
        // Until when a request has to come; the timer comes no later.
        deadline: Instant,
        // Whether both will wake this task without being asked again: they were asked, and since then the task has
        // only ever waited here.
        armed: bool,
    }
}

impl<'t> Waiting<'t> {
    /// The first request has to come within `first`.
    pub(super) fn new(shutdown: &'t CancellationToken, first: Duration) -> Self {
        let stopped = shutdown.cancelled();
        Self { stopped, told: false, timer: sleep(first), deadline: Instant::now() + first, armed: false }
    }

    /// The next request has to come by then.
    pub(super) fn until(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        *this.deadline = deadline;
        if deadline < this.timer.deadline() {
            this.timer.reset(deadline);
        }
    }

    /// The task has waited for something else, which may have taken what would have woken it here.
    pub(super) fn disturbed(self: Pin<&mut Self>) {
        *self.project().armed = false;
    }

    /// Waits for bytes, which it appends.
    pub(super) async fn next<T: AsyncRead + Unpin>(
        mut self: Pin<&mut Self>,
        stream: &mut T,
        inbox: &mut BytesMut,
    ) -> io::Result<Woken> {
        // A timer that came together with bytes was not asked since, and would never come again.
        let mut waits_on = self.armed && !self.timer.is_elapsed();
        poll_fn(|cx| {
            if let Poll::Ready(received) = pin!(stream.read_buf(inbox)).poll(cx) {
                let woken = |count| if count == 0 { Woken::Ended } else { Woken::Received };
                return Poll::Ready(received.map(woken));
            }
            // Woken without bytes, it is one of these.
            if std::mem::take(&mut waits_on) {
                return Poll::Pending;
            }
            self.as_mut().poll_others(cx).map(Ok)
        })
        .await
    }

    fn poll_others(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Woken> {
        let mut this = self.project();
        *this.armed = false;
        // Without budget a timer is pending that was not even looked at.
        let asked = has_budget_remaining();
        if !*this.told && this.stopped.poll(cx).is_ready() {
            *this.told = true;
            return Poll::Ready(Woken::Stopped);
        }
        while this.timer.as_mut().poll(cx).is_ready() {
            if *this.deadline <= Instant::now() {
                return Poll::Ready(Woken::TooLong);
            }
            this.timer.as_mut().reset(*this.deadline);
        }
        *this.armed = asked;
        Poll::Pending
    }
}
