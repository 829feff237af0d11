//! The layer's configuration.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use tower::Layer;

use super::{By, OnExcess, Rate, Throttle, bucket::Buckets};
use crate::{Peer, PeerOf, auth::Caller};

/// Holds requests to a rate. All services it makes share the buckets.
#[derive(Debug, Clone)]
pub struct ThrottleLayer {
    pub(super) limit: Arc<ArcSwapOption<Limit>>,
}

/// What a limited layer knows.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) buckets: Buckets,
    pub(super) rate: Rate,
    pub(super) by: By,
    pub(super) on_excess: OnExcess,
    pub(super) peer: PeerOf,
}

impl ThrottleLayer {
    /// No limit.
    pub fn unlimited() -> Self {
        Self { limit: Arc::default() }
    }

    /// Whether a request that passes no layer may pass at once; then it has taken its token.
    pub fn admits_now(&self, caller: &Caller, peer: Peer) -> bool {
        self.limit.load().as_ref().is_none_or(|limit| limit.admits_now(caller, peer))
    }

    /// `rate` for each owner of a bucket; `peer` says who sent a request without a token.
    pub fn new(rate: Rate, by: By, on_excess: OnExcess, peer: PeerOf) -> Self {
        let limit = Limit { buckets: Buckets::new(rate), rate, by, on_excess, peer };
        Self { limit: Arc::new(ArcSwapOption::from_pointee(limit)) }
    }

    /// Puts the limit of `other`, or that it has none, in force here, at once. A bucket keeps its tokens, as far as the
    /// new burst holds them, so that no client gains by a change; but buckets of other owners begin full.
    pub fn replace(&self, other: &Self) {
        let next = other.limit.load_full().map(|next| {
            let Limit { rate, by, on_excess, peer, .. } = *next;
            let old = self.limit.load_full().filter(|old| old.by == by);
            let buckets = old.map_or_else(|| Buckets::new(rate), |old| old.buckets.at_rate(rate));
            Arc::new(Limit { buckets, rate, by, on_excess, peer })
        });
        self.limit.store(next);
    }
}

/// Longest delay of a request without a deadline.
pub(super) const NO_DEADLINE: Duration = Duration::from_secs(30);

impl<S> Layer<S> for ThrottleLayer {
    type Service = Throttle<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Throttle::new(inner, Arc::clone(&self.limit))
    }
}
