//! The task that compacts the log: when enough of it is garbage, and as soon as it can help when the volume is full.
//! When to do what is a function of numbers.

use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::{Store, shared::Shared, snapshot};
use crate::{CompactError, LogUsage};

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long it waits behind a failure.
const PAUSE: Duration = Duration::from_secs(10);
/// A smaller log is not worth it, in bytes.
const SMALL: u64 = 4 << 20;
/// On a full volume this share of garbage is enough, in percent.
const FULL_PERCENT: u64 = 5;

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Rest,
    Compact,
    /// Hold so many bytes for the next compaction.
    Reserve(u64),
}

/// Decides on what the log takes, what of it is alive, and what is held in reserve, all in bytes.
fn decide(usage: LogUsage, live: u64, reserved: u64, at_garbage: u8, full: bool) -> Step {
    let garbage = usage.bytes.saturating_sub(live);
    let (percent, small) = if full { (FULL_PERCENT, 0) } else { (u64::from(at_garbage), SMALL) };
    if usage.bytes > small
        && garbage.saturating_mul(100) >= usage.bytes.saturating_mul(percent)
        && garbage > 0
    {
        return Step::Compact;
    }
    let need = snapshot_bytes(live);
    if need > reserved { Step::Reserve(need + need / 4) } else { Step::Rest }
}

/// Room for the state as it is, for its growth, and for what is around the records.
fn snapshot_bytes(live: u64) -> u64 {
    live + live / 8 + (1 << 20)
}

/// Runs until the store is dropped. The bell rings when the log found its volume full.
pub(super) async fn run(store: Weak<Store>, at_garbage: u8, full_bell: Arc<Notify>) {
    let (mut reserved, mut full) = (0, false);
    loop {
        full |= timeout(INTERVAL, full_bell.notified()).await.is_ok();
        let Some(shared) = store.upgrade().map(|store| Arc::clone(&store.shared)) else { return };
        let Some(usage) = shared.log.usage().filter(|_| shared.head.lock().open().is_ok()) else { return };
        shared.log.expect_snapshot(snapshot_bytes(shared.index.live_bytes()));
        let pause = match decide(usage, shared.index.live_bytes(), reserved, at_garbage, full) {
            Step::Rest => continue,
            Step::Compact => {
                (full, reserved) = (false, 0);
                !compact_and_tell(&shared, usage).await
            }
            Step::Reserve(bytes) => match shared.log.reserve(bytes).await {
                Ok(()) => {
                    reserved = bytes;
                    false
                }
                Err(error) => {
                    tracing::warn!(%error, bytes, "No room is held for the next compaction of the log.");
                    true
                }
            },
        };
        // Nobody holds the store meanwhile.
        drop(shared);
        if pause {
            sleep(PAUSE).await;
        }
    }
}

impl Store {
    /// Compacts the log now, whatever it takes; returns when its garbage is gone.
    pub async fn compact(&self) -> Result<(), CompactError> {
        compact(&self.shared).await
    }
}

async fn compact(shared: &Arc<Shared>) -> Result<(), CompactError> {
    let source = Arc::clone(shared);
    let compacted = shared.log.compact(Box::new(move || snapshot::take(source))).await;
    let counter = if compacted.is_ok() { &shared.compactions.done } else { &shared.compactions.failed };
    counter.fetch_add(1, Ordering::Relaxed);
    compacted
}

/// Compacts, and tells. False when it has to be tried again.
async fn compact_and_tell(shared: &Arc<Shared>, before: LogUsage) -> bool {
    match compact(shared).await {
        Ok(()) => {
            let after = shared.log.usage().map_or(0, |usage| usage.bytes);
            tracing::info!(before = before.bytes, after, "Compacted the log.");
            true
        }
        Err(error) => {
            tracing::warn!(%error, "The log was not compacted; it is as it was.");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn usage(bytes: u64) -> LogUsage {
        LogUsage { bytes, compacted: 0 }
    }

    #[test]
    fn a_log_is_compacted_when_enough_of_it_is_garbage() {
        let enough = 100 * MIB;
        assert_eq!(decide(usage(20 * MIB), 10 * MIB, enough, 50, false), Step::Compact);
        assert_eq!(decide(usage(20 * MIB), 11 * MIB, enough, 50, false), Step::Rest);
        assert_eq!(decide(usage(20 * MIB), 11 * MIB, enough, 40, false), Step::Compact);
        assert_eq!(decide(usage(4 * MIB), 0, enough, 50, false), Step::Rest, "too small");
    }

    #[test]
    fn on_a_full_volume_little_garbage_is_enough_and_none_is_not() {
        let enough = 100 * MIB;
        assert_eq!(decide(usage(MIB), MIB * 9 / 10, enough, 50, true), Step::Compact);
        assert_eq!(decide(usage(20 * MIB), 20 * MIB, enough, 50, true), Step::Rest);
        assert_eq!(decide(usage(0), 0, enough, 50, true), Step::Rest);
    }

    #[test]
    fn the_reserve_follows_the_state_with_room_to_spare() {
        let Step::Reserve(bytes) = decide(usage(20 * MIB), 16 * MIB, 0, 50, false) else { panic!() };
        assert!(bytes > 18 * MIB, "{bytes}");
        assert_eq!(decide(usage(20 * MIB), 17 * MIB, bytes, 50, false), Step::Rest);
    }
}
