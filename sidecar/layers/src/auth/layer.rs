//! The layer's configuration.

use tower::Layer;

use super::{Anonymous, Auth};

/// Lets pass who may.
#[derive(Debug, Clone)]
pub struct AuthLayer<V> {
    verifier: V,
    anonymous: Anonymous,
}

impl<V> AuthLayer<V> {
    /// `verifier` knows the tokens; `anonymous` says what passes without one.
    pub fn new(verifier: V, anonymous: Anonymous) -> Self {
        Self { verifier, anonymous }
    }
}

impl<V: Clone, S> Layer<S> for AuthLayer<V> {
    type Service = Auth<V, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Auth::new(inner, self.verifier.clone(), self.anonymous)
    }
}
