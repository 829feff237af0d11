//! The deadline as a value.

use std::time::Duration;

use http::Extensions;
use tokio::time::Instant;

/// When the answer's head must be there, as a request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(pub Instant);

impl Deadline {
    /// The deadline of a request; none where no layer has stamped one.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().copied()
    }

    /// The earlier of what the request has and `limit` from now.
    pub(super) fn stamp(extensions: &mut Extensions, limit: Duration) -> Self {
        let own = Self(Instant::now() + limit);
        let deadline = Self::of(extensions).map_or(own, |earlier| earlier.min(own));
        extensions.insert(deadline);
        deadline
    }
}
