//! The task that writes to the log what deadlines have done, so that every reader of the log sees the same. Reads do not
//! wait for it: to them a key is gone at its deadline.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::{
    Store, StoreError,
    entry::Packed,
    request::{Intent, Request, What},
};

/// How many keys expire as one record.
const TOGETHER: usize = 128;
/// How long to wait when the log refuses, and at most for anything.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Runs until the store is closed or dropped. The bell rings when a deadline may be nearer than the last one seen.
pub(super) async fn run(store: Weak<Store>, bell: Arc<Notify>) {
    loop {
        let Some(store) = store.upgrade() else { return };
        store.forget_requests();
        let wait = match store.expire_due().await {
            Ok(wait) => wait,
            Err(StoreError::Closed) => return,
            Err(_) => {
                drop(store);
                sleep(PAUSE).await;
                continue;
            }
        };
        drop(store);
        // Woken or not, it looks again.
        let _ = timeout(wait, bell.notified()).await;
    }
}

impl Store {
    /// Writes what is due; returns how long to wait for the next.
    async fn expire_due(&self) -> Result<Duration, StoreError> {
        loop {
            let now_ms = (self.shared.clock)();
            let (due, next) = self.shared.index.sequenced(|sequenced| {
                (sequenced.deadlines.due(now_ms, TOGETHER), sequenced.deadlines.next_ms())
            });
            if due.is_empty() {
                let wait = next.map_or(LONGEST, |next| Duration::from_millis(next.saturating_sub(now_ms)));
                return Ok(wait.min(LONGEST));
            }
            let intents = due.iter().map(|entry: &Packed| Intent {
                key: Bytes::copy_from_slice(entry.key()),
                what: What::Expire(entry.revision()),
            });
            self.submit(Request { conditions: SmallVec::new(), intents: intents.collect(), id: None })
                .await?;
        }
    }

    fn forget_requests(&self) {
        let window_ms = u64::try_from(self.shared.request_window.as_millis()).unwrap_or(u64::MAX);
        self.shared.index.forget_requests_before((self.shared.clock)().saturating_sub(window_ms));
    }
}
