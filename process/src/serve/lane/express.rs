//! What answers plain requests: the lane's user.

use std::future::{Future, Pending};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;

use super::answer::Answer;
use super::head::PlainRequest;
use super::reply::Reply;
use crate::listen::Peer;

/// What became of a plain request.
#[derive(Debug)]
pub enum Handled<L> {
    /// The answer is written.
    Answered,
    /// Nothing is written; this gives the answer. Where the client leaves before, it is dropped.
    Later(L),
    /// Nothing was done; the service is asked.
    ByService,
    /// Nothing was done; the connection is hyper's from here on.
    ByHyper,
}

/// Answers plain requests straight into the bytes that are sent.
pub trait Express: Clone + Send + Sync + 'static {
    /// Whether there is a lane at all.
    const LANE: bool = true;

    /// What gives an answer that is not there at once.
    type Later: Future<Output: Reply> + Send;

    /// Answers a request of `peer`, or says who does. What it answers is neither traced nor measured by anybody else.
    fn answer(
        &self,
        request: &PlainRequest<'_>,
        peer: &Peer,
        answer: &mut Answer<'_>,
    ) -> impl Future<Output = Handled<Self::Later>> + Send;
}

/// Every answer is there at once.
pub type Never = Pending<Response<Full<Bytes>>>;

/// No lane: hyper has every connection from its first byte.
#[derive(Debug, Clone, Copy)]
pub struct NoLane;

impl Express for NoLane {
    const LANE: bool = false;
    type Later = Never;

    async fn answer(&self, _: &PlainRequest<'_>, _: &Peer, _: &mut Answer<'_>) -> Handled<Never> {
        Handled::ByHyper
    }
}
