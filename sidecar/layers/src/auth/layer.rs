//! The layer's configuration.

use tower::Layer;

use http::{HeaderMap, Method, Uri};

use super::{Anonymous, Auth, Caller, Guarded, Unauthorized, Verifier};

/// Lets pass who may.
#[derive(Debug, Clone)]
pub struct AuthLayer<V> {
    verifier: V,
    anonymous: Anonymous,
    guarded: Guarded,
}

impl<V> AuthLayer<V> {
    /// `verifier` knows the tokens; `anonymous` says what passes without one.
    pub fn new(verifier: V, anonymous: Anonymous) -> Self {
        Self { verifier, anonymous, guarded: |_| false }
    }

    /// The paths that `guarded` says pass to nobody without a token, whatever else does.
    #[must_use]
    pub fn guarding(self, guarded: Guarded) -> Self {
        Self { guarded, ..self }
    }

    /// Who sends a request that passes no layer.
    ///
    /// # Errors
    /// Where the layer would refuse it.
    pub fn identify(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Caller, Unauthorized>
    where
        V: Verifier,
    {
        let anonymous = self.anonymous.on((self.guarded)(uri.path()));
        Caller::identify(&self.verifier, anonymous, method, headers)
    }
}

impl<V: Clone, S> Layer<S> for AuthLayer<V> {
    type Service = Auth<V, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Auth::new(inner, self.clone())
    }
}
