//! One request and its answer on one connection.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header::CONTENT_LENGTH};
use http_body::Body;
use kivi_layers::trace::ResendCount;
use tower::{BoxError, Service};

use super::{Outgoing, Pool, Received, Target, UpstreamError, direct::keep_alive, pool::Lease};

/// Sends each request on a pooled connection, or on a fresh one when it is sent again.
#[derive(Debug)]
pub struct Exchange<B> {
    pool: Pool<Outgoing<B>>,
}

impl<B> Clone for Exchange<B> {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone() }
    }
}

impl<B> Exchange<B> {
    /// Exchanges on connections of `pool`.
    pub fn new(pool: Pool<Outgoing<B>>) -> Self {
        Self { pool }
    }
}

impl<B> Service<Request<Outgoing<B>>> for Exchange<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Received<Outgoing<B>>>;
    type Error = UpstreamError;
    type Future = BoxFuture<'static, Result<Self::Response, UpstreamError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Outgoing<B>>) -> Self::Future {
        Box::pin(exchange(self.pool.clone(), request))
    }
}

async fn exchange<B>(
    pool: Pool<Outgoing<B>>,
    mut request: Request<Outgoing<B>>,
) -> Result<Response<Received<Outgoing<B>>>, UpstreamError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let fresh = request.extensions().get::<ResendCount>().is_some();
    loop {
        let mut lease = match if fresh { None } else { pool.idle() } {
            Some(lease) => lease,
            None => pool.connect().await?,
        };
        match lease.sender.try_send_request(request).await {
            Ok(response) => return received(pool.target(), lease, response),
            Err(mut error) => match error.take_message() {
                // Nothing of it was sent: the connection had died in the pool. Another is as good.
                Some(unsent) if lease.reused => request = unsent,
                _ => {
                    return Err(UpstreamError::Broken {
                        target: pool.target().to_string(),
                        source: Arc::new(error.into_error()),
                        reused: lease.reused,
                    });
                }
            },
        }
    }
}

/// The answer that came on a connection, which is the pool's again when it has ended.
pub(super) fn received<B>(
    target: &Target,
    mut lease: Lease<Outgoing<B>>,
    mut response: Response<hyper::body::Incoming>,
) -> Result<Response<Received<Outgoing<B>>>, UpstreamError>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(UpstreamError::Switched { target: target.to_string() });
    }
    let announced = response.headers().get("keep-alive").and_then(|value| value.to_str().ok());
    if let Some(announced) = announced.and_then(keep_alive) {
        // A second less than the server says, for what is under way when it closes.
        lease.keep = announced.saturating_sub(Duration::from_secs(1));
    }
    settle_length(response.headers_mut());
    Ok(response.map(|body| Received::new(body, lease)))
}

/// Has one length where an answer tells several: who passes them on may not pass on all (RFC 9110, section 8.6). hyper
/// takes those of an answer with a body for one only if they are the same; others are about no body that comes.
fn settle_length(headers: &mut HeaderMap) {
    let told: Vec<_> = headers.get_all(CONTENT_LENGTH).iter().map(HeaderValue::as_bytes).collect();
    let mut lengths = told.iter().flat_map(|value| value.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    let (Some(first), Some(second)) = (lengths.next(), lengths.next()) else { return };
    let one =
        (first == second && lengths.all(|other| first == other)).then(|| HeaderValue::from_bytes(first));
    match one {
        Some(Ok(length)) => drop(headers.insert(CONTENT_LENGTH, length)),
        _ => drop(headers.remove(CONTENT_LENGTH)),
    }
}
