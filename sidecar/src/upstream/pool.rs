//! Connections to one target that hyper speaks on.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::BoxError;

use super::{
    Target, UpstreamError,
    connect::{connect, failed},
    idle::{IDLE, Idle},
};

/// Bytes of a connection's read buffer at first; it grows with what comes.
const MAX_HEAD: usize = 64 * 1024;

/// Connections to one target; a handle, cheap to clone.
#[derive(Debug)]
pub struct Pool<B> {
    target: Arc<Target>,
    idle: Arc<Idle<SendRequest<B>>>,
}

impl<B> Clone for Pool<B> {
    fn clone(&self) -> Self {
        Self { target: Arc::clone(&self.target), idle: Arc::clone(&self.idle) }
    }
}

/// A connection in use.
#[derive(Debug)]
pub(super) struct Lease<B> {
    pub(super) sender: SendRequest<B>,
    /// Whether it has served a request before.
    pub(super) reused: bool,
    /// How long it may stay idle after this request; the server may say less than [`IDLE`].
    pub(super) keep: Duration,
    idle: Arc<Idle<SendRequest<B>>>,
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// No connections yet. Must be called within a runtime, which closes what stays idle.
    pub fn new(target: Target) -> Self {
        Self { target: Arc::new(target), idle: Idle::new() }
    }

    /// Where the connections go.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The same, shared.
    pub(super) fn shared_target(&self) -> Arc<Target> {
        Arc::clone(&self.target)
    }

    /// An idle connection that still seems alive.
    pub(super) fn idle(&self) -> Option<Lease<B>> {
        self.idle.take(SendRequest::is_ready).map(|sender| self.lease(sender, true))
    }

    /// A fresh connection.
    pub(super) async fn connect(&self) -> Result<Lease<B>, UpstreamError> {
        let connection = connect(&self.target).await?;
        self.speak(connection).await
    }

    /// Has hyper speak on a connection.
    pub(super) async fn speak<T>(&self, connection: T) -> Result<Lease<B>, UpstreamError>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let sender = handshake(connection).await.map_err(|error| failed(&self.target, error))?;
        Ok(self.lease(sender, false))
    }

    /// Whether the target accepts a connection.
    pub async fn reach(&self) -> Result<(), UpstreamError> {
        self.connect().await.map(drop)
    }

    fn lease(&self, sender: SendRequest<B>, reused: bool) -> Lease<B> {
        Lease { sender, reused, keep: IDLE, idle: Arc::clone(&self.idle) }
    }
}

async fn handshake<T, B>(stream: T) -> io::Result<SendRequest<B>>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(async move {
        // What the connection ends with, the request on it is told; an idle one may just end.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "A connection to the server ended.");
        }
    });
    Ok(sender)
}

impl<B: Send + 'static> Lease<B> {
    /// Gives the connection back when it can take the next request, which is usually now.
    pub(super) fn release(self) {
        let Self { mut sender, keep, idle, .. } = self;
        if keep.is_zero() || sender.is_closed() {
            return;
        }
        if sender.is_ready() {
            return idle.keep(sender, keep);
        }
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                idle.keep(sender, keep);
            }
        });
    }
}
