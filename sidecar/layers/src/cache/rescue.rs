//! A stored answer in place of a failure (RFC 5861, 4), for each request that waits for what fails.
//!
//! Looked up when the failure is there, so that a write that was acknowledged meanwhile, or the window's
//! end, leaves nothing to serve.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use futures::future::Either;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::time::{Instant, sleep_until};
use tower::BoxError;

use super::{CacheBody, key::CacheKey, stale, status::CacheStatus, table::Table};
use crate::timeout::Deadline;

type Outcome = Result<Response<CacheBody>, BoxError>;

/// What a request needs to be answered from the store when what it waits for fails.
#[derive(Debug)]
pub(super) struct Rescue {
    table: Arc<Table>,
    key: CacheKey,
    headers: HeaderMap,
    is_head: bool,
    /// When its client is not answered any more: that failure is rescued too.
    deadline: Option<Deadline>,
}

impl Rescue {
    /// `None`: nothing is stored that could stand in.
    pub(super) fn of<B>(table: &Arc<Table>, key: &CacheKey, request: &Request<B>) -> Option<Self> {
        table.in_place_of_failure(key, request.headers())?;
        Some(Self {
            table: Arc::clone(table),
            key: key.clone(),
            headers: request.headers().clone(),
            is_head: request.method() == Method::HEAD,
            deadline: Deadline::of(request.extensions()),
        })
    }

    /// The stored answer in place of a failure with `status`, or without an answer.
    fn answer(&self, status: Option<StatusCode>) -> Option<Response<CacheBody>> {
        let stored = self.table.in_place_of_failure(&self.key, &self.headers)?;
        self.table.metrics.stale.inc();
        let now = Instant::now();
        let status = CacheStatus::Instead { ttl: stored.ttl(now), status };
        Some(stored.answer(&self.headers, self.is_head, now, status))
    }
}

/// The outcome of `work`, or the stored answer in place of its failure.
pub(super) fn rescued<W: Future<Output = Outcome>>(
    rescue: Option<Rescue>,
    work: W,
) -> impl Future<Output = Outcome> {
    match rescue {
        None => Either::Left(work),
        // In place it would be there twice: where it came and where it is pinned.
        Some(rescue) => Either::Right(with(rescue, Box::pin(work))),
    }
}

async fn with<W: Future<Output = Outcome>>(rescue: Rescue, mut work: Pin<Box<W>>) -> Outcome {
    let outcome = match rescue.deadline {
        None => Some(work.as_mut().await),
        Some(Deadline(deadline)) => {
            let mut late = pin!(sleep_until(deadline));
            poll_fn(|cx| {
                if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
                    return Poll::Ready(Some(outcome));
                }
                // The clock too: whoever enforces the deadline outside may be woken before this timer is.
                let is_late = late.as_mut().poll(cx).is_ready() || Instant::now() >= deadline;
                if is_late { Poll::Ready(None) } else { Poll::Pending }
            })
            .await
        }
    };
    let status = match &outcome {
        Some(Ok(response)) if !stale::is_failure(response.status()) => None,
        Some(Ok(response)) => Some(Some(response.status())),
        Some(Err(_)) | None => Some(None),
    };
    match (status.and_then(|status| rescue.answer(status)), outcome) {
        (Some(answer), _) => Ok(answer),
        (None, Some(outcome)) => outcome,
        (None, None) => work.await,
    }
}
