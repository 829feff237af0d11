//! The layer's configuration.

use std::sync::Arc;

use tower::Layer;

use super::{Cache, CacheControl, CacheMetrics, CachePolicy, table::Table};
use crate::PeerOf;

/// Coalesces loads and keeps answers. All services it makes share them.
#[derive(Debug, Clone)]
pub struct CacheLayer {
    table: Arc<Table>,
    peer_of: PeerOf,
}

impl CacheLayer {
    /// An empty cache. `peer_of` tells clients apart where the policy splits by them.
    pub fn new(policy: CachePolicy, peer_of: PeerOf, metrics: CacheMetrics) -> Self {
        Self { table: Arc::new(Table::new(policy, metrics)), peer_of }
    }

    /// What steers it while it runs.
    pub fn control(&self) -> CacheControl {
        CacheControl::new(Arc::clone(&self.table))
    }
}

impl<S> Layer<S> for CacheLayer {
    type Service = Cache<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Cache::new(inner, Arc::clone(&self.table), self.peer_of)
    }
}
