//! One connection that many requests share: each is sent behind those before it, without waiting for their answers
//! (RFC 9112 section 9.3.2), and many go out and come back with one system call.
//!
//! For requests that the server answers at once and in few bytes, as a store answers for a key from memory: an answer that
//! takes its time would hold up those behind it. Who gets none here, for whatever reason, is to ask elsewhere.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::Response;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWrite},
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::{
    MAX_HEAD,
    answer::{self, Head, Parsed},
};
use crate::upstream::{
    Target,
    connect::{Io, connect},
    idle::IDLE,
};

/// Bytes that are read at once.
const READ: usize = 64 << 10;
/// The longest body that an answer may have, in bytes: all of it is waited for.
const MOST: u64 = 8 << 20;
/// Who waits at most.
const MOST_WAITING: usize = 4096;
/// How long nothing may come while an answer is due: one that takes longer is not to hold up others.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long nobody shares after a connection that ended before all its answers had come: this server may not be one that
/// answers at once.
const APART: Duration = Duration::from_secs(1);
/// Room for requests that is kept when they are sent, in bytes.
const KEPT: usize = 256 << 10;
/// Answers below this length in bytes are copied, so that who holds one holds no other.
const COPIED: usize = 16 << 10;

/// The connection; a handle, cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Trunk {
    target: Arc<Target>,
    shared: Arc<Mutex<Shared>>,
}

/// What those who ask and the connection's task have in common.
#[derive(Debug, Default)]
struct Shared {
    /// Requests that are not sent yet.
    outbox: Vec<u8>,
    /// How many those are.
    unsent: usize,
    /// Who waits, in the order of their requests: the last of them for what is not sent yet.
    waiting: VecDeque<oneshot::Sender<Response<Bytes>>>,
    task: Task,
    /// Until when nobody shares.
    apart: Option<Instant>,
}

impl Shared {
    /// Whether an answer is due.
    fn is_due(&self) -> bool {
        self.waiting.len() > self.unsent
    }

    fn is_apart(&self) -> bool {
        self.apart.is_some_and(|until| Instant::now() < until)
    }
}

/// The connection's task.
#[derive(Debug, Default)]
enum Task {
    /// There is none, and no connection.
    #[default]
    None,
    /// It looks by itself soon.
    Busy,
    /// It is to be woken when there is something to send.
    Waits(Waker),
}

impl Trunk {
    pub(super) fn new(target: Arc<Target>) -> Self {
        Self { target, shared: Arc::default() }
    }

    /// Sends a request, whose bytes these are. `None`: there is no answer to it, and it may be asked again.
    pub(super) async fn get(&self, request: &[u8]) -> Option<Response<Bytes>> {
        let (sender, answer) = oneshot::channel();
        let task = {
            let mut shared = self.shared.lock();
            if shared.waiting.len() >= MOST_WAITING || shared.is_apart() {
                return None;
            }
            shared.outbox.extend_from_slice(request);
            shared.unsent += 1;
            shared.waiting.push_back(sender);
            std::mem::replace(&mut shared.task, Task::Busy)
        };
        match task {
            Task::None => drop(tokio::spawn(run(Arc::clone(&self.target), Ended(Arc::clone(&self.shared))))),
            Task::Busy => {}
            Task::Waits(waker) => waker.wake(),
        }
        answer.await.ok()
    }
}

/// Leaves nobody waiting, however the connection ends.
struct Ended(Arc<Mutex<Shared>>);

impl Drop for Ended {
    fn drop(&mut self) {
        let ended = {
            let mut shared = self.0.lock();
            let apart = (!shared.waiting.is_empty()).then(|| Instant::now() + APART);
            std::mem::replace(&mut *shared, Shared { apart, ..Shared::default() })
        };
        drop(ended);
    }
}

async fn run(target: Arc<Target>, shared: Ended) {
    let io = match connect(&target).await {
        Ok(io) => io,
        Err(error) => return tracing::debug!(%error, "No connection to share."),
    };
    let mut link = Link::new(io, &shared.0);
    loop {
        // Where nothing comes for so long, nobody asks, or the server does not answer at once: who waits is to ask
        // elsewhere, as is who asks in this moment.
        match timeout_at(link.until, poll_fn(|cx| link.poll(cx))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return tracing::debug!(%error, "A shared connection ended."),
            Err(_) => return,
        }
    }
}

/// The connection in the hands of its task.
struct Link<'s> {
    io: Io,
    shared: &'s Mutex<Shared>,
    /// What is being sent, and how much of it is.
    out: Vec<u8>,
    sent: usize,
    /// Whether those who were about to ask have had their turn.
    gathered: bool,
    inbox: BytesMut,
    /// When it ends unless something has come. What is sent only moves it where no answer was due before.
    until: Instant,
}

impl<'s> Link<'s> {
    fn new(io: Io, shared: &'s Mutex<Shared>) -> Self {
        let (out, inbox, until) = (Vec::new(), BytesMut::new(), Instant::now() + IDLE);
        Self { io, shared, out, sent: 0, gathered: false, inbox, until }
    }

    /// Reads and writes what goes without waiting; ready when that was something.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let received = self.poll_receive(cx)?.is_ready();
        let sent = self.poll_send(cx)?.is_ready();
        if received || sent { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inbox.reserve(READ / 2);
        match pin!(self.io.read_buf(&mut self.inbox)).poll(cx)? {
            Poll::Pending => Poll::Pending,
            Poll::Ready(0) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            Poll::Ready(_) => {
                self.deliver()?;
                let time = if self.shared.lock().is_due() { PATIENCE } else { IDLE };
                self.until = Instant::now() + time;
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Gives whole answers to those who wait for them.
    fn deliver(&mut self) -> io::Result<()> {
        loop {
            let head = match answer::parse(&self.inbox, MAX_HEAD) {
                Parsed::Head => return Ok(()),
                Parsed::Plain(head) if head.length <= MOST => head,
                Parsed::Plain(_) | Parsed::Other => {
                    return Err(io::Error::other("an answer came that is not to be waited for by others"));
                }
            };
            let Some(whole) = usize::try_from(head.length).ok().map(|length| head.bytes + length) else {
                return Err(io::ErrorKind::FileTooLarge.into());
            };
            if self.inbox.len() < whole {
                // All of it is waited for, so there is room for it.
                self.inbox.reserve(whole - self.inbox.len());
                return Ok(());
            }
            let bytes = if whole < COPIED {
                let copy = Bytes::copy_from_slice(&self.inbox[..whole]);
                bytes::Buf::advance(&mut self.inbox, whole);
                copy
            } else {
                self.inbox.split_to(whole).freeze()
            };
            let closes = head.keep.is_some_and(|time| time.is_zero());
            let waiting = {
                let mut shared = self.shared.lock();
                if shared.is_due() { shared.waiting.pop_front() } else { None }
            };
            let Some(waiting) = waiting else {
                return Err(io::Error::other("an answer came that nobody had asked for"));
            };
            // Who has left does not want it any more.
            let _ = waiting.send(answered(head, &bytes));
            if closes {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.sent == self.out.len() && !self.gather(cx) {
            return Poll::Pending;
        }
        let mut progress = Poll::Pending;
        while let Some(rest) = self.out.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match Pin::new(&mut self.io).poll_write(cx, rest)? {
                Poll::Pending => break,
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(count) => {
                    self.sent += count;
                    progress = Poll::Ready(Ok(()));
                }
            }
        }
        progress
    }

    /// Takes what is to be sent next. First everybody who is about to ask has a turn: then their requests go out together.
    fn gather(&mut self, cx: &mut Context<'_>) -> bool {
        let mut shared = self.shared.lock();
        if shared.outbox.is_empty() {
            shared.task = Task::Waits(cx.waker().clone());
            return false;
        }
        shared.task = Task::Busy;
        self.gathered = !self.gathered;
        if self.gathered {
            cx.waker().wake_by_ref();
            return false;
        }
        if !shared.is_due() {
            self.until = Instant::now() + PATIENCE;
        }
        shared.unsent = 0;
        self.out.clear();
        self.out.shrink_to(KEPT);
        self.sent = 0;
        std::mem::swap(&mut self.out, &mut shared.outbox);
        true
    }
}

/// An answer, of which these are all the bytes.
fn answered(head: Head, bytes: &Bytes) -> Response<Bytes> {
    let mut response = Response::new(bytes.slice(head.bytes..));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers(bytes);
    response
}

#[cfg(test)]
mod tests;
