//! A consistent view of the keys at one revision, read part by part while writes go on.
//!
//! Nothing is copied when it is taken. What is changed in the part of it that is still to be read is noted here, as it
//! was before, and forgotten when that part was read; so it takes memory for no more than the changes of its own time.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    iter::Peekable,
    ops::{Bound, ControlFlow},
};

use parking_lot::Mutex;

use super::{entry::Packed, ordered::Ordered, range::KeyRange};
use crate::SnapshotError;

/// How many keys are looked at under one hold of the index's lock.
const STRIDE: usize = 128;

/// What a view must keep of one key: its entry at the view's revision, or that it was absent.
type Before = Option<Packed>;

pub(super) struct View {
    revision: u64,
    /// Keys whose deadline has come by then are not in it.
    now_ms: u64,
    reverse: bool,
    /// The most that may be noted, in bytes.
    limit: u64,
    state: Mutex<State>,
}

struct State {
    /// What is still to be read; `None` at the end.
    rest: Option<KeyRange>,
    noted: BTreeMap<Box<[u8]>, Before>,
    noted_bytes: u64,
    overrun: bool,
}

/// How much is read at once.
pub(super) struct Portion {
    pub(super) entries: usize,
    /// Of keys and values; one entry may go beyond it.
    pub(super) bytes: usize,
}

impl View {
    pub(super) fn new(revision: u64, now_ms: u64, range: KeyRange, reverse: bool, limit: u64) -> Self {
        let rest = (!range.is_empty()).then_some(range);
        let state = State { rest, noted: BTreeMap::new(), noted_bytes: 0, overrun: false };
        Self { revision, now_ms, reverse, limit, state: Mutex::new(state) }
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// How much is noted of the most that may be, in percent.
    pub(super) fn kept_percent(&self) -> u8 {
        let percent = self.state.lock().noted_bytes.saturating_mul(100) / self.limit.max(1);
        u8::try_from(percent).unwrap_or(u8::MAX)
    }

    /// Notes how a key was before a change behind the view's revision. Only the first change of a key counts.
    pub(super) fn note(&self, key: &[u8], before: Option<&Packed>) {
        let mut state = self.state.lock();
        let concerned = state.rest.as_ref().is_some_and(|rest| rest.contains(key));
        if !concerned || state.overrun || state.noted.contains_key(key) {
            return;
        }
        state.noted_bytes += cost(key, before);
        if state.noted_bytes > self.limit {
            state.overrun = true;
            state.noted = BTreeMap::new();
        } else {
            state.noted.insert(key.into(), before.cloned());
        }
    }

    /// Looks at the next keys, as far as the portion and one stride go, and says whether to go on. The caller holds the
    /// lock under which changes are noted.
    pub(super) fn read(
        &self,
        ordered: &Ordered,
        portion: &mut Portion,
        found: &mut Vec<Packed>,
    ) -> Result<ControlFlow<()>, SnapshotError> {
        let mut state = self.state.lock();
        if state.overrun {
            return Err(SnapshotError::Overrun { limit: self.limit });
        }
        let Some(rest) = state.rest.clone() else { return Ok(ControlFlow::Break(())) };
        let last = {
            let (present, noted) =
                (ordered.range(rest.bounds()), state.noted.range::<[u8], _>(rest.bounds()));
            if self.reverse {
                self.merge(present.rev(), noted.rev(), portion, found)
            } else {
                self.merge(present, noted, portion, found)
            }
        };
        match last {
            None => state.end(),
            Some(last) => state.advance(&last, rest, self.reverse),
        }
        let more = state.rest.is_some() && portion.entries > 0 && portion.bytes > 0;
        Ok(if more { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    }

    /// Goes through both in step. Returns the last key looked at; `None` at the end of both.
    fn merge<'a>(
        &self,
        present: impl Iterator<Item = &'a Packed>,
        noted: impl Iterator<Item = (&'a Box<[u8]>, &'a Before)>,
        portion: &mut Portion,
        found: &mut Vec<Packed>,
    ) -> Option<Box<[u8]>> {
        let (mut present, mut noted) = (present.peekable(), noted.peekable());
        for steps in 1.. {
            let (key, entry) = self.step(&mut present, &mut noted)?;
            if let Some(entry) = entry.filter(|entry| !entry.is_expired(self.now_ms)) {
                portion.entries -= 1;
                portion.bytes = portion.bytes.saturating_sub(entry.key().len() + entry.value().len());
                found.push(entry.clone());
            }
            if steps == STRIDE || portion.entries == 0 || portion.bytes == 0 {
                return Some(key.into());
            }
        }
        None
    }

    /// The next key, and its entry at the view's revision.
    fn step<'a>(
        &self,
        present: &mut Peekable<impl Iterator<Item = &'a Packed>>,
        noted: &mut Peekable<impl Iterator<Item = (&'a Box<[u8]>, &'a Before)>>,
    ) -> Option<(&'a [u8], Option<&'a Packed>)> {
        let which = match (present.peek(), noted.peek()) {
            (Some(entry), Some((key, _))) => {
                let order = entry.key().cmp(key);
                if self.reverse { order.reverse() } else { order }
            }
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        if which == Ordering::Less {
            return present.next().map(|entry| (entry.key(), Some(entry)));
        }
        if which == Ordering::Equal {
            present.next();
        }
        noted.next().map(|(key, before)| (&key[..], before.as_ref()))
    }
}

impl State {
    fn end(&mut self) {
        self.rest = None;
        self.noted = BTreeMap::new();
        self.noted_bytes = 0;
    }

    /// Goes on behind `last`, and forgets what was noted up to there.
    fn advance(&mut self, last: &[u8], rest: KeyRange, reverse: bool) {
        let beyond = Bound::Excluded(bytes::Bytes::copy_from_slice(last));
        let mut above = self.noted.split_off(last);
        let at_last = above.remove(last).map_or(0, |before| cost(last, before.as_ref()));
        let read = if reverse { above } else { std::mem::replace(&mut self.noted, above) };
        self.noted_bytes -=
            at_last + read.iter().map(|(key, before)| cost(key, before.as_ref())).sum::<u64>();
        let rest =
            if reverse { KeyRange { end: beyond, ..rest } } else { KeyRange { start: beyond, ..rest } };
        self.rest = (!rest.is_empty()).then_some(rest);
    }
}

/// What noting a key takes, in bytes: its key once more, its place, and the entry, which may be kept by nobody else.
fn cost(key: &[u8], before: Option<&Packed>) -> u64 {
    64 + u64::try_from(key.len()).unwrap_or(u64::MAX) + before.map_or(0, Packed::weight)
}
