//! Plain GETs to the server, straight from the bytes of the request to the parts of the answer.
//!
//! Counted by callgrind, the layers on the way to the server and hyper's client take some 40,000 instructions for a small
//! answer, most of them to move, clone and name what is passed on as it is. What is not plain in an answer ([`answer`]) is
//! left to hyper, with every byte that was read of it, and the connection with it.

mod answer;
mod body;
mod replayed;
mod trunk;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body::Body;
use kivi_api::headers::KIVI_REVISION;
use kivi_layers::cache::Exchanged;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::BoxError;

pub(super) use self::answer::keep_alive;
pub use self::body::DirectBody;
use self::{
    answer::{Head, Parsed},
    body::{Kept, Plain},
    replayed::Replayed,
    trunk::Trunk,
};
use super::{
    Outgoing, Pool, UpstreamError,
    connect::{Io, connect, is_quiet},
    idle::{IDLE, Idle},
    received,
};

/// Room for an answer, in bytes: most come at once with their body.
const ROOM: usize = 4 << 10;
/// The most of a plain head, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// With so many requests under way, one that may shares a connection; below that it is sooner answered on its own.
const FEW: usize = 4;

/// Asks the server directly; a handle, cheap to clone.
#[derive(Debug)]
pub struct Direct<B> {
    pool: Pool<Outgoing<B>>,
    idle: Arc<Idle<Connection>>,
    trunk: Trunk,
    under_way: Arc<AtomicUsize>,
    /// Whether an answer has shown that the server is a store, which answers for a key from memory, at once.
    is_store: Arc<AtomicBool>,
}

impl<B> Clone for Direct<B> {
    fn clone(&self) -> Self {
        let Self { pool, idle, trunk, under_way, is_store } = self;
        let (pool, idle, trunk) = (pool.clone(), Arc::clone(idle), trunk.clone());
        Self { pool, idle, trunk, under_way: Arc::clone(under_way), is_store: Arc::clone(is_store) }
    }
}

/// A request under way, counted.
struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A connection, and the room for what comes on it: when nobody has the last answer any more, it is used again.
#[derive(Debug)]
pub(super) struct Connection {
    io: Io,
    inbox: BytesMut,
}

/// What has come of an answer.
enum Come {
    /// Its head, that as bytes, and a part of its body.
    Plain(Head, Bytes, Bytes),
    /// What hyper has to read.
    Other(Bytes),
}

impl<B> Direct<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Connections of its own to the target of `pool`, which has those that turn out to be hyper's. Must be called within
    /// a runtime, which closes what stays idle.
    pub fn new(pool: Pool<Outgoing<B>>) -> Self {
        let trunk = Trunk::new(pool.shared_target());
        Self { pool, idle: Idle::new(), trunk, under_way: Arc::default(), is_store: Arc::default() }
    }

    /// Sends a GET, whose bytes these are, and returns its answer without what concerns one connection only. One that a
    /// store answers at once, in few bytes, `may_share` a connection with others as soon as the server has shown that it
    /// is a store.
    ///
    /// A server may have closed a connection that was idle: then the request is sent again on a fresh one, as an
    /// idempotent one may be (RFC 9110 section 9.2.2).
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(
        self,
        request: Bytes,
        may_share: bool,
    ) -> Result<Exchanged<DirectBody<B>>, UpstreamError> {
        let before = self.under_way.fetch_add(1, Relaxed);
        let _counted = UnderWay(Arc::clone(&self.under_way));
        if may_share
            && before >= FEW
            && self.is_store.load(Relaxed)
            && let Some(answer) = self.trunk.get(&request).await
        {
            return Ok(Exchanged::Whole(answer));
        }
        // Apart, so that the many that share have no room for it.
        Box::pin(self.get_alone(&request)).await
    }

    async fn get_alone(&self, request: &[u8]) -> Result<Exchanged<DirectBody<B>>, UpstreamError> {
        if let Some(mut connection) = self.idle.take(|connection| is_quiet(&connection.io)) {
            match ask(&mut connection, request).await {
                Ok(come) => return self.answer(connection, come).await,
                Err(error) => tracing::debug!(%error, "Sending a request again."),
            }
        }
        let io = Box::pin(connect(self.pool.target())).await?;
        let mut connection = Connection { io, inbox: BytesMut::new() };
        match ask(&mut connection, request).await {
            Ok(come) => self.answer(connection, come).await,
            Err(source) => {
                Err(UpstreamError::Lost { target: self.pool.target().to_string(), source: Arc::new(source) })
            }
        }
    }

    async fn answer(
        &self,
        connection: Connection,
        come: Come,
    ) -> Result<Exchanged<DirectBody<B>>, UpstreamError> {
        let (head, bytes, body) = match come {
            Come::Plain(head, bytes, body) => (head, bytes, body),
            Come::Other(arrived) => {
                let answer = Box::pin(self.by_hyper(Replayed::new(connection.io, arrived))).await?;
                return Ok(Exchanged::Streamed(answer));
            }
        };
        let kept = Kept { connection, keep: head.keep.unwrap_or(IDLE), idle: Arc::clone(&self.idle) };
        let (status, length) = (head.status, head.length);
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = head.headers(&bytes);
        if response.headers().contains_key(KIVI_REVISION) {
            self.is_store.store(true, Relaxed);
        }
        let mut body = Plain::new(body, length, kept);
        Ok(match body.whole() {
            Some(whole) => Exchanged::Whole(response.map(|()| whole)),
            None => Exchanged::Streamed(response.map(|()| DirectBody::Plain(body))),
        })
    }

    /// Has hyper read the answer, to a request of which it only has to know the method.
    async fn by_hyper(&self, connection: Replayed) -> Result<Response<DirectBody<B>>, UpstreamError> {
        let mut lease = self.pool.speak(connection).await?;
        let request = Request::new(Outgoing::empty());
        let broken = |source| UpstreamError::Broken {
            target: self.pool.target().to_string(),
            source: Arc::new(source),
            reused: false,
        };
        let response = lease.sender.send_request(request).await.map_err(broken)?;
        let mut response = received(self.pool.target(), lease, response)?.map(DirectBody::ByHyper);
        crate::proxy::strip(response.headers_mut());
        Ok(response)
    }
}

/// Sends a request, and reads until its answer's head is there or is none.
async fn ask(connection: &mut Connection, request: &[u8]) -> io::Result<Come> {
    let Connection { io, inbox } = connection;
    io.write_all(request).await?;
    loop {
        inbox.reserve(ROOM);
        if io.read_buf(inbox).await? == 0 {
            // In hyper's words.
            let why = "connection closed before message completed";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
        }
        match answer::parse(inbox, MAX_HEAD) {
            Parsed::Head => {}
            Parsed::Plain(head) => {
                let bytes = inbox.split_to(head.bytes).freeze();
                return Ok(Come::Plain(head, bytes, inbox.split().freeze()));
            }
            Parsed::Other => return Ok(Come::Other(inbox.split().freeze())),
        }
    }
}
