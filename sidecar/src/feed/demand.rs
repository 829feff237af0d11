//! Whether the feed is needed: only while something may be kept.

use kivi_layers::cache::{CacheControl, FeedState};
use tokio::sync::watch;

/// Asks for the feed.
#[derive(Debug)]
pub(crate) struct Demand {
    wanted: watch::Sender<bool>,
    control: CacheControl,
}

impl Demand {
    /// Not needed yet; the feed ends the receiver when there is none to follow.
    pub(super) fn new(control: CacheControl) -> (Self, watch::Receiver<bool>) {
        let (wanted, receiver) = watch::channel(false);
        (Self { wanted, control }, receiver)
    }

    /// Whether something may be kept: said before a policy comes into force by which it may, and after one by which
    /// nothing may.
    pub(crate) fn set(&self, keeps: bool) {
        let begins = keeps && !*self.wanted.borrow();
        if begins && !self.wanted.is_closed() {
            self.control.set_feed(FeedState::Behind);
            // It may have found out just now that there is none, which it says when it has ended the receiver.
            if self.wanted.is_closed() {
                self.control.set_feed(FeedState::None);
            }
        }
        self.wanted.send_replace(keeps);
    }
}
