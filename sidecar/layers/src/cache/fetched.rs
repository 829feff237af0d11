//! The answer that a load's waiter has, lent as it lies in the flight: its head is not copied.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::{
    CacheBody,
    flight::Seat,
    head::Head,
    status::{CacheStatus, Forwarded},
    table::Table,
};

/// An answer that was waited for.
#[derive(Debug)]
pub struct Fetched(Kind);

#[derive(Debug)]
enum Kind {
    /// Its head is its flight's.
    Shared { head: Arc<Head>, status: HeaderValue, body: CacheBody },
    /// It is its own.
    Own(Response<CacheBody>),
}

impl Fetched {
    /// An answer that its waiter shares.
    pub(super) fn shared(
        table: &Table,
        head: Arc<Head>,
        whole: Option<Bytes>,
        seat: Seat,
        why: Forwarded,
    ) -> Self {
        let stored = head.stored_for(&table.policy());
        let status = CacheStatus::Loaded { why, upstream: None, collapsed: !seat.is_leader(), stored };
        let (status, body) = (status.value(), CacheBody::landed(seat, whole, head.length));
        Self(Kind::Shared { head, status, body })
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        match &self.0 {
            Kind::Shared { head, .. } => head.status,
            Kind::Own(response) => response.status(),
        }
    }

    /// Its fields, but perhaps for [`Fetched::cache_status`].
    pub fn headers(&self) -> &HeaderMap {
        match &self.0 {
            Kind::Shared { head, .. } => &head.headers,
            Kind::Own(response) => response.headers(),
        }
    }

    /// The line of `Cache-Status` that comes behind its fields, where it is not one of them.
    pub fn cache_status(&self) -> Option<&HeaderValue> {
        match &self.0 {
            Kind::Shared { status, .. } => Some(status),
            Kind::Own(_) => None,
        }
    }

    /// Its body.
    pub fn into_body(self) -> CacheBody {
        match self.0 {
            Kind::Shared { body, .. } => body,
            Kind::Own(response) => response.into_body(),
        }
    }
}

impl From<Response<CacheBody>> for Fetched {
    fn from(response: Response<CacheBody>) -> Self {
        Self(Kind::Own(response))
    }
}
