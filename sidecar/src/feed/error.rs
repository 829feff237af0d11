//! Why a feed ended.

use std::time::Duration;

use http::StatusCode;
use kivi_api::client::events::EventError;
use thiserror::Error;

use crate::upstream::UpstreamError;

/// Why a feed ended, or did not begin.
#[derive(Debug, Error)]
pub(super) enum FeedError {
    /// There was no answer.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The server has none for the moment.
    #[error("the server answered {0} when it was asked for its changes")]
    Refused(StatusCode),
    /// The server is no store.
    #[error("the server is no Kivi server: it answered {0} without a revision")]
    NotKivi(StatusCode),
    /// It broke off.
    #[error("the stream of changes broke off: {0}")]
    Broken(#[from] hyper::Error),
    /// It came to its end, as when the server ends.
    #[error("the stream of changes has ended")]
    Ended,
    /// Nothing came.
    #[error("the stream of changes was silent for {0:?}")]
    Silent(Duration),
    /// What came is no event.
    #[error("the stream of changes cannot be read: {0}")]
    Events(#[from] EventError),
    /// What came tells no change.
    #[error("a change cannot be read: {0}")]
    Change(#[from] serde_json::Error),
    /// What was kept before is still there.
    #[error("what was kept before could not be dropped: {0}")]
    Kept(#[from] tokio::task::JoinError),
    /// The server gave up.
    #[error("the server ended the stream of changes: {0}")]
    Cut(String),
}
