//! The handle by which a process steers a running cache.

use std::sync::Arc;

use super::{CachePolicy, FeedState, key, table::Table};

/// Steers the cache of a [`CacheLayer`](super::CacheLayer); a clone steers the same.
#[derive(Debug, Clone)]
pub struct CacheControl {
    table: Arc<Table>,
}

/// What a purge is of. Bytes are those of a path after percent-decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purge {
    /// One resource, for all who ask and with all queries.
    Resource(Box<[u8]>),
    /// The resources that begin with these bytes.
    Beginning(Box<[u8]>),
    /// Everything.
    All,
}

/// What a purge dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Stored answers.
    pub answers: u64,
    /// Their bytes, overhead included.
    pub bytes: u64,
    /// Loads under way. They go on for those who wait for them, and nobody else gets their answer.
    pub loads: u64,
}

impl Purge {
    /// The resource of a path as it stands in a URL.
    pub fn path(path: &str) -> Self {
        Self::Resource(key::decoded(path).into())
    }

    /// The resources whose paths begin with this one.
    pub fn path_prefix(path: &str) -> Self {
        Self::Beginning(key::decoded(path).into())
    }
}

impl CacheControl {
    pub(super) fn new(table: Arc<Table>) -> Self {
        Self { table }
    }

    /// Puts another policy in force, at once. What is kept stays unless the new policy judges or separates it
    /// differently; a smaller bound evicts.
    pub fn set_policy(&self, policy: CachePolicy) {
        self.table.set_policy(policy);
    }

    /// Drops what is kept. When this returns, no request that comes is answered by what was kept or loading before, and
    /// a listing of before the purge is not joined. Takes a time that grows with what is kept.
    pub fn purge(&self, what: &Purge) -> Purged {
        self.table.purge(what)
    }

    /// Drops what is kept, as what happened to it meanwhile is not known; as [`Purge::All`], and is not counted as a purge.
    pub fn discard_all(&self) {
        self.table.discard(&Purge::All);
    }

    /// The resource of these bytes (its path, percent-decoded) has changed, by a write that did not pass the layer: as
    /// if one had passed just now.
    pub fn changed(&self, resource: &[u8]) {
        self.table.changed(resource);
    }

    /// Says where the feed of changes stands. Without a word there is none.
    pub fn set_feed(&self, state: FeedState) {
        self.table.set_feed(state);
    }
}
