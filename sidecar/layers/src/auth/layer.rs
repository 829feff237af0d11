//! The layer's configuration.

use tower::Layer;

use http::{HeaderMap, Method};

use super::{Anonymous, Auth, Caller, Unauthorized, Verifier};

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

    /// Who sends a request that passes no layer.
    ///
    /// # Errors
    /// Where the layer would refuse it.
    pub fn identify(&self, method: &Method, headers: &HeaderMap) -> Result<Caller, Unauthorized>
    where
        V: Verifier,
    {
        Caller::identify(&self.verifier, self.anonymous, method, headers)
    }
}

impl<V: Clone, S> Layer<S> for AuthLayer<V> {
    type Service = Auth<V, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Auth::new(inner, self.verifier.clone(), self.anonymous)
    }
}
