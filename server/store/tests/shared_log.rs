//! Two stores over one log, as servers over a shared one will be: the trait carries it, and conditions stay exact.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::sync::Arc;

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use kivi_store::{
    AppendError, Appended, Chunk, Condition, Entries, LogEntry, LogError, Record, Store, StoreError,
    StoreOptions, TransactionLog,
};
use parking_lot::Mutex;

use self::support::{put, put_of, value};

/// One writer's hold on a log in memory that anybody may append to.
#[derive(Default)]
struct SharedLog {
    entries: Arc<Mutex<Vec<LogEntry>>>,
    /// The last of this writer's terms in which an append was refused.
    refused: Mutex<Option<u64>>,
}

impl SharedLog {
    /// Another writer's hold on the same log.
    fn for_another(&self) -> Self {
        Self { entries: Arc::clone(&self.entries), refused: Mutex::default() }
    }
}

impl TransactionLog for SharedLog {
    fn replay(&self, after: u64) -> Entries {
        let entries = self.entries.lock().iter().filter(|entry| entry.sequence > after).cloned().collect();
        stream::iter([Ok(Chunk::Entries(entries))]).boxed()
    }

    fn append(&self, term: u64, expected_tail: u64, batch: &[Record]) -> Appended {
        let (mut entries, mut refused) = (self.entries.lock(), self.refused.lock());
        let tail = entries.last().map_or(0, |entry| entry.sequence);
        let answer = if tail == expected_tail && *refused != Some(term) {
            entries.extend(
                (tail + 1..)
                    .zip(batch)
                    .map(|(sequence, record)| LogEntry { sequence, record: record.clone() }),
            );
            Ok(tail + batch.len() as u64)
        } else {
            *refused = Some(term);
            Err(AppendError::Conflict { tail })
        };
        answer.into()
    }

    fn tail(&self, after: u64) -> Entries {
        self.replay(after)
    }

    fn close(&self) -> BoxFuture<'static, Result<(), LogError>> {
        async { Ok(()) }.boxed()
    }
}

async fn open(log: &SharedLog) -> Arc<Store> {
    Store::open(log.for_another(), StoreOptions::default()).await.unwrap()
}

#[tokio::test]
async fn a_store_that_is_behind_catches_up_and_decides_again() {
    let log = SharedLog::default();
    let (one, two) = (open(&log).await, open(&log).await);
    put(&one, "k", "1").await.unwrap();
    let stale = two.put(put_of("k", "2", Condition::Absent)).await;
    assert_eq!(stale, Err(StoreError::ConditionFailed { current: Some(1) }));
    assert_eq!(value(&two, "k").unwrap(), "1", "it has caught up");
    let next = two.put(put_of("other", "x", Condition::Absent)).await.unwrap();
    assert_eq!((next.revision, next.created), (2, true));
}

#[tokio::test]
async fn a_write_behind_a_refused_one_does_not_slip_in_beside_another_writers() {
    let log = SharedLog::default();
    let (one, two) = (open(&log).await, open(&log).await);
    put(&two, "b", "theirs").await.unwrap();
    // Both are given to the log before either is answered. The first expects the tail 0 and is refused; the
    // second expects 1, which is the tail by now, though not of the entry that it was decided behind.
    let (a, b) = tokio::join!(
        one.put(put_of("a", "ours", Condition::Absent)),
        one.put(put_of("b", "ours", Condition::Absent))
    );
    assert!(a.unwrap().created);
    assert_eq!(b, Err(StoreError::ConditionFailed { current: Some(1) }));
    assert_eq!(log.entries.lock().len(), 2);
    assert_eq!(value(&one, "b").unwrap(), "theirs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_creations_through_two_stores_one_a_key_wins() {
    let log = SharedLog::default();
    let stores = [open(&log).await, open(&log).await];
    let mut tasks = tokio::task::JoinSet::new();
    for key in 0..50 {
        for (name, store) in ["one", "two"].into_iter().zip(&stores) {
            let store = Arc::clone(store);
            tasks.spawn(async move {
                let key = format!("k{key}");
                match store.put(put_of(&key, name, Condition::Absent)).await {
                    Ok(outcome) => {
                        assert!(outcome.created);
                        1
                    }
                    Err(StoreError::ConditionFailed { current: Some(_) }) => 0,
                    Err(error) => panic!("{error}"),
                }
            });
        }
    }
    let won: u32 = tasks.join_all().await.into_iter().sum();
    assert_eq!(won, 50);
    assert_eq!(log.entries.lock().len(), 50);
    let third = open(&log).await;
    assert_eq!(third.status().keys, 50);
}
