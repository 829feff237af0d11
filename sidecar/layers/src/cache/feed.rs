//! Where a feed of the upstream's changes stands, if there is one.

/// Whether what is kept is known to be current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FeedState {
    /// There is no feed: freshness alone decides.
    None,
    /// The feed is not there (yet), or late: what is kept is served in place of a failure only, where the policy or the
    /// answer allows that (RFC 5861, 4).
    Behind,
    /// Every change is heard of: what is kept is served by its freshness, and a listing only until the next change.
    Current,
}

impl FeedState {
    /// The state of that number; one that there is none of is the most careful.
    pub(super) fn of(number: u8) -> Self {
        match number {
            number if number == Self::None as u8 => Self::None,
            number if number == Self::Current as u8 => Self::Current,
            _ => Self::Behind,
        }
    }
}
