//! The inner service: a counter that writes add to and reads return, in a body of several chunks.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::future::{BoxFuture, pending};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::Empty;
use shuttle::rand::{Rng, thread_rng};
use tokio::sync::Notify;
use tower::{BoxError, Service};

use crate::runtime::point;

/// Bytes of a chunk.
pub(crate) const CHUNK: usize = 64;

/// How reads are answered.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) chunks: usize,
    pub(crate) headers: HeaderMap,
    pub(crate) ending: Ending,
    /// The number in `accept-language`, in place of the counter.
    pub(crate) echoes: bool,
    /// With a tag, by which a load may find it unchanged.
    pub(crate) tags: bool,
}

/// How a read ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Whole,
    /// With an error, or short of its length, or never, before its head or within its body.
    Broken,
    Never,
}

impl Default for Plan {
    fn default() -> Self {
        Self { chunks: 2, headers: HeaderMap::new(), ending: Ending::Whole, echoes: false, tags: false }
    }
}

/// The service; clones share the counter.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    plan: Plan,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    counter: AtomicU64,
    /// Reads so far, in progress, and most at once.
    reads: AtomicU64,
    reading: AtomicUsize,
    most: AtomicUsize,
    /// Most chunks of one read that were alive at once.
    peak: AtomicUsize,
    idle: Notify,
}

impl Upstream {
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan, state: Arc::default() }
    }

    /// Most reads in progress at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.most.load(SeqCst)
    }

    pub(crate) fn reads(&self) -> u64 {
        self.state.reads.load(SeqCst)
    }

    /// Most chunks of one body that were held at once, by whomever.
    pub(crate) fn peak(&self) -> usize {
        self.state.peak.load(SeqCst)
    }

    /// Resolves when no read is in progress.
    pub(crate) async fn idle(&self) {
        loop {
            let idle = self.state.idle.notified();
            if self.state.reading.load(SeqCst) == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl Service<Request<Empty<Bytes>>> for Upstream {
    type Response = Response<Chunks>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Chunks>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        let Self { plan, state } = self.clone();
        Box::pin(async move {
            let read = (request.method() == Method::GET).then(|| Reading::begin(&state));
            pause().await;
            let Some(read) = read else {
                let value = state.counter.fetch_add(1, SeqCst) + 1;
                pause().await;
                let mut response = Response::new(Chunks::none());
                response.headers_mut().insert("kivi-revision", HeaderValue::from(value));
                return Ok(response);
            };
            let value = if plan.echoes {
                request.headers()[header::ACCEPT_LANGUAGE].to_str()?.parse()?
            } else {
                state.counter.load(SeqCst)
            };
            pause().await;
            let tag = format!("\"{value}\"");
            if request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| *known == tag) {
                let mut response = Response::new(Chunks::none());
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                response.headers_mut().insert(header::ETAG, tag.try_into()?);
                return Ok(response);
            }
            // Where it ends otherwise than whole: at the head, or after that many chunks.
            let last = thread_rng().gen_range(0..=plan.chunks);
            match plan.ending {
                Ending::Broken if last == plan.chunks => return Err("refused".into()),
                Ending::Never if last == plan.chunks => return pending().await,
                _ => {}
            }
            let declared = plan.ending == Ending::Broken && thread_rng().gen_bool(0.5);
            let mut response = Response::new(Chunks::new(value, &plan, last, declared, read));
            *response.headers_mut() = plan.headers;
            if plan.tags {
                response.headers_mut().insert(header::ETAG, tag.try_into()?);
            }
            if declared {
                response.headers_mut().insert(header::CONTENT_LENGTH, (plan.chunks * CHUNK).into());
            }
            Ok(response)
        })
    }
}

/// Waits for a turn, or not.
async fn pause() {
    if thread_rng().gen_bool(0.5) {
        shuttle::future::yield_now().await;
    } else {
        point();
    }
}

/// A read in progress.
#[derive(Debug)]
struct Reading {
    state: Arc<State>,
    alive: Arc<AtomicUsize>,
}

impl Reading {
    fn begin(state: &Arc<State>) -> Self {
        state.reads.fetch_add(1, SeqCst);
        let now = state.reading.fetch_add(1, SeqCst) + 1;
        state.most.fetch_max(now, SeqCst);
        Self { state: Arc::clone(state), alive: Arc::default() }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if self.state.reading.fetch_sub(1, SeqCst) == 1 {
            self.state.idle.notify_waiters();
        }
    }
}

/// A body, which keeps its read in progress.
#[derive(Debug)]
pub(crate) struct Chunks {
    left: VecDeque<[u8; CHUNK]>,
    ending: Ending,
    /// Too few bytes for what is declared are no error of its own.
    declared: bool,
    paused: bool,
    read: Option<Reading>,
}

impl Chunks {
    fn none() -> Self {
        Self { left: VecDeque::new(), ending: Ending::Whole, declared: false, paused: true, read: None }
    }

    fn new(value: u64, plan: &Plan, last: usize, declared: bool, read: Reading) -> Self {
        let chunks = if plan.ending == Ending::Whole { plan.chunks } else { last };
        let left = (0..chunks).map(|index| chunk(value, index)).collect();
        Self { left, ending: plan.ending, declared, paused: false, read: Some(read) }
    }
}

/// What chunk `index` of the body with `value` holds.
pub(crate) fn chunk(value: u64, index: usize) -> [u8; CHUNK] {
    format!("{value:032}{index:032}").into_bytes().try_into().unwrap()
}

/// A chunk, counted while it is alive.
struct Counted([u8; CHUNK], Arc<AtomicUsize>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(1, SeqCst);
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        point();
        self.paused = !self.paused && thread_rng().gen_bool(0.5);
        if self.paused {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(next) = self.left.pop_front() else {
            return match self.ending {
                Ending::Whole => Poll::Ready(None),
                Ending::Broken if self.declared => Poll::Ready(None),
                Ending::Broken => Poll::Ready(Some(Err("cut".into()))),
                Ending::Never => Poll::Pending,
            };
        };
        let read = self.read.as_ref().unwrap();
        let alive = read.alive.fetch_add(1, SeqCst) + 1;
        read.state.peak.fetch_max(alive, SeqCst);
        let data = Bytes::from_owner(Counted(next, Arc::clone(&read.alive)));
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}
