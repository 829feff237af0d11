//! The layer's configuration.

use std::sync::Arc;

use tower::Layer;

use super::{Permit, Shed, policy::Places};

/// Refuses requests beyond a number in flight. All services it makes share the number.
#[derive(Debug, Clone)]
pub struct ShedLayer {
    places: Arc<Places>,
}

impl ShedLayer {
    /// At most `limit` requests in flight.
    pub fn new(limit: usize) -> Self {
        Self { places: Arc::new(Places::new(limit)) }
    }

    /// Puts another bound in force, at once. Requests in flight stay, also where they are more.
    pub fn set_limit(&self, limit: usize) {
        self.places.set_limit(limit);
    }

    /// A place for a request that passes no layer, if there is one now.
    pub fn permit(&self) -> Option<Permit> {
        Permit::take(&self.places)
    }
}

impl<S> Layer<S> for ShedLayer {
    type Service = Shed<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Shed::new(inner, Arc::clone(&self.places))
    }
}
