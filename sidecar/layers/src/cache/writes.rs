//! Which writes are in progress, and how many have ended: what an answer about several resources must
//! not be older than.
//!
//! A write detaches the flights of the resource that it names. That is not all it may change: a GET with
//! a query (a listing) may return any resource, and a POST may change any. A flight therefore notes the
//! counts when it begins and is joined only while those that matter to it stand.

use std::sync::atomic::Ordering::SeqCst;

use super::classify::Reach;
use crate::runtime::AtomicU64;

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Writes {
    all: Count,
    reaching_any: Count,
}

#[derive(Debug, Default)]
struct Count {
    begun: AtomicU64,
    ended: AtomicU64,
    acknowledged: AtomicU64,
}

/// How many writes had ended at a moment, and how many of these with success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch {
    all: Ended,
    reaching_any: Ended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ended {
    ended: u64,
    acknowledged: u64,
}

/// What is known of a write when it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Its client is told that it took effect.
    Acknowledged,
    /// Nobody knows: there was no answer.
    Unknown,
    /// It took none.
    None,
}

impl Writes {
    /// The counts now.
    pub(super) fn epoch(&self) -> Epoch {
        Epoch { all: self.all.ended(), reaching_any: self.reaching_any.ended() }
    }

    /// Whether a write is in progress that may change an answer although it names another resource.
    /// `about_many`: the answer may be about more than the resource that it names.
    pub(super) fn are_in_progress(&self, about_many: bool) -> bool {
        self.reaching_any.is_in_progress() || (about_many && self.all.is_in_progress())
    }

    /// A write begins. Before it goes on to the upstream.
    pub(super) fn begun(&self, reach: Reach) {
        for count in self.of(reach) {
            count.begun.fetch_add(1, SeqCst);
        }
    }

    /// A write ended. Before its answer goes out.
    pub(super) fn ended(&self, reach: Reach, effect: Effect) {
        for count in self.of(reach) {
            if effect == Effect::Acknowledged {
                count.acknowledged.fetch_add(1, SeqCst);
            }
            count.ended.fetch_add(1, SeqCst);
        }
    }

    /// What may be about any resource is outdated, by something that did not pass here.
    pub(super) fn happened(&self) {
        self.begun(Reach::Target);
        self.ended(Reach::Target, Effect::Acknowledged);
    }

    fn of(&self, reach: Reach) -> impl Iterator<Item = &Count> {
        let wider = (reach == Reach::Any).then_some(&self.reaching_any);
        std::iter::once(&self.all).chain(wider)
    }
}

impl Count {
    fn ended(&self) -> Ended {
        Ended { ended: self.ended.load(SeqCst), acknowledged: self.acknowledged.load(SeqCst) }
    }

    /// What has ended is looked at first: a write that begins and ends between the two looks counts as
    /// in progress, never one in progress as ended.
    fn is_in_progress(&self) -> bool {
        let ended = self.ended.load(SeqCst);
        self.begun.load(SeqCst) != ended
    }
}

impl Epoch {
    /// Whether no write came between that may change this answer. `about_many`: it may be about more
    /// than the resource that it names.
    pub(super) fn stands(self, now: Self, about_many: bool) -> bool {
        self.reaching_any.ended == now.reaching_any.ended && (!about_many || self.all.ended == now.all.ended)
    }

    /// Whether no write that may change this answer was acknowledged between: an answer past its
    /// freshness must not be older than one. Failed writes do not count, or an upstream that is down
    /// would take away what is kept for just that.
    pub(super) fn is_unwritten(self, now: Self, about_many: bool) -> bool {
        self.reaching_any.acknowledged == now.reaching_any.acknowledged
            && (!about_many || self.all.acknowledged == now.all.acknowledged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_older_than_any_write_and_a_value_than_a_post() {
        let writes = Writes::default();
        let began = writes.epoch();
        assert!(began.stands(writes.epoch(), true));
        writes.ended(Reach::Target, Effect::None);
        assert!(!began.stands(writes.epoch(), true));
        assert!(began.stands(writes.epoch(), false));
        writes.ended(Reach::Any, Effect::None);
        assert!(!began.stands(writes.epoch(), false));
    }

    #[test]
    fn only_an_acknowledged_write_outdates_what_is_stale() {
        let writes = Writes::default();
        let began = writes.epoch();
        for effect in [Effect::None, Effect::Unknown] {
            writes.ended(Reach::Any, effect);
        }
        assert!(began.is_unwritten(writes.epoch(), true));
        writes.ended(Reach::Target, Effect::Acknowledged);
        assert!(!began.is_unwritten(writes.epoch(), true));
        assert!(began.is_unwritten(writes.epoch(), false), "its own resource is cleared by name");
        writes.ended(Reach::Any, Effect::Acknowledged);
        assert!(!began.is_unwritten(writes.epoch(), false));
    }

    #[test]
    fn a_write_in_progress_matters_to_what_it_may_change() {
        let writes = Writes::default();
        writes.begun(Reach::Target);
        assert!(writes.are_in_progress(true) && !writes.are_in_progress(false));
        writes.begun(Reach::Any);
        assert!(writes.are_in_progress(false));
        writes.ended(Reach::Any, Effect::None);
        writes.ended(Reach::Target, Effect::None);
        assert!(!writes.are_in_progress(true) && !writes.are_in_progress(false));
    }
}
