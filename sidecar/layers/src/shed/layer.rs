//! The layer's configuration.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tower::Layer;

use super::{Permit, Shed};

/// Refuses requests beyond a number in flight. All services it makes share the number.
#[derive(Debug, Clone)]
pub struct ShedLayer {
    places: Arc<Semaphore>,
    limit: usize,
}

impl ShedLayer {
    /// At most `limit` requests in flight, at most 2^61.
    pub fn new(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(limit)), limit }
    }

    /// A place for a request that passes no layer, if there is one now.
    pub fn permit(&self) -> Option<Permit> {
        Permit::take(&self.places)
    }
}

impl<S> Layer<S> for ShedLayer {
    type Service = Shed<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Shed::new(inner, Arc::clone(&self.places), self.limit)
    }
}
