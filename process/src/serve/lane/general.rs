//! A plain request as a service takes it, and the answer that it gives.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower::Service;

use super::PlainRequest;
use crate::listen::Peer;
use crate::serve::BoxError;
use crate::serve::body::RequestBody;

/// The request; `None` when hyper has to say what is wrong with it.
pub(super) fn request(plain: &PlainRequest<'_>, peer: &Peer) -> Option<Request<RequestBody>> {
    let body = RequestBody::Whole(Full::new(Bytes::copy_from_slice(plain.body)));
    let mut request = Request::new(body);
    *request.method_mut() = Method::from_bytes(plain.method.as_bytes()).ok()?;
    // Other forms than a path say things of their own, and of a fragment, which no request has, nothing would be left.
    let is_path = plain.target.starts_with('/') && !plain.target.contains('#');
    *request.uri_mut() = is_path.then(|| plain.target.parse::<Uri>().ok())??;
    for (name, value) in plain.fields() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(value).ok()?);
    }
    request.extensions_mut().insert(peer.clone());
    Some(request)
}

/// The service's answer, whole.
///
/// # Errors
/// When the body breaks off, or is one that is made while it is read: the client has to see that.
pub(super) async fn call<S, B>(service: &mut S, request: Request<RequestBody>) -> io::Result<Response<Bytes>>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
    let Ok(response) = service.call(request).await;
    let (parts, body) = response.into_parts();
    if body.size_hint().exact().is_none() {
        return Err(io::Error::other("an answer that is not at hand is none for the lane"));
    }
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Response::from_parts(parts, body))
}
