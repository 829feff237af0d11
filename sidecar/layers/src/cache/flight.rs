//! One load that several requests share: the machine, its readers' wakers, and the task that feeds it.

use std::{
    sync::{Arc, atomic::Ordering::SeqCst},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderMap, Response};

use super::{
    CacheBody, FillFailed,
    head::Head,
    key::CacheKey,
    machine::{Left, Machine, Next, Phase, Pushed},
    seats::SeatId,
    table::Table,
    vary::VaryNames,
    verdict::Unshared,
    writes::Epoch,
};
use crate::runtime::{AbortHandle, AtomicBool, Mutex, Notify};

/// A load in progress. Held by its task, its readers' seats, and the table while others may join.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) key: CacheKey,
    /// The headers of the request that began it.
    pub(super) request: HeaderMap,
    /// The writes that were acknowledged before it began.
    pub(super) began: Epoch,
    inner: Mutex<Inner>,
    /// Room in the window.
    room: Notify,
    /// The load has gone to the upstream: its answer may be from now on, not from later.
    departed: AtomicBool,
    /// The headers came, or the flight has ended.
    answered: Notify,
}

#[derive(Debug)]
struct Inner {
    machine: Machine<Arc<Head>>,
    /// By seat.
    wakers: Vec<Option<Waker>>,
    task: Option<AbortHandle>,
    /// Why the answer is for one request only.
    unshared: Option<Unshared>,
    /// That answer, until the leader takes it.
    handed: Option<Response<CacheBody>>,
    leader_left: bool,
}

/// A reader's place on a flight. Dropping it is leaving.
#[derive(Debug)]
pub(super) struct Seat {
    flight: Arc<Flight>,
    table: Arc<Table>,
    id: SeatId,
    leader: bool,
    /// Nothing is left to read, and nobody waits for this reader.
    done: bool,
}

/// What a waiting request gets.
#[derive(Debug)]
pub(super) enum Landed {
    /// An answer that may be shared, and its body, where that is there already and in one piece.
    Shared(Arc<Head>, Option<Bytes>),
    /// An answer for one request only: this one, or another.
    Unshared(Unshared, Option<Response<CacheBody>>),
    /// No answer.
    Failed(FillFailed),
}

impl Flight {
    /// A flight, and the seat of the request that begins it.
    pub(super) fn begin(
        table: &Arc<Table>,
        key: CacheKey,
        request: HeaderMap,
        began: Epoch,
    ) -> (Arc<Self>, Seat) {
        let (machine, id) = Machine::new(table.policy().max_object_bytes);
        let flight = Arc::new(Self::new(machine, key, request, began));
        let seat = Seat::new(&flight, table, id, true);
        (flight, seat)
    }

    /// A flight that refreshes a stored answer. Nobody waits for it (yet), and it goes on all the same.
    pub(super) fn refresh(table: &Table, key: CacheKey, request: HeaderMap, began: Epoch) -> Arc<Self> {
        let flight = Self::new(Machine::kept(table.policy().max_object_bytes), key, request, began);
        // There is no leader for whom an answer for one request only could be.
        flight.inner.lock().leader_left = true;
        Arc::new(flight)
    }

    fn new(machine: Machine<Arc<Head>>, key: CacheKey, request: HeaderMap, began: Epoch) -> Self {
        Self {
            key,
            request,
            began,
            inner: Mutex::new(Inner {
                machine,
                wakers: Vec::new(),
                task: None,
                unshared: None,
                handed: None,
                leader_left: false,
            }),
            room: Notify::new(),
            departed: AtomicBool::new(false),
            answered: Notify::new(),
        }
    }

    /// A seat for a request with `headers`. `None` where the answer is known not to be for it. While the
    /// answer's `Vary` is not known, `expected` (that of an earlier answer) stands in for it.
    pub(super) fn join(
        self: &Arc<Self>,
        table: &Arc<Table>,
        headers: &HeaderMap,
        expected: Option<&VaryNames>,
    ) -> Option<Seat> {
        let mut inner = self.inner.lock();
        let id = self.fits(&inner, headers, expected).then(|| inner.machine.sit()).flatten()?;
        drop(inner);
        Some(Seat::new(self, table, id, false))
    }

    /// Whether the answer is, or is expected to be, for a request with `headers`.
    pub(super) fn is_for(&self, headers: &HeaderMap, expected: Option<&VaryNames>) -> bool {
        self.fits(&self.inner.lock(), headers, expected)
    }

    fn fits(&self, inner: &Inner, headers: &HeaderMap, expected: Option<&VaryNames>) -> bool {
        match inner.machine.phase() {
            Phase::Fetching => expected.is_none_or(|names| names.agree(&self.request, headers)),
            Phase::Ready(head) | Phase::Sealed(head) => head.nominated.matches(headers),
            Phase::Failed(_) | Phase::Unshared => false,
        }
    }

    /// The load goes to the upstream now.
    pub(super) fn depart(&self) {
        self.departed.store(true, SeqCst);
    }

    /// Whether the load has gone to the upstream.
    pub(super) fn has_departed(&self) -> bool {
        self.departed.load(SeqCst)
    }

    /// Whether more of the answer is to come.
    pub(super) fn is_loading(&self) -> bool {
        matches!(self.inner.lock().machine.phase(), Phase::Fetching | Phase::Ready(_))
    }

    /// Resolves when the headers came or the flight has ended.
    pub(super) async fn answered(&self) {
        // Made before the look, so that no answer is missed between the two.
        let answered = self.answered.notified();
        let fetching = matches!(self.inner.lock().machine.phase(), Phase::Fetching);
        if fetching {
            answered.await;
        }
    }

    /// The names in the answer's `Vary`, once known.
    pub(super) fn vary(&self) -> Option<VaryNames> {
        match self.inner.lock().machine.phase() {
            Phase::Ready(head) | Phase::Sealed(head) => Some(head.nominated.names().clone()),
            _ => None,
        }
    }

    /// The task to cancel when nobody is left.
    pub(super) fn set_task(&self, task: AbortHandle) {
        self.inner.lock().task = Some(task);
    }

    /// The headers came; readers are not woken yet.
    pub(super) fn ready(&self, head: Arc<Head>) {
        self.inner.lock().machine.ready(head);
        self.answered.notify_waiters();
    }

    /// The headers came, and the answer is for the leader only.
    pub(super) fn hand_over(&self, why: Unshared, response: Response<CacheBody>) {
        let mut inner = self.inner.lock();
        if inner.machine.unshared() {
            inner.unshared = Some(why);
            if !inner.leader_left {
                inner.handed = Some(response);
            }
        }
        drop(inner);
        self.answered.notify_waiters();
        self.wake();
    }

    /// More of the body came; readers are not woken yet.
    pub(super) fn push(&self, chunk: Bytes) -> Pushed {
        self.inner.lock().machine.push(chunk)
    }

    /// The body's end came, after `received` bytes.
    pub(super) fn seal(&self, trailers: Option<HeaderMap>) {
        self.inner.lock().machine.seal(trailers);
        self.wake();
    }

    /// The load failed. False: the flight had ended before.
    pub(super) fn fail(&self, why: FillFailed) -> bool {
        let failed = self.inner.lock().machine.fail(why);
        if failed {
            self.answered.notify_waiters();
            self.wake();
        }
        failed
    }

    /// Bytes of the body that came so far.
    pub(super) fn received(&self) -> u64 {
        self.inner.lock().machine.received()
    }

    /// The whole body, once sealed.
    pub(super) fn whole(&self) -> Option<(Vec<Bytes>, Option<HeaderMap>)> {
        self.inner.lock().machine.whole()
    }

    /// Whether the loader has to wait for readers.
    pub(super) fn is_full(&self) -> bool {
        self.inner.lock().machine.is_full()
    }

    /// Resolves when the window may have got room.
    pub(super) async fn room(&self) {
        self.room.notified().await;
    }

    /// Cuts off the readers that hold up the others. False: nobody is left.
    pub(super) fn cut_slowest(&self) -> bool {
        let goes_on = self.inner.lock().machine.cut_slowest();
        self.wake();
        goes_on
    }

    /// Wakes every reader. Outside of the lock, which each of them takes at once.
    pub(super) fn wake(&self) {
        let wakers = std::mem::take(&mut self.inner.lock().wakers);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Inner {
    fn wait(&mut self, seat: SeatId, cx: &Context<'_>) {
        let index = seat.index();
        if self.wakers.len() <= index {
            self.wakers.resize(index + 1, None);
        }
        match &mut self.wakers[index] {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
    }
}

// === impl Seat ===

impl Seat {
    fn new(flight: &Arc<Flight>, table: &Arc<Table>, id: SeatId, leader: bool) -> Self {
        Self { flight: Arc::clone(flight), table: Arc::clone(table), id, leader, done: false }
    }

    /// Waits for the headers. A body that is there in one piece comes along, so that a waiter of a stampede
    /// takes the lock once.
    pub(super) fn poll_landed(&mut self, cx: &Context<'_>) -> Poll<Landed> {
        let mut inner = self.flight.inner.lock();
        let landed = match inner.machine.phase() {
            Phase::Fetching => {
                inner.wait(self.id, cx);
                return Poll::Pending;
            }
            Phase::Ready(head) | Phase::Sealed(head) => {
                let whole = inner.machine.single();
                self.done = whole.is_some();
                Landed::Shared(Arc::clone(head), whole)
            }
            Phase::Failed(why) => Landed::Failed(why.clone()),
            Phase::Unshared => {
                let handed = if self.leader { inner.handed.take() } else { None };
                Landed::Unshared(inner.unshared.unwrap_or(Unshared::Status), handed)
            }
        };
        Poll::Ready(landed)
    }

    /// Waits for more of the body.
    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<Next> {
        let mut inner = self.flight.inner.lock();
        let (next, room) = inner.machine.next(self.id);
        if matches!(next, Next::Pending) {
            inner.wait(self.id, cx);
            return Poll::Pending;
        }
        drop(inner);
        if room {
            self.flight.room.notify_one();
        }
        Poll::Ready(next)
    }

    /// Whether the whole body has been read.
    pub(super) fn is_at_end(&self) -> bool {
        self.flight.inner.lock().machine.is_at_end(self.id)
    }

    /// Leaves before the end; the load goes on for the store.
    pub(super) fn leave_to_store(self) {
        self.flight.inner.lock().machine.keep();
    }

    /// Whether the load has gone to the upstream.
    pub(super) fn has_departed(&self) -> bool {
        self.flight.has_departed()
    }

    /// Whether this reader began the flight.
    pub(super) fn is_leader(&self) -> bool {
        self.leader
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut inner = self.flight.inner.lock();
        if let Some(waker) = inner.wakers.get_mut(self.id.index()) {
            *waker = None;
        }
        let left = inner.machine.rise(self.id);
        // An answer for a leader that left is for nobody.
        inner.leader_left |= self.leader;
        let handed = if self.leader { inner.handed.take() } else { None };
        let task = if left == Left::Nobody { inner.task.take() } else { None };
        drop(inner);
        drop(handed);
        match left {
            Left::Running => {}
            Left::Room => self.flight.room.notify_one(),
            Left::Nobody => {
                self.flight.answered.notify_waiters();
                self.table.detach(&self.flight);
                if let Some(task) = task {
                    task.abort();
                }
            }
        }
    }
}
