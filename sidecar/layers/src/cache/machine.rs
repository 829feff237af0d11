//! A flight's states as a pure machine: no IO, no clock, no wakers.
//!
//! `Fetching -> Ready -> Sealed | Failed`, or `Fetching -> Unshared` when the headers say that the answer
//! is for one request. Readers hold a seat: a position in the list of chunks. A body within the limit is
//! held whole, so that a reader at any position, and one that comes later, can have all of it. A longer
//! one turns the flight into a window: no new reader, chunks are dropped when the slowest reader has
//! them, the loader pauses while the window is full, and a reader that holds up the others can be cut
//! off. No reader ever sees an end that is not the body's own.

use std::collections::VecDeque;

use bytes::Bytes;
use http::HeaderMap;

use super::{
    FillFailed,
    seats::{SeatId, Seats},
};

/// What a chunk weighs at least, in bytes: each has a place in the list and an allocation behind it. A body
/// that comes in crumbs is held within the limit too.
const LEAST_WEIGHT: usize = 64;

/// Where a flight is.
#[derive(Debug, Clone)]
pub(super) enum Phase<H> {
    /// The headers are not there yet.
    Fetching,
    /// The headers are there and may be shared; the body comes in.
    Ready(H),
    /// The whole body is there.
    Sealed(H),
    /// There will be no (more) answer.
    Failed(FillFailed),
    /// The headers are there and are for one request only.
    Unshared,
}

/// What a reader gets next.
#[derive(Debug)]
pub(super) enum Next {
    /// More of the body.
    Chunk(Bytes),
    /// The body's end, and the trailers that follow it.
    End(Option<HeaderMap>),
    /// The body will not be complete.
    Failed(FillFailed),
    /// Nothing yet.
    Pending,
}

/// What the loader does after a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// Goes on.
    Held,
    /// Goes on; the body is too long to be held, so nobody joins any more and it is not stored.
    Overflowed,
    /// Stops: the flight has ended.
    Ended,
}

/// What remains when a reader has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Others read on, or there is nothing left to load.
    Running,
    /// The slowest reader was this one: the window has room again.
    Room,
    /// Nobody is left: the load is to be cancelled.
    Nobody,
}

/// The machine; `H` is the answer's head.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Machine<H> {
    phase: Phase<H>,
    /// The body, or a window of it; the first one is chunk number `dropped`.
    chunks: VecDeque<Bytes>,
    dropped: usize,
    /// The weight of the chunks.
    held: u64,
    received: u64,
    limit: u64,
    windowed: bool,
    /// Goes on without readers, as long as its answer may be stored.
    kept: bool,
    trailers: Option<HeaderMap>,
    seats: Seats,
}

impl<H: Clone> Machine<H> {
    /// A flight that holds at most `limit` bytes of the body, and the seat of the request that begins it.
    pub(super) fn new(limit: u64) -> (Self, SeatId) {
        let mut machine = Self { kept: false, ..Self::kept(limit) };
        let leader = machine.seats.sit();
        (machine, leader)
    }

    /// A flight for the store, which goes on without a reader. It holds at most `limit` bytes of the body,
    /// and ends at more where nobody reads it.
    pub(super) fn kept(limit: u64) -> Self {
        Self {
            phase: Phase::Fetching,
            chunks: VecDeque::new(),
            dropped: 0,
            held: 0,
            received: 0,
            limit,
            windowed: false,
            kept: true,
            trailers: None,
            seats: Seats::default(),
        }
    }

    /// Where the flight is.
    pub(super) fn phase(&self) -> &Phase<H> {
        &self.phase
    }

    /// Bytes of the body that came so far.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// A seat for one more reader, from the body's beginning; none where that is gone or will not be.
    pub(super) fn sit(&mut self) -> Option<SeatId> {
        let open = matches!(self.phase, Phase::Fetching | Phase::Ready(_) | Phase::Sealed(_));
        (open && !self.windowed).then(|| self.seats.sit())
    }

    /// A reader leaves.
    pub(super) fn rise(&mut self, seat: SeatId) -> Left {
        self.seats.rise(seat);
        // Who is cut off has not noticed yet, and is nobody to load for.
        if self.seats.readers() == 0 && self.is_loading() && (!self.kept || self.windowed) {
            self.end(FillFailed::Abandoned);
            return Left::Nobody;
        }
        if self.trim() { Left::Room } else { Left::Running }
    }

    /// Lets it go on without readers from now on, for the store.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }

    /// The headers came, and the answer may be shared.
    pub(super) fn ready(&mut self, head: H) {
        if matches!(self.phase, Phase::Fetching) {
            self.phase = Phase::Ready(head);
        }
    }

    /// The headers came, and the answer is for one request only. False: the flight has ended before.
    pub(super) fn unshared(&mut self) -> bool {
        let fetching = matches!(self.phase, Phase::Fetching);
        if fetching {
            self.phase = Phase::Unshared;
        }
        fetching
    }

    /// More of the body came.
    pub(super) fn push(&mut self, chunk: Bytes) -> Pushed {
        if !matches!(self.phase, Phase::Ready(_)) {
            return Pushed::Ended;
        }
        if chunk.is_empty() {
            return Pushed::Held;
        }
        self.received += chunk.len() as u64;
        self.held += weight(&chunk);
        self.chunks.push_back(chunk);
        if self.windowed || self.held <= self.limit {
            return Pushed::Held;
        }
        self.windowed = true;
        self.trim();
        if self.seats.readers() == 0 {
            self.end(FillFailed::Abandoned);
        }
        Pushed::Overflowed
    }

    /// Whether the loader has to wait for readers before it takes more.
    pub(super) fn is_full(&self) -> bool {
        self.windowed && self.held >= self.limit && self.is_loading()
    }

    /// Cuts off the readers that hold up the others. False: nobody is left, cancel the load.
    pub(super) fn cut_slowest(&mut self) -> bool {
        self.seats.cut_at(self.dropped);
        if self.seats.readers() == 0 {
            self.end(FillFailed::TooSlow);
            return false;
        }
        self.trim();
        true
    }

    /// The body's end came.
    pub(super) fn seal(&mut self, trailers: Option<HeaderMap>) {
        if let Phase::Ready(head) = &self.phase {
            self.phase = Phase::Sealed(head.clone());
            self.trailers = trailers;
        }
    }

    /// The load failed. False: the flight has ended before.
    pub(super) fn fail(&mut self, why: FillFailed) -> bool {
        let loading = self.is_loading();
        if loading {
            self.end(why);
        }
        loading
    }

    /// What `seat` reads next, and whether that made room for the loader.
    pub(super) fn next(&mut self, seat: SeatId) -> (Next, bool) {
        let Some(position) = self.seats.position(seat) else {
            return (Next::Failed(FillFailed::TooSlow), false);
        };
        if let Some(chunk) = position.checked_sub(self.dropped).and_then(|index| self.chunks.get(index)) {
            let chunk = chunk.clone();
            self.seats.advance(seat);
            let room = self.trim();
            return (Next::Chunk(chunk), room);
        }
        let next = match &self.phase {
            Phase::Sealed(_) => Next::End(self.trailers.clone()),
            Phase::Failed(why) => Next::Failed(why.clone()),
            Phase::Fetching | Phase::Ready(_) | Phase::Unshared => Next::Pending,
        };
        (next, false)
    }

    /// Whether `seat` has read the whole of a sealed body without trailers.
    pub(super) fn is_at_end(&self, seat: SeatId) -> bool {
        matches!(self.phase, Phase::Sealed(_))
            && self.trailers.is_none()
            && self.seats.position(seat) == Some(self.dropped + self.chunks.len())
    }

    /// The whole body, once sealed, where all of it is held.
    pub(super) fn whole(&self) -> Option<(Vec<Bytes>, Option<HeaderMap>)> {
        (matches!(self.phase, Phase::Sealed(_)) && !self.windowed)
            .then(|| (self.chunks.iter().cloned().collect(), self.trailers.clone()))
    }

    /// The whole body of at most one chunk without trailers, once sealed.
    pub(super) fn single(&self) -> Option<Bytes> {
        let whole = matches!(self.phase, Phase::Sealed(_)) && !self.windowed && self.trailers.is_none();
        match (whole, self.chunks.len()) {
            (true, 0) => Some(Bytes::new()),
            (true, 1) => self.chunks.front().cloned(),
            _ => None,
        }
    }

    fn is_loading(&self) -> bool {
        matches!(self.phase, Phase::Fetching | Phase::Ready(_))
    }

    /// An end without the whole body: what was held is of no use any more.
    fn end(&mut self, why: FillFailed) {
        self.phase = Phase::Failed(why);
        self.chunks.clear();
        self.held = 0;
    }

    /// Drops what every reader has, where the body is a window. True: there is room that was not there.
    fn trim(&mut self) -> bool {
        if !self.windowed {
            return false;
        }
        let was_full = self.held >= self.limit;
        let slowest = self.seats.slowest().unwrap_or(self.dropped + self.chunks.len());
        while self.dropped < slowest {
            let Some(chunk) = self.chunks.pop_front() else { break };
            self.held -= weight(&chunk);
            self.dropped += 1;
        }
        was_full && self.held < self.limit
    }
}

/// What a chunk counts towards the limit.
fn weight(chunk: &Bytes) -> u64 {
    chunk.len().max(LEAST_WEIGHT) as u64
}

#[cfg(test)]
mod exhaustive;
#[cfg(test)]
mod tests;
