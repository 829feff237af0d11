//! What a request finds in the table.

use std::sync::Arc;

use super::{FillFailed, fill::Fill, flight::Seat, status::Forwarded, stored::Stored};

/// A stored answer to be served at once.
#[derive(Debug)]
pub(super) enum Kept {
    /// A fresh one.
    Fresh(Arc<Stored>),
    /// A stale one, served while it is refreshed.
    Stale {
        /// The answer.
        stored: Arc<Stored>,
        /// The load that this request is to begin; none where one is in progress, or failed just now.
        refresh: Option<Fill>,
    },
    /// A stale one, because a load failed just now.
    Resting(Arc<Stored>),
}

impl Kept {
    /// The answer.
    pub(super) fn stored(&self) -> &Arc<Stored> {
        match self {
            Self::Fresh(stored) | Self::Stale { stored, .. } | Self::Resting(stored) => stored,
        }
    }
}

/// What a GET finds.
#[derive(Debug)]
pub(super) enum Found {
    /// A stored answer to be served at once.
    Kept(Kept),
    /// A failure that is kept.
    Failed(FillFailed),
    /// A load that another began, and why it is waited for.
    Joined(Seat, Forwarded),
    /// A load that this request is to begin. Not to run it fails it.
    Leads {
        /// The place of this request.
        seat: Seat,
        /// The load.
        fill: Fill,
        /// Why it is begun.
        why: Forwarded,
    },
    /// It goes on its own, because the answers of its key are not shared.
    Unshared,
    /// It goes on its own, because the policy by which it was sorted has just been replaced.
    Outdated,
    /// It goes on its own, because too many loads of its key are in progress.
    Crowded,
}
