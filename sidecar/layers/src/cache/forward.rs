//! A request that goes around the cache.

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower::{BoxError, Service, ServiceExt};

use super::{CacheBody, status::CacheStatus, trail::CacheTrail};

/// Passes a request on; its answer belongs to it alone, and its error is the inner service's own.
pub(super) async fn forward<S, B, R>(
    inner: S,
    request: Request<B>,
    status: CacheStatus,
) -> Result<Response<CacheBody>, BoxError>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    CacheTrail::note(request.extensions(), status);
    let response = inner.oneshot(request).await.map_err(Into::into)?;
    let mut response = response.map(CacheBody::own);
    status.add_to(response.headers_mut());
    Ok(response)
}
