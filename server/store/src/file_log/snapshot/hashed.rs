//! Which of a snapshot's records its state hash is of.

use crate::{Effect, HashedKey, LogEntry, StateHash};

/// Adds the keys of an entry to a state's hash; returns how many.
pub(in crate::file_log) fn add(hash: &mut StateHash, entry: &LogEntry) -> u64 {
    let mut keys = 0;
    for change in &entry.record.changes {
        if let Effect::Put { value, media_type, expires_ms } = &change.effect {
            hash.add(HashedKey {
                key: &change.key,
                revision: entry.sequence,
                written_ms: entry.record.written_ms,
                expires_ms: *expires_ms,
                media_type: media_type.as_deref(),
                value,
            });
            keys += 1;
        }
    }
    keys
}
