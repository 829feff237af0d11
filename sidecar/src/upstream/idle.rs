//! Connections that wait for their next request.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long a connection is kept without a request: below the shortest keep-alive that servers have by
/// default without announcing it (5 s), so that the server is rarely the one who closes.
pub(super) const IDLE: Duration = Duration::from_secs(4);

/// Idle connections kept at most.
const MOST: usize = 1024;

/// Idle connections, each until its time.
#[derive(Debug)]
pub(super) struct Idle<C> {
    /// The most recently used at the back, which is where the next is taken.
    kept: Mutex<VecDeque<(C, Instant)>>,
}

impl<C: Send + 'static> Idle<C> {
    /// None yet. Must be called within a runtime, which closes what stays idle.
    pub(super) fn new() -> Arc<Self> {
        let idle = Arc::new(Self { kept: Mutex::default() });
        tokio::spawn(close_expired(Arc::downgrade(&idle)));
        idle
    }

    /// One that is `alive` still.
    pub(super) fn take(&self, alive: impl Fn(&C) -> bool) -> Option<C> {
        let now = Instant::now();
        let mut kept = self.kept.lock();
        while let Some((connection, until)) = kept.pop_back() {
            if until > now && alive(&connection) {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps one for so long, or less.
    pub(super) fn keep(&self, connection: C, time: Duration) {
        if time.is_zero() {
            return;
        }
        let until = Instant::now() + time.min(IDLE);
        let mut kept = self.kept.lock();
        if kept.len() >= MOST {
            kept.pop_front();
        }
        kept.push_back((connection, until));
    }
}

/// Closes connections that nobody wants any more, also when no request comes to look for one.
async fn close_expired<C>(idle: Weak<Idle<C>>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(idle) = idle.upgrade() else {
            return;
        };
        let now = Instant::now();
        idle.kept.lock().retain(|(_, until)| *until > now);
    }
}
