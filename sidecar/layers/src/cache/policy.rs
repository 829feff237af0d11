//! The layer's configuration as plain values; the binary maps its settings onto it.

use std::time::Duration;

use http::HeaderName;

/// What is kept, for how long, for whom, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachePolicy {
    /// Memory for stored answers in bytes, overhead included; 0 stores none and still coalesces.
    pub max_bytes: u64,
    /// The largest body that is shared or stored, in bytes. A longer one is handed to one request, or
    /// passes through a window of this size.
    pub max_object_bytes: u64,
    /// Freshness of an answer that says nothing about its own; zero: coalesce only.
    pub ttl: Duration,
    /// How long after its freshness an answer that says nothing about it is served while it is refreshed
    /// (RFC 5861, 3).
    pub stale_while_revalidate: Duration,
    /// How long after its freshness an answer that says nothing about it is served in place of a failure
    /// (RFC 5861, 4).
    pub stale_if_error: Duration,
    /// How long a failure (a load without an answer, or a 5xx answer) is kept.
    pub error_ttl: Duration,
    /// Freshness of a 404 or 410 that says nothing about its own; zero: coalesce only.
    pub negative_ttl: Duration,
    /// How long a key whose answer must not be shared skips coalescing (hit-for-miss).
    pub unshared_ttl: Duration,
    /// The load's own deadline: to the end of the body where the cache holds it, and for each read
    /// where the body only passes through.
    pub load_timeout: Duration,
    /// How long one reader of a body larger than `max_object_bytes` may hold up the others before it
    /// is cut off.
    pub slow_reader: Duration,
    /// What separates the entries of one key.
    pub split_by: Vec<SplitBy>,
}

/// What separates the entries of one key, so that one caller never sees another's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SplitBy {
    /// The bearer token of the request.
    Token,
    /// The address of the client, without its port.
    Client,
    /// The host that the request names: where the upstream may answer differently under each of its names.
    Host,
    /// A field of the request, all of its lines as they are.
    Header(HeaderName),
}

impl CachePolicy {
    /// Whether what was judged and separated by the other may be served by this one: they differ in sizes and in the
    /// loads' limits at most.
    pub(super) fn judges_as(&self, other: &Self) -> bool {
        let Self {
            max_bytes: _,
            max_object_bytes: _,
            load_timeout: _,
            slow_reader: _,
            ttl,
            stale_while_revalidate,
            stale_if_error,
            error_ttl,
            negative_ttl,
            unshared_ttl,
            split_by,
        } = self;
        (ttl, stale_while_revalidate, stale_if_error)
            == (&other.ttl, &other.stale_while_revalidate, &other.stale_if_error)
            && (error_ttl, negative_ttl, unshared_ttl)
                == (&other.error_ttl, &other.negative_ttl, &other.unshared_ttl)
            && *split_by == other.split_by
    }

    /// Whether an answer that says nothing about its own freshness may be kept.
    pub fn keeps(&self) -> bool {
        self.max_bytes > 0 && !(self.ttl.is_zero() && self.negative_ttl.is_zero())
    }
}

impl Default for CachePolicy {
    /// 64 MiB, objects of at most 4 MiB, coalesce only, nothing stale, one second for failures and hit-for-miss.
    fn default() -> Self {
        Self {
            max_bytes: 64 << 20,
            max_object_bytes: 4 << 20,
            ttl: Duration::ZERO,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            error_ttl: Duration::from_secs(1),
            negative_ttl: Duration::ZERO,
            unshared_ttl: Duration::from_secs(1),
            load_timeout: Duration::from_secs(30),
            slow_reader: Duration::from_secs(5),
            split_by: Vec::new(),
        }
    }
}
