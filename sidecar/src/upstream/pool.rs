//! Idle connections to one target.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use http_body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::Instant,
};
use tower::BoxError;

use super::{Target, UpstreamError, target::Transport};

/// How long a connection is kept without a request: below the shortest keep-alive that servers have by
/// default without announcing it (5 s), so that the server is rarely the one who closes.
const IDLE: Duration = Duration::from_secs(4);

/// Idle connections kept at most.
const MAX_IDLE: usize = 1024;

/// A server on the same machine or in the same pod accepts at once, or is in trouble.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a connection's read buffer at first; it grows with what comes.
const MAX_HEAD: usize = 64 * 1024;

/// Connections to one target; a handle, cheap to clone.
#[derive(Debug)]
pub struct Pool<B> {
    shared: Arc<Shared<B>>,
}

impl<B> Clone for Pool<B> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

#[derive(Debug)]
struct Shared<B> {
    target: Target,
    /// The most recently used at the back, which is where the next is taken.
    idle: Mutex<VecDeque<Idle<B>>>,
}

#[derive(Debug)]
struct Idle<B> {
    sender: SendRequest<B>,
    until: Instant,
}

/// A connection in use.
#[derive(Debug)]
pub(super) struct Lease<B> {
    pub(super) sender: SendRequest<B>,
    /// Whether it has served a request before.
    pub(super) reused: bool,
    /// How long it may stay idle after this request; the server may say less than [`IDLE`].
    pub(super) keep: Duration,
    shared: Arc<Shared<B>>,
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// No connections yet. Must be called within a runtime, which closes what stays idle.
    pub fn new(target: Target) -> Self {
        let shared = Arc::new(Shared { target, idle: Mutex::default() });
        tokio::spawn(close_expired(Arc::downgrade(&shared)));
        Self { shared }
    }

    /// Where the connections go.
    pub fn target(&self) -> &Target {
        &self.shared.target
    }

    /// An idle connection that still seems alive.
    pub(super) fn idle(&self) -> Option<Lease<B>> {
        let now = Instant::now();
        let mut idle = self.shared.idle.lock();
        while let Some(Idle { sender, until }) = idle.pop_back() {
            if until > now && sender.is_ready() {
                return Some(self.lease(sender, true));
            }
        }
        None
    }

    /// A fresh connection.
    pub(super) async fn connect(&self) -> Result<Lease<B>, UpstreamError> {
        let target = &self.shared.target;
        let connecting = async {
            match &target.transport {
                Transport::Unix(path) => handshake(UnixStream::connect(path).await?).await,
                Transport::Tcp(host, port) => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await?;
                    stream.set_nodelay(true)?;
                    handshake(stream).await
                }
            }
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(sender)) => Ok(self.lease(sender, false)),
            Ok(Err(error)) => Err(connect_error(target, error)),
            Err(_) => {
                Err(UpstreamError::ConnectTimeout { target: target.to_string(), limit: CONNECT_TIMEOUT })
            }
        }
    }

    /// Whether the target accepts a connection.
    pub async fn reach(&self) -> Result<(), UpstreamError> {
        self.connect().await.map(drop)
    }

    fn lease(&self, sender: SendRequest<B>, reused: bool) -> Lease<B> {
        Lease { sender, reused, keep: IDLE, shared: Arc::clone(&self.shared) }
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

fn connect_error(target: &Target, error: io::Error) -> UpstreamError {
    let (target, kind, source) = (target.to_string(), error.kind(), Arc::new(error));
    match kind {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            UpstreamError::NotListening { target, source }
        }
        _ => UpstreamError::Connect { target, source },
    }
}

impl<B: Send + 'static> Lease<B> {
    /// Gives the connection back when it can take the next request, which is usually now.
    pub(super) fn release(mut self) {
        if self.keep.is_zero() || self.sender.is_closed() {
            return;
        }
        if self.sender.is_ready() {
            return self.keep();
        }
        tokio::spawn(async move {
            if self.sender.ready().await.is_ok() {
                self.keep();
            }
        });
    }

    fn keep(self) {
        let until = Instant::now() + self.keep.min(IDLE);
        let mut idle = self.shared.idle.lock();
        if idle.len() >= MAX_IDLE {
            idle.pop_front();
        }
        idle.push_back(Idle { sender: self.sender, until });
    }
}

/// Closes connections that nobody wants any more, also when no request comes to look for one.
async fn close_expired<B>(shared: Weak<Shared<B>>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let now = Instant::now();
        shared.idle.lock().retain(|idle| idle.until > now);
    }
}
