//! A snapshot with what the log says behind it laid over, read in step: present keys in order, then requests.

use std::{io::Read, iter::Peekable, vec};

use bytes::Bytes;

use crate::{
    Damage, Effect, LogEntry, StateHash,
    file_log::{
        later::{Keys, Later},
        snapshot::{Decoder, Part, hashed},
    },
};

pub(super) struct Merged<R> {
    decoder: Decoder<R>,
    keys: Peekable<Keys>,
    requests: vec::IntoIter<LogEntry>,
    /// The last key of the snapshot so far.
    last: Option<Bytes>,
    /// The hash of what was read of the snapshot.
    hash: StateHash,
}

impl<R: Read> Merged<R> {
    pub(super) fn new(decoder: Decoder<R>, later: Later) -> Self {
        let (keys, requests) = later.into_parts();
        let (keys, requests) = (keys.peekable(), requests.into_iter());
        Self { decoder, keys, requests, last: None, hash: StateHash::default() }
    }

    /// The next entries, perhaps none of a part; `None` behind the end of a whole snapshot.
    pub(super) fn next(&mut self) -> Result<Option<Vec<LogEntry>>, Damage> {
        let entries = match self.decoder.next()? {
            Part::Entries(entries) => entries,
            Part::End(expected) if expected != self.hash => {
                return Err(Damage::Hash { found: self.hash, expected });
            }
            Part::End(_) => return Ok(None),
        };
        let mut merged = Vec::with_capacity(entries.len());
        for entry in entries {
            hashed::add(&mut self.hash, &entry);
            match &entry.record.changes[..] {
                [change] if matches!(change.effect, Effect::Put { .. }) => {
                    let key = change.key.clone();
                    if self.last.as_ref() >= Some(&key) {
                        return Err(self.decoder.corrupt("its keys are out of order"));
                    }
                    self.before(&key, &mut merged);
                    match self.keys.next_if(|(later, _)| *later == key) {
                        Some((_, later)) => merged.extend(later),
                        None => merged.push(entry),
                    }
                    self.last = Some(key);
                }
                [] => {
                    merged.extend(self.left_keys());
                    merged.push(entry);
                }
                _ => return Err(self.decoder.corrupt("a record is no key of a snapshot")),
            }
        }
        Ok(Some(merged))
    }

    /// What comes behind the end of the snapshot.
    pub(super) fn rest(&mut self) -> Vec<LogEntry> {
        let mut rest: Vec<LogEntry> = self.left_keys().collect();
        rest.extend(self.requests.by_ref());
        rest
    }

    /// The later keys before one of the snapshot.
    fn before(&mut self, key: &Bytes, merged: &mut Vec<LogEntry>) {
        while let Some((_, later)) = self.keys.next_if(|(later, _)| later < key) {
            merged.extend(later);
        }
    }

    fn left_keys(&mut self) -> impl Iterator<Item = LogEntry> {
        self.keys.by_ref().filter_map(|(_, later)| later)
    }
}
