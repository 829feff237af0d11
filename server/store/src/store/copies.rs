//! What a copy of the store, or a backup, is made of: a snapshot as bytes, and excerpts of the log behind it.

use rand::Rng;

use super::{PastError, Store};
use crate::{Excerpt, SnapshotEncoder, StateHash, StoreId};

/// Everything at one revision, as bytes.
pub struct SnapshotCopy {
    /// The revision.
    pub revision: u64,
    /// The hash of the state there.
    pub hash: StateHash,
    /// The bytes, as a restore reads them.
    pub bytes: SnapshotEncoder,
}

impl Store {
    /// Which store it is: the identity of its log. One over a log without an identity gets another one each time.
    pub fn store_id(&self) -> StoreId {
        self.shared.log.store_id().unwrap_or_else(|| StoreId(rand::rng().random()))
    }

    /// A snapshot of everything, to be read while writes go on.
    pub fn copy(&self) -> SnapshotCopy {
        let snapshot = self.snapshot();
        let (revision, hash) = (snapshot.sequence(), snapshot.hash());
        SnapshotCopy { revision, hash, bytes: SnapshotEncoder::new(snapshot, self.store_id()) }
    }

    /// The log's entries behind a revision, up to the last one that reads see.
    pub fn excerpt(&self, after: u64) -> Result<Excerpt, PastError> {
        let (shared, last) = (&self.shared, self.shared.index.last_revision());
        if after > last {
            return Err(PastError::Future { revision: after, last });
        }
        let oldest = shared.log.usage().map_or(0, |usage| usage.compacted);
        if after < oldest {
            return Err(PastError::Compacted { revision: after, oldest });
        }
        let entries = shared.log.replay(after);
        Ok(Excerpt { store_id: self.store_id(), after, last, entries })
    }
}
