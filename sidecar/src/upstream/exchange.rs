//! One request and its answer on one connection.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
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
    response: Response<hyper::body::Incoming>,
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
    Ok(response.map(|body| Received::new(body, lease)))
}
