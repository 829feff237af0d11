//! Following the changes of a range of keys, in the order of the log, from any revision that the history still knows.
//!
//! A watcher takes no memory for what it has not yet read: it is a place in the history that all share. One that falls
//! behind the history's oldest change is told so.

use std::{future::pending, sync::Arc, time::SystemTime};

use bytes::Bytes;
use tokio::sync::watch;

use super::{
    Entry, KeyRange, PastError, Store,
    entry::{Packed, time},
    history::Happening,
    shared::Shared,
};

/// How many changes are given out at once; one revision may go beyond it.
const EVENTS: usize = 256;
/// How many changes are looked at under one hold of the index's lock.
const STRIDE: usize = 4096;

/// A change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The revision that it made. Several keys that were changed as one have the same.
    pub revision: u64,
    /// When it was accepted, to the millisecond.
    pub written: SystemTime,
    /// The key.
    pub key: Bytes,
    /// What happened to it.
    pub kind: EventKind,
    /// The key's revision before; `None` where it was absent.
    pub previous: Option<u64>,
}

/// What happened to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// It has this value.
    Put(Entry),
    /// Somebody deleted it.
    Delete,
    /// Its deadline has come.
    Expire,
}

/// A watcher is slower than the history is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the watch is too slow: changes behind revision {position} are no longer kept; begin again")]
pub struct Lagged {
    /// Everything up to this revision was given out.
    pub position: u64,
}

/// A watch under way.
pub struct Watch {
    shared: Arc<Shared>,
    range: KeyRange,
    position: u64,
    applied: watch::Receiver<u64>,
}

impl Store {
    /// Follows a range of keys from behind the revision `after`, or from now on.
    pub fn watch(&self, range: KeyRange, after: Option<u64>) -> Result<Watch, PastError> {
        let shared = Arc::clone(&self.shared);
        let applied = shared.applied.subscribe();
        let last = shared.index.last_revision();
        let position = after.unwrap_or(last);
        shared.index.sequenced(|sequenced| sequenced.reaches(position, shared.index.last_revision()))?;
        Ok(Watch { shared, range, position, applied })
    }
}

impl Watch {
    /// Everything in the range at or below this revision was given out.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next changes, all of each revision; waits for them. May be dropped and called again without a loss.
    pub async fn next(&mut self) -> Result<Vec<Event>, Lagged> {
        loop {
            self.applied.borrow_and_update();
            let events = self.read()?;
            if !events.is_empty() {
                return Ok(events);
            }
            if self.position < self.shared.index.last_revision() {
                // There was more than one look is to take: others get their turn.
                tokio::task::yield_now().await;
            } else if self.applied.changed().await.is_err() {
                // The store is gone, and nothing happens any more.
                pending::<()>().await;
            }
        }
    }

    /// What is there now, as far as one look goes.
    fn read(&mut self) -> Result<Vec<Event>, Lagged> {
        let (position, range) = (self.position, &self.range);
        let lagged = |_| Lagged { position };
        let (found, upto) = self.shared.index.sequenced(|sequenced| {
            let last = self.shared.index.last_revision();
            sequenced.reaches(position, last).map_err(lagged)?;
            let (mut found, mut upto) = (Vec::new(), position);
            for (looked, happening) in sequenced.history.behind(position).enumerate() {
                if happening.revision != upto && (found.len() >= EVENTS || looked >= STRIDE) {
                    return Ok((found, upto));
                }
                upto = happening.revision;
                if range.contains(happening.key()) {
                    found.push(happening.clone());
                }
            }
            Ok((found, last))
        })?;
        self.position = upto;
        Ok(found.iter().map(event).collect())
    }
}

fn event(happening: &Happening) -> Event {
    let Happening { revision, written_ms, expired, before, after } = happening;
    let kind = match after {
        Some(after) => EventKind::Put(after.entry()),
        None if *expired => EventKind::Expire,
        None => EventKind::Delete,
    };
    // A deadline that had come is told by the event that follows from it, or by none when a put was faster.
    let previous = before.as_ref().filter(|before| !expired_for_put(before, *written_ms, after.is_some()));
    Event {
        revision: *revision,
        written: time(*written_ms),
        key: happening.entry().map(Packed::key_bytes).unwrap_or_default(),
        kind,
        previous: previous.map(Packed::revision),
    }
}

fn expired_for_put(before: &Packed, written_ms: u64, put: bool) -> bool {
    put && before.is_expired(written_ms)
}
