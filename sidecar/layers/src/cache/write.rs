//! A request that may change what GETs return, on its way through.
//!
//! It detaches the flights of its resource when it begins and again when it ends, before its answer goes
//! out; what is stored goes when it may have taken effect (RFC 9111, 4.4). The end is in `Drop`: a client
//! that leaves, or an inner service that panics, ends a write too, and nobody knows whether it took
//! effect.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body::Body;
use tower::{BoxError, Service, ServiceExt};

use super::{
    CacheBody, classify::Reach, key, location::same_origin_path, status::CacheStatus, table::Table,
    trail::CacheTrail, writes::Effect,
};

/// A write in progress.
#[derive(Debug)]
pub(super) struct Write {
    table: Arc<Table>,
    resource: Arc<[u8]>,
    reach: Reach,
    /// What is known of it so far.
    effect: Effect,
}

impl Write {
    /// Detaches what loads now.
    pub(super) fn begin<B>(table: Arc<Table>, request: &Request<B>, reach: Reach) -> Self {
        let resource = key::resource(request.uri().path());
        table.write_begins(&resource, reach);
        Self { table, resource, reach, effect: Effect::Unknown }
    }

    /// Passes the request on, and ends the write with its answer.
    pub(super) async fn run<S, B, R>(
        mut self,
        inner: S,
        request: Request<B>,
    ) -> Result<Response<CacheBody>, BoxError>
    where
        S: Service<Request<B>, Response = Response<R>>,
        S::Error: Into<BoxError>,
        R: Body<Data = Bytes> + Send + 'static,
        R::Error: Into<BoxError>,
    {
        CacheTrail::note(request.extensions(), CacheStatus::Method);
        let uri = request.uri().clone();
        let host = request.headers().get(header::HOST).cloned();
        let host = host.as_ref().and_then(|host| host.to_str().ok());
        let response = inner.oneshot(request).await.map_err(Into::into)?;
        self.answered(&uri, host, response.status(), response.headers());
        drop(self);
        let mut response = response.map(CacheBody::own);
        CacheStatus::Method.add_to(response.headers_mut());
        Ok(response)
    }

    /// Only a success changes what is stored, here and where the answer points to on this origin.
    fn answered(&mut self, uri: &Uri, host: Option<&str>, status: StatusCode, headers: &HeaderMap) {
        if !(status.is_success() || status.is_redirection()) {
            self.effect = Effect::None;
            return;
        }
        self.effect = Effect::Acknowledged;
        for name in [header::LOCATION, header::CONTENT_LOCATION] {
            let path = headers.get(name).and_then(|value| same_origin_path(uri, host, value.to_str().ok()?));
            if let Some(path) = path {
                self.table.invalidate(&key::resource(&path));
            }
        }
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        self.table.write_ends(&self.resource, self.reach, self.effect);
    }
}
