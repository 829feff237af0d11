//! How far a request got in the cache, for whoever answers it with an error: an answer says it itself.

use std::sync::Arc;

use http::{Extensions, HeaderValue};
use parking_lot::Mutex;

use super::status::CacheStatus;

/// What the cache did with a request. Put one into its extensions, keep a clone, and ask that when the
/// request ends with an error.
#[derive(Debug, Clone, Default)]
pub struct CacheTrail(Arc<Mutex<Option<CacheStatus>>>);

impl CacheTrail {
    /// The `Cache-Status` of an error; `None` where the request had not reached the cache. `detail` is a
    /// token that says what failed; it gives way to the reason for which the cache was gone around.
    pub fn cache_status(&self, detail: &str) -> Option<HeaderValue> {
        let status = (*self.0.lock())?;
        status.failed(detail)
    }

    /// The request with these extensions goes this way now.
    pub(super) fn note(extensions: &Extensions, status: CacheStatus) {
        if let Some(CacheTrail(noted)) = extensions.get() {
            *noted.lock() = Some(status);
        }
    }
}
