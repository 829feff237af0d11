//! What a user of the store sees: values, revisions, conditions, limits, on a log that behaves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use futures::{FutureExt, future::join_all};
use kivi_store::{Condition, Delete, KeyRange, Put, Store, StoreError, StoreOptions};

use self::support::{delete, disk::FakeDisk, limited, log_on, put, put_of, store_on, value};

#[tokio::test]
async fn a_value_is_read_back_with_what_is_known_about_it() {
    let now = Arc::new(|| 1_700_000_000_123_u64);
    let log = log_on(&FakeDisk::default()).unwrap();
    let store = Store::open(log, StoreOptions { clock: now, ..StoreOptions::default() }).await.unwrap();
    let key = Bytes::from_static(b"a/\0\xff//%2F");
    let made = store
        .put(Put {
            key: key.clone(),
            value: Bytes::from_static(b"one\0two"),
            media_type: Some("application/vnd.kivi+json".into()),
            ttl: None,
            condition: Condition::None,
            request: None,
        })
        .await
        .unwrap();
    assert_eq!((made.revision, made.created), (1, true));
    let entry = store.get(&key).unwrap();
    assert_eq!(&entry.value[..], b"one\0two");
    assert_eq!(entry.media_type.as_deref(), Some("application/vnd.kivi+json"));
    assert_eq!(entry.revision, 1);
    assert_eq!(entry.modified, UNIX_EPOCH + Duration::from_millis(1_700_000_000_123));
    assert_eq!(store.get(b"a/"), None);
}

#[tokio::test]
async fn revisions_count_writes_and_tell_new_from_replaced() {
    let store = store_on(&FakeDisk::default()).await.unwrap();
    assert!(put(&store, "k", "1").await.unwrap().created);
    let replaced = put(&store, "k", "2").await.unwrap();
    assert_eq!((replaced.revision, replaced.created), (2, false));
    assert_eq!(delete(&store, "k").await.unwrap().revision, Some(3));
    assert_eq!(value(&store, "k"), None);
    assert_eq!(delete(&store, "k").await.unwrap().revision, None, "an absent key is not removed again");
    assert!(put(&store, "k", "4").await.unwrap().created);
    assert_eq!(store.status().last_revision, 4, "the second delete wrote nothing");
}

#[tokio::test]
async fn a_condition_that_does_not_hold_changes_nothing_and_names_the_revision() {
    let store = store_on(&FakeDisk::default()).await.unwrap();
    let absent = store.put(put_of("k", "x", Condition::Exists)).await;
    assert_eq!(absent, Err(StoreError::ConditionFailed { current: None }));
    put(&store, "k", "1").await.unwrap();
    let exists = store.put(put_of("k", "x", Condition::Absent)).await;
    assert_eq!(exists, Err(StoreError::ConditionFailed { current: Some(1) }));
    let condition = Condition::RevisionIn(vec![7]);
    let stale = store.delete(Delete { key: Bytes::from_static(b"k"), condition }).await;
    assert_eq!(stale, Err(StoreError::ConditionFailed { current: Some(1) }));
    assert_eq!(value(&store, "k").unwrap(), "1");
    let current = store.put(put_of("k", "2", Condition::RevisionIn(vec![1]))).await.unwrap();
    assert_eq!(current.revision, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_creations_of_one_key_exactly_one_wins() {
    let store = store_on(&FakeDisk::default()).await.unwrap();
    let tasks = (0..100).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.put(put_of("k", writer.to_string(), Condition::Absent)).await })
    });
    let answers: Vec<_> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
    let won: Vec<_> = answers.iter().enumerate().filter(|(_, answer)| answer.is_ok()).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(value(&store, "k").unwrap(), won[0].0.to_string());
    for lost in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(*lost, StoreError::ConditionFailed { current: Some(1) });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_by_revision_lose_none() {
    let store = store_on(&FakeDisk::default()).await.unwrap();
    put(&store, "n", "0").await.unwrap();
    let tasks = (0..8).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut made = 0;
            while made < 25 {
                let entry = store.get(b"n").unwrap();
                let next = str::from_utf8(&entry.value).unwrap().parse::<u32>().unwrap() + 1;
                let condition = Condition::RevisionIn(vec![entry.revision]);
                made += u32::from(store.put(put_of("n", next.to_string(), condition)).await.is_ok());
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    assert_eq!(value(&store, "n").unwrap(), "200");
}

#[tokio::test]
async fn memory_is_counted_refused_before_the_log_and_given_back() {
    let log = log_on(&FakeDisk::default()).unwrap();
    let store = Store::open(log, limited(4096)).await.unwrap();
    put(&store, "a", vec![0; 3000]).await.unwrap();
    let before = store.status();
    let refused = put(&store, "b", vec![0; 2000]).await;
    assert_eq!(refused, Err(StoreError::MemoryFull { limit: 4096 }));
    assert_eq!(store.status(), before, "nothing was logged and nothing counted");
    put(&store, "a", vec![0; 10]).await.unwrap();
    put(&store, "b", vec![0; 2000]).await.unwrap();
    assert_eq!(store.status().keys, 2);
    delete(&store, "a").await.unwrap();
    delete(&store, "b").await.unwrap();
    assert_eq!((store.status().keys, store.status().memory_bytes), (0, 0));
}

#[tokio::test]
async fn what_no_log_can_hold_is_refused_by_name() {
    let store = store_on(&FakeDisk::default()).await.unwrap();
    assert_eq!(put(&store, "", "x").await, Err(StoreError::EmptyKey));
    let long = Put { media_type: Some("x".repeat(65_536).into()), ..put_of("k", "v", Condition::None) };
    let refused = store.put(long).await.unwrap_err();
    assert!(refused.to_string().contains("media type has 65536 bytes"), "{refused}");
    assert_eq!(store.status().last_revision, 0);
}

#[tokio::test]
async fn a_watch_is_told_of_the_last_write_before_the_end() {
    let store = store_on(&FakeDisk::default()).await.unwrap();
    let mut watch = store.watch(KeyRange::all(), None).unwrap();
    let mut last = Box::pin(put(&store, "k", "last"));
    assert!((&mut last).now_or_never().is_none(), "the log answered at once");
    store.close().await.unwrap();
    last.await.unwrap();
    let events = tokio::time::timeout(Duration::from_secs(10), watch.next()).await;
    assert_eq!(events.expect("nobody told the watch").unwrap().len(), 1);
}
