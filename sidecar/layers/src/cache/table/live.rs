//! The policy in force, and its generation: how many before it judged differently.
//!
//! A request is sorted by one policy, whose generation its key carries. Under a shard's lock the table takes only keys of
//! the generation in force, and all that is there of an earlier one is discarded, shard by shard, after it was counted up.
//! So nothing that was kept or begun under one policy answers under another.

use std::{ops::Deref, sync::Arc, sync::atomic::Ordering::SeqCst};

use arc_swap::Guard;

use super::{CacheKey, CachePolicy, Table};

/// A policy and its generation.
#[derive(Debug)]
pub(in crate::cache) struct Live {
    policy: CachePolicy,
    generation: u32,
}

impl Live {
    /// The one to begin with.
    pub(super) fn first(policy: CachePolicy) -> Self {
        Self { policy, generation: 0 }
    }

    /// The one that follows. The generation is the same where what was kept may stay.
    pub(super) fn followed_by(&self, policy: CachePolicy) -> Self {
        let judges_anew = !policy.judges_as(&self.policy);
        Self { policy, generation: self.generation.wrapping_add(u32::from(judges_anew)) }
    }

    /// How many policies before it judged differently.
    pub(in crate::cache) fn generation(&self) -> u32 {
        self.generation
    }
}

impl Deref for Live {
    type Target = CachePolicy;

    fn deref(&self) -> &CachePolicy {
        &self.policy
    }
}

impl Table {
    /// The policy in force. Not to be held across an await.
    pub(in crate::cache) fn policy(&self) -> Guard<Arc<Live>> {
        self.live.load()
    }

    /// Whether a key was made by the policy in force, or one that judges as it does. Under the lock of the key's shard.
    pub(super) fn is_in_force(&self, key: &CacheKey) -> bool {
        key.generation == self.generation.load(SeqCst)
    }
}
