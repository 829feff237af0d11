//! Connections to the server's changes, one after the other, and what each means for the cache.

use std::{convert::Infallible, time::Duration};

use kivi_layers::cache::{CacheControl, FeedState};
use tokio::{sync::watch, task::spawn_blocking, time::sleep};

use super::{
    error::FeedError,
    metrics::FeedMetrics,
    watch::{SILENCE, Source, Told},
};

/// Between two connections, at first and at most. A server is on the same machine, and until its feed is there the cache
/// only coalesces.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// A first change that comes so soon after it was made says that those before it were told, as a bookmark does. A server
/// that is written to all the time sends no bookmark.
const SOON: Duration = Duration::from_secs(1);

/// Follows the server's changes for a cache.
#[derive(Debug)]
pub(super) struct Follow {
    pub(super) source: Source,
    pub(super) control: CacheControl,
    pub(super) metrics: FeedMetrics,
    /// Whether the changes matter.
    pub(super) wanted: watch::Receiver<bool>,
    /// The server is known to have a feed, whatever it answers.
    pub(super) is_certain: bool,
}

impl Follow {
    /// Until nobody can want it any more, or there is no feed.
    pub(super) async fn run(mut self) {
        while self.wanted.wait_for(|wanted| *wanted).await.is_ok() {
            self.metrics.wanted.set(1);
            let mut wanted = self.wanted.clone();
            let has_none = tokio::select! {
                _ = wanted.wait_for(|wanted| !wanted) => false,
                () = self.connections() => true,
            };
            self.metrics.wanted.set(0);
            self.metrics.current.set(0);
            if has_none {
                tracing::info!(
                    "The server has no feed of changes: what is kept is served for as long as it is fresh."
                );
                drop((wanted, self.wanted));
                self.control.set_feed(FeedState::None);
                return;
            }
            self.control.set_feed(FeedState::None);
        }
    }

    /// One connection after the other; returns when there is no feed.
    async fn connections(&self) {
        let mut pause = PAUSE;
        loop {
            let mut was_current = false;
            let error = match self.connection(&mut was_current).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            self.set(FeedState::Behind);
            if matches!(error, FeedError::NotKivi(_)) && !self.is_certain {
                return;
            }
            if was_current {
                pause = PAUSE;
                tracing::warn!(%error, "The server's changes are not heard of; nothing that is kept is served meanwhile.");
            } else {
                tracing::debug!(%error, "The server's changes cannot be followed yet.");
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// From an empty cache to whatever ends the connection.
    async fn connection(&self, was_current: &mut bool) -> Result<Infallible, FeedError> {
        self.set(FeedState::Behind);
        let mut watch = self.source.open().await?;
        // Of before: what changed until now is not told. A large cache is looked through for longer than a task may
        // hold up others.
        let control = self.control.clone();
        spawn_blocking(move || control.discard_all()).await?;
        self.metrics.connections.inc();
        loop {
            match watch.next().await? {
                Told::Change { resource, lag } => {
                    self.control.changed(&resource);
                    self.metrics.change(lag);
                    // So late, what was not told yet may be as old.
                    if lag > SILENCE {
                        self.set(FeedState::Behind);
                    } else if *was_current || lag < SOON {
                        self.is_current(was_current);
                    }
                }
                Told::Everything => self.is_current(was_current),
            }
        }
    }

    fn is_current(&self, was_current: &mut bool) {
        if !std::mem::replace(was_current, true) {
            tracing::info!("The server's changes are followed.");
        }
        self.set(FeedState::Current);
    }

    fn set(&self, state: FeedState) {
        self.control.set_feed(state);
        self.metrics.current.set(i64::from(state == FeedState::Current));
    }
}
